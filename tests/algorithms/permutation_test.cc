// SPDX-License-Identifier: Apache-2.0
#include "algorithms/permutation.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <vector>

#include "core/rng.h"

namespace qalam {
namespace {

TEST(KeyedPermutation, IsAPermutationOfEverySize) {
  for (std::uint64_t size = 1; size <= 300; ++size) {
    const KeyedPermutation order(size, size * 7);
    std::vector<bool> met(size);
    for (std::uint64_t position = 0; position < size; ++position) {
      const std::uint64_t value = order.At(position);
      ASSERT_LT(value, size);
      ASSERT_FALSE(met[value]) << size;
      met[value] = true;
      ASSERT_EQ(order.PositionOf(value), position) << size;
    }
  }
}

TEST(KeyedPermutation, GoesBackAndForthInHugeSizes) {
  Rng rng(1, "test", 0);
  for (std::uint64_t size : {1ULL << 32, (1ULL << 40) + 1, (1ULL << 63) - 1, 1ULL << 63}) {
    const KeyedPermutation order(size, 3);
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t position = rng.Below(size), value = order.At(position);
      ASSERT_LT(value, size);
      ASSERT_EQ(order.PositionOf(value), position);
    }
  }
}

TEST(KeyedPermutation, IdentityIsTheOrderItself) {
  const KeyedPermutation order = KeyedPermutation::Identity(10);
  for (std::uint64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(order.At(i), i);
    EXPECT_EQ(order.PositionOf(i), i);
  }
}

// Over keys, all orders of few elements are equally likely. A count is binomial with n = 24,000 and p = 1/n!:
// 5 sigma, so one of these 32 counts is outside by chance with odds of 2e-5.
TEST(KeyedPermutation, ShufflesFewElementsEvenly) {
  for (const auto& [size, orders] : std::map<std::uint64_t, double>{{2, 2}, {3, 6}, {4, 24}}) {
    std::map<std::uint64_t, int> counts;
    constexpr int kKeys = 24'000;
    for (std::uint64_t key = 0; key < kKeys; ++key) {
      const KeyedPermutation order(size, key);
      std::uint64_t code = 0;
      for (std::uint64_t i = 0; i < size; ++i) code = code * size + order.At(i);
      ++counts[code];
    }
    EXPECT_EQ(static_cast<double>(counts.size()), orders);
    const double mean = kKeys / orders, sigma = std::sqrt(mean * (1 - 1 / orders));
    for (const auto& [code, count] : counts) EXPECT_NEAR(count, mean, 5 * sigma) << size << " elements, order " << code;
  }
}

// The first two of 257 elements, the fewest that the network serves: 257 * 256 pairs are too many to count each, so
// chi-squared over their remainders by 16, n = 60,000: 255 degrees of freedom, 255 +- 5 * 22.6.
TEST(KeyedPermutation, ThePairsThatBeginALargeOneAreEven) {
  constexpr std::uint64_t kSize = 257;
  constexpr int kKeys = 60'000;
  std::array<std::array<double, 16>, 16> expected{}, counts{};
  for (std::uint64_t a = 0; a < kSize; ++a) {
    for (std::uint64_t b = 0; b < kSize; ++b) {
      if (a != b) expected[a % 16][b % 16] += kKeys / (257.0 * 256);
    }
  }
  for (std::uint64_t key = 0; key < kKeys; ++key) {
    const KeyedPermutation order(kSize, key);
    ++counts[order.At(0) % 16][order.At(1) % 16];
  }
  double chi_squared = 0;
  for (std::size_t a = 0; a < 16; ++a) {
    for (std::size_t b = 0; b < 16; ++b) chi_squared += std::pow(counts[a][b] - expected[a][b], 2) / expected[a][b];
  }
  EXPECT_NEAR(chi_squared, 255, 113);
}

// Neighbours in position are far apart in value as often as chance has it: 3 in 100 pairs within 1.5 percent of the
// size; n = 9,999: 300 +- 5 * 17.
TEST(KeyedPermutation, NeighboursAreStrangers) {
  constexpr std::uint64_t kSize = 10'000;
  const KeyedPermutation order(kSize, 11);
  int near = 0;
  for (std::uint64_t i = 0; i + 1 < kSize; ++i) {
    const auto a = static_cast<std::int64_t>(order.At(i)), b = static_cast<std::int64_t>(order.At(i + 1));
    if (std::abs(a - b) <= 150) ++near;
  }
  EXPECT_NEAR(near, 299, 85);
}

}  // namespace
}  // namespace qalam
