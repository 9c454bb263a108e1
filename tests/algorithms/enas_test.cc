// SPDX-License-Identifier: Apache-2.0
// The search of ENAS: what its controller has learned shows in the networks that it proposes.
#include <cmath>

#include "core/nas_space.h"
#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Ask;
using testing::MakeSuggester;
using testing::Show;
using testing::Shown;

constexpr int kLayers = 5;

// How many layers have the operation that suits them, and how many skip connections there are of those that help.
double Reward(const SearchSpace& space, const Eigen::VectorXd& unit) {
  double reward = 0;
  Eigen::Index at = 0;
  for (int layer = 0; layer < kLayers; ++layer) {
    reward += space.LevelOf(at, unit[at]) == static_cast<std::uint64_t>((3 * layer + 1) % 4) ? 1 : 0;
    for (int earlier = 0; earlier < layer; ++earlier) {
      const Eigen::Index skip = at + 1 + earlier;
      reward += space.LevelOf(skip, unit[skip]) == (earlier == 0 ? 1 : 0) ? 0.25 : 0;
    }
    at += 1 + layer;
  }
  return reward;
}

// Of so many trials, one after the other; one in ten fails.
std::vector<double> Rewards(const std::string& search, std::uint64_t seed, int trials) {
  const SearchSpace space = NetworkSpace(kLayers, 4);
  auto suggester = MakeSuggester("enas", space, seed, {{"search", search}});
  std::vector<double> rewards;
  for (std::uint64_t ordinal = 0; ordinal < static_cast<std::uint64_t>(trials); ++ordinal) {
    const auto proposals = Ask(*suggester, 1, ordinal);
    rewards.push_back(Reward(space, proposals[0].unit));
    Shown trial{proposals[0].unit, -rewards.back(), Outcome::kSucceeded, ordinal + 1};
    if (ordinal % 10 == 7) trial.outcome = Outcome::kFailed, trial.y = NAN;
    Show(*suggester, space.dim(), {trial});
  }
  return rewards;
}

double Mean(const std::vector<double>& values, int from, int to) {
  double sum = 0;
  for (int i = from; i < to; ++i) sum += values[static_cast<std::size_t>(i)];
  return sum / (to - from);
}

// A reward by chance has the mean 2.5 and the standard deviation 0.94; 50 of them have a mean within 0.4 of that, 997
// times in 1,000.
TEST(Enas, TheMeanRewardRisesWithTheTrialsAndAboveThatOfRandomOnes) {
  double risen = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const std::vector<double> learned = Rewards("rl", seed, 150), random = Rewards("random", seed, 150);
    EXPECT_NEAR(Mean(random, 0, 150), 2.5, 0.25) << seed;
    EXPECT_GT(Mean(learned, 100, 150), Mean(random, 100, 150) + 0.4) << seed;
    risen += Mean(learned, 100, 150) - Mean(learned, 0, 50);
  }
  EXPECT_GT(risen / 3, 0.25);
}

}  // namespace
}  // namespace qalam
