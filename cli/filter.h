// SPDX-License-Identifier: Apache-2.0
// What --filter takes: 'lr<1e-3 and state=Succeeded', over the columns of a list.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace qalam {

// Comparisons NAME OP VALUE with = != < <= > >= joined by and, or, not and parentheses. Names and values with blanks or
// other signs stand in quotes. Two numbers are compared as numbers; else = and != compare texts whatever their case,
// and the others hold for nothing. A row without the column is only != to anything.
class Filter {
 public:
  static Result<Filter> Parse(std::string_view text);

  // The names it asks for, so that a mistyped one is not taken for a column that no row has.
  const std::vector<std::string>& names() const { return names_; }
  using Lookup = std::function<std::optional<std::string>(const std::string& name)>;
  bool Holds(const Lookup& value_of) const;

  struct Node;

 private:
  std::shared_ptr<const Node> root_;
  std::vector<std::string> names_;
};

}  // namespace qalam
