// SPDX-License-Identifier: Apache-2.0
#include "algorithms/sobol.h"

#include <cmath>

#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Ask;
using testing::MakeSuggester;
using testing::Space;
using testing::Texts;

// Experiments in people's databases resume with these very points: a difference breaks them.
TEST(Sobol, FirstPointsMatchTheGoldenFile) {
  const SearchSpace open = Space()
                               .Real("lr", "1e-5", "1", Distribution::kLogUniform)
                               .Int("layers", "1", "8")
                               .Choice("opt", {"sgd", "adam", "rmsprop"})
                               .Make();
  const SearchSpace finite = Space().Int("n", "1", "8").Choice("c", {"a", "b", "c"}).Make();
  std::string lines = "# real, int and choice, seed 7\n";
  for (const std::string& text : Texts(open, Ask(*MakeSuggester("sobol", open, 7), 16, 0))) lines += text + "\n";
  lines += "# 24 cells, seed 7\n";
  for (const std::string& text : Texts(finite, Ask(*MakeSuggester("sobol", finite, 7), 30, 0))) lines += text + "\n";
  testing::ExpectGolden("sobol.txt", lines);
}

// The first 2^m points have exactly one in each of 2^m slices of every coordinate, and in each box of a 2-d
// elementary grid of the first two: what makes the sequence a net survives the scrambling.
TEST(Sobol, PowersOfTwoPointsAreANet) {
  for (std::uint64_t seed : {1, 2, 3}) {
    ScrambledSobol sequence(50, seed);
    for (int m = 0; m <= 8; ++m) {
      const int n = 1 << m;
      std::vector<std::set<int>> slices(50);
      std::vector<std::set<std::pair<int, int>>> boxes(static_cast<std::size_t>(m) + 1);
      for (int i = 0; i < n; ++i) {
        const Eigen::VectorXd point = sequence.Point(static_cast<std::uint64_t>(i));
        for (int j = 0; j < 50; ++j) slices[static_cast<std::size_t>(j)].insert(static_cast<int>(point[j] * n));
        for (int a = 0; a <= m; ++a) {
          boxes[static_cast<std::size_t>(a)].insert(
              {static_cast<int>(point[0] * (1 << a)), static_cast<int>(point[1] * (1 << (m - a)))});
        }
      }
      for (const auto& s : slices) EXPECT_EQ(s.size(), static_cast<std::size_t>(n)) << "seed " << seed << " m " << m;
      for (const auto& b : boxes) EXPECT_EQ(b.size(), static_cast<std::size_t>(n)) << "seed " << seed << " m " << m;
    }
  }
}

TEST(Sobol, AnyPointCanBeReachedDirectly) {
  ScrambledSobol forward(7, 5), jumping(7, 5);
  std::vector<Eigen::VectorXd> points;
  for (std::uint64_t i = 0; i < 200; ++i) points.push_back(forward.Point(i));
  for (std::uint64_t i : {150u, 3u, 0u, 1u, 0u, 2u, 199u, 198u, 7u, 7u}) {
    EXPECT_EQ(jumping.Point(i), points[i]) << i;
  }
}

// The error of the mean of prod(1 + (x_j - 1/2)) over 256 points in 6 dimensions, root mean square over 50 seeds.
// Random points: about 0.046; nested scrambling gives less than a tenth of it.
TEST(Sobol, FillsTheCubeMoreEvenlyThanRandom) {
  constexpr int kDim = 6, kPoints = 256, kSeeds = 50;
  const auto error = [](const auto& point) {
    double sum = 0;
    for (std::uint64_t i = 0; i < kPoints; ++i) sum += (point(i).array() + 0.5).prod();
    return sum / kPoints - 1;
  };
  double sobol = 0, random = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    ScrambledSobol sequence(kDim, seed);
    sobol += std::pow(error([&](std::uint64_t i) { return sequence.Point(i); }), 2) / kSeeds;
    random += std::pow(error([&](std::uint64_t i) {
                         Rng rng(seed, "test", i);
                         Eigen::VectorXd x(kDim);
                         for (double& u : x) u = rng.Uniform();
                         return x;
                       }),
                       2) /
              kSeeds;
  }
  EXPECT_LT(std::sqrt(sobol), 0.1 * std::sqrt(random)) << std::sqrt(sobol) << " against " << std::sqrt(random);
}

// Over seeds each point is uniform, and digits below the first are flipped as if at random, whatever the digits above:
// n = 16,000 seeds, 16 bins: 1,000 +- 5 * 30.6. Points 0 and 1 share no first digit; the joint of their second digits
// is even too: 4 * 4,000 +- 5 * 54.8.
TEST(Sobol, ScramblingIsEvenOverSeeds) {
  std::array<std::array<int, 16>, 3> bins{};
  std::array<int, 4> joint{};
  for (std::uint64_t seed = 0; seed < 16'000; ++seed) {
    ScrambledSobol sequence(1, seed);
    std::array<int, 3> bin{};
    for (std::uint64_t i = 0; i < 3; ++i) {
      bin[i] = static_cast<int>(sequence.Point(i)[0] * 16);
      ++bins[i][static_cast<std::size_t>(bin[i])];
    }
    EXPECT_NE(bin[0] >> 3, bin[1] >> 3);
    ++joint[static_cast<std::size_t>((bin[0] >> 2 & 1) << 1 | (bin[1] >> 2 & 1))];
  }
  for (const auto& point : bins) {
    for (int count : point) EXPECT_NEAR(count, 1000, 153);
  }
  for (int count : joint) EXPECT_NEAR(count, 4000, 274);
}

TEST(Sobol, TakesAsManyParametersAsThereAreDirections) {
  Space maker;
  for (int i = 0; i < kSobolMaxDimensions; ++i) maker.Real("x" + std::to_string(i), "0", "1");
  const SearchSpace most = maker.Make();
  EXPECT_EQ(Ask(*MakeSuggester("sobol", most), 2, 0).size(), 2u);
  const SearchSpace more = maker.Real("one_more", "0", "1").Make();
  const AlgorithmContext context{.space = more, .seed = 1, .settings = {}, .max_trials = std::nullopt};
  EXPECT_EQ(ValidateAlgorithm(*FindAlgorithm("sobol"), context).message(),
            "algorithm sobol takes at most 3667 parameters, here are 3668; use random");
}

}  // namespace
}  // namespace qalam
