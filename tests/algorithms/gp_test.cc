// SPDX-License-Identifier: Apache-2.0
// The model behind bayesianoptimization: derivatives against differences, and what it believes.
#include "algorithms/gp.h"

#include <cmath>

#include "algorithms/acquisition.h"
#include "algorithms/output_transform.h"
#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Space;

SearchSpace Mixed() {
  return Space().Real("x", "0", "1").Real("y", "0", "1").Int("n", "0", "9").Choice("c", {"p", "q", "r"}).Make();
}

// y and n are lacking in many points, both or one of them.
SearchSpace Lacking() {
  return Space()
      .Real("x", "0", "1")
      .Real("y", "0", "1")
      .When("c != p")
      .Int("n", "0", "9")
      .When("y >= 0.4")
      .Choice("c", {"p", "q", "r"})
      .Make();
}

struct Data {
  explicit Data(const SearchSpace& space, Eigen::Index n) : inputs(space), units(space.dim(), n), y(n) {
    Rng rng(7, "test", 0);
    for (double& u : units.reshaped()) u = rng.Uniform();
    for (Eigen::Index i = 0; i < n; ++i)
      y[i] = std::sin(3 * units(0, i)) + units(1, i) * units(2, i) + rng.Normal() / 10;
    Standardise(&y);
    x = inputs.Of(units);
  }
  ModelInputs inputs;
  Eigen::MatrixXd units, x;
  Eigen::VectorXd y;
};

class GpOf : public ::testing::TestWithParam<SearchSpace (*)()> {};
INSTANTIATE_TEST_SUITE_P(Spaces, GpOf, ::testing::Values(&Mixed, &Lacking));

TEST_P(GpOf, TheLossHasTheGradientOfItsDifferences) {
  const SearchSpace space = GetParam()();
  const Data data(space, 25);
  GpHyper hyper = DefaultGpHyper(data.inputs);
  hyper.length << -0.5, 0.2, -1.1, 0.4;
  hyper.scale = 0.3, hyper.noise = -3, hyper.quadratic = -1;
  Eigen::VectorXd gradient, ignored;
  GpLoss(data.inputs, data.x, data.y, hyper, &gradient);
  ASSERT_EQ(gradient.size(), 7);
  for (Eigen::Index i = 0; i < gradient.size(); ++i) {
    constexpr double kStep = 1e-5;
    double side[2];
    for (const int sign : {0, 1}) {
      GpHyper moved = hyper;
      double& value = i < 4 ? moved.length[i] : i == 4 ? moved.scale : i == 5 ? moved.noise : moved.quadratic;
      value += sign == 0 ? -kStep : kStep;
      side[sign] = GpLoss(data.inputs, data.x, data.y, moved, &ignored);
    }
    const double difference = (side[1] - side[0]) / (2 * kStep);
    EXPECT_NEAR(gradient[i], difference, 1e-6 * std::max(1.0, std::abs(difference))) << "hyperparameter " << i;
  }
}

Gp Told(const ModelInputs& inputs, const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, const GpHyper& hyper) {
  Gp gp(inputs, x, hyper);
  gp.SetValues(y);
  return gp;
}

// In one block or a row at a time, and twice the same point.
TEST_P(GpOf, PointsThatAreAddedAreAsThoseItBeganWith) {
  const SearchSpace space = GetParam()();
  const Data data(space, 30);
  const GpHyper hyper = DefaultGpHyper(data.inputs);
  const Gp whole = Told(data.inputs, data.x, data.y, hyper);
  Gp block(data.inputs, data.x.topRows(20), hyper), rows = block;
  block.Add(data.x.bottomRows(10));
  block.SetValues(data.y);
  for (Eigen::Index i = 20; i < 30; ++i) rows.Add(data.x.row(i));
  rows.SetValues(data.y);
  const Data other(space, 40);
  for (const Gp* gp : {&block, &rows}) {
    Eigen::MatrixXd mean, expected;
    Eigen::VectorXd sd, expected_sd;
    gp->Predict(other.x, &mean, &sd);
    whole.Predict(other.x, &expected, &expected_sd);
    EXPECT_LT((mean - expected).norm(), 1e-9 * expected.norm());
    EXPECT_LT((sd - expected_sd).norm(), 1e-7 * expected_sd.norm());
    gp->Predict(data.x, &mean, &sd);
    EXPECT_LT((mean - gp->fitted()).norm(), 1e-6 * mean.norm());
  }
  GpHyper exact = hyper;
  exact.noise = -30;
  Gp same(data.inputs, data.x, exact);
  same.Add(data.x.topRows(5));
  same.Add(data.x.topRows(5));
  Eigen::VectorXd y(40);
  y << data.y, data.y.head(5), data.y.head(5);
  same.SetValues(y);
  EXPECT_LT((same.fitted() - y).norm(), 0.01 * y.norm());
}

