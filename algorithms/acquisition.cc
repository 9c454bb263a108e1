// SPDX-License-Identifier: Apache-2.0
#include "algorithms/acquisition.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/math.h"

namespace qalam {
namespace {

constexpr double kTail = -2.5;  // below, the continued fraction; above, the functions of the C library
constexpr int kTerms = 80;

double LogPhi(double u) { return -0.5 * u * u - 0.5 * std::log(2 * std::numbers::pi); }

// t of Phi(-z) / phi(z) = 1 / (z + t), z >= 2.5: Laplace's continued fraction 1 / (z + 2 / (z + 3 / ...)).
double TailFraction(double z) {
  double t = 0;
  for (int k = kTerms; k >= 1; --k) t = k / (z + t);
  return t;
}

}  // namespace

double LogEiOf(double u, double* slope) {
  if (u < kTail) {
    const double z = -u, t = TailFraction(z);
    if (slope) *slope = 1 / t;
    return LogPhi(u) + std::log(t / (z + t));
  }
  const double phi = std::exp(LogPhi(u)), cdf = NormalCdf(u), h = phi + u * cdf;
  if (slope) *slope = cdf / h;
  return std::log(h);
}

double LogPiOf(double u, double* slope) {
  if (u < kTail) {
    const double z = -u, t = TailFraction(z);
    if (slope) *slope = z + t;
    return LogPhi(u) - std::log(z + t);
  }
  const double cdf = NormalCdf(u);
  if (slope) *slope = std::exp(LogPhi(u)) / cdf;
  return std::log(cdf);
}

double Acquire(const AcquisitionContext& context, const Eigen::Ref<const Eigen::VectorXd>& mean, double sd,
               Eigen::VectorXd* by_mean, double* by_sd) {
  const Eigen::Index scenarios = mean.size();
  const auto count = static_cast<double>(scenarios);
  if (context.kind == Acquisition::kLcb) {
    if (by_mean) by_mean->setConstant(scenarios, -1 / count), *by_sd = context.kappa;
    return context.kappa * sd - mean.mean();
  }
  const bool ei = context.kind == Acquisition::kLogEi;
  Eigen::VectorXd value(scenarios), slope(scenarios);
  for (Eigen::Index s = 0; s < scenarios; ++s) {
    const double u = (context.best[s] - mean[s]) / sd;
    value[s] = ei ? LogEiOf(u, &slope[s]) : LogPiOf(u, &slope[s]);
  }
  const double top = value.maxCoeff();
  const Eigen::VectorXd share = (value.array() - top).exp();
  const double total = share.sum();
  if (by_mean) {
    // d value / d u of each, times its part of the mean.
    const Eigen::VectorXd by_u = slope.cwiseProduct(share) / total;
    *by_mean = -by_u / sd;
    *by_sd = -by_u.dot((context.best - mean) / sd) / sd + (ei ? 1 / sd : 0);
  }
  return top + std::log(total / count) + (ei ? std::log(sd) : 0);
}

}  // namespace qalam
