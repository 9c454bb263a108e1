// SPDX-License-Identifier: Apache-2.0
#include "algorithms/bananas.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "algorithms/learner.h"
#include "algorithms/model_inputs.h"
#include "algorithms/neighbours.h"
#include "algorithms/output_transform.h"
#include "core/linalg.h"
#include "core/math.h"
#include "core/rng.h"

namespace qalam {
namespace {

using Eigen::Index;

constexpr std::size_t kParents = 10;  // the best trials, whose mutations are candidates
constexpr Index kMostTrials = 300;    // that the model is made of: the best half, and the newest
constexpr Index kMostCompared = 120;  // that its hyperparameters are chosen by
constexpr double kOrdered = 3;        // how much the two ends of an ordered parameter differ, by two categories
constexpr double kLeastWeight = 0.3;  // of a parameter that seems to have no effect; 1 is the mean
constexpr std::array<double, 4> kDecays = {0.8, 1.6, 3.2, 6.4};  // of the correlation, all parameters changed
constexpr std::array<double, 3> kNoises = {1e-3, 3e-2, 3e-1};    // by the variance of the function
constexpr int kClimb = 10;                                       // steps from the best of those
constexpr double kSpread = 1.0;                                  // of the logarithms of the weights around that
constexpr double kJitter = 1e-6;
constexpr int kBins = 4;  // an ordered parameter's values, when its effect is measured

// exp(-sum of w_j d_j) of what differs: d_j is 1 for two categories and for a parameter that one of the points lacks,
// in proportion for ordered values. A row a point.
Eigen::MatrixXd Correlation(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b, const std::vector<char>& categorical,
                            const Eigen::VectorXd& weights) {
  Eigen::ArrayXXd exponent = Eigen::ArrayXXd::Zero(a.rows(), b.rows());
  const Eigen::Array<bool, 1, Eigen::Dynamic> lacking = (a.array() < 0).colwise().any();
  for (Index p = 0; p < a.cols(); ++p) {
    for (Index j = 0; j < b.rows(); ++j) {
      if (categorical[static_cast<std::size_t>(p)] || ModelInputs::IsMissing(b(j, p))) {
        exponent.col(j) += weights[p] * (a.col(p).array() != b(j, p)).cast<double>();
      } else if (lacking[p]) {
        exponent.col(j) +=
            (a.col(p).array() < 0).select(weights[p], kOrdered * weights[p] * (a.col(p).array() - b(j, p)).abs());
      } else {
        exponent.col(j) += kOrdered * weights[p] * (a.col(p).array() - b(j, p)).abs();
      }
    }
  }
  return (-exponent).exp();
}

// How much of the variance of y each parameter explains by itself, beyond what chance would; the mean becomes 1.
Eigen::VectorXd EffectsOf(const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const std::vector<char>& categorical) {
  Eigen::VectorXd effects(x.cols());
  const double n = static_cast<double>(y.size());
  for (Index p = 0; p < x.cols(); ++p) {
    std::vector<double> sums, counts;
    double rows = 0, sum = 0, square = 0;
    for (Index i = 0; i < x.rows(); ++i) {
      if (ModelInputs::IsMissing(x(i, p))) continue;
      ++rows, sum += y[i], square += y[i] * y[i];
      const double value = categorical[static_cast<std::size_t>(p)] ? x(i, p) : std::min(kBins * x(i, p), kBins - 1.0);
      const auto level = static_cast<std::size_t>(value);
      if (level >= sums.size()) sums.resize(level + 1), counts.resize(level + 1);
      sums[level] += y[i];
      ++counts[level];
    }
    double between = 0, levels = 0;
    for (std::size_t level = 0; level < sums.size(); ++level) {
      if (counts[level] > 0) between += sums[level] * sums[level] / counts[level], ++levels;
    }
    if (rows == 0) {
      effects[p] = 0;
      continue;
    }
    // Where some points lack it: of what varies among the others. What these have in common is their parent's effect.
    const bool all = rows == n;
    if (!all) between -= sum * sum / rows;
    const double within = (all ? y.squaredNorm() : square - sum * sum / rows) - between;
    const double chance = rows > levels ? within / (rows - levels) * (levels - 1) : between;
    effects[p] = std::sqrt(std::max(0.0, between - chance));
  }
  const double mean = effects.mean();
  if (mean <= 0) return Eigen::VectorXd::Ones(x.cols());
  return (kLeastWeight + (1 - kLeastWeight) * effects.array() / mean).matrix();
}

// A Gaussian process with that correlation, its hyperparameters found anew each time: first among few, then uphill.
class HammingProcess {
 public:
  // A row a point, those that matter most last.
  HammingProcess(const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const std::vector<char>& categorical)
      : x_(x), categorical_(categorical) {
    const Index last = std::min(x.rows(), kMostCompared);
    Choose(x.bottomRows(last), y.tail(last), EffectsOf(x, y, categorical) / static_cast<double>(x.cols()));
    factor_ = Correlation(x, x, categorical, weights_);
    factor_.diagonal().array() += noise_;
    QALAM_CHECK(Factorise(&factor_), "a correlation with noise has a factor");
    white_ = y;
    SolveLower(factor_, white_);
    variance_ = white_.squaredNorm() / static_cast<double>(x.rows());
  }

