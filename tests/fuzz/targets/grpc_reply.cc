// SPDX-License-Identifier: Apache-2.0
// Any bytes as the answer of a suggestion or early-stopping service: what comes through the checks is legal.
#include <google/protobuf/repeated_field.h>

#include <set>
#include <string>

#include "core/objective.h"
#include "core/search_space.h"
#include "suggest/convert.h"
#include "suggest/reply.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

Status TryGrpcReply(std::string_view input) {
  static const SearchSpace space = *SearchSpace::Create({
      {"lr", ParameterType::kDouble, {"1e-5", "0.1", "", {}, Distribution::kLogUniform}},
      {"layers", ParameterType::kInt, {"1", "8", "2", {}, Distribution::kUniform}},
      {"solver", ParameterType::kCategorical, {"", "", "", {"sgd", "adam"}, Distribution::kUniform}},
  });
  const std::string bytes(input);
  wire::GetSuggestionsReply reply;
  if (reply.ParseFromString(bytes)) {
    const Result<SuggestionReply> checked = CheckReply(reply, space, 3);
    if (checked.ok()) {
      if (checked->suggestions.size() > 3) return Broken("more than was asked for", reply.ShortDebugString(), "3");
      std::set<std::string> names;
      for (const Suggestion& suggestion : checked->suggestions) {
        if (const Status legal = space.Check(suggestion.assignments); !legal.ok())
          return Broken("an illegal suggestion came through", legal.message(), reply.ShortDebugString());
        if (!suggestion.trial_name.empty() && !names.insert(suggestion.trial_name).second)
          return Broken("a name came through twice", suggestion.trial_name, reply.ShortDebugString());
      }
      for (const char c : Shown(checked->rejected_why)) {
        if (static_cast<unsigned char>(c) < 0x20) return Broken("a control character is shown", "", "");
      }
    }
  }
  wire::GetEarlyStoppingRulesReply rules;
  if (rules.ParseFromString(bytes)) {
    ObjectiveSpec objective;
    objective.metric_name = "loss";
    const auto checked = CheckRules(rules.early_stopping_rules(), objective);
    if (checked.ok()) {
      for (const EarlyStoppingRule& rule : *checked) {
        if (rule.name != "loss" || !ParseMetricValue(rule.value) || rule.start_step < 0)
          return Broken("an illegal rule came through", rule.name + rule.value, rules.ShortDebugString());
      }
    }
  }
  (void)Shown(input);
  return OkStatus();
}

}  // namespace qalam::fuzz
