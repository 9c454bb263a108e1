// SPDX-License-Identifier: Apache-2.0
// What a fuzz target is: a function that hands any bytes to code of ours and says what it found wrong. Crashes and
// sanitizers speak for themselves. libFuzzer calls one of them (fuzzer.cc, the preset fuzz), the ordinary test run
// calls all of them with the files below corpus/ (replay.cc). A target parses and computes: it starts nothing, ends
// nothing, and touches no file whose name comes from the input.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"

namespace qalam::fuzz {

using Target = Status (*)(std::string_view input);  // a fault: a property that does not hold

// The first `count` lines of the input, and the rest: a target with two inputs takes both from one file.
inline std::pair<std::vector<std::string_view>, std::string_view> SplitLines(std::string_view input, int count) {
  std::vector<std::string_view> lines;
  for (int i = 0; i < count; ++i) {
    const std::string_view line = input.substr(0, input.find('\n'));
    lines.push_back(line);
    input.remove_prefix(line.size() < input.size() ? line.size() + 1 : line.size());
  }
  return {std::move(lines), input};
}

inline Status Broken(std::string_view what, std::string_view found, std::string_view wanted) {
  return Error(Code::kInternal, "{}\n-- found\n{}\n-- wanted\n{}", what, found, wanted);
}

}  // namespace qalam::fuzz
