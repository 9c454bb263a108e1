// SPDX-License-Identifier: Apache-2.0
// bayesianoptimization from outside: how near it comes, what its settings mean, and objectives that are no fun.
#include "algorithms/bayesian.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Ask;
using testing::Show;
using testing::Shown;
using testing::Space;
using testing::Text;

using Objective = std::function<double(const Eigen::VectorXd&)>;

std::unique_ptr<Suggester> Make(const SearchSpace& space, std::vector<Setting> settings = {}) {
  const AlgorithmInfo& info = *FindAlgorithm("bayesianoptimization");
  const AlgorithmContext context{.space = space, .seed = 3, .settings = settings, .max_trials = std::nullopt};
  EXPECT_TRUE(ValidateAlgorithm(info, context).ok());
  return info.make(context);
}

// One after the other; all trials.
std::vector<Shown> TrialsOf(const SearchSpace& space, int trials, const Objective& objective,
                            std::vector<Setting> settings = {}) {
  auto suggester = Make(space, std::move(settings));
  std::vector<Shown> out;
  for (int i = 0; i < trials; ++i) {
    const auto proposals = Ask(*suggester, 1, static_cast<std::uint64_t>(i));
    if (proposals.empty()) break;
    const double y = objective(proposals[0].unit);
    out.push_back({proposals[0].unit, y, std::isfinite(y) ? Outcome::kSucceeded : Outcome::kFailed,
                   static_cast<std::uint64_t>(i) + 1});
    Show(*suggester, space.dim(), {out.back()});
  }
  return out;
}

double Best(const std::vector<Shown>& trials) {
  double best = std::numeric_limits<double>::infinity();
  for (const Shown& trial : trials) {
    if (std::isfinite(trial.y)) best = std::min(best, trial.y);
  }
  return best;
}

double Bowl(const Eigen::VectorXd& u) { return (u.array() - 0.37).square().sum(); }

TEST(BayesianOptimization, ABowlIsSolvedInThirtyTrialsAndNearlyToTheLastDigit) {
  const SearchSpace space = Space().Real("x", "0", "1").Real("y", "0", "1").Real("z", "0", "1").Make();
  EXPECT_LT(Best(TrialsOf(space, 30, Bowl)), 1e-6);
}

TEST(BayesianOptimization, TheRightChoiceAndTheRightNumberAreFoundTogether) {
  const SearchSpace space = Space()
                                .Real("lr", "1e-5", "1", Distribution::kLogUniform)
                                .Int("n", "1", "100")
                                .Choice("c", {"a", "b", "d"})
                                .Make();
  const auto objective = [&](const Eigen::VectorXd& u) {
    const double shift[] = {0.2, 0.0, 0.4};
    return std::pow(u[0] - 0.6, 2) + std::pow(u[1] - 0.25, 2) + shift[space.LevelOf(2, u[2])];
  };
  EXPECT_LT(Best(TrialsOf(space, 40, objective)), 1e-4);
}

TEST(BayesianOptimization, EightAtOnceAreEightDifferentIdeas) {
  const SearchSpace space = Space().Real("x", "0", "1").Real("y", "0", "1").Make();
  auto suggester = Make(space);
  Show(*suggester, space.dim(), TrialsOf(space, 12, Bowl));
  const auto proposals = Ask(*suggester, 8, 12);
  ASSERT_EQ(proposals.size(), 8u);
  double nearest = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::size_t j = 0; j < i; ++j) nearest = std::min(nearest, (proposals[i].unit - proposals[j].unit).norm());
  }
  EXPECT_GT(nearest, 1e-4);
  EXPECT_EQ(proposals[0].label.substr(0, 4), "gp: ");
}

TEST(BayesianOptimization, EverySettingOfKatibsLeadsToTheOptimum) {
  const SearchSpace space = Space().Real("x", "0", "1").Real("y", "0", "1").Make();
  for (const std::string name : {"gp_hedge", "EI", "LCB", "PI", "EIps", "PIps", "auto"}) {
    EXPECT_LT(Best(TrialsOf(space, 30, Bowl, {{"acq_func", name}})), 1e-3) << name;
  }
  for (const std::string name : {"auto", "sampling", "lbfgs"}) {
    EXPECT_LT(Best(TrialsOf(space, 30, Bowl, {{"acq_optimizer", name}})), 1e-3) << name;
  }
  for (const std::string count : {"0", "1", "20"}) {
    EXPECT_LT(Best(TrialsOf(space, 35, Bowl, {{"n_initial_points", count}})), 1e-3) << count;
  }
}

