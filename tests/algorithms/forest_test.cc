// SPDX-License-Identifier: Apache-2.0
#include "algorithms/forest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/rng.h"

namespace qalam {
namespace {

Eigen::MatrixXd Uniform(Eigen::Index points, Eigen::Index dim, std::uint64_t seed) {
  Rng rng(seed, "test", 0);
  Eigen::MatrixXd out(points, dim);
  for (double& value : out.reshaped()) value = rng.Uniform();
  return out;
}

std::vector<char> Numeric(Eigen::Index dim) { return std::vector<char>(static_cast<std::size_t>(dim), 0); }

struct Prediction {
  Eigen::VectorXd mean, sd;
};
Prediction Predict(const Forest& forest, const Eigen::MatrixXd& x) {
  Prediction out;
  forest.Predict(x, &out.mean, &out.sd);
  return out;
}

// Share of the variance of `y` that the prediction explains.
double Explained(const Eigen::VectorXd& y, const Eigen::VectorXd& mean) {
  return 1 - (y - mean).squaredNorm() / (y.array() - y.mean()).matrix().squaredNorm();
}

// About mean 0 and variance 1 over the unit cube.
Eigen::VectorXd Smooth(const Eigen::MatrixXd& x) {
  return (3 * x.col(0).array()).sin() * 2 + 4 * (x.col(1).array() - 0.4).square() +
         x.col(0).array() * x.col(2).array() - 1.8;
}

class EveryTreeModel : public testing::TestWithParam<TreeModel> {};
std::string NameOf(const testing::TestParamInfo<TreeModel>& model) {
  if (model.param == TreeModel::kRandomForest) return "RandomForest";
  return model.param == TreeModel::kExtraTrees ? "ExtraTrees" : "GradientBoosting";
}
INSTANTIATE_TEST_SUITE_P(Forest, EveryTreeModel,
                         testing::Values(TreeModel::kRandomForest, TreeModel::kExtraTrees,
                                         TreeModel::kGradientBoosting),
                         NameOf);

TEST_P(EveryTreeModel, LearnsASmoothFunction) {
  const Eigen::MatrixXd x = Uniform(300, 4, 1), unseen = Uniform(500, 4, 2);
  const Prediction at = Predict(Forest(GetParam(), x, Smooth(x), Numeric(4), 3), unseen);
  EXPECT_GT(Explained(Smooth(unseen), at.mean), 0.8);
}

// The histograms of many observations have fewer codes than there are values.
TEST_P(EveryTreeModel, LearnsFromThousandsOfObservations) {
  const Eigen::MatrixXd x = Uniform(3000, 4, 1), unseen = Uniform(500, 4, 2);
  const Prediction at = Predict(Forest(GetParam(), x, Smooth(x), Numeric(4), 3), unseen);
  EXPECT_GT(Explained(Smooth(unseen), at.mean), 0.85);
}

// Two of seven levels are good, and they are not neighbours in number. The level 9 was never seen.
TEST_P(EveryTreeModel, FindsTheGoodCategories) {
  Eigen::MatrixXd x = Uniform(140, 3, 4);
  Eigen::VectorXd y(140);
  for (Eigen::Index i = 0; i < 140; ++i) {
    x(i, 1) = static_cast<double>(i % 7);
    y[i] = (x(i, 1) == 1 || x(i, 1) == 5 ? -1.5 : 0.6) + 0.2 * x(i, 0);
  }
  const Forest forest(GetParam(), x, y, {0, 1, 0}, 5);
  Eigen::MatrixXd levels = Eigen::MatrixXd::Constant(8, 3, 0.5);
  for (Eigen::Index i = 0; i < 8; ++i) levels(i, 1) = static_cast<double>(i == 7 ? 9 : i);
  const Prediction at = Predict(forest, levels);
  for (Eigen::Index i = 0; i < 7; ++i) {
    EXPECT_NEAR(at.mean[i], i == 1 || i == 5 ? -1.4 : 0.7, 0.4) << "level " << i;
  }
  EXPECT_GE(at.mean[7], -1.5);
  EXPECT_LE(at.mean[7], 0.9);
}

// Interactions of categories only: the parity of two of them decides.
TEST_P(EveryTreeModel, LearnsFromCategoriesAlone) {
  Eigen::MatrixXd x(256, 4);
  Eigen::VectorXd y(256);
  for (Eigen::Index i = 0; i < 256; ++i) {
    for (Eigen::Index j = 0; j < 4; ++j) x(i, j) = static_cast<double>(i >> (2 * j) & 3);
    y[i] = (x(i, 0) == 2 ? 1.0 : -0.3) + (x(i, 0) == 1 && x(i, 1) == 3 ? -2.0 : 0.2);
  }
  EXPECT_GT(Explained(y, Predict(Forest(GetParam(), x, y, {1, 1, 1, 1}, 5), x).mean), 0.9);
}

TEST_P(EveryTreeModel, WithTheSameSeedPredictsTheSameBytes) {
  Eigen::MatrixXd x = Uniform(60, 5, 6);
  x.col(2) = (x.col(2).array() * 4).floor();
  const Eigen::VectorXd y = Smooth(x);
  const Eigen::MatrixXd between = (x + x.colwise().reverse()) / 2;
  const auto predict = [&](std::uint64_t seed) {
    return Predict(Forest(GetParam(), x, y, {0, 0, 1, 0, 0}, seed), between);
  };
  const Prediction first = predict(7), again = predict(7), other = predict(8);
  EXPECT_TRUE((first.mean.array() == again.mean.array()).all());
  EXPECT_TRUE((first.sd.array() == again.sd.array()).all());
  EXPECT_FALSE((first.mean.array() == other.mean.array()).all());
}

TEST_P(EveryTreeModel, OfAConstantIsThatConstant) {
  const Eigen::MatrixXd x = Uniform(20, 3, 9);
  const Prediction at = Predict(Forest(GetParam(), x, Eigen::VectorXd::Constant(20, 0.25), Numeric(3), 1), x);
  EXPECT_NEAR(at.mean.minCoeff(), 0.25, 1e-12);
  EXPECT_NEAR(at.mean.maxCoeff(), 0.25, 1e-12);
  EXPECT_LT(at.sd.maxCoeff(), 0.01);
}

// Noise that no column explains is uncertainty, half as large as it is.
TEST_P(EveryTreeModel, IsUnsureWhereObservationsOfOnePointDisagree) {
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(200, 2);
  Eigen::VectorXd y(200);
  for (Eigen::Index i = 0; i < 200; ++i) {
    x(i, 0) = i < 100 ? 0.2 : 0.8;
    y[i] = i < 100 ? (i % 2 == 0 ? -1 : 1) : 0.5;
  }
  Eigen::MatrixXd two = Eigen::MatrixXd::Zero(2, 2);
  two.col(0) << 0.2, 0.8;
  const Prediction at = Predict(Forest(GetParam(), x, y, Numeric(2), 1), two);
  EXPECT_NEAR(at.sd[0], 1, 0.25);
  EXPECT_LT(at.sd[1], 0.15);
  EXPECT_NEAR(at.mean[1], 0.5, 0.1);
}

TEST_P(EveryTreeModel, AnswersFromDegenerateData) {
  struct Case {
    const char* what;
    Eigen::MatrixXd x;
    std::vector<char> categorical;
  };
  const Eigen::MatrixXd ramp = Eigen::VectorXd::LinSpaced(12, 0, 1).replicate(1, 3);
  std::vector<Case> cases = {
      {"one observation", Eigen::MatrixXd::Constant(1, 2, 0.5), {0, 1}},
      {"two observations", Uniform(2, 2, 1), {0, 0}},
      {"the same point twelve times", Eigen::MatrixXd::Constant(12, 2, 0.5), {0, 0}},
      {"constant columns", Eigen::MatrixXd::Constant(12, 4, 1), {0, 1, 1, 0}},
      {"the same column three times", ramp, {0, 0, 0}},
      {"a level of its own in each row", (ramp.array() * 11).round(), {1, 1, 1}},
      {"two hundred columns", Uniform(25, 200, 2), Numeric(200)},
      {"neighbouring numbers", Eigen::VectorXd::LinSpaced(12, 0.5, 0.5 + 11 * 0x1p-53), {0}},
      {"no columns", Eigen::MatrixXd(5, 0), {}},
      {"more levels than codes", Eigen::VectorXd::LinSpaced(1500, 0, 1499), {1}},
  };
  for (const Case& c : cases) {
    Eigen::VectorXd y(c.x.rows());
    for (Eigen::Index i = 0; i < y.size(); ++i) y[i] = i % 3 == 0 ? -1 : 0.5;
    const Forest forest(GetParam(), c.x, y, c.categorical, 1);
    for (const Eigen::MatrixXd& at : {c.x, Eigen::MatrixXd(Eigen::MatrixXd::Constant(3, c.x.cols(), 0.77))}) {
      const Prediction out = Predict(forest, at);
      ASSERT_EQ(out.mean.size(), at.rows());
      ASSERT_EQ(out.sd.size(), at.rows());
      EXPECT_TRUE(out.mean.allFinite()) << c.what;
      EXPECT_TRUE(out.sd.allFinite()) << c.what;
      EXPECT_GT(out.sd.minCoeff(), 0) << c.what;
      EXPECT_GE(out.mean.minCoeff(), -1.001) << c.what;
      EXPECT_LE(out.mean.maxCoeff(), 0.501) << c.what;
    }
    EXPECT_EQ(Predict(forest, Eigen::MatrixXd(0, c.x.cols())).mean.size(), 0) << c.what;
  }
}

// A slope with a hole in the middle of the data: the sd there against the mean sd between the data.
TEST(Forest, OfRandomTreesIsLessSureWhereThereIsNoData) {
  for (const TreeModel model : {TreeModel::kRandomForest, TreeModel::kExtraTrees}) {
    Eigen::MatrixXd x = Uniform(80, 2, 11);
    for (double& at : x.col(0)) at = at < 0.5 ? 0.5 * at : 0.75 + 0.5 * (at - 0.5);
    const Eigen::VectorXd y = 3 * (x.col(0).array() - 0.5);
    const Forest forest(model, x, y, Numeric(2), 1);
    Eigen::MatrixXd hole = Uniform(100, 2, 12), dense = hole;
    hole.col(0) = 0.35 + 0.3 * hole.col(0).array();
    dense.col(0) = 0.05 + 0.15 * dense.col(0).array();
    EXPECT_GT(Predict(forest, hole).sd.mean(), 3 * Predict(forest, dense).sd.mean()) << static_cast<int>(model);
  }
}

// Where the model is surer, it is nearer to the truth.
TEST_P(EveryTreeModel, ErrsMoreWhereItIsLessSure) {
  const Eigen::MatrixXd x = Uniform(150, 3, 13), unseen = Uniform(1000, 3, 14);
  const Prediction at = Predict(Forest(GetParam(), x, Smooth(x), Numeric(3), 1), unseen);
  const Eigen::ArrayXd error = (Smooth(unseen) - at.mean).array().abs();
  const double typical = at.sd.mean();
  const Eigen::ArrayXd unsure = (at.sd.array() > typical).cast<double>();
  EXPECT_GT((error * unsure).sum() / unsure.sum(), 1.2 * (error * (1 - unsure)).sum() / (1 - unsure).sum());
}

}  // namespace
}  // namespace qalam
