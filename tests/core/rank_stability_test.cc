// SPDX-License-Identifier: Apache-2.0
#include "core/rank_stability.h"

#include <gtest/gtest.h>

#include <limits>

namespace qalam {
namespace {

using Rows = std::vector<std::vector<double>>;

// So many trials, each with what it was worth at two milestones and at the end: the later in the list the better at
// last, and ahead from milestone `from` on.
Rows Trials(int count, std::size_t from, std::size_t milestone) {
  Rows rows;
  for (int i = 0; i < count; ++i) {
    std::vector<double> row;
    for (std::size_t at = milestone; at < 3; ++at) row.push_back(at < from ? i : -i);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::size_t HoldsFrom(double prior, double right, std::size_t from, int count = 12) {
  RankStability stability(prior, right);
  stability.Add(Trials(count, from, 0), 0);
  stability.Add(Trials(count, from, 1), 0);
  return stability.HoldsFrom();
}

TEST(RankStability, RanksHoldFromTheMilestoneOnAtWhichTheBestAreAhead) {
  for (const double right : {0.5, 1.0}) {
    EXPECT_EQ(HoldsFrom(1, right, 0), 0u) << right;
    EXPECT_EQ(HoldsFrom(1, right, 1), 1u) << right;
    EXPECT_EQ(HoldsFrom(1, right, 2), 2u) << "from none, " << right;
  }
}

TEST(RankStability, WithoutTrialsThePriorDecides) {
  EXPECT_EQ(HoldsFrom(1, 0.5, 0, 0), 2u);
  EXPECT_EQ(HoldsFrom(4, 1, 0, 0), 0u);
  EXPECT_EQ(HoldsFrom(4, 1, 2, 3), 0u) << "one was wrong of five";
  EXPECT_EQ(HoldsFrom(4, 1, 2, 9), 2u);
}

TEST(RankStability, WhatIsWithinTheNoiseAndWhatIsNoNumberSayNothing) {
  RankStability quiet(1, 0.5), noisy(1, 0.5);
  const Rows rows = {{1.0, 5}, {1.1, 4}, {1.2, 3}, {1.3, 2}, {1.4, 1}};
  quiet.Add(rows, 0);
  noisy.Add(rows, 0.5);
  EXPECT_GT(quiet.Spoke(0), 0);
  EXPECT_EQ(noisy.Spoke(0), 0);
  constexpr double kInf = std::numeric_limits<double>::infinity();
  RankStability none(4, 1);
  none.Add({{kInf, kInf}, {kInf, 1}, {2, kInf}, {1}}, 0);
  EXPECT_EQ(none.HoldsFrom(), 0u);
}

}  // namespace
}  // namespace qalam
