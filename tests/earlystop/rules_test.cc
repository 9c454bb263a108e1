// SPDX-License-Identifier: Apache-2.0
// What is each rule's own.
#include <gtest/gtest.h>

#include <limits>

#include "earlystop/wilcoxon_stop.h"
#include "tests/earlystop/support.h"

namespace qalam::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
const Setting kUnguarded{"guard", "off"};

// ---------------------------------------------------------------- asha

TEST(AshaStop, TheBestOfThreeGoOnAtEachRung) {
  const auto stopping = Make("asha", {{"eta", "3"}, kUnguarded});
  EXPECT_EQ(Report(*stopping, 1, 1, 5).action, Decision::kGoOn) << "the first one has nobody to be worse than";
  EXPECT_EQ(Report(*stopping, 2, 1, 6).reason, "worse than 1 of 1 trials at step 1");
  EXPECT_EQ(Report(*stopping, 3, 1, 4).action, Decision::kGoOn);
  EXPECT_EQ(Report(*stopping, 4, 1, 7).action, Decision::kStop);
  EXPECT_EQ(Report(*stopping, 5, 1, 8).action, Decision::kStop);
  EXPECT_EQ(Report(*stopping, 6, 1, 4.5).action, Decision::kGoOn) << "second of six: two places";
  const Decision third = Report(*stopping, 7, 1, 4.7);
  EXPECT_EQ(third.action, Decision::kStop);
  EXPECT_EQ(third.reason, "worse than 2 of 6 trials at step 1");
}

TEST(AshaStop, NobodyIsJudgedBetweenRungsOrFromTheLastStepOn) {
  const auto stopping = Make("asha", {{"eta", "3"}, {"r_min", "2"}, {"r_max", "18"}, kUnguarded});
  EXPECT_EQ(StoppedAt(*stopping, 1, std::vector<double>(20, 1)), 0);
  stopping->Add(2, 1, 0.5), stopping->Add(2, 2, 0.5);
  for (const std::int64_t step : {3, 4, 5}) EXPECT_EQ(Report(*stopping, 2, step, 9).action, Decision::kGoOn) << step;
  // Its best value counts: 0.5.
  for (std::int64_t step = 6; step <= 20; ++step)
    EXPECT_EQ(Report(*stopping, 2, step, 9).action, Decision::kGoOn) << step;
}

TEST(AshaStop, ATrialThatReportsNoNumberAtARungIsStoppedThere) {
  const auto stopping = Make("asha", {kUnguarded});
  EXPECT_EQ(Report(*stopping, 1, 1, kNan).action, Decision::kStop);
  EXPECT_EQ(Report(*stopping, 2, 1, 1).action, Decision::kGoOn);
  EXPECT_EQ(Report(*stopping, 2, 3, kNan).action, Decision::kStop) << "whatever it was before";
}

TEST(AshaStop, ATrialThatJumpsOverRungsIsJudgedWhereItLands) {
  const auto stopping = Make("asha", {{"eta", "3"}, kUnguarded});
  for (const std::int64_t step : {10, 20}) EXPECT_EQ(Report(*stopping, 1, step, 1).action, Decision::kGoOn);
  EXPECT_EQ(Report(*stopping, 2, 1, 9).action, Decision::kGoOn) << "nobody has been at rung 1";
  EXPECT_EQ(Report(*stopping, 2, 11, 9).reason, "worse than 1 of 1 trials at step 11");
}

TEST(AshaStop, WhereTheLatestValueCountsItIsTheOneThatIsJudged) {
  ObjectiveSpec objective = Loss();
  objective.strategies["loss"] = MetricStrategy::kLatest;
  const auto stopping = Make("asha", {kUnguarded}, objective);
  stopping->Add(1, 1, 2), stopping->Add(1, 3, 2);
  stopping->Add(2, 1, 1);
  EXPECT_EQ(Report(*stopping, 2, 3, 9).action, Decision::kStop);
}

TEST(AshaStop, AnAccuracyIsBetterWhenItIsLarger) {
  ObjectiveSpec objective = Loss();
  objective.type = ObjectiveType::kMaximize;
  const auto stopping = Make("asha", {kUnguarded}, objective);
  EXPECT_EQ(Report(*stopping, 1, 1, 0.8).action, Decision::kGoOn);
  EXPECT_EQ(Report(*stopping, 2, 1, 0.7).action, Decision::kStop);
  EXPECT_EQ(Report(*stopping, 3, 1, 0.9).action, Decision::kGoOn);
}

