// SPDX-License-Identifier: Apache-2.0
// The searches for spaces of choices: regularised evolution, local search, bananas, and what they share.
#include <algorithm>
#include <cmath>

#include "algorithms/neighbours.h"
#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Ask;
using testing::ExpectGolden;
using testing::MakeSuggester;
using testing::Show;
using testing::Shown;
using testing::Space;
using testing::Text;

SearchSpace Cell() {
  Space space;
  for (const char* edge : {"a", "b", "c", "d", "e", "f"})
    space.Choice(edge, {"none", "skip", "conv1", "conv3", "pool"});
  return space.Make();
}

// What is chosen matters by itself and together with what is chosen beside it; the best is 0.
double Worth(const SearchSpace& space, const Eigen::VectorXd& unit) {
  double worth = 0;
  for (Eigen::Index i = 0; i < unit.size(); ++i) {
    const double level = static_cast<double>(space.LevelOf(i, unit[i])),
                 next = static_cast<double>(space.LevelOf((i + 1) % unit.size(), unit[(i + 1) % unit.size()]));
    worth += std::abs(level - 3) + 0.5 * std::abs(level - next);
  }
  return worth;
}

std::vector<Shown> Tried(const std::string& algorithm, const SearchSpace& space, int trials, std::uint64_t seed) {
  auto suggester = MakeSuggester(algorithm, space, seed);
  std::vector<Shown> all;
  for (std::uint64_t ordinal = 0; ordinal < static_cast<std::uint64_t>(trials); ++ordinal) {
    const auto proposals = Ask(*suggester, 1, ordinal);
    if (proposals.empty()) break;
    all.push_back({proposals[0].unit, Worth(space, proposals[0].unit), Outcome::kSucceeded, ordinal + 1});
    if (ordinal % 9 == 4) all.back().outcome = Outcome::kFailed, all.back().y = NAN;
    Show(*suggester, space.dim(), {all.back()});
  }
  return all;
}

class Choices : public ::testing::TestWithParam<std::string> {};

TEST_P(Choices, TheSequenceIsThatOfTheGoldenFile) {
  const SearchSpace space = Cell();
  std::string text;
  for (const Shown& trial : Tried(GetParam(), space, 60, 1)) text += Text(space, trial.unit) + "\n";
  ExpectGolden(GetParam() + ".txt", text);
}

// 15,625 cells, of which one is best: 150 random ones hold it one time in a hundred. One trial in nine fails; a best
// cell whose trial did was found too.
TEST_P(Choices, TheBestCellIsFoundInAFewHundredTrials) {
  const SearchSpace space = Cell();
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto all = Tried(GetParam(), space, 250, seed);
    found += std::ranges::any_of(all, [&](const Shown& trial) { return Worth(space, trial.unit) == 0; });
  }
  EXPECT_GE(found, 4) << "of 5";
}

INSTANTIATE_TEST_SUITE_P(Algorithms, Choices, ::testing::Values("bananas", "evolution", "local"),
                         [](const auto& test) { return test.param; });

TEST(Neighbours, DifferInOneParameterAndAreAllThereAre) {
  const SearchSpace space = Space().Choice("c", {"p", "q", "r"}).Int("n", "1", "9").Real("x", "0", "1").Make();
  Eigen::VectorXd unit(3);
  unit << space.UnitOf(0, 1), space.UnitOf(1, 2), 0.5;
  std::set<std::string> texts;
  for (const Eigen::VectorXd& neighbour : Neighbours(space, unit)) texts.insert(Text(space, neighbour));
  const std::set<std::string> expected = {"c=p n=3 x=0.5", "c=r n=3 x=0.5", "c=q n=2 x=0.5", "c=q n=4 x=0.5",
                                          "c=q n=1 x=0.5", "c=q n=5 x=0.5", "c=q n=7 x=0.5"};
  EXPECT_EQ(texts, expected);
}

TEST(Neighbours, AMutationChangesOneParameterToAnyOtherValue) {
  const SearchSpace space =
      Space().Choice("c", {"p", "q", "r"}).Int("n", "1", "3").Int("one", "4", "4").Real("x", "0", "1").Make();
  Eigen::VectorXd unit(4);
  unit << space.UnitOf(0, 1), space.UnitOf(1, 2), 0.5, 0.99;
  std::set<std::string> choices, numbers;
  bool moved = false;
  for (std::uint64_t i = 0; i < 200; ++i) {
    Rng rng(1, "test.mutation", i);
    const Eigen::VectorXd child = Mutate(space, unit, rng);
    EXPECT_EQ((child.array() != unit.array()).count(), 1);
    EXPECT_TRUE((child.array() >= 0).all() && (child.array() <= 1).all());
    choices.insert(space.Decode(child)[0].value);
    numbers.insert(space.Decode(child)[1].value);
    moved |= child[3] != unit[3];
  }
  EXPECT_EQ(choices.size(), 3u);
  EXPECT_EQ(numbers.size(), 3u);
  EXPECT_TRUE(moved);
}

TEST(Evolution, AnOldTrialHasNoMoreChildrenHoweverGoodItWas) {
  const SearchSpace space = Cell();
  auto suggester = MakeSuggester("evolution", space, 1, {{"population_size", "5"}, {"tournament_size", "5"}});
  const auto cell = [&](std::uint64_t level) {
    Eigen::VectorXd unit(6);
    for (Eigen::Index i = 0; i < 6; ++i) unit[i] = space.UnitOf(i, level);
    return unit;
  };
  std::vector<Shown> trials = {{cell(0), -100, Outcome::kSucceeded, 1}};
  for (std::uint64_t i = 0; i < 5; ++i) {
    Eigen::VectorXd unit = cell(4);
    unit[static_cast<Eigen::Index>(i)] = space.UnitOf(static_cast<Eigen::Index>(i), 3);
    trials.push_back({unit, 1, Outcome::kSucceeded, i + 2});
  }
  Show(*suggester, space.dim(), trials);
  for (const Proposal& child : Ask(*suggester, 20, 6)) {
    int like_the_old = 0;
    for (Eigen::Index i = 0; i < 6; ++i) like_the_old += space.LevelOf(i, child.unit[i]) == 0;
    EXPECT_LE(like_the_old, 4);
    EXPECT_GE(6 - like_the_old, 2);
  }
}

TEST(Local, AllAroundTheBestIsTriedBeforeAnythingElse) {
  const SearchSpace space = Cell();
  auto suggester = MakeSuggester("local", space, 1, {{"n_startup_trials", "2"}});
  Eigen::VectorXd best(6), other(6);
  for (Eigen::Index i = 0; i < 6; ++i) best[i] = space.UnitOf(i, 2), other[i] = space.UnitOf(i, 4);
  Show(*suggester, space.dim(), {{best, 0, Outcome::kSucceeded, 1}, {other, 5, Outcome::kSucceeded, 2}});
  const auto around = [](const Eigen::VectorXd& centre, const Eigen::VectorXd& unit) {
    return (centre.array() != unit.array()).count() == 1;
  };
  const auto proposals = Ask(*suggester, 48, 2);
  ASSERT_EQ(proposals.size(), 48u);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_TRUE(around(best, proposals[i].unit)) << i;
  for (std::size_t i = 24; i < 48; ++i) EXPECT_TRUE(around(other, proposals[i].unit)) << i;
}

}  // namespace
}  // namespace qalam
