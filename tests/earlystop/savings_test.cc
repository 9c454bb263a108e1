// SPDX-License-Identifier: Apache-2.0
#include "earlystop/savings.h"

#include <gtest/gtest.h>

#include "earlystop/live_stopping.h"
#include "tests/earlystop/support.h"

namespace qalam {
namespace {

void Report(Curves* curves, std::uint64_t trial, std::int64_t steps, Standing standing) {
  for (std::int64_t step = 1; step <= steps; ++step) curves->Add(trial, step, 0.5);
  curves->End(trial, standing);
}

TEST(Savings, AStoppedTrialWouldHaveGoneOnAsLongAsTheLongest) {
  Curves curves(Counts::kBest);
  Report(&curves, 1, 27, Standing::kSucceeded);
  Report(&curves, 2, 20, Standing::kSucceeded);  // ended by itself: it has saved nothing
  Report(&curves, 3, 3, Standing::kStopped);
  Report(&curves, 4, 9, Standing::kStopped);
  Report(&curves, 5, 5, Standing::kFailed);
  curves.Add(6, 2, 0.5);  // at work
  const std::optional<Savings> savings = SavingsOf(curves);
  ASSERT_TRUE(savings);
  EXPECT_EQ(savings->stopped, 2);
  EXPECT_EQ(savings->run, 27 + 20 + 3 + 9 + 5 + 2);
  EXPECT_EQ(savings->whole, 27 + 20 + 27 + 27 + 5 + 2);
}

TEST(Savings, NobodyKnowsBeforeATrialHasComeToItsEnd) {
  Curves curves(Counts::kBest);
  Report(&curves, 1, 3, Standing::kStopped);
  curves.Add(2, 9, 0.5);
  EXPECT_FALSE(SavingsOf(curves));
}

TEST(Savings, ATrialThatWasStoppedLaterThanAnyOtherEndedSavesNothingAndCostsNothing) {
  Curves curves(Counts::kBest);
  Report(&curves, 1, 3, Standing::kSucceeded);
  Report(&curves, 2, 9, Standing::kStopped);
  EXPECT_EQ(SavingsOf(curves)->run, SavingsOf(curves)->whole);
}

TEST(Rungs, SayWhoCameAndWhoWasStoppedThere) {
  ObjectiveSpec objective;
  objective.metric_name = "accuracy";
  objective.type = ObjectiveType::kMaximize;
  const auto stopping = *LocalStopping::Make({"asha", {{"eta", "3"}, {"r_max", "9"}, {"guard", "off"}}}, objective);
  const auto add = [&](std::uint64_t trial, std::vector<double> values) {
    std::int64_t step = 0;
    for (const double value : values) stopping->Add(trial, ++step, value);
  };
  add(1, {0.5, 0.6, 0.7, 0.8});
  stopping->End(1, Standing::kSucceeded);
  add(2, {0.1});
  stopping->End(2, Standing::kStopped);
  add(3, {0.55, 0.6, 0.65});
  stopping->End(3, Standing::kStopped);
  const std::vector<Rung> rungs = stopping->Rungs();
  ASSERT_EQ(rungs.size(), 2u);
  EXPECT_EQ(rungs[0].step, 1);
  EXPECT_EQ(rungs[0].came, 3);
  EXPECT_EQ(rungs[0].stopped, 1);
  EXPECT_EQ(rungs[0].best, 0.55);
  EXPECT_EQ(rungs[1].step, 3);
  EXPECT_EQ(rungs[1].came, 2);
  EXPECT_EQ(rungs[1].stopped, 1);
  EXPECT_EQ(rungs[1].best, 0.7);
  EXPECT_TRUE((*LocalStopping::Make({"medianstop", {}}, objective))->Rungs().empty());
}

}  // namespace
}  // namespace qalam
