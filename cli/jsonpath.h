// SPDX-License-Identifier: Apache-2.0
// kubectl's JSONPath templates: text in which {expressions} stand for what they find in a document.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/document.h"
#include "core/status.h"

namespace qalam {

// "{.metadata.name}", "{range .items[*]}{.metadata.name}{"\t"}{.status.trials}{"\n"}{end}",
// "{.items[?(@.status.trials>3)].metadata.name}", "{.items[0:2]}", "{..name}", "{.metadata.labels['a.b/c']}".
// Several finds of one expression are printed with a space between; texts as they are, lists and maps as JSON. What is
// not there prints nothing. A template without braces is one expression.
class JsonPath {
 public:
  static Result<JsonPath> Parse(std::string_view text);  // the fault says where in the template
  std::string Print(const Node& document) const;

  struct Piece;  // text, an expression, or a range
  struct Step;   // .name, [0], [*], ..name, [?(...)]

 private:
  std::vector<std::shared_ptr<const Piece>> pieces_;
};

}  // namespace qalam