TEST(AshaStop, BracketsBeginAtHigherRungsInHyperbandsShares) {
  // eta 3, steps up to 9: brackets of 2, 1 and 0 halvings with 9, 5 and 3 trials of each 17.
  int at_1 = 0, at_3 = 0;
  for (std::uint64_t trial = 1; trial <= 34; ++trial) {
    const auto one = Make("hyperband", {{"r_max", "9"}, {"eta", "3"}, kUnguarded});
    // A trial of the same bracket, one cycle before, that is better.
    one->Add(trial + 17, 1, 0), one->Add(trial + 17, 3, 0);
    const int step = StoppedAt(*one, trial, std::vector<double>(9, 1));
    at_1 += step == 1, at_3 += step == 3;
  }
  EXPECT_EQ(at_1, 18);
  EXPECT_EQ(at_3, 10);
}

// ---------------------------------------------------------------- medianstop

TEST(MedianStopLive, ATrialIsWorseWhenItsBestIsAboveTheMedianOfMeans) {
  const auto stopping = Make("medianstop", {{"min_trials_required", "3"}, {"start_step", "2"}, kUnguarded});
  EXPECT_EQ(StoppedAt(*stopping, 1, {1, 3, 5}), 0);     // means 1, 2, 3
  EXPECT_EQ(StoppedAt(*stopping, 2, {9, 9, 9}), 0);     // too few have succeeded
  EXPECT_EQ(StoppedAt(*stopping, 3, {99, 99, 99}), 0);  // one that went wild does not move the median
  std::string reason;
  EXPECT_EQ(StoppedAt(*stopping, 4, {20, 10, 9}, &reason), 2);
  EXPECT_EQ(reason, "worse than 2 of 3 trials at step 2");
  EXPECT_EQ(StoppedAt(*stopping, 5, {20, 8.9, 20}), 0);
}

TEST(MedianStopLive, IsJudgedAtEveryStepFromTheFirstOn) {
  const auto stopping = Make("medianstop", {{"min_trials_required", "1"}, {"start_step", "2"}, kUnguarded});
  EXPECT_EQ(StoppedAt(*stopping, 1, {10, 8, 2, 0}), 0);  // means 10, 9, 6.67, 5
  EXPECT_EQ(StoppedAt(*stopping, 2, {50, 8, 8, 1}), 3);
}

TEST(MedianStopLive, TrialsThatWereStoppedOrFailedAreNoMeasure) {
  const auto stopping = Make("medianstop", {{"min_trials_required", "1"}, {"start_step", "1"}, kUnguarded});
  stopping->Add(1, 1, 0), stopping->End(1, Standing::kStopped);
  stopping->Add(2, 1, 0), stopping->End(2, Standing::kFailed);
  stopping->Add(3, 1, 0);
  EXPECT_EQ(StoppedAt(*stopping, 4, {5, 5}), 0);
  EXPECT_EQ(StoppedAt(*stopping, 5, {6, 6}), 1);
}

TEST(MedianStopLive, WithKatibsMeaningItIsNotLive) {
  EXPECT_TRUE(IsLive({"medianstop", {}}));
  EXPECT_TRUE(IsLive({"asha", {}}));
  EXPECT_FALSE(IsLive({"medianstop", {{"compat", "katib"}}}));
  EXPECT_FALSE(IsLive({"somebody-elses", {}}));
}

// ---------------------------------------------------------------- percentile

TEST(PercentileStop, TheBestQuarterOfAllAtTheStepGoOn) {
  const auto stopping = Make("percentile", {{"min_trials_required", "4"}, kUnguarded});
  for (std::uint64_t trial = 1; trial <= 4; ++trial)
    EXPECT_EQ(Report(*stopping, trial, 1, static_cast<double>(trial)).action, Decision::kGoOn) << trial;
  EXPECT_EQ(Report(*stopping, 5, 1, 1.5).action, Decision::kGoOn) << "second of five: 1.25 places";
  EXPECT_EQ(Report(*stopping, 6, 1, 1.7).reason, "worse than 2 of 5 trials at step 1");
}

TEST(PercentileStop, JudgesOnceInEachIntervalWhateverStepsATrialReports) {
  std::vector<std::int64_t> judged;
  const auto late =
      Make("percentile", {{"min_trials_required", "1"}, {"start_step", "5"}, {"interval", "5"}, kUnguarded});
  for (std::int64_t step = 1; step <= 20; ++step) late->Add(1, step, 0);
  for (const std::int64_t step : {3, 4, 6, 7, 9, 10, 11, 14, 19, 20})
    if (Report(*late, 2, step, 1).action == Decision::kStop) judged.push_back(step);
  EXPECT_EQ(judged, (std::vector<std::int64_t>{6, 10, 19, 20}));
}

