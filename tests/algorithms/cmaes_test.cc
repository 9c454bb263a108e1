// SPDX-License-Identifier: Apache-2.0
// cmaes from outside: what it learns, when it begins again, and what its settings mean.
#include "algorithms/cmaes.h"

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

using Objective = std::function<double(const Eigen::VectorXd&)>;

std::vector<double> ValuesOf(const SearchSpace& space, int trials, int at_once, const Objective& objective,
                             std::vector<Setting> settings = {}) {
  const AlgorithmInfo& info = *FindAlgorithm("cmaes");
  const AlgorithmContext context{
      .space = space, .seed = 5, .settings = settings, .max_trials = {}, .parallel = at_once};
  EXPECT_TRUE(ValidateAlgorithm(info, context).ok());
  const auto suggester = info.make(context);
  std::vector<double> out;
  while (static_cast<int>(out.size()) < trials) {
    const std::uint64_t told = out.size();
    std::vector<Shown> finished;
    for (const Proposal& proposal : Ask(*suggester, at_once, told)) {
      const double y = objective(proposal.unit);
      out.push_back(y);
      finished.push_back({proposal.unit, y, std::isfinite(y) ? Outcome::kSucceeded : Outcome::kFailed, out.size()});
    }
    if (finished.empty()) break;
    Show(*suggester, space.dim(), finished);
  }
  return out;
}

double Best(const std::vector<double>& values) {
  double best = std::numeric_limits<double>::infinity();
  for (const double y : values) best = std::isfinite(y) ? std::min(best, y) : best;
  return best;
}

SearchSpace Reals(int d) {
  Space space;
  for (int i = 0; i < d; ++i) space.Real("x" + std::to_string(i), "0", "1");
  return space.Make();
}

// A valley that lies across the axes and is a hundred times as long as it is wide.
double Valley(const Eigen::VectorXd& u) {
  double out = 0;
  for (Eigen::Index i = 0; i + 1 < u.size(); ++i) {
    out += 1e4 * std::pow(u[i] - u[i + 1], 2) + std::pow(u[i] + u[i + 1] - 0.7, 2);
  }
  return out;
}

TEST(CmaEs, AValleyAcrossTheAxesIsFollowedToItsBottom) { EXPECT_LT(Best(ValuesOf(Reals(5), 1500, 1, Valley)), 1e-8); }

TEST(CmaEs, AsManyAtOnceAsAGenerationHasOrMoreLearnToo) {
  EXPECT_LT(Best(ValuesOf(Reals(5), 2000, 8, Valley)), 1e-6);
  EXPECT_LT(Best(ValuesOf(Reals(5), 3000, 40, Valley)), 1e-6);
}

TEST(CmaEs, NumbersWithLevelsAndChoicesAreFoundToo) {
  const SearchSpace space =
      Space().Real("x", "0", "1").Int("n", "1", "10").Int("m", "0", "1").Choice("c", {"a", "b", "d", "e"}).Make();
  const auto objective = [&](const Eigen::VectorXd& u) {
    return std::pow(u[0] - 0.8, 2) + std::pow(static_cast<double>(space.LevelOf(1, u[1])) - 7, 2) +
           (space.LevelOf(2, u[2]) == 1 ? 0.0 : 0.5) + (space.LevelOf(3, u[3]) == 2 ? 0.0 : 0.3);
  };
  for (const int at_once : {1, 7}) EXPECT_LT(Best(ValuesOf(space, 400, at_once, objective)), 1e-3) << at_once;
}

// The bottom of the wide funnel is 1; that of the narrow one is 0 and takes another start to find.
TEST(CmaEs, WhenItHasConvergedItBeginsAgainElsewhere) {
  const auto objective = [](const Eigen::VectorXd& u) {
    return std::min(1 + 4 * (u.array() - 0.35).square().sum(), 60 * (u.array() - 0.85).square().sum());
  };
  const SearchSpace space = Reals(2);
  for (const std::string strategy : {"ipop", "bipop"}) {
    EXPECT_LT(Best(ValuesOf(space, 20000, 1, objective, {{"restart_strategy", strategy}})), 1e-3) << strategy;
  }
  for (const std::string strategy : {"none", "None"}) {
    const std::vector<double> values = ValuesOf(space, 1500, 1, objective, {{"restart_strategy", strategy}});
    EXPECT_EQ(values.size(), 1500u) << "it goes on, with new points";
    EXPECT_LT(*std::max_element(values.begin() + 700, values.begin() + 800), 1.01) << "where it converged";
  }
}

TEST(CmaEs, ASmallStepStaysNearTheMiddle) {
  const auto distance = [](const Eigen::VectorXd& u) { return (u.array() - 0.5).abs().maxCoeff(); };
  const std::vector<double> near = ValuesOf(Reals(3), 7, 1, distance, {{"sigma", "0.01"}});
  EXPECT_LT(*std::ranges::max_element(near), 0.06);
  const std::vector<double> far = ValuesOf(Reals(3), 7, 1, distance, {{"sigma", "0.3"}});
  EXPECT_GT(*std::ranges::max_element(far), 0.2);
}

TEST(CmaEs, WhatFailsIsLeft) {
  const auto objective = [](const Eigen::VectorXd& u) { return u[0] > 0.5 ? NAN : (u.array() - 0.4).square().sum(); };
  const std::vector<double> values = ValuesOf(Reals(3), 300, 1, objective);
  EXPECT_LT(Best(values), 1e-3);
  EXPECT_LT(std::count_if(values.begin() + 200, values.end(), [](double y) { return std::isnan(y); }), 30);
}

TEST(CmaEs, ObjectivesThatTeachNothingAreAnsweredToTheEnd) {
  const SearchSpace mixed = Space().Real("x", "0", "1").Int("n", "1", "3").Real("z", "0", "1").Make();
  const Objective objectives[] = {[](const Eigen::VectorXd&) { return 1.0; },
                                  [](const Eigen::VectorXd&) { return NAN; },
                                  [](const Eigen::VectorXd& u) { return 1e300 * (u[0] - 0.5); },
                                  [](const Eigen::VectorXd& u) { return 1e-300 * u[0]; }};
  for (const Objective& objective : objectives) EXPECT_EQ(ValuesOf(mixed, 2000, 3, objective).size(), 2001u);
  EXPECT_EQ(ValuesOf(Reals(200), 60, 4, [](const Eigen::VectorXd& u) { return u.sum(); }).size(), 60u);
  const SearchSpace tiny = Space().Int("n", "1", "3").Int("m", "1", "3").Make();
  EXPECT_EQ(ValuesOf(tiny, 100, 2, [](const Eigen::VectorXd& u) { return u.sum(); }).size(), 9u);
}

TEST(CmaEs, KatibsRefusalsAreItsOwnWords) {
  const auto fault = [](const SearchSpace& space, std::vector<Setting> settings) {
    return ValidateAlgorithm(*FindAlgorithm("cmaes"), {.space = space, .settings = settings, .max_trials = {}})
        .message();
  };
  EXPECT_EQ(fault(Space().Real("x", "0", "1").Choice("c", {"a", "b"}).Make(), {}),
            "cmaes only supports two or more dimensional continuous search space.");
  EXPECT_EQ(fault(Reals(2), {{"restart_strategy", "always"}}),
            "restart_strategy always is not supported in CMAES optimization");
  EXPECT_EQ(fault(Reals(2), {{"sigma", "-1"}}), "sigma should be great or equal than zero");
  EXPECT_EQ(fault(Reals(2), {{"sigma", "0"}, {"restart_strategy", "None"}, {"random_state", "3"}}), "");
}

}  // namespace
}  // namespace qalam
