// SPDX-License-Identifier: Apache-2.0
#include "algorithms/random.h"

#include <cmath>
#include <map>

#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Ask;
using testing::MakeSuggester;
using testing::Show;
using testing::Shown;
using testing::Space;
using testing::Text;
using testing::Texts;

std::string Lines(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += text + "\n";
  return out;
}

// Experiments in people's databases resume with these very points: a difference breaks them.
TEST(Random, FirstPointsMatchTheGoldenFile) {
  const SearchSpace open = Space()
                               .Real("lr", "1e-5", "1", Distribution::kLogUniform)
                               .Int("layers", "1", "8")
                               .Choice("opt", {"sgd", "adam", "rmsprop"})
                               .Make();
  const SearchSpace even = Space().Int("n", "1", "100").Choice("c", {"a", "b", "c"}).Make();
  const SearchSpace weighted = Space().Int("n", "1", "100", Distribution::kLogUniform).Choice("c", {"a", "b"}).Make();
  testing::ExpectGolden("random.txt", "# real, int and choice, seed 7\n" +
                                          Lines(Texts(open, Ask(*MakeSuggester("random", open, 7), 10, 0))) +
                                          "# 300 even cells, seed 7\n" +
                                          Lines(Texts(even, Ask(*MakeSuggester("random", even, 7), 10, 0))) +
                                          "# 200 cells, weighted, seed 7\n" +
                                          Lines(Texts(weighted, Ask(*MakeSuggester("random", weighted, 7), 10, 0))));
}

// Counts in ten equal bins of the cube, n = 20,000: 2,000 +- 5 * 42.4 a bin; 40 bins, odds of a stray one 2e-5.
TEST(Random, CoversEveryPartOfTheCubeEvenly) {
  const SearchSpace space = Space()
                                .Real("a", "0", "1")
                                .Real("b", "1e-3", "1e3", Distribution::kLogUniform)
                                .Real("c", "0", "1", Distribution::kNormal)
                                .Real("d", "1", "9", Distribution::kLogNormal)
                                .Make();
  std::array<std::array<int, 10>, 4> bins{};
  for (const Proposal& p : Ask(*MakeSuggester("random", space), 20'000, 0)) {
    for (std::size_t i = 0; i < 4; ++i) ++bins[i][static_cast<std::size_t>(p.unit[static_cast<Eigen::Index>(i)] * 10)];
  }
  for (const auto& parameter : bins) {
    for (int count : parameter) EXPECT_NEAR(count, 2000, 212);
  }
}

// Each of 6,000 seeds asks for one point; n = 6,000, p = 1/6: 1,000 +- 5 * 28.9 a cell.
TEST(Random, EveryCellOfAnEvenSpaceIsAsLikelyToBeFirst) {
  const SearchSpace space = Space().Choice("c", {"a", "b", "c"}).Int("n", "0", "1").Make();
  std::map<std::string, int> first;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    ++first[Text(space, Ask(*MakeSuggester("random", space, seed), 1, 0)[0].unit)];
  }
  EXPECT_EQ(first.size(), 6u);
  for (const auto& [text, count] : first) EXPECT_NEAR(count, 1000, 145) << text;
}

// Drawing without replacement from weights w: the first is a with probability w_a, the second b with w_b / (1 - w_a).
// n = 20,000 seeds; every count within 5 sigma of its binomial: 12 counts, odds of a stray one 7e-6.
TEST(Random, AWeightedSpaceIsDrawnWithoutReplacement) {
  const SearchSpace space = Space().Int("n", "1", "4", Distribution::kLogUniform).Make();
  std::array<double, 4> weight{};  // of each level, from the codec itself
  constexpr int kGrid = 100'000;
  for (int i = 0; i < kGrid; ++i) weight[space.LevelOf(0, (i + 0.5) / kGrid)] += 1.0 / kGrid;
  ASSERT_GT(weight[0], 1.5 * weight[3]);

  constexpr int kSeeds = 20'000;
  std::map<std::pair<std::size_t, std::size_t>, int> pairs;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto two = Ask(*MakeSuggester("random", space, seed), 2, 0);
    ++pairs[{space.LevelOf(0, two[0].unit[0]), space.LevelOf(0, two[1].unit[0])}];
  }
  for (std::size_t a = 0; a < 4; ++a) {
    for (std::size_t b = 0; b < 4; ++b) {
      const double p = a == b ? 0 : weight[a] * weight[b] / (1 - weight[a]);
      EXPECT_NEAR((pairs[{a, b}]), kSeeds * p, 5 * std::sqrt(kSeeds * p * (1 - p))) << a << " then " << b;
    }
  }
}

TEST(Random, AnExperimentSeedIsUsedWhenThereIsNoRandomState) {
  const SearchSpace space = Space().Real("x", "0", "1").Make();
  const auto first = [&](std::uint64_t seed, std::vector<Setting> settings) {
    return Text(space, Ask(*MakeSuggester("random", space, seed, std::move(settings)), 1, 0)[0].unit);
  };
  EXPECT_NE(first(1, {}), first(2, {}));
  EXPECT_EQ(first(7, {}), first(2, {{"random_state", "7"}}));
}

// 50 draws of 1..1e9 on a log scale fall on 1 nearly twice; none may be repeated, and no draw is wasted on a scan.
TEST(Random, AHugeWeightedRangeHasNoRepeats) {
  const SearchSpace space = Space().Int("n", "1", "1000000000", Distribution::kLogUniform).Make();
  std::set<std::string> distinct;
  for (const Proposal& p : Ask(*MakeSuggester("random", space), 5000, 0)) distinct.insert(Text(space, p.unit));
  EXPECT_EQ(distinct.size(), 5000u);
}

TEST(Random, NegativeSeedsAreRefused) {
  const SearchSpace space = Space().Real("x", "0", "1").Make();
  const std::vector<Setting> settings = {{"random_state", "-3"}};
  const AlgorithmContext context{.space = space, .seed = 1, .settings = settings, .max_trials = std::nullopt};
  EXPECT_EQ(ValidateAlgorithm(*FindAlgorithm("random"), context).message(),
            "random_state should be great or equal than zero");
}

}  // namespace
}  // namespace qalam
