// SPDX-License-Identifier: Apache-2.0
#include "algorithms/model_inputs.h"

namespace qalam {

ModelInputs::ModelInputs(const SearchSpace& space) : space_(&space) {
  for (const Parameter& parameter : space.parameters()) {
    categorical_.push_back(parameter.type == ParameterType::kCategorical);
    may_miss_.push_back(parameter.condition.has_value());
  }
}

Eigen::MatrixXd ModelInputs::Of(const Eigen::Ref<const Eigen::MatrixXd>& units) const {
  Eigen::MatrixXd out = units.transpose();
  for (Eigen::Index j = 0; j < out.cols(); ++j) {
    if (!categorical_[static_cast<std::size_t>(j)]) continue;
    for (double& u : out.col(j)) u = static_cast<double>(space_->LevelOf(j, u));
  }
  if (!space_->conditional()) return out;
  for (Eigen::Index i = 0; i < out.rows(); ++i) {
    const std::vector<char> active = space_->ActiveAt(units.col(i));
    for (Eigen::Index j = 0; j < out.cols(); ++j) {
      if (!active[static_cast<std::size_t>(j)]) out(i, j) = kMissing;
    }
  }
  return out;
}

Eigen::VectorXd ModelInputs::OfPoint(const Eigen::Ref<const Eigen::VectorXd>& unit) const {
  Eigen::VectorXd out = unit;
  const std::vector<char> active = space_->ActiveAt(unit);
  for (Eigen::Index j = 0; j < out.size(); ++j) {
    if (categorical_[static_cast<std::size_t>(j)]) out[j] = static_cast<double>(space_->LevelOf(j, out[j]));
    if (!active[static_cast<std::size_t>(j)]) out[j] = kMissing;
  }
  return out;
}

}  // namespace qalam
