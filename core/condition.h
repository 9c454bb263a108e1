// SPDX-License-Identifier: Apache-2.0
// A parameter that is there only while another one, its parent, has certain values, and how that is written:
//   optimizer == sgd, else 0        layers >= 2        optimizer in [sgd, rmsprop]
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace qalam {

enum class Relation { kIn, kNotIn, kAtLeast, kAbove, kAtMost, kBelow };
// "in", "not in", ">=", ">", "<=", "<".
std::string_view ToString(Relation relation);
inline bool IsOrder(Relation relation) { return relation >= Relation::kAtLeast; }

struct ParameterCondition {
  std::string parent;
  Relation relation = Relation::kIn;
  std::vector<std::string> values;       // one for an order
  std::optional<std::string> otherwise;  // what a trial is told where the parameter is not active
  bool operator==(const ParameterCondition&) const = default;
};

// INVALID_ARGUMENT says what is wrong and how it is written. Whether there is such a parent, and whether it has such
// values, is SearchSpace's to judge. A word that holds a comma, a bracket, a quote or blanks at its ends stands in
// quotes: "a, b" or 'a, b'.
Result<ParameterCondition> ParseCondition(std::string_view text);
// Reads back as equal. Without `otherwise`: the condition alone.
std::string ConditionText(const ParameterCondition& condition);
// A word as ParseCondition reads it, in quotes where it needs them.
std::string ConditionWord(std::string_view word);
// The condition with ", else VALUE" where it has one.
std::string ToString(const ParameterCondition& condition);

}  // namespace qalam
