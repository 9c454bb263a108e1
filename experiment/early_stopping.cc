// SPDX-License-Identifier: Apache-2.0
#include "experiment/early_stopping.h"

#include <fmt/core.h>

#include "core/objective.h"

namespace qalam {
namespace {

bool Holds(Comparison comparison, double value, double bound) {
  switch (comparison) {
    case Comparison::kEqual: return value == bound;
    case Comparison::kLess: return value < bound;
    case Comparison::kGreater: return value > bound;
  }
  return false;
}

std::string_view Words(Comparison comparison) {
  switch (comparison) {
    case Comparison::kEqual: return "equal to";
    case Comparison::kLess: return "less than";
    case Comparison::kGreater: return "greater than";
  }
  return "";
}

}  // namespace

Standing StandingOf(TrialState state) {
  switch (state) {
    case TrialState::kCreated:
    case TrialState::kRunning: return Standing::kRunning;
    case TrialState::kSucceeded: return Standing::kSucceeded;
    case TrialState::kEarlyStopped: return Standing::kStopped;
    default: return Standing::kFailed;
  }
}

RuleJudge::RuleJudge(const std::vector<EarlyStoppingRule>& rules, const ObjectiveSpec& objective)
    : direction_(objective.type) {
  for (const EarlyStoppingRule& rule : rules) {
    Judged& judged = rules_.emplace_back();
    judged.rule = rule;
    judged.bound = ParseMetricValue(rule.value);
    judged.is_objective = rule.name == objective.metric_name;
  }
}

void RuleJudge::Add(std::string_view metric, std::string_view value) {
  for (Judged& judged : rules_) {
    if (judged.rule.name != metric || !judged.why.empty()) continue;
    ++judged.reports;
    std::optional<double> now = ParseMetricValue(value);
    if (judged.is_objective) {
      if (now && (!judged.best || IsBetter(direction_, *now, *judged.best))) judged.best = now;
      now = judged.best;
    }
    if (judged.reports < judged.rule.start_step || !now || !judged.bound) continue;
    if (!Holds(judged.rule.comparison, *now, *judged.bound)) continue;
    judged.why =
        fmt::format("{} {} is {} {} ({} {} report{})", metric, *now, Words(judged.rule.comparison), judged.rule.value,
                    judged.is_objective ? "the best of" : "after", judged.reports, judged.reports == 1 ? "" : "s");
    ++met_;
  }
}

std::string RuleJudge::Why() const {
  std::string text;
  for (const Judged& judged : rules_) {
    if (!judged.why.empty()) text += (text.empty() ? "" : "; ") + judged.why;
  }
  return text;
}

}  // namespace qalam
