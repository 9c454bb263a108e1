// SPDX-License-Identifier: Apache-2.0
// The gate: it lets pass what is as it was, and chance; it stops what is clearly worse, or fails.
#include "bench/check.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/rng.h"

namespace qalam::bench {
namespace {

using testing::HasSubstr;

// Twelve problems, five seeds, scores around -1; `shift` worse by so much, `noise` at random.
Curves Made(double shift, double noise, std::uint64_t seed) {
  Curves curves;
  curves.setup.budget = 60;
  curves.points = {60};
  curves.contenders = {"a"};
  for (int p = 0; p < 12; ++p) {
    for (std::uint64_t s = 1; s <= 5; ++s) {
      Rng rng(seed, "check", static_cast<std::uint64_t>(p) * 100 + s);
      const std::string problem = fmt::format("p{}", p);
      curves.runs.push_back({problem, "a", s, {-1 + shift + noise * rng.Normal()}, {}});
    }
  }
  return curves;
}

TEST(Gate, TheSameAgainPasses) {
  const auto verdicts = CompareWithStored(Made(0, 0.5, 1), Made(0, 0.5, 1));
  ASSERT_EQ(verdicts.size(), 1U);
  EXPECT_FALSE(verdicts[0].worse);
  EXPECT_EQ(verdicts[0].rank_difference.estimate, 0);
}

TEST(Gate, AClearLossIsStoppedAndAGainIsNot) {
  EXPECT_TRUE(CompareWithStored(Made(0, 0.5, 1), Made(0.6, 0.5, 2))[0].worse);
  EXPECT_FALSE(CompareWithStored(Made(0, 0.5, 1), Made(-0.6, 0.5, 2))[0].worse);
  EXPECT_TRUE(CompareWithStored(Made(0, 0.5, 1), Made(0.01, 0.5, 1))[0].worse) << "a little, but always";
}

// Chance alone: the interval of 95 % excludes 0 on the wrong side in about 2.5 % of cases.
TEST(Gate, ChanceSeldomStopsAnything) {
  int stopped = 0;
  for (std::uint64_t i = 0; i < 100; ++i)
    stopped += CompareWithStored(Made(0, 0.5, 2 * i + 1), Made(0, 0.5, 2 * i + 2))[0].worse ? 1 : 0;
  EXPECT_LE(stopped, 10);  // P(more | 0.03) < 1e-4
}

TEST(Gate, AFailureIsALoss) {
  Curves now = Made(0, 0.5, 1);
  now.runs.pop_back();
  EXPECT_THAT(CompareWithStored(Made(0, 0.5, 1), now)[0].why_not, HasSubstr("p11 with seed 5 is gone"));
  now.failures.push_back({"p11", "a", 5, "it does not converge"});
  const Verdict verdict = CompareWithStored(Made(0, 0.5, 1), now)[0];
  EXPECT_TRUE(verdict.worse);
  EXPECT_EQ(verdict.why_not, "p11, seed 5: it does not converge");
}

}  // namespace
}  // namespace qalam::bench
