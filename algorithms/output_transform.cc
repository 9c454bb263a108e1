// SPDX-License-Identifier: Apache-2.0
#include "algorithms/output_transform.h"

#include <algorithm>
#include <cmath>

namespace qalam {
namespace {

constexpr double kLeastLambda = -4, kMostLambda = 2;  // ties pull the likelihood to infinity
constexpr int kSteps = 30;

double YeoJohnson(double y, double lambda) {
  constexpr double kZero = 1e-9;
  if (y >= 0) return std::abs(lambda) < kZero ? std::log1p(y) : std::expm1(lambda * std::log1p(y)) / lambda;
  const double mirrored = 2 - lambda;
  return std::abs(mirrored) < kZero ? -std::log1p(-y) : -std::expm1(mirrored * std::log1p(-y)) / mirrored;
}

// Minus the profile log likelihood.
double Loss(const Eigen::VectorXd& y, double lambda) {
  Eigen::VectorXd bent(y.size());
  double jacobian = 0;
  for (Eigen::Index i = 0; i < y.size(); ++i) {
    bent[i] = YeoJohnson(y[i], lambda);
    jacobian += std::copysign(std::log1p(std::abs(y[i])), y[i]);
  }
  const double variance = (bent.array() - bent.mean()).square().mean();
  return 0.5 * static_cast<double>(y.size()) * std::log(variance + 1e-300) - (lambda - 1) * jacobian;
}

// Golden section.
double BestLambda(const Eigen::VectorXd& y) {
  constexpr double kGolden = 0.6180339887498949;
  double low = kLeastLambda, high = kMostLambda;
  double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
  double at_a = Loss(y, a), at_b = Loss(y, b);
  for (int step = 0; step < kSteps; ++step) {
    if (at_a < at_b) {
      high = b, b = a, at_b = at_a;
      a = high - kGolden * (high - low), at_a = Loss(y, a);
    } else {
      low = a, a = b, at_a = at_b;
      b = low + kGolden * (high - low), at_b = Loss(y, b);
    }
  }
  return (low + high) / 2;
}

}  // namespace

void Standardise(Eigen::VectorXd* y) {
  if (y->size() == 0) return;
  // Scaled first: values up to 1e300 have squares that are numbers.
  const double largest = y->cwiseAbs().maxCoeff();
  if (largest > 0) *y /= largest;
  y->array() -= y->mean();
  const double sd = std::sqrt(y->squaredNorm() / static_cast<double>(y->size()));
  if (sd > 1e-14) {
    *y /= sd;
  } else {
    y->setZero();
  }
}

Eigen::VectorXd Gaussianise(const Eigen::VectorXd& values) {
  Eigen::VectorXd y = values;
  Standardise(&y);
  if (y.isZero()) return y;
  const double lambda = BestLambda(y);
  for (double& value : y) value = YeoJohnson(value, lambda);
  Standardise(&y);
  return y;
}

}  // namespace qalam