// Where a choice decides more than the numbers do, and on a bowl, where they are worse than the Gaussian process.
TEST(BayesianOptimization, TreesFindTheRightChoiceAndComeNearInNumbers) {
  const SearchSpace space =
      Space().Real("x", "0", "1").Int("n", "1", "50").Choice("c", {"a", "b", "d", "e", "f"}).Make();
  const auto objective = [&](const Eigen::VectorXd& u) {
    const double shift[] = {0.2, 0.5, 0.0, 0.4, 0.3};
    return std::pow(u[0] - 0.6, 2) + std::pow(u[1] - 0.25, 2) + shift[space.LevelOf(2, u[2])];
  };
  const std::pair<const char*, const char*> estimators[] = {{"RF", "rf: "}, {"ET", "et: "}, {"GBRT", "gbrt: "}};
  for (const auto& [name, label] : estimators) {
    EXPECT_LT(Best(TrialsOf(space, 60, objective, {{"base_estimator", name}})), 0.02) << name;
    auto suggester = Make(space, {{"base_estimator", name}});
    Show(*suggester, space.dim(), TrialsOf(space, 12, objective));
    const auto proposals = Ask(*suggester, 8, 12);
    ASSERT_EQ(proposals.size(), 8u) << name;
    for (const Proposal& proposal : proposals) EXPECT_EQ(proposal.label.rfind(label, 0), 0u) << proposal.label;
  }
}

TEST(BayesianOptimization, ItLooksElsewhereThanWhereTrialsFail) {
  const SearchSpace space = Space().Real("x", "0", "1").Real("y", "0", "1").Make();
  const auto objective = [](const Eigen::VectorXd& u) { return u[0] < 0.5 ? NAN : Bowl(u); };
  const std::vector<Shown> trials = TrialsOf(space, 40, objective);
  EXPECT_LT(Best(trials), 0.0169 + 0.002);
  EXPECT_LT(std::ranges::count_if(trials, [](const Shown& t) { return std::isnan(t.y); }), 14);
}

TEST(BayesianOptimization, ObjectivesThatTeachNothingOrTooMuchAreStillAnswered) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const SearchSpace mixed = Space().Real("x", "0", "1").Int("n", "1", "9").Choice("c", {"a", "b"}).Make();
  const std::pair<const char*, Objective> objectives[] = {
      {"constant", [](const Eigen::VectorXd&) { return 3.0; }},
      {"all fail", [](const Eigen::VectorXd&) { return NAN; }},
      {"infinite", [](const Eigen::VectorXd& u) { return u[0] > 0.5 ? kInf : -u[0]; }},
      {"huge", [](const Eigen::VectorXd& u) { return u[0] > 0.5 ? 1e300 : -1e300 * u[0]; }},
      {"tiny", [](const Eigen::VectorXd& u) { return 1e-300 * u[0]; }},
      {"one outlier", [](const Eigen::VectorXd& u) { return u[0] == 0.5 ? 1e12 : u[0]; }},
      {"noise",
       [](const Eigen::VectorXd& u) { return Rng(1, "noise", static_cast<std::uint64_t>(1e9 * u.sum())).Normal(); }},
  };
  for (const auto& [name, objective] : objectives) {
    const std::vector<Shown> trials = TrialsOf(mixed, 25, objective);
    EXPECT_EQ(trials.size(), 25u) << name;
    for (const Shown& trial : trials) EXPECT_TRUE(trial.unit.allFinite()) << name;
  }
  const SearchSpace pinned = Space().Int("n", "3", "3").Real("x", "2", "2").Real("y", "0", "1").Make();
  EXPECT_EQ(TrialsOf(pinned, 20, Bowl).size(), 20u);
  Space wide;
  for (int i = 0; i < 200; ++i) wide.Real("x" + std::to_string(i), "0", "1");
  EXPECT_EQ(TrialsOf(wide.Make(), 12, Bowl).size(), 12u);
  const SearchSpace tiny = Space().Choice("c", {"a", "b", "d"}).Make();
  EXPECT_EQ(Ask(*Make(tiny), 100, 0).size(), 3u);
}

TEST(BayesianOptimization, TenIdenticalPointsAndManyTrialsAreNoTrouble) {
  const SearchSpace space = Space().Real("x", "0", "1").Real("y", "0", "1").Make();
  std::vector<Shown> trials;
  Rng rng(1, "test", 0);
  for (std::uint64_t i = 0; i < 1500; ++i) {
    Eigen::VectorXd unit = Eigen::VectorXd::Constant(2, 0.9);
    if (i >= 10) unit << rng.Uniform(), rng.Uniform();
    trials.push_back({unit, Bowl(unit) + (i < 10 ? 0.01 * static_cast<double>(i) : 0), Outcome::kSucceeded, i + 1});
  }
  auto suggester = Make(space);
  Show(*suggester, space.dim(), trials);
  EXPECT_LT(Bowl(Ask(*suggester, 1, 1500).at(0).unit), 1e-3);
}

}  // namespace
}  // namespace qalam