  // A function as likely as any after the observations, at these points.
  Eigen::VectorXd Draw(const Eigen::MatrixXd& x, Rng& rng) const {
    Eigen::MatrixXd cross = Correlation(x_, x, categorical_, weights_);
    SolveLower(factor_, cross);
    Eigen::VectorXd drawn = cross.transpose() * white_;
    Eigen::MatrixXd covariance = Correlation(x, x, categorical_, weights_);
    SubtractGram(cross.transpose(), &covariance);
    covariance.diagonal().array() += kJitter;
    Eigen::VectorXd normal(x.rows());
    for (double& z : normal) z = rng.Normal();
    if (Factorise(&covariance)) drawn += std::sqrt(variance_) * (covariance * normal);
    return drawn;
  }

 private:
  // What the marginal likelihood is largest for, times a prior of the weights around `effects`.
  void Choose(const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const Eigen::VectorXd& effects) {
    double best = std::numeric_limits<double>::infinity();
    for (const double decay : kDecays) {
      for (const double noise : kNoises) {
        const double loss = Loss(x, y, decay * effects, noise, nullptr);
        if (loss < best) best = loss, weights_ = decay * effects, noise_ = noise;
      }
    }
    // Each weight by a step of its own, which grows while its slope has one sign and shrinks when that turns (RPROP,
    // Riedmiller and Braun 1993).
    const Eigen::VectorXd centre = weights_.array().log();
    Eigen::VectorXd at = centre, step = Eigen::VectorXd::Constant(at.size(), 0.2), before, slope;
    for (int i = 0; i < kClimb; ++i) {
      const Eigen::VectorXd weights = at.array().exp();
      const Eigen::VectorXd off = at - centre;
      const double loss = Loss(x, y, weights, noise_, &slope) + 0.5 * off.squaredNorm() / (kSpread * kSpread);
      if (i == 0 || loss < best) best = loss, weights_ = weights;
      slope += off / (kSpread * kSpread);
      for (Index p = 0; p < at.size(); ++p) {
        if (i > 0) step[p] = slope[p] * before[p] > 0 ? std::min(1.3 * step[p], 0.6) : 0.5 * step[p];
        at[p] -= slope[p] > 0 ? step[p] : slope[p] < 0 ? -step[p] : 0;
      }
      before = slope;
    }
  }

  // Minus the logarithm of the marginal likelihood, the variance at its best, and its slope by the weights' logarithms.
  double Loss(const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const Eigen::VectorXd& weights, double noise,
              Eigen::VectorXd* slope) const {
    const Eigen::MatrixXd correlation = Correlation(x, x, categorical_, weights);
    Eigen::MatrixXd factor = correlation;
    factor.diagonal().array() += noise;
    if (!Factorise(&factor)) return std::numeric_limits<double>::infinity();
    Eigen::MatrixXd white = y;
    SolveLower(factor, white);
    const double n = static_cast<double>(y.size()), variance = white.squaredNorm() / n + 1e-12;
    const double loss = 0.5 * n * std::log(variance) + factor.diagonal().array().log().sum();
    if (slope == nullptr) return loss;
    SolveUpper(factor, white);
    Eigen::MatrixXd pull = InverseOf(factor).triangularView<Eigen::StrictlyLower>();
    pull = (pull - (white * white.transpose() / variance)).cwiseProduct(correlation);
    slope->resize(weights.size());
    for (Index p = 0; p < weights.size(); ++p) {
      double sum = 0;
      for (Index j = 0; j < x.rows(); ++j) {
        const auto below = pull.col(j).tail(x.rows() - j - 1).array();
        const auto others = x.col(p).tail(x.rows() - j - 1).array();
        if (categorical_[static_cast<std::size_t>(p)] || ModelInputs::IsMissing(x(j, p))) {
          sum += (others != x(j, p)).select(below, 0).sum();
        } else {
          sum += kOrdered * (others < 0).select(below / kOrdered, below * (others - x(j, p)).abs()).sum();
        }
      }
      (*slope)[p] = -weights[p] * sum;
    }
    return loss;
  }

  const Eigen::MatrixXd x_;
  const std::vector<char>& categorical_;
  Eigen::VectorXd weights_;
  double noise_ = 0, variance_ = 1;
  Eigen::MatrixXd factor_, white_;
};

class Bananas final : public Learner {
 public:
  Bananas(const SearchSpace& space, const BananasSettings& settings, std::uint64_t seed)
      : Learner(space, seed, settings.startup, "bananas"), settings_(settings), inputs_(space) {}

