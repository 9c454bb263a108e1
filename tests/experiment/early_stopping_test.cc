// SPDX-License-Identifier: Apache-2.0
// Katib's meaning of early-stopping rules, report by report.
#include "experiment/early_stopping.h"

#include <gtest/gtest.h>

#include "core/objective.h"

namespace qalam {
namespace {

ObjectiveSpec Objective(ObjectiveType type = ObjectiveType::kMinimize) {
  ObjectiveSpec objective;
  objective.type = type;
  objective.metric_name = "loss";
  objective.additional_metric_names = {"epoch_time"};
  return objective;
}

// The number of the report of `metric` with which the rules are met; 0: never.
int MetAt(const std::vector<EarlyStoppingRule>& rules, const std::vector<std::string>& values,
          const std::string& metric = "loss", ObjectiveType type = ObjectiveType::kMinimize) {
  RuleJudge judge(rules, Objective(type));
  for (std::size_t i = 0; i < values.size(); ++i) {
    judge.Add(metric, values[i]);
    if (judge.met()) return static_cast<int>(i) + 1;
  }
  return 0;
}

TEST(EarlyStoppingRules, ARuleIsLookedAtFromItsStartStepOn) {
  const auto rule = [](int start) {
    return std::vector<EarlyStoppingRule>{{"epoch_time", "5", Comparison::kGreater, start}};
  };
  const std::vector<std::string> values = {"9", "9", "1", "1", "9"};
  EXPECT_EQ(MetAt(rule(0), values, "epoch_time"), 1);
  EXPECT_EQ(MetAt(rule(1), values, "epoch_time"), 1);
  EXPECT_EQ(MetAt(rule(2), values, "epoch_time"), 2);
  EXPECT_EQ(MetAt(rule(3), values, "epoch_time"), 5);
  EXPECT_EQ(MetAt(rule(6), values, "epoch_time"), 0);
}

TEST(EarlyStoppingRules, TheObjectiveIsComparedByItsBestSoFarInItsDirection) {
  const std::vector<std::string> values = {"0.9", "0.4", "0.8", "0.8"};
  EXPECT_EQ(MetAt({{"loss", "0.5", Comparison::kGreater, 2}}, values), 0);  // best: 0.4
  EXPECT_EQ(MetAt({{"loss", "0.5", Comparison::kLess, 2}}, values), 2);
  EXPECT_EQ(MetAt({{"loss", "0.5", Comparison::kLess, 2}}, values, "loss", ObjectiveType::kMaximize), 0);  // best: 0.9
  EXPECT_EQ(MetAt({{"loss", "0.9", Comparison::kEqual, 4}}, values, "loss", ObjectiveType::kMaximize), 4);
}

TEST(EarlyStoppingRules, OtherMetricsAreComparedByTheirNewest) {
  EXPECT_EQ(MetAt({{"epoch_time", "0.5", Comparison::kGreater, 2}}, {"0.9", "0.4", "0.8"}, "epoch_time"), 3);
  EXPECT_EQ(MetAt({{"epoch_time", "0.4", Comparison::kEqual, 0}}, {"0.9", "0.4", "0.8"}, "epoch_time"), 2);
}

TEST(EarlyStoppingRules, AllRulesHaveToBeMetAndOneThatWasMetStaysSo) {
  RuleJudge judge({{"epoch_time", "5", Comparison::kGreater, 0}, {"loss", "0.5", Comparison::kGreater, 0}},
                  Objective());
  judge.Add("epoch_time", "9");
  EXPECT_FALSE(judge.met());
  judge.Add("epoch_time", "1");
  judge.Add("accuracy", "0.9");
  judge.Add("loss", "0.7");
  EXPECT_TRUE(judge.met());
  EXPECT_EQ(judge.Why(),
            "epoch_time 9 is greater than 5 (after 1 report); loss 0.7 is greater than 0.5 (the best of 1 report)");
}

TEST(EarlyStoppingRules, WhatIsNoNumberCountsAsAReportAndMeetsNothing) {
  EXPECT_EQ(MetAt({{"loss", "0.5", Comparison::kGreater, 2}}, {"nan", "inf", "", "0.7"}), 4);
  EXPECT_EQ(MetAt({{"loss", "nan", Comparison::kGreater, 0}}, {"1", "2"}), 0);
  EXPECT_EQ(MetAt({{"loss", "high", Comparison::kEqual, 0}}, {"0", "0"}), 0);
}

TEST(EarlyStoppingRules, WithoutRulesNothingIsEverMet) {
  EXPECT_EQ(MetAt({}, {"1", "2", "3"}), 0);
  EXPECT_EQ(MetAt({{"other", "1", Comparison::kGreater, 0}}, {"1", "2", "3"}), 0);
}

}  // namespace
}  // namespace qalam
