// SPDX-License-Identifier: Apache-2.0
#include "core/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "core/math.h"

namespace qalam {
namespace {

// The known answers that come with the authors' Random123 1.14 (philox4x32, 10 rounds).
TEST(Philox, GivesThePublishedAnswers) {
  using Block = std::array<std::uint32_t, 4>;
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, TheSameSeedPurposeAndOrdinalGiveTheSameNumbers) {
  Rng a(7, "tpe.candidates", 3), b(7, "tpe.candidates", 3);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.Next(), b.Next());
}

TEST(Rng, AnotherSeedPurposeOrOrdinalGivesOtherNumbers) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed : {0u, 1u, 2u})
    for (const char* purpose : {"", "a", "b"})
      for (std::uint64_t ordinal : {0ull, 1ull, 1ull << 32}) seen.insert(Rng(seed, purpose, ordinal).Next());
  EXPECT_EQ(seen.size(), 27u);
}

// Stored experiments depend on these: a change here is a change of every experiment.
TEST(Rng, StreamsAndHashesNeverChange) {
  Rng rng(42, "random", 1);
  EXPECT_EQ(rng.Next(), 1165477562633096390u);
  EXPECT_EQ(StableHash(""), 17665956581633026203u);
  EXPECT_EQ(StableHash("qalam"), 3903154094227633719u);
  EXPECT_EQ(MixHash(1, 2), 17474652204475260503u);
  EXPECT_NE(MixHash(1, 2), MixHash(2, 1));
}

TEST(Rng, UniformFillsTheOpenIntervalEvenly) {
  constexpr int kDraws = 100'000, kBins = 100;
  Rng rng(1, "test", 0);
  std::vector<int> bins(kBins);
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.Uniform();
    ASSERT_GT(u, 0);
    ASSERT_LT(u, 1);
    ++bins[static_cast<std::size_t>(u * kBins)];
  }
  double chi2 = 0;
  constexpr double kExpected = static_cast<double>(kDraws) / kBins;
  for (int count : bins) chi2 += (count - kExpected) * (count - kExpected) / kExpected;
  EXPECT_LT(chi2, 158);  // 99 degrees of freedom: exceeded once in 7,000 seeds; this seed is fixed
}

TEST(Rng, BelowIsUnbiasedAndStaysBelow) {
  Rng rng(1, "test", 0);
  std::vector<int> counts(3);
  for (int i = 0; i < 30'000; ++i) ++counts[rng.Below(3)];
  for (int count : counts) EXPECT_NEAR(count, 10'000, 350);  // 4.3 sigma
  // Two thirds of 2^64: without rejection the low half of the results would come twice as often.
  const std::uint64_t bound = 0xAAAAAAAAAAAAAAAA;
  int low = 0;
  for (int i = 0; i < 30'000; ++i) {
    const std::uint64_t x = rng.Below(bound);
    ASSERT_LT(x, bound);
    low += x < bound / 2;
  }
  EXPECT_NEAR(low, 15'000, 370);
  EXPECT_EQ(rng.Below(1), 0u);
}

TEST(Rng, NormalHasTheMomentsOfANormal) {
  constexpr int kDraws = 100'000;
  Rng rng(1, "test", 0);
  double sum = 0, squares = 0, fourths = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double z = rng.Normal();
    sum += z, squares += z * z, fourths += z * z * z * z;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.014);
  EXPECT_NEAR(squares / kDraws, 1, 0.02);
  EXPECT_NEAR(fourths / kDraws, 3, 0.14);
}

TEST(Rng, StreamsOfNeighbouringOrdinalsAreNotCorrelated) {
  constexpr int kStreams = 20'000;
  double sum = 0;
  for (std::uint64_t i = 0; i < kStreams; ++i)
    sum += (Rng(1, "test", i).Uniform() - 0.5) * (Rng(1, "test", i + 1).Uniform() - 0.5);
  EXPECT_LT(std::abs(sum * 12 / kStreams), 4.5 / std::sqrt(kStreams));
}

TEST(Math, QuantileInvertsTheDistributionInBothTails) {
  EXPECT_NEAR(NormalCdf(1.959963984540054), 0.975, 1e-15);
  EXPECT_NEAR(NormalQuantile(0.025), -1.959963984540054, 1e-14);
  EXPECT_NEAR(NormalQuantile(1e-300), -37.0471, 1e-4);
  for (double p = 1e-18; p < 1; p *= 1.7) EXPECT_NEAR(NormalCdf(NormalQuantile(p)) / p, 1, 2e-13) << p;
  EXPECT_EQ(NormalQuantile(0.5), 0);
  EXPECT_TRUE(std::isinf(NormalQuantile(0)) && std::isinf(NormalQuantile(1)));
}

}  // namespace
}  // namespace qalam