 private:
  void Fit() override {
    if (fitted_ == trials().size()) return;
    fitted_ = trials().size();
    std::vector<std::size_t> by_value(trials().size());
    std::iota(by_value.begin(), by_value.end(), 0u);
    const auto key = [this](std::size_t i) {
      return std::pair(trials()[i].HasValue() ? trials()[i].y : std::numeric_limits<double>::infinity(), i);
    };
    std::ranges::sort(by_value, {}, key);
    parents_.assign(by_value.begin(), by_value.begin() + static_cast<std::ptrdiff_t>(std::min(kParents, usable())));
    std::vector<std::size_t> chosen = by_value;
    if (chosen.size() > kMostTrials) {
      chosen.resize(kMostTrials / 2);
      std::vector<char> in(trials().size());
      for (const std::size_t i : chosen) in[i] = 1;
      for (std::size_t i = trials().size(); chosen.size() < kMostTrials;) {
        if (!in[--i]) chosen.push_back(i);
      }
    }
    std::ranges::sort(chosen, std::greater<>(), key);  // the best last: hyperparameters are chosen by those
    Eigen::MatrixXd units(space().dim(), static_cast<Index>(chosen.size()));
    for (std::size_t i = 0; i < chosen.size(); ++i) units.col(static_cast<Index>(i)) = trials()[chosen[i]].unit;
    model_.emplace(inputs_.Of(units), ValuesOf(chosen), inputs_.categorical());
  }

  // Those better than the middle as they are; of the others no more than their rank. `chosen`: the worst first.
  Eigen::VectorXd ValuesOf(const std::vector<std::size_t>& chosen) const {
    const auto n = static_cast<Index>(chosen.size());
    Eigen::VectorXd y(n);
    double largest = 0;
    for (const std::size_t i : chosen) {
      if (trials()[i].HasValue()) largest = std::max(largest, std::abs(trials()[i].y));
    }
    const Index middle = n / 2;
    for (Index i = 0; i < n; ++i) {
      const Trial& trial = trials()[chosen[static_cast<std::size_t>(i)]];
      y[i] = trial.HasValue() ? trial.y / std::max(largest, 1e-300) : std::numeric_limits<double>::infinity();
    }
    Index finite = middle;  // where the values begin, at the middle or after it
    while (finite < n && !std::isfinite(y[finite])) ++finite;
    const Index good = n - finite;
    const double spread =
        std::sqrt((y.tail(good).array() - y[finite]).square().sum() / static_cast<double>(std::max<Index>(good, 1)));
    for (Index i = 0; i < finite; ++i) {
      const double rank = (static_cast<double>(finite - i) - 0.5) / static_cast<double>(2 * finite);
      y[i] = y[finite] - std::max(spread, 1e-12) * NormalQuantile(0.5 - rank);
    }
    Standardise(&y);
    return y;
  }

  std::optional<Proposal> Propose(const Points&, std::uint64_t ordinal) override {
    Rng rng(seed(), "bananas.candidates", ordinal);
    SeenPoints taken(space());
    Points candidates;
    for (int attempt = 0; attempt < 4 * settings_.candidates; ++attempt) {
      Eigen::VectorXd unit = trials()[parents_[static_cast<std::size_t>(rng.Below(parents_.size()))]].unit;
      do unit = Mutate(space(), unit, rng);
      while (rng.Below(2) == 0);
      if (!IsNew(unit) || taken.Contains(unit)) continue;
      taken.Add(unit);
      candidates.push_back(std::move(unit));
      if (static_cast<int>(candidates.size()) == settings_.candidates) break;
    }
    if (candidates.empty()) return std::nullopt;
    Eigen::MatrixXd units(space().dim(), static_cast<Index>(candidates.size()));
    for (std::size_t i = 0; i < candidates.size(); ++i) units.col(static_cast<Index>(i)) = candidates[i];
    Index best = 0;
    model_->Draw(inputs_.Of(units), rng).minCoeff(&best);
    return Proposal{std::move(candidates[static_cast<std::size_t>(best)]), "model"};
  }

  BananasSettings settings_;
  ModelInputs inputs_;
  std::size_t fitted_ = 0;
  std::vector<std::size_t> parents_;  // the best trials, the best first
  std::optional<HammingProcess> model_;
};

}  // namespace

std::unique_ptr<Suggester> MakeBananas(const AlgorithmContext& context) {
  const BananasSettings settings = kBananasSettings.Parse(context.settings);
  return std::make_unique<Bananas>(context.space, settings, SeedOf(context, settings.random_state));
}

}  // namespace qalam
