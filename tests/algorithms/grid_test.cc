// SPDX-License-Identifier: Apache-2.0
#include "algorithms/grid.h"

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

std::string Fault(const SearchSpace& space) {
  const AlgorithmContext context{.space = space, .seed = 1, .settings = {}, .max_trials = std::nullopt};
  return ValidateAlgorithm(*FindAlgorithm("grid"), context).message();
}

TEST(Grid, GoesThroughTheCellsAsNestedLoops) {
  const SearchSpace space =
      Space().Real("x", "0", "1", Distribution::kUniform, "0.5").Choice("c", {"b", "a"}).Int("n", "1", "2").Make();
  EXPECT_EQ(Texts(space, Ask(*MakeSuggester("grid", space), 100, 0)),
            (std::vector<std::string>{"x=0 c=b n=1", "x=0 c=b n=2", "x=0 c=a n=1", "x=0 c=a n=2", "x=0.5 c=b n=1",
                                      "x=0.5 c=b n=2", "x=0.5 c=a n=1", "x=0.5 c=a n=2", "x=1 c=b n=1", "x=1 c=b n=2",
                                      "x=1 c=a n=1", "x=1 c=a n=2"}));
}

TEST(Grid, RandomStateShufflesTheOrderAndKeepsTheCells) {
  const SearchSpace space = Space().Int("n", "1", "30").Int("m", "1", "30").Make();
  const auto plain = Texts(space, Ask(*MakeSuggester("grid", space), 1000, 0));
  const auto shuffled = Texts(space, Ask(*MakeSuggester("grid", space, 1, {{"random_state", "3"}}), 1000, 0));
  EXPECT_EQ(plain.size(), 900u);
  EXPECT_NE(plain, shuffled);
  EXPECT_EQ(std::set(plain.begin(), plain.end()), std::set(shuffled.begin(), shuffled.end()));
}

TEST(Grid, ShuffledOrderMatchesTheGoldenFile) {
  const SearchSpace space = Space().Int("n", "1", "5").Choice("c", {"a", "b", "c"}).Make();
  std::string lines;
  for (const std::string& text : Texts(space, Ask(*MakeSuggester("grid", space, 1, {{"random_state", "7"}}), 100, 0))) {
    lines += text + "\n";
  }
  testing::ExpectGolden("grid.txt", lines);
}

TEST(Grid, TheExperimentSeedAloneDoesNotShuffle) {
  const SearchSpace space = Space().Int("n", "1", "30").Make();
  EXPECT_EQ(Texts(space, Ask(*MakeSuggester("grid", space, 1), 30, 0)),
            Texts(space, Ask(*MakeSuggester("grid", space, 2), 30, 0)));
}

TEST(Grid, ADoubleNeedsAStep) {
  EXPECT_EQ(Fault(Space().Int("n", "1", "3").Real("lr", "0", "1").Make()),
            "parameter 'lr': algorithm grid needs a step for a double; add feasibleSpace.step, or list the values as "
            "parameterType discrete");
  EXPECT_EQ(Fault(Space().Real("lr", "0", "1", Distribution::kUniform, "0.1").Make()), "");
  EXPECT_EQ(Fault(Space().Real("lr", "1", "1").Make()), "");  // one value
}

TEST(Grid, AnAstronomicGridIsRefused) {
  Space space;
  for (int i = 0; i < 10; ++i) space.Int("n" + std::to_string(i), "1", "100000");
  EXPECT_NE(Fault(space.Make()).find("more than 2^63 combinations"), std::string::npos);
}

TEST(Grid, ALargeGridCostsNoMoreThanASmallOne) {
  Space maker;
  for (int i = 0; i < 9; ++i) maker.Int("n" + std::to_string(i), "1", "100");
  const SearchSpace space = maker.Make();
  ASSERT_EQ(space.cardinality(), 1'000'000'000'000'000'000u);
  for (const std::vector<Setting>& settings : {std::vector<Setting>{}, {{"random_state", "1"}}}) {
    auto grid = MakeSuggester("grid", space, 1, settings);
    std::set<std::string> distinct;
    for (std::uint64_t start : {0ULL, 1'000'000'000'000ULL, 999'999'999'999'999'990ULL}) {
      for (const std::string& text : Texts(space, Ask(*grid, 10, start))) distinct.insert(text);
    }
    EXPECT_EQ(distinct.size(), 30u);
    EXPECT_TRUE(Ask(*grid, 10, 1'000'000'000'000'000'000).empty());
  }
}

TEST(Grid, ACellFromElsewhereIsLeftOutAndTheLastCellStandsInForIt) {
  const SearchSpace space = Space().Int("n", "1", "5").Make();
  auto grid = MakeSuggester("grid", space);
  Show(*grid, 1, {Shown{*space.Encode({{"n", "2"}})}});
  EXPECT_EQ(Texts(space, Ask(*grid, 10, 0)), (std::vector<std::string>{"n=1", "n=5", "n=3", "n=4"}));
}

}  // namespace
}  // namespace qalam
