// SPDX-License-Identifier: Apache-2.0
#include "algorithms/evolution.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/linalg.h"
#include "core/math.h"

namespace qalam {
namespace {

constexpr double kTiny = 1e-12;  // of the cube: one number in double is hardly finer
constexpr double kConverged = 1e-10;
constexpr double kMostCondition = 1e14;

}  // namespace

EvolutionWeights::EvolutionWeights(Eigen::Index d, Eigen::Index lambda) : rank(lambda) {
  const auto n = static_cast<double>(d), size = static_cast<double>(lambda);
  for (Eigen::Index i = 0; i < lambda; ++i) rank[i] = std::log((size + 1) / 2) - std::log(static_cast<double>(i) + 1);
  parents = lambda / 2;
  auto good = rank.head(parents), bad = rank.tail(lambda - parents);
  mass = good.sum() * good.sum() / good.squaredNorm();
  const double bad_mass = bad.sum() * bad.sum() / bad.squaredNorm();
  c1 = 2 / ((n + 1.3) * (n + 1.3) + mass);
  cmu = std::min(1 - c1, 2 * (mass - 2 + 1 / mass) / ((n + 2) * (n + 2) + mass));
  cc = (4 + mass / n) / (n + 4 + 2 * mass / n);
  cs = (mass + 2) / (n + mass + 5);
  damping = 1 + cs + 2 * std::max(0.0, std::sqrt((mass - 1) / (n + 1)) - 1);
  expected = std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
  good /= good.sum();
  const double most = std::min({1 + c1 / cmu, 1 + 2 * bad_mass / (bad_mass + 2), (1 - c1 - cmu) / (n * cmu)});
  if (bad.sum() < 0) bad *= most / -bad.sum();
}

Evolution::Evolution(Eigen::VectorXd mean, double sigma, Eigen::Index lambda)
    : lambda_(lambda), weights_(mean.size(), lambda), mean_(std::move(mean)), sigma_(sigma) {
  const Eigen::Index d = mean_.size();
  finite_.resize(static_cast<std::size_t>(d));
  margin_ = axes_ = Eigen::VectorXd::Ones(d);
  path_ = conjugate_path_ = Eigen::VectorXd::Zero(d);
  covariance_ = basis_ = Eigen::MatrixXd::Identity(d, d);
}

Eigen::VectorXd Evolution::Point(const Eigen::Ref<const Eigen::VectorXd>& z) const {
  return mean_ + sigma_ * margin_.cwiseProduct(basis_ * axes_.cwiseProduct(z));
}

double Evolution::Sd(Eigen::Index i) const { return sigma_ * margin_[i] * std::sqrt(covariance_(i, i)); }

void Evolution::Update(const Eigen::Ref<const Eigen::MatrixXd>& points) {
  const auto d = static_cast<double>(mean_.size());
  const double farthest = std::sqrt(d) + 2 * d / (d + 2);
  Eigen::MatrixXd steps = (points.colwise() - mean_).array().colwise() / (sigma_ * margin_).array();
  Eigen::VectorXd weights = weights_.rank;
  for (Eigen::Index i = 0; i < lambda_; ++i) {
    const double length = (basis_.transpose() * steps.col(i)).cwiseQuotient(axes_).norm();
    if (length > farthest) steps.col(i) *= farthest / length;
    if (weights[i] < 0) weights[i] *= d / std::max(std::min(length, farthest) * std::min(length, farthest), kTiny);
  }
  ++generation_;
  const Eigen::VectorXd step = steps.leftCols(weights_.parents) * weights_.rank.head(weights_.parents);
  mean_ = (mean_ + sigma_ * margin_.cwiseProduct(step)).cwiseMax(0.0).cwiseMin(1.0);

  const double cs = weights_.cs, cc = weights_.cc;
  conjugate_path_ = (1 - cs) * conjugate_path_ + std::sqrt(cs * (2 - cs) * weights_.mass) *
                                                     (basis_ * (basis_.transpose() * step).cwiseQuotient(axes_));
  const double length = conjugate_path_.norm() / weights_.expected;
  const double grown = std::sqrt(1 - std::pow(1 - cs, 2 * generation_));
  const bool steady = length / grown < 1.4 + 2 / (d + 1);
  path_ = (1 - cc) * path_ + (steady ? std::sqrt(cc * (2 - cc) * weights_.mass) : 0.0) * step;

  const double kept = 1 - weights_.c1 * (steady ? 1 : 1 - cc * (2 - cc)) - weights_.cmu * weights_.rank.sum();
  covariance_ *= kept;
  covariance_ += weights_.c1 * path_ * path_.transpose();
  covariance_ += weights_.cmu * steps * weights.asDiagonal() * steps.transpose();
  sigma_ *= std::exp(std::min(1.0, cs / weights_.damping * (length - 1)));
  sigma_ = std::clamp(sigma_, kTiny, 1e4);
  Decompose();
}

void Evolution::Decompose() {
  Eigen::VectorXd values;
  covariance_ = ((covariance_ + covariance_.transpose()) / 2).eval();
  DecomposeSymmetric(covariance_, &values, &basis_);
  const double least = std::max(values.maxCoeff() / kMostCondition, 1e-300);
  if (values.minCoeff() < least) {
    values = values.cwiseMax(least);
    covariance_ = basis_ * values.asDiagonal() * basis_.transpose();
  }
  axes_ = values.cwiseSqrt();
}

void Evolution::KeepMargin(Eigen::Index i, double levels, double chance) {
  finite_[static_cast<std::size_t>(i)] = 1;
  const double cell = std::clamp(std::floor(mean_[i] * levels), 0.0, levels - 1);
  const double low = cell / levels, high = (cell + 1) / levels, sd = Sd(i);
  const bool first = cell == 0, last = cell == levels - 1;
  if (first && last) return;
  if (first || last) {
    // One way out: the mean comes as near to it as it must.
    const double reach = -NormalQuantile(chance) * sd;
    mean_[i] = first ? std::max(mean_[i], std::max(0.0, high - reach)) : std::min(mean_[i], std::min(1.0, low + reach));
    // A cell that is wider than that reaches: steps grow instead.
    const double way = first ? high - mean_[i] : mean_[i] - low;
    if (way > reach && reach > 0) margin_[i] *= way / reach;
    return;
  }
  const double down = NormalCdf((low - mean_[i]) / sd), up = NormalCdf((mean_[i] - high) / sd);
  if (down >= chance / 2 && up >= chance / 2) return;
  const double to_low = NormalQuantile(std::clamp(down, chance / 2, 0.5));
  const double to_high = -NormalQuantile(std::clamp(up, chance / 2, 0.5));
  if (to_high - to_low < 1e-9) return;
  const double wanted = (high - low) / (to_high - to_low);
  margin_[i] *= wanted / sd;
  mean_[i] = low - to_low * wanted;
}

bool Evolution::HasConverged() const {
  bool any = false, small = true;
  for (Eigen::Index i = 0; i < mean_.size(); ++i) {
    if (finite_[static_cast<std::size_t>(i)]) continue;
    any = true;
    small = small && Sd(i) < kConverged;
  }
  return (any && small) || axes_.maxCoeff() > 0.99 * std::sqrt(kMostCondition) * axes_.minCoeff();
}

}  // namespace qalam
