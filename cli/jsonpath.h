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

  // Whether all that the template finds in a list lies in one of its items at a time, as in "{.items[*].metadata.name}"
  // or "{range .items[*]}...{end}": such a list need not be there whole.
  bool ReadsItemByItem() const;
  // Of such a template: what it prints of a list with these items. Add: each in turn.
  class Items;

  struct Piece;  // text, an expression, or a range
  struct Step;   // .name, [0], [*], ..name, [?(...)]

 private:
  std::vector<std::shared_ptr<const Piece>> pieces_;
};

class JsonPath::Items {
 public:
  explicit Items(const JsonPath& path) : path_(path), printed_(path.pieces_.size()) {}  // borrows it
  void Add(const Node& item);
  std::string Text() const;

 private:
  struct Printed {
    std::string text;
    bool any = false;
  };
  const JsonPath& path_;
  std::vector<Printed> printed_;  // beside its pieces
};

}  // namespace qalam
