// SPDX-License-Identifier: Apache-2.0
#include "algorithms/minimise.h"

#include <LBFGSB.h>

#include <cmath>
#include <exception>
#include <limits>

namespace qalam {

double Minimise(const std::function<double(const Eigen::VectorXd&, Eigen::VectorXd&)>& function,
                const Eigen::VectorXd& lower, const Eigen::VectorXd& upper, const MinimiseOptions& options,
                Eigen::VectorXd* x) {
  constexpr double kInsteadOfInfinity = 1e10;  // the line search calculates with it
  LBFGSpp::LBFGSBParam<double> param;
  param.max_iterations = options.iterations;
  param.epsilon = options.gradient;
  param.epsilon_rel = 0;
  param.past = 3;
  param.delta = options.progress;
  double best_value = std::numeric_limits<double>::infinity();
  Eigen::VectorXd at = *x;
  const auto evaluate = [&](const Eigen::VectorXd& point, Eigen::VectorXd& gradient) {
    const double value = function(point, gradient);
    if (value < best_value) best_value = value, *x = point;
    return std::isfinite(value) ? value : kInsteadOfInfinity;
  };
  try {
    LBFGSpp::LBFGSBSolver<double> solver(param);
    double value = 0;
    solver.minimize(evaluate, at, value, lower, upper);
  } catch (const std::exception&) {
    // Its line search found nothing lower, or the iterations are used up: the best point seen stands.
  }
  return best_value;
}

}  // namespace qalam
