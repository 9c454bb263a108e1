// SPDX-License-Identifier: Apache-2.0
// The nearest minimum of a smooth function in a box: L-BFGS-B (Byrd et al. 1995) by LBFGSpp.
#pragma once

#include <Eigen/Core>
#include <functional>

namespace qalam {

struct MinimiseOptions {
  int iterations = 60;
  double gradient = 1e-4;  // enough when the projected gradient has no larger component
  double progress = 1e-7;  // ... or the value fell by no more than this part in three iterations
};

// From *x, which lies in [lower, upper], to the best point that was seen; its value. `function` fills in the gradient
// and may return infinity. The same arguments give the same answer.
double Minimise(const std::function<double(const Eigen::VectorXd& x, Eigen::VectorXd& gradient)>& function,
                const Eigen::VectorXd& lower, const Eigen::VectorXd& upper, const MinimiseOptions& options,
                Eigen::VectorXd* x);

}  // namespace qalam
