// SPDX-License-Identifier: Apache-2.0
// The statistics against values worked out elsewhere (scipy 1.x) and against what they must say of made-up contenders.
#include "bench/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/rng.h"

namespace qalam::bench {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

TEST(Statistics, RanksShareTies) {
  EXPECT_THAT(Ranks({3, 1, 2}), ElementsAre(3, 1, 2));
  EXPECT_THAT(Ranks({1, 1, 5, 0}), ElementsAre(2.5, 2.5, 4, 1));
}

TEST(Statistics, RegretIsOneAtTheRandomMedianAndClipped) {
  EXPECT_DOUBLE_EQ(LogRegret(3, 1, 3), 0);
  EXPECT_DOUBLE_EQ(LogRegret(1.2, 1, 3), -1);
  EXPECT_DOUBLE_EQ(LogRegret(1, 1, 3), -8);
  EXPECT_DOUBLE_EQ(LogRegret(std::numeric_limits<double>::quiet_NaN(), 1, 3), 0);
  EXPECT_GT(LogRegret(30, 1, 3), 1);
}

TEST(Statistics, WilcoxonIsScipys) {
  // scipy.stats.wilcoxon(d).pvalue
  EXPECT_NEAR(WilcoxonSignedRank({6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75}), 0.041259765625, 1e-12);
  EXPECT_NEAR(WilcoxonSignedRank({1, 2, 3, 4, 5}), 0.0625, 1e-12);
  EXPECT_EQ(WilcoxonSignedRank({0, 0, 0}), 1);
  EXPECT_EQ(WilcoxonSignedRank({}), 1);
  // Ties: erfc(z / sqrt 2), z = (27.5 - 5.5 - 0.5) / sqrt(96.25 - 990 / 48).
  EXPECT_NEAR(WilcoxonSignedRank({1, 1, 1, 1, 1, 1, 1, 1, 1, -1}), 0.0134237, 1e-6);
}

TEST(Statistics, HolmKeepsTheOrderAndNeverExceedsOne) {
  EXPECT_THAT(Holm({0.01, 0.04, 0.03, 0.005}), ElementsAre(DoubleNear(0.03, 1e-12), DoubleNear(0.06, 1e-12),
                                                           DoubleNear(0.06, 1e-12), DoubleNear(0.02, 1e-12)));
  EXPECT_THAT(Holm({0.6, 0.9}), ElementsAre(1, 1));
}

TEST(Statistics, ABetterContenderIsSaidToBeBetterAndEqualOnesAreNot) {
  Scores scores(3);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::uint64_t problem = 0; problem < 20; ++problem) {
      scores[c].emplace_back();
      for (std::uint64_t seed = 0; seed < 10; ++seed) {
        Rng rng(c, "test.score", problem * 100 + seed);
        scores[c].back().push_back(rng.Normal() - (c == 2 ? 1.0 : 0.0));
      }
    }
  }
  const std::vector<Standing> standings = Stand(scores, 1);
  EXPECT_LT(standings[2].rank.high, standings[0].rank.low);
  EXPECT_LT(standings[2].mean_score, standings[0].mean_score - 0.7);
  EXPECT_NEAR(standings[0].rank.estimate + standings[1].rank.estimate + standings[2].rank.estimate, 6, 1e-9);
  const Duel clear = Compare(scores, 2, 0, 1), even = Compare(scores, 0, 1, 1);
  EXPECT_LT(clear.rank_difference.high, 0);
  EXPECT_LT(clear.probability, 1e-4);
  EXPECT_EQ(clear.wins, 20);
  EXPECT_LT(even.rank_difference.low, 0);
  EXPECT_GT(even.rank_difference.high, 0);
  EXPECT_GT(even.probability, 0.05);
  EXPECT_EQ(Stand(scores, 1)[0].rank.low, standings[0].rank.low) << "the same draws again";
}

}  // namespace
}  // namespace qalam::bench
