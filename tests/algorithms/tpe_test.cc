// SPDX-License-Identifier: Apache-2.0
#include "algorithms/tpe.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "algorithms/parzen.h"
#include "core/math.h"
#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Ask;
using testing::MakeSuggester;
using testing::Show;
using testing::Shown;
using testing::Space;
using testing::Text;

// The best value of a run of `trials`, one after the other.
double Best(const std::string& algorithm, const SearchSpace& space, int trials, std::uint64_t seed,
            const std::function<double(const Eigen::VectorXd&)>& objective) {
  auto suggester = MakeSuggester(algorithm, space, seed);
  double best = INFINITY;
  for (int i = 0; i < trials; ++i) {
    const Eigen::VectorXd unit = Ask(*suggester, 1, static_cast<std::uint64_t>(i)).at(0).unit;
    const double y = objective(unit);
    best = std::min(best, y);
    Show(*suggester, space.dim(), {{unit, y, Outcome::kSucceeded, static_cast<std::uint64_t>(i) + 1}});
  }
  return best;
}

double Median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

TEST(Parzen, TheDensityIsThatOfItsDefinition) {
  const SearchSpace space =
      Space().Real("x", "0", "1").Real("y", "-1", "3").Int("n", "1", "5").Choice("c", {"a", "b", "c"}).Make();
  Eigen::MatrixXd points(4, 3);
  points.col(0) << 0.1, 0.9, space.UnitOf(2, 0), space.UnitOf(3, 1);
  points.col(1) << 0.5, 0.2, space.UnitOf(2, 4), space.UnitOf(3, 1);
  points.col(2) << 1.0, 0.0, space.UnitOf(2, 2), space.UnitOf(3, 2);
  const ParzenEstimator estimator(space, points, 1.0);
  const double h = 0.07 * std::pow(3.0, -1.0 / 8);

  Rng rng(1, "test.parzen", 0);
  for (int round = 0; round < 50; ++round) {
    const Eigen::VectorXd at = estimator.Sample(rng);
    double density = 0.25;  // the uniform one
    for (Eigen::Index k = 0; k < 3; ++k) {
      double kernel = 0.25;
      for (Eigen::Index j = 0; j < 2; ++j) {
        const double z = (at[j] - points(j, k)) / h;
        kernel *= std::exp(-z * z / 2) / (h * std::sqrt(2 * std::numbers::pi)) /
                  (NormalCdf((1 - points(j, k)) / h) - NormalCdf(-points(j, k) / h));
      }
      const double mean = points(2, k), level = static_cast<double>(space.LevelOf(2, at[2]));
      kernel *= 5 * (NormalCdf(((level + 1) / 5 - mean) / h) - NormalCdf((level / 5 - mean) / h)) /
                (NormalCdf((1 - mean) / h) - NormalCdf(-mean / h));
      const bool same = space.LevelOf(3, at[3]) == space.LevelOf(3, points(3, k));
      kernel *= 3 * ((same ? 1 : 0) + 1.0 / 3) / 2;
      density += kernel;
    }
    EXPECT_NEAR(estimator.LogDensity(at)[0], std::log(density), 2e-5);
  }
}

// A kernel is uniform in what its point lacks; what is not active is no factor.
TEST(Parzen, TheDensityOfAConditionalSpaceIsThatOfItsDefinition) {
  const SearchSpace space = Space()
                                .Choice("c", {"a", "b"})
                                .Real("x", "0", "1")
                                .When("c == a")
                                .Int("n", "1", "5")
                                .When("c == b")
                                .Real("y", "0", "1")
                                .Make();
  Eigen::MatrixXd points(4, 3);
  points.col(0) << space.UnitOf(0, 0), 0.3, 0.5, 0.9;
  points.col(1) << space.UnitOf(0, 1), 0.5, space.UnitOf(2, 4), 0.2;
  points.col(2) << space.UnitOf(0, 0), 0.8, 0.5, 0.1;
  const ParzenEstimator estimator(space, points, 1.0);
  const double h = 0.07 * std::pow(3.0, -1.0 / 7);  // each has three parameters
  const auto normal = [&](double at, double mean) {
    const double z = (at - mean) / h;
    return std::exp(-z * z / 2) / (h * std::sqrt(2 * std::numbers::pi)) /
           (NormalCdf((1 - mean) / h) - NormalCdf(-mean / h));
  };
  Rng rng(1, "test.parzen", 0);
  for (int round = 0; round < 100; ++round) {
    Eigen::VectorXd at = estimator.Sample(rng);
    space.Rest(&at);
    const std::uint64_t branch = space.LevelOf(0, at[0]);
    double density = 0.25;
    for (Eigen::Index k = 0; k < 3; ++k) {
      const std::uint64_t own = space.LevelOf(0, points(0, k));
      double kernel = 0.25 * 2 * ((own == branch ? 1 : 0) + 1.0 / 3) / (5.0 / 3) * normal(at[3], points(3, k));
      if (own == 0 && branch == 0) kernel *= normal(at[1], points(1, k));
      if (own == 1 && branch == 1) {
        const double mean = points(2, k), level = static_cast<double>(space.LevelOf(2, at[2]));
        kernel *= 5 * (NormalCdf(((level + 1) / 5 - mean) / h) - NormalCdf((level / 5 - mean) / h)) /
                  (NormalCdf((1 - mean) / h) - NormalCdf(-mean / h));
      }
      density += kernel;
    }
    EXPECT_NEAR(estimator.LogDensity(at)[0], std::log(density), 2e-5);
  }
}