TEST_P(GpOf, PredictionsHaveTheGradientsOfTheirDifferences) {
  const SearchSpace space = GetParam()();
  const Data data(space, 25);
  GpHyper hyper = DefaultGpHyper(data.inputs);
  hyper.quadratic = -1;
  Eigen::MatrixXd targets(25, 2);
  targets << data.y, data.y.cwiseAbs2();
  const Gp gp = Told(data.inputs, data.x, targets, hyper);
  Eigen::VectorXd at(4), mean, dsd;
  at << 0.31, 0.62, 0.45, 1;
  Eigen::MatrixXd dmean, means;
  Eigen::VectorXd sds;
  double sd = 0;
  gp.Predict(at, &mean, &sd, &dmean, &dsd);
  gp.Predict(at.transpose(), &means, &sds);
  EXPECT_NEAR(sds[0], sd, 1e-12);
  EXPECT_NEAR((means.transpose() - mean).norm(), 0, 1e-12);
  for (Eigen::Index j = 0; j < 3; ++j) {
    constexpr double kStep = 1e-5;
    Eigen::MatrixXd ends = at.transpose().replicate(2, 1);
    ends(0, j) -= kStep, ends(1, j) += kStep;
    gp.Predict(ends, &means, &sds);
    for (Eigen::Index s = 0; s < 2; ++s) {
      const double difference = (means(1, s) - means(0, s)) / (2 * kStep);
      EXPECT_NEAR(dmean(j, s), difference, 1e-6 * std::max(1.0, std::abs(difference)));
    }
    EXPECT_NEAR(dsd[j], (sds[1] - sds[0]) / (2 * kStep), 1e-6);
  }
  EXPECT_EQ(dsd[3], 0);
}

TEST(Gp, TheFitFindsABetterPlaceThanTheStartAndPredictsPointsItHasNotSeen) {
  const SearchSpace space = Space().Real("x", "0", "1").Real("y", "0", "1").Real("idle", "0", "1").Make();
  const Data data(space, 60);
  Eigen::VectorXd clean(60);
  for (Eigen::Index i = 0; i < 60; ++i) clean[i] = std::sin(6 * data.units(0, i)) + data.units(1, i);
  Standardise(&clean);
  double loss = 0;
  Eigen::VectorXd ignored;
  const Eigen::MatrixXd known = data.x.topRows(40), asked = data.x.bottomRows(20);
  const GpHyper start = DefaultGpHyper(data.inputs), hyper = FitGp(data.inputs, known, clean.head(40), start, &loss);
  EXPECT_LT(loss, GpLoss(data.inputs, known, clean.head(40), start, &ignored));
  EXPECT_GT(hyper.length[2], hyper.length[0] + 1) << "what does nothing is far and wide the same";
  const Gp gp = Told(data.inputs, known, clean.head(40), hyper);
  Eigen::MatrixXd mean;
  Eigen::VectorXd sd;
  gp.Predict(asked, &mean, &sd);
  EXPECT_LT((mean.col(0) - clean.tail(20)).norm(), 0.02 * clean.tail(20).norm());
}

TEST(Gp, ItPassesThroughWhatItSawAndDoubtsWhatIsFarAway) {
  const SearchSpace space = Space().Real("x", "0", "1").Make();
  const ModelInputs inputs(space);
  Eigen::MatrixXd x(3, 1), mean;
  x << 0.1, 0.15, 0.3;
  Eigen::VectorXd y(3), sd;
  y << 1, 0, -1;
  GpHyper hyper = DefaultGpHyper(inputs);
  hyper.length[0] = std::log(0.1), hyper.noise = std::log(1e-8), hyper.quadratic = -16;
  const Gp gp = Told(inputs, x, y, hyper);
  gp.Predict(x, &mean, &sd);
  EXPECT_LT((mean.col(0) - y).cwiseAbs().maxCoeff(), 1e-6);
  EXPECT_LT(sd.maxCoeff(), 1e-3);
  gp.Predict(Eigen::MatrixXd::Constant(1, 1, 0.95), &mean, &sd);
  EXPECT_NEAR(mean(0, 0), 0, 0.05);
  EXPECT_NEAR(sd[0], 1, 0.05);
}

