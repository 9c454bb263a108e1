// SPDX-License-Identifier: Apache-2.0
// What the guard is for, on made-up curves: seeds 5000 and on, which nothing was tuned on. How many epochs of random
// search until a trial reports a value of the best 2 %.
#include <gtest/gtest.h>

#include "tests/earlystop/made_curves.h"
#include "tests/earlystop/support.h"

namespace qalam::test {
namespace {

constexpr int kSeeds = 10, kBudget = 120 * kMadeSteps;

// The sum over the seeds; a search that does not get there costs its whole budget.
int EpochsToTheBest(const MadeKind& kind, const std::vector<Setting>* settings) {
  std::vector<double> ends;
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    MadeCurve curve(kind, 1, i);
    double last = 0;
    for (int step = 0; step < kMadeSteps; ++step) last = curve.Next();
    ends.push_back(last);
  }
  std::ranges::sort(ends);
  const double wanted = ends[ends.size() / 50];
  int all = 0;
  for (std::uint64_t seed = 5000; seed < 5000 + kSeeds; ++seed) {
    const auto stopping = settings == nullptr ? nullptr : Make("asha", *settings);
    int spent = 0;
    bool reached = false;
    for (std::uint64_t trial = 1; spent < kBudget && !reached; ++trial) {
      MadeCurve curve(kind, seed, trial);
      bool stopped = false;
      for (int step = 1; step <= kMadeSteps && !stopped && !reached; ++step, ++spent) {
        const double value = curve.Next();
        reached = value <= wanted;
        stopped = stopping != nullptr && Report(*stopping, trial, step, value).action == Decision::kStop;
      }
      if (stopping != nullptr) stopping->End(trial, stopped ? Standing::kStopped : Standing::kSucceeded);
    }
    all += reached ? spent : kBudget;
  }
  return all;
}

TEST(Guard, WhereCurvesDoNotCrossLittleOfTheSavingIsLost) {
  const std::vector<Setting> guarded, alone = {{"guard", "off"}};
  const MadeKind stable{.slower = 1};
  const int none = EpochsToTheBest(stable, nullptr), bare = EpochsToTheBest(stable, &alone);
  const int watched = EpochsToTheBest(stable, &guarded);
  RecordProperty("epochs", std::to_string(none) + " " + std::to_string(bare) + " " + std::to_string(watched));
  EXPECT_LT(bare, none / 3);
  EXPECT_LT(watched, none / 3);
}

TEST(Guard, WhereTheBestLearnSlowlyTheSearchIsNotDestroyed) {
  const std::vector<Setting> guarded, alone = {{"guard", "off"}};
  const MadeKind crossing{.slower = 6};
  const int none = EpochsToTheBest(crossing, nullptr), bare = EpochsToTheBest(crossing, &alone);
  const int watched = EpochsToTheBest(crossing, &guarded);
  RecordProperty("epochs", std::to_string(none) + " " + std::to_string(bare) + " " + std::to_string(watched));
  EXPECT_GT(bare, 3 * none / 2) << "else there is nothing to guard against";
  EXPECT_LT(watched, bare);
  EXPECT_LT(watched, 3 * none / 2);
}

}  // namespace
}  // namespace qalam::test
