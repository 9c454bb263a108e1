// SPDX-License-Identifier: Apache-2.0
// A Parzen estimator over the unit cube: a mixture of product kernels, one around each of n points, and the uniform
// density. Continuous parameters have normal kernels cut off at the ends, ordered levels the mass of such a kernel in
// each level, categories more mass on the point's own. Bergstra et al. 2011; joint kernels as Falkner et al. 2018, the
// bandwidth shrinks by Scott's rule.
//
// In a parameter that a point lacks its kernel is uniform: what is known of a conditional parameter comes from the
// points that have it. Where a parameter is not active it is no factor of the density.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "core/rng.h"
#include "core/search_space.h"

namespace qalam {

class ParzenEstimator {
 public:
  // `points`: d x n, n >= 0, in the cube. `prior_weight` > 0: the uniform density's, a point's being 1. Borrows
  // `space`.
  ParzenEstimator(const SearchSpace& space, const Eigen::Ref<const Eigen::MatrixXd>& points, double prior_weight);

  Eigen::VectorXd Sample(Rng& rng) const;
  // Log density at each column of `at`, but for a constant that all estimators over this space share. O(n d) each.
  Eigen::VectorXd LogDensity(const Eigen::Ref<const Eigen::MatrixXd>& at) const;

 private:
  // A finite parameter with few levels. More of them are as good as continuous.
  struct Levels {
    Eigen::Index parameter;
    Eigen::MatrixXf log_mass;              // (level of the kernel's point) x (level), relative to equal mass; then, for
                                           // a point without the parameter, a row of equal mass
    Eigen::MatrixXd cumulative;            // the same, summed up over levels
    std::vector<Eigen::Index> of_kernels;  // level of each point
  };
  Eigen::MatrixXf Scaled(const Eigen::Ref<const Eigen::MatrixXd>& at) const;
  std::vector<std::vector<char>> ActiveIn(const Eigen::Ref<const Eigen::MatrixXd>& at, Eigen::MatrixXf* block) const;
  Eigen::MatrixXf Lacking(const Eigen::MatrixXf& block, const std::vector<std::vector<char>>& active) const;

  const SearchSpace* space_;
  double bandwidth_;
  double log_prior_;                      // of the uniform density, normalised
  Eigen::MatrixXd points_;                // continuous parameters only
  std::vector<Eigen::Index> continuous_;  // which they are
  // Spaces with conditions: by continuous parameter that may lack, its row of points_, and over the kernels whether
  // each lacks it (1), and the constant of its factor where it does not (else 0).
  std::vector<Eigen::Index> may_lack_;
  Eigen::MatrixXf lacks_, constants_;  // (kernels, may_lack_)
  Eigen::MatrixXf scaled_;             // points_ / bandwidth_
  Eigen::VectorXf log_weight_;         // of each kernel, its cut-off and its squared norm included
  std::vector<Levels> levels_;
};

}  // namespace qalam