TEST(Gp, TheSamePointTenTimesIsNoTrouble) {
  const SearchSpace space = Space().Real("x", "0", "1").Choice("c", {"a", "b"}).Make();
  const ModelInputs inputs(space);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Constant(10, 2, 0.5);
  const Eigen::VectorXd y = Eigen::VectorXd::LinSpaced(10, -1, 1);
  double loss = 0;
  const GpHyper hyper = FitGp(inputs, x, y, DefaultGpHyper(inputs), &loss);
  const Gp gp = Told(inputs, x, y, hyper);
  Eigen::MatrixXd mean;
  Eigen::VectorXd sd;
  gp.Predict(x, &mean, &sd);
  EXPECT_TRUE(mean.allFinite() && sd.allFinite() && std::isfinite(loss));
  EXPECT_NEAR(mean(0, 0), 0, 0.05);
}

// Values by 50 digits of arithmetic.
TEST(Acquisition, TheLogarithmsAreExactFarIntoTheTail) {
  const struct {
    double u, log_ei, log_pi;
  } known[] = {{2.0, 0.69738354578822831, -0.023012909328963488}, {0.0, -0.91893853320467274, -0.69314718055994531},
               {-1.0, -2.4851210257126413, -1.8410216450092635},  {-3.0, -7.8696860596030285, -6.6077262215103495},
               {-10.0, -55.553122036122356, -53.231285150512471}, {-40.0, -808.29856835661996, -804.60844201375379},
               {-1e4, -50000019.339619307, -50000010.129278915}};
  for (const auto& [u, log_ei, log_pi] : known) {
    EXPECT_NEAR(LogEiOf(u, nullptr), log_ei, 1e-11 * std::max(1.0, std::abs(log_ei))) << u;
    EXPECT_NEAR(LogPiOf(u, nullptr), log_pi, 1e-11 * std::max(1.0, std::abs(log_pi))) << u;
  }
  for (double u = -60; u < 5; u += 0.37) {
    double slope = 0;
    LogEiOf(u, &slope);
    EXPECT_NEAR(slope, (LogEiOf(u + 1e-5, nullptr) - LogEiOf(u - 1e-5, nullptr)) / 2e-5, 1e-5 * std::max(1.0, slope));
    LogPiOf(u, &slope);
    EXPECT_NEAR(slope, (LogPiOf(u + 1e-5, nullptr) - LogPiOf(u - 1e-5, nullptr)) / 2e-5, 1e-5 * std::max(1.0, slope));
  }
}

TEST(Acquisition, TheAverageOverScenariosHasTheGradientOfItsDifferences) {
  AcquisitionContext context;
  context.best = Eigen::Vector3d(0.1, -0.4, 0.3);
  const Eigen::VectorXd mean = Eigen::Vector3d(0.5, 1.2, -0.1);
  for (const Acquisition kind : {Acquisition::kLogEi, Acquisition::kLogPi, Acquisition::kLcb}) {
    context.kind = kind;
    Eigen::VectorXd by_mean, moved;
    double by_sd = 0;
    constexpr double kSd = 0.4, kStep = 1e-6;
    Acquire(context, mean, kSd, &by_mean, &by_sd);
    const auto at = [&](const Eigen::VectorXd& m, double sd) { return Acquire(context, m, sd, nullptr, nullptr); };
    EXPECT_NEAR(by_sd, (at(mean, kSd + kStep) - at(mean, kSd - kStep)) / (2 * kStep), 1e-6);
    for (Eigen::Index s = 0; s < 3; ++s) {
      moved = mean;
      moved[s] += kStep;
      const double above = at(moved, kSd);
      moved[s] -= 2 * kStep;
      EXPECT_NEAR(by_mean[s], (above - at(moved, kSd)) / (2 * kStep), 1e-6);
    }
  }
}

TEST(OutputTransform, KeepsTheOrderAndStandsValuesOfAnySize) {
  Eigen::VectorXd y(6);
  y << 1e300, 3, 2, 1e-300, -5, 1e12;
  const Eigen::VectorXd bent = Gaussianise(y);
  EXPECT_TRUE(bent.allFinite());
  EXPECT_GE(bent[0], bent[5]);
  y << 100, 3, 2, 1, 0.5, 10;
  const Eigen::VectorXd skewed = Gaussianise(y);
  EXPECT_NEAR(skewed.mean(), 0, 1e-12);
  EXPECT_NEAR(skewed.squaredNorm() / 6, 1, 1e-12);
  EXPECT_GT(skewed[0], skewed[5]);
  EXPECT_GT(skewed[5], skewed[1]);
  EXPECT_GT(skewed[3], skewed[4]);
  EXPECT_LT(skewed[0], 2) << "the long tail is drawn in";
  EXPECT_TRUE(Gaussianise(Eigen::VectorXd::Constant(4, 7.0)).isZero());
}

}  // namespace
}  // namespace qalam
