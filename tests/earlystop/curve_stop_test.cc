// SPDX-License-Identifier: Apache-2.0
#include "earlystop/curve_stop.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "tests/earlystop/race.h"

namespace qalam::test {
namespace {

constexpr std::int64_t kLast = 81;

std::vector<Point> PointsOf(int steps, const std::function<double(double)>& value) {
  std::vector<Point> points;
  for (int step = 1; step <= steps; ++step) points.push_back({.step = step, .value = value(step)});
  return points;
}
double Exponential(double end, double pace, double step) { return end + (1 - end) * std::exp(-step / pace); }

// Where others end: 0.5, give or take 0.2, from 1.
const CurvePrior kOthers{.end = 0.5, .end_spread = 0.2, .fall = 0.5, .fall_spread = 0.2};

TEST(CurveStop, WithoutReportsATrialIsLikeTheOthers) {
  EXPECT_NEAR(ProbabilityBelow({}, kLast, 0.5, kOthers), 0.5, 0.01);
  EXPECT_NEAR(ProbabilityBelow({}, kLast, 0.3, kOthers), 0.16, 0.03) << "one standard deviation";
}

TEST(CurveStop, AQuickCurveThatHasComeToRestIsHopelessAndASlowOneIsNot) {
  const auto quick = PointsOf(20, [](double step) { return Exponential(0.6, 3, step); });
  const auto slow = PointsOf(20, [](double step) { return Exponential(0.1, 40, step); });
  ASSERT_GT(slow.back().value, quick.back().value) << "the slow one is the worse one now";
  EXPECT_LT(ProbabilityBelow(quick, kLast, 0.3, kOthers), 0.01);
  EXPECT_GT(ProbabilityBelow(slow, kLast, 0.3, kOthers), 0.2);
}

TEST(CurveStop, PowersAreFollowedToo) {
  const auto curve = [](double end) {
    return PointsOf(27, [end](double step) { return end + (1 - end) * std::pow(step, -0.6); });
  };
  // At the last step 0.07 of what there was to be learnt is left.
  EXPECT_LT(ProbabilityBelow(curve(0.5), kLast, 0.3, kOthers), 0.01);
  EXPECT_GT(ProbabilityBelow(curve(0.15), kLast, 0.3, kOthers), 0.9);
}

TEST(CurveStop, TheUnitsOfTheObjectiveDoNotMatter) {
  const auto points = PointsOf(15, [](double step) { return Exponential(0.35, 12, step); });
  const double one = ProbabilityBelow(points, kLast, 0.3, kOthers);
  for (const double unit : {1e-6, 1e9}) {
    std::vector<Point> other = points;
    for (Point& point : other) point.value = 7 * unit + unit * point.value;
    const CurvePrior prior{7.5 * unit, 0.2 * unit, 0.5 * unit, 0.2 * unit};
    EXPECT_NEAR(ProbabilityBelow(other, kLast, 7.3 * unit, prior), one, 1e-6) << unit;
  }
}

TEST(CurveStop, SaysWhyAndLeavesAloneWhoeverIsBetterAlready) {
  const auto stopping = Make("curve", {{"r_max", "81"}, {"min_trials_required", "3"}, {"start_step", "3"}});
  for (std::uint64_t trial = 1; trial <= 3; ++trial) {
    EXPECT_EQ(StoppedAt(*stopping, trial, std::vector<double>(81, 0.4 + 0.01 * static_cast<double>(trial))), 0);
    stopping->End(trial, Standing::kSucceeded);
  }
  std::vector<double> rests;
  for (int step = 1; step <= 81; ++step) rests.push_back(Exponential(0.9, 2, step));
  std::string reason;
  const int at = StoppedAt(*stopping, 4, rests, &reason);
  EXPECT_GE(at, 3);
  EXPECT_LT(at, 27);
  EXPECT_TRUE(reason.starts_with("ends better than the best of 3 trials with a probability of ")) << reason;
  EXPECT_TRUE(reason.ends_with("by its curve up to step " + std::to_string(at))) << reason;
  EXPECT_EQ(StoppedAt(*stopping, 5, std::vector<double>(81, 0.39)), 0) << "better than the best from the first step on";
  EXPECT_EQ(Report(*stopping, 6, 3, NAN).reason, "no finite number at step 3");
}

// What the rule is for: where the best learn slowly, rungs end them.
TEST(CurveStop, SavesWhereCurvesCrossAndWhereTheyDoNot) {
  const std::vector<Setting> settings = {{"r_max", std::to_string(kMadeSteps)}};
  const std::vector<Setting> rungs = {{"guard", "off"}};
  const MadeKind crossing{.slower = 6}, stable{.slower = 1};
  const int none = EpochsToTheBest(crossing, "", {}), asha = EpochsToTheBest(crossing, "asha", rungs);
  const int curve = EpochsToTheBest(crossing, "curve", settings);
  const int none_stable = EpochsToTheBest(stable, "", {}), curve_stable = EpochsToTheBest(stable, "curve", settings);
  RecordProperty("epochs", std::to_string(none) + " " + std::to_string(asha) + " " + std::to_string(curve) + ", " +
                               std::to_string(none_stable) + " " + std::to_string(curve_stable));
  EXPECT_LT(curve, none);
  EXPECT_LT(curve, asha / 2);
  EXPECT_LT(4 * curve_stable, 3 * none_stable);
}

// As when the learning rate is lowered near the end: nothing before tells of it, and the ends of others say so.
TEST(CurveStop, WhereCurvesDoNotTellTheirEndsNobodyIsStopped) {
  const auto stops = [](bool drops) {
    const auto stopping = Make("curve", {{"r_max", "81"}});
    int stopped = 0;
    for (std::uint64_t trial = 1; trial <= 20; ++trial) {
      std::vector<double> values;
      const double end = 0.5 + 0.02 * static_cast<double>(trial * 7 % 20);
      for (int step = 1; step <= 81; ++step) values.push_back(Exponential(drops && step < 70 ? 1 : end, 3, step));
      const int at = StoppedAt(*stopping, trial, values);
      stopped += at != 0 && at < 70 ? 1 : 0;
      stopping->End(trial, Standing::kSucceeded);
    }
    return stopped;
  };
  EXPECT_EQ(stops(true), 0);
  EXPECT_GT(stops(false), 5);
}

TEST(CurveStop, SettingsThatCannotBeAreRefused) {
  ObjectiveSpec objective = Loss();
  EXPECT_EQ(LiveStopping::Make({"curve", {}}, objective).status().message(),
            "r_max is not given: the steps of a whole trial");
  EXPECT_EQ(LiveStopping::Make({"curve", {{"r_max", "3"}, {"start_step", "3"}}}, objective).status().message(),
            "start_step 3 is not below r_max 3");
}

}  // namespace
}  // namespace qalam::test
