// SPDX-License-Identifier: Apache-2.0
// auto from outside, and the local model that it leans on where the objective is smooth.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "algorithms/quadratic.h"
#include "core/rng.h"
#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Ask;
using testing::MakeSuggester;
using testing::Show;
using testing::Shown;
using testing::Space;

struct Tried {
  std::vector<Shown> trials;
  std::vector<std::string> labels;
  double best = std::numeric_limits<double>::infinity();
  std::ptrdiff_t By(std::string_view model) const {
    return std::ranges::count_if(labels, [&](const std::string& label) { return label.starts_with(model); });
  }
};

using Objective = std::function<double(const Eigen::VectorXd&)>;

Tried TryOut(const SearchSpace& space, int trials, const Objective& objective) {
  auto suggester = MakeSuggester("auto", space, 3);
  Tried out;
  for (int i = 0; i < trials; ++i) {
    const auto proposals = Ask(*suggester, 1, static_cast<std::uint64_t>(i));
    if (proposals.empty()) break;
    const double y = objective(proposals[0].unit);
    out.trials.push_back({proposals[0].unit, y, std::isfinite(y) ? Outcome::kSucceeded : Outcome::kFailed,
                          static_cast<std::uint64_t>(i) + 1});
    out.labels.push_back(proposals[0].label);
    if (std::isfinite(y)) out.best = std::min(out.best, y);
    Show(*suggester, space.dim(), {out.trials.back()});
  }
  return out;
}

SearchSpace Reals(int dim) {
  Space space;
  for (int i = 0; i < dim; ++i) space.Real("x" + std::to_string(i), "0", "1");
  return space.Make();
}

Eigen::VectorXd Uniform(Eigen::Index dim, std::uint64_t ordinal) {
  Rng rng(1, "test", ordinal);
  Eigen::VectorXd unit(dim);
  for (double& u : unit) u = rng.Uniform();
  return unit;
}

bool Always(const Eigen::VectorXd&) { return true; }

// Long and narrow, and not along the axes: each parameter matters less than the sum of them.
double Valley(const Eigen::VectorXd& u) {
  const Eigen::ArrayXd x = u.array() - 0.4;
  return x.square().sum() + 100 * x.sum() * x.sum();
}

TEST(LocalQuadratic, AQuadraticIsSolvedOnceItsCoefficientsAreKnown) {
  constexpr Eigen::Index kDim = 4;  // 15 coefficients
  const SearchSpace space = Reals(kDim);
  LocalQuadratic model(space, 1);
  for (std::uint64_t i = 0; i < 20; ++i) model.Add(Uniform(kDim, i), Valley(Uniform(kDim, i)));
  double lowest = std::numeric_limits<double>::infinity();
  for (std::uint64_t ordinal = 21; ordinal <= 26; ++ordinal) {
    ASSERT_TRUE(model.Fit());
    const auto unit = model.Propose({}, ordinal, Always);
    ASSERT_TRUE(unit.has_value());
    lowest = std::min(lowest, Valley(*unit));
    model.Add(*unit, Valley(*unit));
  }
  EXPECT_LT(lowest, 1e-8);
}

TEST(LocalQuadratic, TheRegionFollowsFromTheTrials) {
  const SearchSpace space = Space().Real("x", "0", "1").Choice("c", {"a", "b"}).Make();
  LocalQuadratic model(space, 1);
  const auto at = [](double x, double c) { return Eigen::Vector2d(x, c); };
  model.Add(at(0.5, 0.25), 1);
  const double first = model.radius();
  model.Add(at(0.6, 0.25), 2);
  EXPECT_LT(model.radius(), first) << "no better, and near";
  const double second = model.radius();
  model.Add(at(0.6, 0.75), 2);
  model.Add(at(0.99, 0.25), 2);
  EXPECT_EQ(model.radius(), second) << "another choice, and outside, say nothing";
  model.Add(at(0.55, 0.25), std::nan(""));
  EXPECT_LT(model.radius(), second) << "failed, and near";
  const double third = model.radius();
  model.Add(at(0.2, 0.25), 0.5);
  EXPECT_GT(model.radius(), third) << "a long step that found a better trial";
}

TEST(LocalQuadratic, ChoicesStayThoseOfTheBestTrialAndPendingPointsAreLeftAlone) {
  const SearchSpace space = Space().Real("x", "0", "1").Real("y", "0", "1").Choice("c", {"a", "b", "c"}).Make();
  LocalQuadratic model(space, 1);
  for (std::uint64_t i = 0; i < 30; ++i) {
    const Eigen::VectorXd unit = Uniform(3, i);
    model.Add(unit, Valley(unit.head(2)) + (space.LevelOf(2, unit[2]) == 1 ? 0 : 5));
  }
  ASSERT_TRUE(model.Fit());
  std::vector<Eigen::VectorXd> pending;
  for (std::uint64_t ordinal = 31; ordinal < 39; ++ordinal) {
    const auto unit = model.Propose(pending, ordinal, Always);
    ASSERT_TRUE(unit.has_value());
    EXPECT_EQ(space.LevelOf(2, (*unit)[2]), 1u);
    for (const auto& other : pending) EXPECT_GT((*unit - other).cwiseAbs().maxCoeff(), 1e-5);
    pending.push_back(*unit);
  }
}

