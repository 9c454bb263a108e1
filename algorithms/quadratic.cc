// SPDX-License-Identifier: Apache-2.0
#include "algorithms/quadratic.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "algorithms/minimise.h"
#include "algorithms/seen.h"
#include "algorithms/trust_region.h"
#include "core/linalg.h"
#include "core/rng.h"

namespace qalam {
namespace {

constexpr double kFirstStep = 1.0 / 6;  // of a number's range
constexpr double kFirstRadius = 0.4, kSmallest = 1e-7;
constexpr double kShrink = 0.8, kGrow = 2;    // the latter: times the step that found a better trial
constexpr double kConstant = 100;             // prior variance of the value at the best trial
constexpr Eigen::Index kFewest = 5;           // trials, or as many as there are slopes and one more
constexpr Eigen::Index kMostTrials = 250;     // of the fit
constexpr std::uint64_t kMeans = 2;           // every second proposal is of the mean, the others are draws
constexpr int kSweeps = 2;                    // over the scales
constexpr double kLeast = 1e-8, kMost = 1e6;  // of a scale
constexpr double kTooNear = 1e-3;             // to a trial or a pending point, in radii
constexpr int kAttempts = 4;                  // draws before a point at random
constexpr int kStarts = 6;                    // of the search of a box

double Coefficients(Eigen::Index d) { return 1 + static_cast<double>(d) + 0.5 * static_cast<double>(d * (d + 1)); }

}  // namespace

LocalQuadratic::LocalQuadratic(const SearchSpace& space, std::uint64_t seed)
    : space_(space), seed_(seed), radius_(kFirstRadius) {
  for (std::size_t i = 0; i < space.parameters().size(); ++i) {
    const bool choice = space.parameters()[i].type == ParameterType::kCategorical;
    (choice ? choices_ : numbers_).push_back(static_cast<Eigen::Index>(i));
    if (!choice && space.parameters()[i].type != ParameterType::kDouble) is_ball_ = false;
  }
}

double LocalQuadratic::DistanceToBest(const Eigen::VectorXd& unit) const {
  const Eigen::VectorXd difference = unit(numbers_) - units_[best_](numbers_);
  return is_ball_ ? difference.norm() : difference.cwiseAbs().maxCoeff();
}

bool LocalQuadratic::InRegion(const Eigen::VectorXd& unit) const {
  constexpr double kRounding = 1.01;
  return !numbers_.empty() && SameChoices(unit, units_[best_]) && DistanceToBest(unit) <= kRounding * radius_;
}

bool LocalQuadratic::SameChoices(const Eigen::VectorXd& a, const Eigen::VectorXd& b) const {
  return std::ranges::all_of(choices_,
                             [&](Eigen::Index i) { return space_.LevelOf(i, a[i]) == space_.LevelOf(i, b[i]); });
}

// The region follows from the trials alone: one that is no better, and near, says that it is too large.
void LocalQuadratic::Add(const Eigen::VectorXd& unit, double y) {
  if (!std::isfinite(y)) {
    worthless_.push_back(unit);
    if (!y_.empty() && InRegion(unit)) radius_ *= kShrink;
    return;
  }
  units_.push_back(unit);
  y_.push_back(y);
  const std::size_t here = y_.size() - 1;
  if (here == 0) return;
  if (y < y_[best_]) {
    if (!numbers_.empty() && SameChoices(unit, units_[best_])) {
      radius_ = std::clamp(kGrow * DistanceToBest(unit), radius_, kFirstRadius);
    }
    best_ = here;
  } else if (InRegion(unit)) {
    radius_ *= kShrink;
  }
}

Eigen::MatrixXd LocalQuadratic::Covariance(const Scales& scales) const {
  const Eigen::MatrixXd gram = z_.transpose() * z_;
  const Eigen::MatrixXd squares = z_.cwiseAbs2();
  Eigen::MatrixXd k = (kConstant + gram.array() + 0.5 * scales.full * gram.array().square() +
                       0.5 * scales.diagonal * (squares.transpose() * squares).array())
                          .matrix();
  k.diagonal().array() += scales.noise + scales.remainder * gram.diagonal().array().cube();
  return k;
}

// Twice the negative logarithm of the posterior density, without constants; the common variance is at its best. The
// prior of each scale is lognormal, a decade wide: a few trials cannot tell slopes from noise.
double LocalQuadratic::Misfit(const Scales& scales) const {
  Eigen::MatrixXd l = Covariance(scales);
  if (!Factorise(&l)) return std::numeric_limits<double>::infinity();
  Eigen::MatrixXd half = values_;
  SolveLower(l, half);
  const Scales usual;
  const auto unusual = [](double scale, double at) { return std::pow(std::log10(scale / at), 2); };
  const double prior = unusual(scales.noise, usual.noise) + unusual(scales.remainder, usual.remainder) +
                       unusual(scales.diagonal, usual.diagonal) + unusual(scales.full, usual.full);
  const auto n = static_cast<double>(values_.size());
  return prior + n * std::log(half.squaredNorm() / n + std::numeric_limits<double>::min()) +
         2 * l.diagonal().array().log().sum();
}

bool LocalQuadratic::Fit() {
  if (y_.empty() || radius_ < kSmallest) return false;
  const auto d = static_cast<Eigen::Index>(numbers_.size());
  if (d == 0) return false;
  const Eigen::VectorXd centre = units_[best_](numbers_);
  std::vector<std::pair<double, std::size_t>> near;
  for (std::size_t i = 0; i < units_.size(); ++i) {
    if (SameChoices(units_[i], units_[best_])) near.emplace_back((units_[i](numbers_) - centre).squaredNorm(), i);
  }
  const auto wanted = std::min(kMostTrials, static_cast<Eigen::Index>(2 * Coefficients(d)) + 10);
  if (static_cast<Eigen::Index>(near.size()) < std::min(kFewest, d + 2)) return false;
  const Eigen::Index n = std::min(wanted, static_cast<Eigen::Index>(near.size()));
  std::ranges::partial_sort(near, near.begin() + n);
  z_.resize(d, n);
  values_.resize(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const std::size_t trial = near[static_cast<std::size_t>(i)].second;
    z_.col(i) = (units_[trial](numbers_) - centre) / radius_;
    values_[i] = y_[trial] - y_[best_];
  }
  const double largest = values_.maxCoeff();
  if (!std::isfinite(largest)) return false;
  if (largest > 0) values_ /= largest;

  scales_ = {};
  double misfit = Misfit(scales_);
  double* const each[] = {&scales_.noise, &scales_.remainder, &scales_.diagonal, &scales_.full};
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (double* scale : each) {
      for (const double factor : {10.0, 0.1}) {
        bool moved = false;
        while (*scale * factor >= kLeast && *scale * factor <= kMost) {
          const double before = *scale;
          *scale *= factor;
          const double now = Misfit(scales_);
          if (!(now < misfit)) {
            *scale = before;
            break;
          }
          misfit = now, moved = true;
        }
        if (moved) break;
      }
    }
  }
  factor_ = Covariance(scales_);
  if (!Factorise(&factor_)) return false;
  Eigen::MatrixXd solved = values_;
  SolveLower(factor_, solved);
  variance_ = solved.squaredNorm() / static_cast<double>(n);
  SolveUpper(factor_, solved);
  weights_ = solved;
  return true;
}

