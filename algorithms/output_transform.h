// SPDX-License-Identifier: Apache-2.0
// Objective values as a regression model wants them.
#pragma once

#include <Eigen/Core>

namespace qalam {

// Mean 0 and variance 1; all 0 where they are all the same.
void Standardise(Eigen::VectorXd* y);

// In the same order, with mean 0 and variance 1, and as near to a bell as the transform of Yeo and Johnson (2000) can
// bring them: its parameter is that of the highest likelihood. Finite for finite values of any size.
Eigen::VectorXd Gaussianise(const Eigen::VectorXd& values);

}  // namespace qalam