// ---------------------------------------------------------------- threshold

TEST(ThresholdStop, WhatIsNoNumberIsCaughtAtOnce) {
  const auto stopping = Make("threshold", {{"start_step", "10"}});
  EXPECT_EQ(Report(*stopping, 1, 1, 1e300).action, Decision::kGoOn);
  EXPECT_EQ(Report(*stopping, 1, 2, kNan).reason, "no finite number at step 2");
}

TEST(ThresholdStop, BoundsAreInTheUnitsOfTheObjective) {
  ObjectiveSpec objective = Loss();
  objective.type = ObjectiveType::kMaximize;
  const auto stopping = Make("threshold", {{"lower", "0.2"}, {"upper", "1"}, {"start_step", "3"}}, objective);
  EXPECT_EQ(Report(*stopping, 1, 2, 0.1).action, Decision::kGoOn);
  EXPECT_EQ(Report(*stopping, 1, 3, 0.1).reason, "0.1 is below 0.2 at step 3");
  EXPECT_EQ(Report(*stopping, 2, 3, 1.5).reason, "1.5 is above 1 at step 3");
  EXPECT_EQ(Report(*stopping, 3, 3, 0.2).action, Decision::kGoOn);
}

// ---------------------------------------------------------------- wilcoxon

TEST(WilcoxonStop, PIsExactForAFew) {
  EXPECT_DOUBLE_EQ(SignedRankP({}), 1);
  EXPECT_DOUBLE_EQ(SignedRankP({1}), 0.5);
  EXPECT_DOUBLE_EQ(SignedRankP({1, 2, 3, 4, 5}), 1.0 / 32);
  EXPECT_DOUBLE_EQ(SignedRankP({-1, 2, 3, 4, 5}), 2.0 / 32);
  EXPECT_DOUBLE_EQ(SignedRankP({-1, -2, -3}), 1);
  EXPECT_DOUBLE_EQ(SignedRankP({1, 1, -1}), 0.5) << "ties share their rank: sums of 4 of 6 and more, 4 of 8";
  EXPECT_DOUBLE_EQ(SignedRankP({0, 0, 1, 2}), 0.25) << "zeros favour nobody";
}

TEST(WilcoxonStop, TheNormalApproximationGoesOnWhereTheExactOneEnds) {
  std::vector<double> differences;
  for (int i = 1; i <= 25; ++i) differences.push_back(i % 3 == 0 ? -i : i);
  const double exact = SignedRankP(differences);
  differences.push_back(26);
  differences.push_back(-27);
  EXPECT_NEAR(SignedRankP(differences), exact, 0.1);
}

TEST(WilcoxonStop, ATrialThatIsWorseOnTheSameFoldsIsStopped) {
  const auto stopping = Make("wilcoxon", {{"p_threshold", "0.1"}});
  EXPECT_EQ(StoppedAt(*stopping, 1, {1, 2, 3, 4, 5, 6}), 0);
  std::string reason;
  // The folds differ more among themselves than the trials do: only the pairs tell.
  EXPECT_EQ(StoppedAt(*stopping, 2, {1.1, 2.2, 3.1, 4.3, 5.1, 6.2}, &reason), 4);
  EXPECT_EQ(reason, "worse than trial #1 on 4 common steps, p 0.0625");
  EXPECT_EQ(StoppedAt(*stopping, 3, {0.9, 2.2, 3.1, 4.05, 5.01, 5}), 0) << "its mean is no worse in time";
  EXPECT_EQ(Report(*stopping, 4, 1, kNan).action, Decision::kStop);
}

// ---------------------------------------------------------------- patience

TEST(Patience, ATrialThatImprovesIsLeftAlone) {
  const std::vector<Setting> settings = {
      {"min_trials_required", "1"}, {"start_step", "1"}, {"patience", "3"}, {"min_delta", "0.5"}, kUnguarded};
  const auto stopping = Make("medianstop", settings);
  EXPECT_EQ(StoppedAt(*stopping, 1, std::vector<double>(20, 0)), 0);
  //                                          1  2  3  4  5    6    7
  EXPECT_EQ(StoppedAt(*stopping, 2, {9, 8, 7, 6, 5.9, 5.8, 5.7}), 7)
      << "6 at step 4 was the last that was better by 0.5";
}

}  // namespace
}  // namespace qalam::test