TEST(LocalQuadratic, OneTrialOrNoNumbersAreNothingToFit) {
  const SearchSpace reals = Reals(3), choices = Space().Choice("c", {"a", "b"}).Make();
  LocalQuadratic few(reals, 1), none(choices, 1);
  few.Add(Uniform(3, 1), 1);
  EXPECT_FALSE(few.Fit());
  for (std::uint64_t i = 0; i < 9; ++i) none.Add(Uniform(1, i), 1);
  EXPECT_FALSE(none.Fit());
}

TEST(Auto, ASmoothValleyIsLeftToTheQuadraticAndSolved) {
  const Tried tried = TryOut(Reals(6), 80, Valley);
  EXPECT_LT(tried.best, 1e-6);
  EXPECT_GT(tried.By("quadratic"), 35);
  EXPECT_GT(tried.By("gp"), 15);  // its turns
}

// A step function of one choice and whole numbers: what is near says nothing.
TEST(Auto, WhereTheQuadraticIsNoHelpTheOtherGetsMostTrials) {
  const SearchSpace space = Space().Int("n", "1", "40").Int("m", "1", "40").Choice("c", {"a", "b", "c", "d"}).Make();
  const auto wild = [&](const Eigen::VectorXd& u) {
    const double n = static_cast<double>(space.LevelOf(0, u[0])), m = static_cast<double>(space.LevelOf(1, u[1]));
    return std::fmod(n * 7, 11) + std::fmod(m * 5, 13) + 3 * static_cast<double>(space.LevelOf(2, u[2]));
  };
  const Tried tried = TryOut(space, 80, wild);
  EXPECT_GT(tried.By("gp"), tried.By("quadratic"));
}

TEST(Auto, TrialsThatFailNearTheBestDoNotHoldItThere) {
  const auto half = [](const Eigen::VectorXd& u) {  // the minimum lies behind the fence
    return u[0] < 0.5 ? std::nan("") : (u.array() - 0.45).square().sum();
  };
  EXPECT_LT(TryOut(Reals(3), 60, half).best, 0.0025 + 0.003);
}

TEST(Auto, BeyondAThousandTrialsAParzenModelLooksEverywhere) {
  const SearchSpace space = Reals(2);
  std::vector<Shown> trials;
  for (std::uint64_t i = 1; i <= 1200; ++i) {
    const Eigen::VectorXd unit = Uniform(2, i);
    trials.push_back({unit, Valley(unit), Outcome::kSucceeded, i});
  }
  auto whole = MakeSuggester("auto", space, 3), pieces = MakeSuggester("auto", space, 3);
  Show(*whole, 2, trials);
  Show(*pieces, 2, {trials.begin(), trials.begin() + 900});
  Ask(*pieces, 1, 900);
  Show(*pieces, 2, {trials.begin() + 900, trials.end()});
  const auto proposals = Ask(*whole, 4, 1200), again = Ask(*pieces, 4, 1200);
  ASSERT_EQ(proposals.size(), 4u);
  EXPECT_TRUE(proposals[0].label.starts_with("tpe")) << proposals[0].label;
  EXPECT_TRUE(proposals[2].label.starts_with("quadratic")) << proposals[2].label;
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(proposals[i].unit, again[i].unit) << i;
}

TEST(Auto, TheFirstTrialsMatchTheGoldenFile) {
  const SearchSpace space = Space()
                                .Real("lr", "1e-5", "1e-1", Distribution::kLogUniform)
                                .Int("layers", "1", "6")
                                .Choice("optimizer", {"sgd", "adam"})
                                .Make();
  auto suggester = MakeSuggester("auto", space, 42);
  std::string text;
  for (std::uint64_t ordinal = 1; ordinal <= 30; ++ordinal) {
    const Proposal proposal = Ask(*suggester, 1, ordinal - 1).at(0);
    std::string line = testing::Text(space, proposal.unit);
    line = line.substr(line.find(' ') + 1);  // other machines' last digits may differ
    text += line + "  " + proposal.label + "\n";
    Show(*suggester, 3, {{proposal.unit, Valley(proposal.unit), Outcome::kSucceeded, ordinal}});
  }
  testing::ExpectGolden("auto.txt", text);
}

}  // namespace
}  // namespace qalam
