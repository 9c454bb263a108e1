// SPDX-License-Identifier: Apache-2.0
#include "bench/problems/graph_form.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace qalam::bench {
namespace {

constexpr int kSkip = 8;
constexpr std::array<std::array<int, 4>, 9> kInputs = {{{0, 0, 0, 0},
                                                        {0, 0, 0, 1},
                                                        {0, 0, 1, 1},
                                                        {0, 0, 1, 2},
                                                        {0, 0, 1, 3},
                                                        {0, 1, 1, 1},
                                                        {0, 1, 1, 2},
                                                        {0, 1, 2, 2},
                                                        {0, 1, 2, 3}}};

// What becomes of a node's output when what only hands it on is left out.
struct Uses {
  int outputs = 0;                // how often it is part of the network's output
  std::vector<std::string> next;  // the operations that take it, each with its own uses
};

Uses UsesOf(int node, const std::array<int, 4>& inputs, const std::array<int, 4>& operations) {
  Uses uses;
  bool leaf = true;
  for (int child = 1; child <= 4; ++child) {
    if (inputs[static_cast<std::size_t>(child - 1)] != node) continue;
    leaf = false;
    Uses below = UsesOf(child, inputs, operations);
    const int operation = operations[static_cast<std::size_t>(child - 1)];
    if (operation == kSkip) {
      uses.outputs += below.outputs;
      uses.next.insert(uses.next.end(), below.next.begin(), below.next.end());
      continue;
    }
    std::ranges::sort(below.next);
    std::string form = fmt::format("{}:{}(", operation, below.outputs);
    for (const std::string& next : below.next) form += next;
    uses.next.push_back(form + ")");
  }
  if (leaf) uses.outputs = 1;
  return uses;
}

}  // namespace

std::string GraphForm(int link, const std::array<int, 4>& operations) {
  Uses uses = UsesOf(0, kInputs[static_cast<std::size_t>(link)], operations);
  if (uses.outputs > 0) return "";
  std::ranges::sort(uses.next);
  std::string form;
  for (const std::string& next : uses.next) form += next;
  return form;
}

}  // namespace qalam::bench
