// SPDX-License-Identifier: Apache-2.0
// Regression by trees with a standard deviation: what Bayesian optimisation may use in place of a Gaussian process when
// the space is categorical or conditional, or the observations are many. Random forests (Breiman 2001), extremely
// randomised trees (Geurts et al. 2006) and gradient boosting (Friedman 2001) of quantiles.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace qalam {

enum class TreeModel { kRandomForest, kExtraTrees, kGradientBoosting };

// Binary trees in one array. A point goes left where its coordinate is at most the threshold, or its category belongs
// to the node's set.
struct RegressionTrees {
  static constexpr std::int32_t kLeaf = -1;
  struct Node {
    std::int32_t feature = kLeaf;
    std::int32_t left = 0;     // the right child comes next
    std::int32_t subset = -1;  // into `subsets`, of a split by category
    double value = 0;          // the threshold of a split, the prediction of a leaf
    double variance = 0;       // of a leaf
  };
  std::vector<Node> nodes;
  std::vector<std::uint64_t> subsets;  // bit sets of category codes

  const Node& LeafOf(std::size_t root, const double* point) const;
};

// The levels of a categorical column and the code of each, 0, 1, ... A rare level of very many may share one.
struct CategoryCodes {
  std::vector<double> levels;  // ascending; empty: a numeric column
  std::vector<std::uint16_t> codes;
  std::uint16_t unseen = 0;  // code of every other level

  double CodeOf(double level) const;
};

// A fitted model: owns what it needs, never changes, may be read by many threads.
class Forest {
 public:
  // `x`: n x d, n >= 1, a row each point, finite: coordinates in [0, 1], or level numbers where `categorical[j] != 0`;
  // ModelInputs::kMissing, below all of them, is a value like others: a split may set it apart.
  // `y`: n finite values, standardised. `seed`: of resampling and of splits; the same gives the same model.
  Forest(TreeModel model, const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const std::vector<char>& categorical,
         std::uint64_t seed);

  // `x`: m x d. `mean` and `sd` become m long, finite, sd > 0. A level that the data lack is as good as the others.
  void Predict(const Eigen::MatrixXd& x, Eigen::VectorXd* mean, Eigen::VectorXd* sd) const;

 private:
  TreeModel model_;
  std::vector<CategoryCodes> categories_;  // by column
  RegressionTrees trees_;
  std::vector<std::size_t> roots_;  // quantile after quantile when boosted
  std::vector<double> start_;       // boosting: what each quantile's trees add to
};

}  // namespace qalam
