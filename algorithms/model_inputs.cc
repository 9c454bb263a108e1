// SPDX-License-Identifier: Apache-2.0
#include "algorithms/model_inputs.h"

namespace qalam {

ModelInputs::ModelInputs(const SearchSpace& space) : space_(&space) {
  for (const Parameter& parameter : space.parameters()) {
    categorical_.push_back(parameter.type == ParameterType::kCategorical);
  }
}

Eigen::MatrixXd ModelInputs::Of(const Eigen::Ref<const Eigen::MatrixXd>& units) const {
  Eigen::MatrixXd out = units.transpose();
  for (Eigen::Index j = 0; j < out.cols(); ++j) {
    if (!categorical_[static_cast<std::size_t>(j)]) continue;
    for (double& u : out.col(j)) u = static_cast<double>(space_->LevelOf(j, u));
  }
  return out;
}

Eigen::VectorXd ModelInputs::OfPoint(const Eigen::Ref<const Eigen::VectorXd>& unit) const {
  Eigen::VectorXd out = unit;
  for (Eigen::Index j = 0; j < out.size(); ++j) {
    if (categorical_[static_cast<std::size_t>(j)]) out[j] = static_cast<double>(space_->LevelOf(j, out[j]));
  }
  return out;
}

}  // namespace qalam
