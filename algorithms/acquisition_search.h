// SPDX-License-Identifier: Apache-2.0
// Where in a search space is a model's acquisition function highest?
#pragma once

#include <Eigen/Core>
#include <functional>
#include <vector>

#include "core/search_space.h"

namespace qalam {

// What is maximised. Units are points of the cube, levels of finite parameters in their middle.
class AcquisitionSurface {
 public:
  virtual ~AcquisitionSurface() = default;
  virtual Eigen::VectorXd Values(const Eigen::MatrixXd& units) const = 0;  // (d, m) -> m
  // With the derivative by each coordinate. False: there is none, the surface has steps.
  virtual bool Gradient(const Eigen::VectorXd& unit, double* value, Eigen::VectorXd* gradient) const = 0;
  // How far one moves in each parameter before values differ: a scale for the steps of the search.
  virtual Eigen::VectorXd Lengths() const = 0;
};

// Uphill from `unit`, whose value is `value`: quasi-Newton steps in the continuous parameters (at most `iterations`),
// then each finite one by itself, until nothing changes. The value where it ends.
double ClimbAcquisition(const SearchSpace& space, const AcquisitionSurface& surface, int iterations, double value,
                        Eigen::VectorXd* unit);

}  // namespace qalam