TEST(Parzen, SamplesAreWhereTheDensityIs) {
  const SearchSpace space = Space().Real("x", "0", "1").Choice("c", {"a", "b"}).Make();
  Eigen::MatrixXd points(2, 20);
  for (Eigen::Index k = 0; k < 20; ++k) points.col(k) << 0.8, space.UnitOf(1, 1);
  const ParzenEstimator estimator(space, points, 1.0);
  Rng rng(2, "test.parzen", 0);
  int near = 0, same = 0;
  for (int i = 0; i < 2000; ++i) {
    const Eigen::VectorXd at = estimator.Sample(rng);
    near += std::abs(at[0] - 0.8) < 0.2;
    same += space.LevelOf(1, at[1]) == 1;
  }
  // 20 of 21 are from a kernel: N(0.8, 0.04), and 1.05 of 1.1 on its own category.
  EXPECT_NEAR(near / 2000.0, 20.0 / 21 + 0.4 / 21, 0.03);
  EXPECT_NEAR(same / 2000.0, 20.0 / 21 * 1.05 / 1.1 + 0.5 / 21, 0.03);
}

TEST(Tpe, FindsWhatRandomSearchDoesNot) {
  const SearchSpace space = Space()
                                .Real("lr", "1e-5", "1", Distribution::kLogUniform)
                                .Real("momentum", "0", "1")
                                .Int("layers", "1", "8")
                                .Choice("optimizer", {"sgd", "adam", "rmsprop"})
                                .Make();
  const auto objective = [&](const Eigen::VectorXd& u) {
    return 10 * (u[0] - 0.62) * (u[0] - 0.62) + 4 * (u[1] - u[0]) * (u[1] - u[0]) +
           0.1 * std::abs(static_cast<double>(space.LevelOf(2, u[2])) - 5) + (space.LevelOf(3, u[3]) == 1 ? 0 : 0.3);
  };
  std::vector<double> tpe, random;
  for (std::uint64_t seed = 1; seed <= 11; ++seed) {
    tpe.push_back(Best("tpe", space, 60, seed, objective));
    random.push_back(Best("random", space, 60, seed, objective));
  }
  EXPECT_LT(Median(tpe), 0.4 * Median(random));
}

TEST(Tpe, TrialsThatAreStillRunningAreKeptAwayFrom) {
  const SearchSpace space = Space().Real("x", "0", "1").Real("y", "0", "1").Make();
  std::vector<Shown> finished;
  auto teacher = MakeSuggester("random", space, 3);
  for (const Proposal& p : Ask(*teacher, 30, 0)) {
    finished.push_back({p.unit, (p.unit.array() - 0.4).square().sum(), Outcome::kSucceeded, finished.size() + 1});
  }
  auto suggester = MakeSuggester("tpe", space, 3);
  Show(*suggester, space.dim(), finished);
  const auto batch = Ask(*suggester, 8, 30);
  double nearest = 1;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) nearest = std::min(nearest, (batch[i].unit - batch[j].unit).norm());
  }
  EXPECT_GT(nearest, 0.01);
  EXPECT_GT((batch[7].unit - batch[0].unit).norm(), 0.02);
}

TEST(Tpe, AFailedTrialIsAPlaceToAvoid) {
  const SearchSpace space = Space().Real("x", "0", "1").Make();
  std::vector<Shown> finished;
  for (int i = 0; i < 40; ++i) {
    const Eigen::VectorXd unit = Eigen::VectorXd::Constant(1, (i + 0.5) / 40);
    const bool fails = unit[0] > 0.5;  // where it would be best
    finished.push_back(
        {unit, fails ? NAN : 1 - unit[0], fails ? Outcome::kFailed : Outcome::kSucceeded, finished.size() + 1});
  }
  auto suggester = MakeSuggester("tpe", space, 1);
  Show(*suggester, space.dim(), finished);
  for (const Proposal& p : Ask(*suggester, 5, 40)) EXPECT_LT(p.unit[0], 0.6);
}

TEST(Tpe, SettingsAreKatibsAndSayWhatIsWrongInItsWords) {
  const SearchSpace space = Space().Real("x", "0", "1").Make();
  const auto check = [&](const std::string& algorithm, std::vector<Setting> settings) {
    const AlgorithmContext context{.space = space, .seed = 1, .settings = settings, .max_trials = std::nullopt};
    return ValidateAlgorithm(*FindAlgorithm(algorithm), context).message();
  };
  EXPECT_EQ(
      check("tpe", {{"gamma", "0.25"}, {"prior_weight", "1.0"}, {"n_EI_candidates", "24"}, {"random_state", "10"}}),
      "");
  EXPECT_EQ(check("tpe", {{"gamma", "1.5"}}), "gamma should be in the range of (0, 1)");
  EXPECT_EQ(check("tpe", {{"prior_weight", "-1"}}), "prior_weight should be great than zero");
  EXPECT_EQ(check("tpe", {{"n_EI_candidates", "0"}}), "n_EI_candidates should be great than zero");
  EXPECT_EQ(check("tpe", {{"random_state", "-1"}}), "random_state should be great or equal than zero");
  EXPECT_EQ(check("multivariate-tpe", {{"n_startup_trials", "5"}, {"n_ei_candidates", "24"}, {"random_state", "1"}}),
            "");
  EXPECT_EQ(check("multivariate-tpe", {{"gamma", "0.2"}}), "unknown setting gamma for algorithm multivariate-tpe");
}

}  // namespace
}  // namespace qalam
