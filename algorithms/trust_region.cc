// SPDX-License-Identifier: Apache-2.0
#include "algorithms/trust_region.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "core/linalg.h"

namespace qalam {

Eigen::VectorXd LowestInBall(const Eigen::VectorXd& gradient, const Eigen::MatrixXd& hessian, double radius) {
  constexpr int kHalvings = 60;
  constexpr double kFlat = 1e-12;  // of the largest curvature
  Eigen::VectorXd curvature;
  Eigen::MatrixXd axes;
  DecomposeSymmetric(hessian, &curvature, &axes);
  const Eigen::VectorXd slope = axes.transpose() * gradient;
  // Along the axes, the minimum once H has `shift` more on its diagonal: the larger that is, the shorter the step.
  const auto step = [&](double shift) -> Eigen::VectorXd {
    return (-slope.array() / (curvature.array() + shift).max(std::numeric_limits<double>::min())).matrix();
  };
  const double largest = std::max(curvature.cwiseAbs().maxCoeff(), slope.norm() / radius);
  if (!(largest > 0)) return Eigen::VectorXd::Zero(gradient.size());
  const double flat = kFlat * largest;
  if (curvature[0] > flat && step(0).norm() <= radius) return axes * step(0);

  double low = std::max(0.0, -curvature[0]) + flat;
  if (step(low).norm() <= radius) {  // the hard case: no slope along the lowest curvature, where either way is down
    Eigen::VectorXd z = step(low);
    z[0] += std::sqrt(std::max(0.0, radius * radius - z.squaredNorm()));
    return axes * z;
  }
  double high = low + largest;
  while (step(high).norm() > radius) high = low + 4 * (high - low);
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = low + (high - low) / 2;
    (step(middle).norm() > radius ? low : high) = middle;
  }
  return axes * step(high);
}

Eigen::VectorXd LowestInRegion(const Eigen::VectorXd& gradient, const Eigen::MatrixXd& hessian,
                               const Eigen::VectorXd& lower, const Eigen::VectorXd& upper) {
  constexpr double kUsedUp = 1e-12;
  Eigen::VectorXd z = Eigen::VectorXd::Zero(gradient.size());
  std::vector<Eigen::Index> open(static_cast<std::size_t>(gradient.size()));
  std::iota(open.begin(), open.end(), 0);
  double left = 1;  // of the squared radius
  while (!open.empty() && left > kUsedUp) {
    const Eigen::VectorXd slope = (gradient + hessian * z)(open);
    const Eigen::VectorXd step = LowestInBall(slope, hessian(open, open), std::sqrt(left));
    std::vector<Eigen::Index> still;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const Eigen::Index c = open[i];
      const double wanted = step[static_cast<Eigen::Index>(i)];
      if (wanted >= lower[c] && wanted <= upper[c]) {
        still.push_back(c);
        continue;
      }
      z[c] = std::clamp(wanted, lower[c], upper[c]);
      left -= z[c] * z[c];
    }
    if (still.size() == open.size()) {
      z(open) = step;
      break;
    }
    open = std::move(still);
  }
  return z;
}

}  // namespace qalam
