// SPDX-License-Identifier: Apache-2.0
// YAML and JSON text into document trees, under limits, with line and column.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.h"
#include "core/document.h"

namespace qalam {

struct ReadLimits {
  std::size_t bytes = 1 << 20;
  int depth = 64;
  int nodes = 10'000;
  int aliases = 100;  // before expansion
};

// Every document of the text (YAML: separated by ---; JSON: one). On any fault the list is empty and `faults` has it:
// too large or deep, duplicate key, unknown tag, bad UTF-8, unterminated quote, ... JSON is read by a JSON parser.
std::vector<Node> ReadDocuments(std::string_view text, Diagnostics* faults, const ReadLimits& limits = {});

// One JSON object, as the store keeps it. No positions.
Result<Node> ReadJson(std::string_view text);

}  // namespace qalam
