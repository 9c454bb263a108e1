// SPDX-License-Identifier: Apache-2.0
// Points of a search space as models see them.
#pragma once

#include <Eigen/Core>
#include <vector>

#include "core/search_space.h"

namespace qalam {

// One row a point, a column a parameter: coordinates of the cube, categoricals as levels; kMissing where the parameter
// is not active.
class ModelInputs {
 public:
  explicit ModelInputs(const SearchSpace& space);                            // borrows it
  Eigen::MatrixXd Of(const Eigen::Ref<const Eigen::MatrixXd>& units) const;  // (d, n) of the cube -> (n, d)
  Eigen::VectorXd OfPoint(const Eigen::Ref<const Eigen::VectorXd>& unit) const;
  const std::vector<char>& categorical() const { return categorical_; }
  static constexpr double kMissing = -1;
  static bool IsMissing(double value) { return value < 0; }
  bool MayMiss(Eigen::Index j) const { return may_miss_[static_cast<std::size_t>(j)] != 0; }
  Eigen::Index dim() const { return static_cast<Eigen::Index>(categorical_.size()); }

 private:
  const SearchSpace* space_;
  std::vector<char> categorical_, may_miss_;
};

}  // namespace qalam
