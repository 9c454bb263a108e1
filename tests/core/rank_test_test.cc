// SPDX-License-Identifier: Apache-2.0
#include "core/rank_test.h"

#include <gtest/gtest.h>

namespace qalam {
namespace {

TEST(RankTest, SmallGroupsAreCounted) {
  // The textbook's example; SciPy 1.10 has the same figures.
  const RankTest test = MannWhitney({19, 22, 16, 29, 24}, {20, 11, 17, 12});
  EXPECT_TRUE(test.exact);
  EXPECT_DOUBLE_EQ(test.p, 1.0 / 9);
  EXPECT_DOUBLE_EQ(test.less, 3.0 / 20);
  EXPECT_DOUBLE_EQ(MannWhitney({1, 2, 3}, {4, 5, 6}).p, 0.1);
  EXPECT_DOUBLE_EQ(MannWhitney({1}, {2}).p, 1);
}

TEST(RankTest, TheOrderOfTheGroupsDoesNotMatter) {
  const std::vector<double> a = {1, 4, 6, 9}, b = {2, 3, 5, 7, 8};
  EXPECT_DOUBLE_EQ(MannWhitney(a, b).p, MannWhitney(b, a).p);
  EXPECT_DOUBLE_EQ(MannWhitney(a, b).less, 1 - MannWhitney(b, a).less);
}

TEST(RankTest, TiesAndLargeGroupsAreApproximatedAsSciPyDoes) {
  EXPECT_NEAR(MannWhitney({1, 2, 2, 3, 5}, {2, 4, 5, 6, 7}).p, 0.11161176829829224, 1e-12);
  std::vector<double> a, b;
  for (int i = 0; i < 20; ++i) {
    a.push_back(i);
    b.push_back(i + 4.5);
  }
  EXPECT_NEAR(MannWhitney(a, b).p, 0.030411256038764864, 1e-12);  // counted
  a.push_back(20);
  b.push_back(24.5);
  EXPECT_FALSE(MannWhitney(a, b).exact);
  EXPECT_NEAR(MannWhitney(a, b).p, 0.03459373504072355, 1e-12);
}

TEST(RankTest, EqualNumbersSayNothing) {
  EXPECT_DOUBLE_EQ(MannWhitney({1, 1, 1}, {1, 1}).p, 1);
  EXPECT_DOUBLE_EQ(MannWhitney({1, 1, 1}, {1, 1}).less, 0.5);
  EXPECT_DOUBLE_EQ(MannWhitney({}, {1, 2}).p, 1);
}

}  // namespace
}  // namespace qalam