LocalQuadratic::Model LocalQuadratic::ModelOf(const Eigen::VectorXd& weights) const {
  Model model{z_ * weights, scales_.full * (z_ * weights.asDiagonal() * z_.transpose())};
  model.hessian.diagonal() += scales_.diagonal * (z_.cwiseAbs2() * weights);
  return model;
}

// One of the models that are likely after these trials: a draw of the prior, corrected by what it gets wrong
// (Matheron's rule).
LocalQuadratic::Model LocalQuadratic::Drawn(std::uint64_t ordinal, int attempt) const {
  Rng rng(MixHash(seed_, static_cast<std::uint64_t>(attempt)), "quadratic.draw", ordinal);
  const Eigen::Index d = z_.rows(), n = z_.cols();
  const double sd = std::sqrt(variance_);
  Model prior{Eigen::VectorXd(d), Eigen::MatrixXd(d, d)};
  const double constant = sd * std::sqrt(kConstant) * rng.Normal();
  for (Eigen::Index i = 0; i < d; ++i) prior.gradient[i] = sd * rng.Normal();
  for (Eigen::Index i = 0; i < d; ++i) {
    for (Eigen::Index j = 0; j < i; ++j) {
      prior.hessian(i, j) = prior.hessian(j, i) = sd * std::sqrt(scales_.full) * rng.Normal();
    }
    prior.hessian(i, i) = sd * std::sqrt(2 * (scales_.full + scales_.diagonal)) * rng.Normal();
  }
  Eigen::MatrixXd residual(n, 1);
  for (Eigen::Index i = 0; i < n; ++i) {
    const Eigen::VectorXd z = z_.col(i);
    const double r2 = z.squaredNorm(), noise = std::sqrt(scales_.noise + scales_.remainder * r2 * r2 * r2);
    residual(i, 0) =
        values_[i] - (constant + prior.gradient.dot(z) + 0.5 * z.dot(prior.hessian * z)) - sd * noise * rng.Normal();
  }
  SolveLower(factor_, residual);
  SolveUpper(factor_, residual);
  Model model = ModelOf(residual.col(0));
  model.gradient += prior.gradient;
  model.hessian += prior.hessian;
  return model;
}

