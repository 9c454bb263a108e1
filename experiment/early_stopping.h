// SPDX-License-Identifier: Apache-2.0
// The rules that stop a trial early, judged report by report with Katib's meaning of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/experiment.h"
#include "earlystop/live_stopping.h"

namespace qalam {

// What a trial in this state is to the rules that compare learning curves.
Standing StandingOf(TrialState state);

// Of one attempt at one trial. All rules have to be met, not at once: one that was met stays so. Reports that are no
// finite number count as reports and meet nothing.
class RuleJudge {
 public:
  RuleJudge() = default;  // no rules: never met
  RuleJudge(const std::vector<EarlyStoppingRule>& rules, const ObjectiveSpec& objective);

  void Add(std::string_view metric, std::string_view value);  // the next report, in order
  bool met() const { return !rules_.empty() && met_ == rules_.size(); }
  std::string Why() const;  // "loss 0.7 is greater than 0.5 (the best of 4 reports)", of the rules that are met

 private:
  struct Judged {
    EarlyStoppingRule rule;
    std::optional<double> bound;
    bool is_objective = false;
    int reports = 0;
    std::optional<double> best;  // of the objective
    std::string why;             // not empty: met
  };

  std::vector<Judged> rules_;
  ObjectiveType direction_ = ObjectiveType::kMinimize;
  std::size_t met_ = 0;
};

}  // namespace qalam