Eigen::VectorXd LocalQuadratic::Lowest(const Model& model, std::uint64_t ordinal) const {
  const Eigen::VectorXd centre = units_[best_](numbers_);
  const Eigen::VectorXd lower = -centre / radius_, upper = ((1 - centre.array()) / radius_).matrix();
  if (is_ball_) return LowestInRegion(model.gradient, model.hessian, lower, upper);

  const Eigen::VectorXd left = lower.cwiseMax(-1.0), right = upper.cwiseMin(1.0);
  const auto value = [&model](const Eigen::VectorXd& z, Eigen::VectorXd& gradient) {
    gradient = model.hessian * z;
    const double out = model.gradient.dot(z) + 0.5 * z.dot(gradient);
    gradient += model.gradient;
    return out;
  };
  Rng rng(seed_, "quadratic.start", ordinal);
  Eigen::VectorXd best = Eigen::VectorXd::Zero(z_.rows());
  double lowest = std::numeric_limits<double>::infinity();
  for (int start = 0; start < kStarts; ++start) {
    Eigen::VectorXd z = Eigen::VectorXd::Zero(z_.rows());
    if (start > 0) {
      for (Eigen::Index i = 0; i < z.size(); ++i) z[i] = left[i] + (right[i] - left[i]) * rng.Uniform();
    }
    const double here = Minimise(value, left, right, {.iterations = 50, .gradient = 1e-9, .progress = 1e-10}, &z);
    if (here < lowest) lowest = here, best = z;
  }
  return best;
}

std::optional<Eigen::VectorXd> LocalQuadratic::Step(std::uint64_t ordinal,
                                                    const std::function<bool(const Eigen::VectorXd&)>& is_new) const {
  if (y_.empty()) return std::nullopt;
  Rng rng(seed_, "quadratic.step", ordinal);
  const double way = rng.Uniform() < 0.5 ? 1 : -1;
  const Eigen::Index number = numbers_[ordinal % numbers_.size()];
  for (double step = kFirstStep; step < 1; step *= 2) {  // far enough to be another level
    Eigen::VectorXd unit = units_[best_];
    const double there = unit[number] + way * step;
    unit[number] = there < 0 || there > 1 ? unit[number] - way * step : there;
    if (unit[number] < 0 || unit[number] > 1) break;
    MoveToLevels(space_, &unit);
    if (is_new(unit)) return unit;
  }
  return std::nullopt;
}

std::optional<Eigen::VectorXd> LocalQuadratic::Propose(
    const std::vector<Eigen::VectorXd>& pending, std::uint64_t ordinal,
    const std::function<bool(const Eigen::VectorXd&)>& is_new) const {
  const Eigen::VectorXd& centre = units_[best_];
  const auto point = [&](const Eigen::VectorXd& z) {
    Eigen::VectorXd unit = centre;
    for (std::size_t i = 0; i < numbers_.size(); ++i) unit[numbers_[i]] += radius_ * z[static_cast<Eigen::Index>(i)];
    MoveToLevels(space_, &unit);
    return unit;
  };
  // What lies nearer to a trial that came to nothing than to one with a value will hardly have one.
  const auto wanted = [&](const Eigen::VectorXd& unit) {
    if (!is_new(unit)) return false;
    const auto nearest = [&unit](const std::vector<Eigen::VectorXd>& others) {
      double least = std::numeric_limits<double>::infinity();
      for (const Eigen::VectorXd& other : others) least = std::min(least, (unit - other).cwiseAbs().maxCoeff());
      return least;
    };
    const double known = nearest(units_);
    return std::min(known, nearest(pending)) >= kTooNear * radius_ && nearest(worthless_) >= known;
  };
  for (int attempt = pending.empty() && ordinal / 2 % kMeans == 0 ? 0 : 1; attempt < kAttempts; ++attempt) {
    const Model model = attempt == 0 ? ModelOf(weights_) : Drawn(ordinal, attempt);
    const Eigen::VectorXd unit = point(Lowest(model, ordinal));
    if (wanted(unit)) return unit;
  }
  Rng rng(seed_, "quadratic.near", ordinal);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Eigen::VectorXd z(z_.rows());
    for (double& c : z) c = is_ball_ ? rng.Normal() : 2 * rng.Uniform() - 1;
    if (is_ball_) z *= std::pow(rng.Uniform(), 1 / static_cast<double>(z.size())) / z.norm();  // anywhere in it
    for (Eigen::Index i = 0; i < z.size(); ++i) {
      const double centre_here = centre[numbers_[static_cast<std::size_t>(i)]];
      z[i] = std::clamp(z[i], -centre_here / radius_, (1 - centre_here) / radius_);
    }
    const Eigen::VectorXd unit = point(z);
    if (wanted(unit)) return unit;
  }
  return std::nullopt;
}

}  // namespace qalam
