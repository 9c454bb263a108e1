// SPDX-License-Identifier: Apache-2.0
#include "algorithms/parzen.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/linalg.h"
#include "core/math.h"

namespace qalam {
namespace {

constexpr std::uint64_t kMostTabulated = 64;
// In parts of the range: the bandwidth of one point, and the least of all. On the tuning problems of `quick` 0.07
// halves the regret that 0.2 (Optuna's, never below 1 / (n + 1)) leaves at 25, 50 and 100 trials; 0.05 and 0.1 are
// worse.
constexpr double kScott = 0.07;
constexpr double kNarrowest = 0.01;
constexpr Eigen::Index kBlock = 32;  // columns scored at once: what they need stays in the cache

// Mass of N(mean, sd) in [a, b]: from the tail that is nearer, so that a small one keeps its digits.
double MassBetween(double a, double b, double mean, double sd) {
  const double low = (a - mean) / sd, high = (b - mean) / sd;
  return low > 0 ? NormalCdf(-low) - NormalCdf(-high) : NormalCdf(high) - NormalCdf(low);
}

// Logarithm of the mass of N(mean, sd) in [0, 1], for a mean inside and an sd that lets it be near one end only: a
// table, since a suggestion asks for every kernel and parameter.
class LogMassInside {
 public:
  LogMassInside() {
    for (std::size_t i = 0; i < table_.size(); ++i) table_[i] = std::log(NormalCdf(static_cast<double>(i) / kPerUnit));
  }
  double operator()(double mean, double sd) const {
    const double place = std::min(mean, 1 - mean) / sd * kPerUnit;
    const auto below = static_cast<std::size_t>(place);
    if (below + 1 >= table_.size()) return 0;
    return table_[below] + (place - static_cast<double>(below)) * (table_[below + 1] - table_[below]);
  }

 private:
  static constexpr double kPerUnit = 1024;  // linear between: exact to 1e-7
  std::array<double, 6 * 1024> table_;      // standard deviations 0 to 6: 1e-9 beyond
};

bool IsTabulated(const Parameter& parameter) {
  return parameter.levels > 0 && (parameter.type == ParameterType::kCategorical || parameter.levels <= kMostTabulated);
}

// (from level) x (to level), rows that sum to 1.
Eigen::MatrixXd Masses(const Parameter& parameter, double bandwidth, Eigen::Index kernels) {
  const auto count = static_cast<Eigen::Index>(parameter.levels);
  const auto n = static_cast<double>(std::max<Eigen::Index>(kernels, 1));
  Eigen::MatrixXd mass(count, count);
  if (parameter.type == ParameterType::kCategorical) {
    mass.setConstant(1 / n);
    mass.diagonal().array() += 1;
  } else {
    const double width = 1 / static_cast<double>(count);
    for (Eigen::Index from = 0; from < count; ++from) {
      const double mean = (static_cast<double>(from) + 0.5) * width;
      for (Eigen::Index to = 0; to < count; ++to) {
        const double begin = static_cast<double>(to) * width;
        mass(from, to) = std::max(MassBetween(begin, begin + width, mean, bandwidth), 1e-30);
      }
    }
  }
  mass.array().colwise() /= mass.rowwise().sum().eval().array();
  return mass;
}

}  // namespace

ParzenEstimator::ParzenEstimator(const SearchSpace& space, const Eigen::Ref<const Eigen::MatrixXd>& points,
                                 double prior_weight)
    : space_(&space) {
  const Eigen::Index n = points.cols();
  const auto count = static_cast<double>(std::max<Eigen::Index>(n, 1));
  std::vector<std::vector<char>> active;
  double dim = static_cast<double>(space.dim());
  if (space.conditional() && n > 0) {
    dim = 0;
    for (Eigen::Index k = 0; k < n; ++k) {
      active.push_back(space.ActiveAt(points.col(k)));
      dim += static_cast<double>(std::ranges::count(active.back(), 1)) / count;
    }
  }
  const auto lacks = [&](Eigen::Index k, Eigen::Index i) {
    return !active.empty() && !active[static_cast<std::size_t>(k)][static_cast<std::size_t>(i)];
  };
  bandwidth_ = std::max(kScott * std::pow(count, -1.0 / (dim + 4)), kNarrowest);
  const double total = static_cast<double>(n) + prior_weight;
  log_prior_ = std::log(prior_weight / total);
  for (Eigen::Index i = 0; i < space.dim(); ++i) {
    const Parameter& parameter = space.parameters()[static_cast<std::size_t>(i)];
    if (!IsTabulated(parameter)) {
      continuous_.push_back(i);
      continue;
    }
    Eigen::MatrixXd mass = Masses(parameter, bandwidth_, n);
    if (parameter.condition) {
      mass.conservativeResize(mass.rows() + 1, Eigen::NoChange);
      mass.bottomRows(1).setConstant(1 / static_cast<double>(parameter.levels));
    }
    Levels table{i, (mass.array() * static_cast<double>(parameter.levels)).log().cast<float>(), mass, {}};
    for (Eigen::Index to = 1; to < mass.cols(); ++to) table.cumulative.col(to) += table.cumulative.col(to - 1);
    for (Eigen::Index k = 0; k < n; ++k) {
      table.of_kernels.push_back(
          static_cast<Eigen::Index>(lacks(k, i) ? parameter.levels : space.LevelOf(i, points(i, k))));
    }
    levels_.push_back(std::move(table));
  }
  points_ = points(continuous_, Eigen::all);
  scaled_ = Scaled(points);
  for (std::size_t j = 0; j < continuous_.size(); ++j) {
    if (space.parameters()[static_cast<std::size_t>(continuous_[j])].condition)
      may_lack_.push_back(static_cast<Eigen::Index>(j));
  }
  lacks_ = constants_ = Eigen::MatrixXf::Zero(n, static_cast<Eigen::Index>(may_lack_.size()));
  // Each continuous kernel: N(x; u, h) / mass inside [0, 1].
  const double normaliser = std::log(bandwidth_ * std::sqrt(2 * std::numbers::pi));
  static const LogMassInside kLogMassInside;
  log_weight_.resize(n);
  for (Eigen::Index k = 0; k < n; ++k) {
    double log_weight = -std::log(total);
    for (Eigen::Index j = 0; j < points_.rows(); ++j) {
      if (lacks(k, continuous_[static_cast<std::size_t>(j)])) {
        scaled_(j, k) = 0;
        continue;
      }
      log_weight -= normaliser + kLogMassInside(points_(j, k), bandwidth_);
    }
    for (std::size_t c = 0; c < may_lack_.size(); ++c) {
      const Eigen::Index j = may_lack_[c], column = static_cast<Eigen::Index>(c);
      const bool lacking = lacks(k, continuous_[static_cast<std::size_t>(j)]);
      lacks_(k, column) = lacking ? 1.0f : 0.0f;
      constants_(k, column) = lacking ? 0.0f
                                      : static_cast<float>(normaliser + kLogMassInside(points_(j, k), bandwidth_)) +
                                            0.5f * scaled_(j, k) * scaled_(j, k);
    }
    log_weight_[k] = static_cast<float>(log_weight) - 0.5f * scaled_.col(k).squaredNorm();
  }
}

// Around the middle of the cube, so that squares stay small and their differences exact enough in single precision.
Eigen::MatrixXf ParzenEstimator::Scaled(const Eigen::Ref<const Eigen::MatrixXd>& at) const {
  return ((at(continuous_, Eigen::all).array() - 0.5) / bandwidth_).cast<float>();
}

Eigen::VectorXd ParzenEstimator::Sample(Rng& rng) const {
  const Eigen::Index n = scaled_.cols();
  Eigen::VectorXd unit(space_->dim());
  // All kernels weigh the same but the uniform one.
  const double pick = rng.Uniform() - std::exp(log_prior_);
  if (pick < 0 || n == 0) {
    for (double& u : unit) u = rng.Uniform();
    return unit;
  }
  const Eigen::Index kernel = std::min<Eigen::Index>(
      n - 1, static_cast<Eigen::Index>(pick / (1 - std::exp(log_prior_)) * static_cast<double>(n)));
  std::vector<char> lacks(continuous_.size());
  for (std::size_t c = 0; c < may_lack_.size(); ++c) {
    lacks[static_cast<std::size_t>(may_lack_[c])] = lacks_(kernel, static_cast<Eigen::Index>(c)) > 0;
  }
  for (std::size_t j = 0; j < continuous_.size(); ++j) {
    if (lacks[j]) {
      unit[continuous_[j]] = rng.Uniform();
      continue;
    }
    const double mean = points_(static_cast<Eigen::Index>(j), kernel);
    const double low = NormalCdf((0 - mean) / bandwidth_), high = NormalCdf((1 - mean) / bandwidth_);
    const double z = NormalQuantile(low + rng.Uniform() * (high - low));
    unit[continuous_[j]] = std::clamp(mean + bandwidth_ * z, 0.0, 1.0);
  }
  for (const Levels& table : levels_) {
    const auto row = table.cumulative.row(table.of_kernels[static_cast<std::size_t>(kernel)]);
    const double u = rng.Uniform();
    Eigen::Index level = 0;
    while (level + 1 < row.size() && row[level] < u) ++level;
    unit[table.parameter] = space_->UnitOf(table.parameter, static_cast<std::uint64_t>(level));
  }
  return unit;
}

// By column; coordinates that are not active become 0 in `block`.
std::vector<std::vector<char>> ParzenEstimator::ActiveIn(const Eigen::Ref<const Eigen::MatrixXd>& at,
                                                         Eigen::MatrixXf* block) const {
  std::vector<std::vector<char>> active;
  for (Eigen::Index c = 0; c < at.cols(); ++c) {
    active.push_back(space_->ActiveAt(at.col(c)));
    for (const Eigen::Index j : may_lack_) {
      const Eigen::Index parameter = continuous_[static_cast<std::size_t>(j)];
      if (!active.back()[static_cast<std::size_t>(parameter)]) (*block)(j, c) = 0;
    }
  }
  return active;
}

// What the exponents, (kernels, columns), need where a kernel or a column lacks a parameter: the square that such a
// kernel does not have, the factor that such a column does not.
Eigen::MatrixXf ParzenEstimator::Lacking(const Eigen::MatrixXf& block,
                                         const std::vector<std::vector<char>>& active) const {
  const auto count = static_cast<Eigen::Index>(may_lack_.size());
  Eigen::MatrixXf squares(count, block.cols()), without(count, block.cols());
  for (Eigen::Index c = 0; c < block.cols(); ++c) {
    for (Eigen::Index i = 0; i < count; ++i) {
      const Eigen::Index j = may_lack_[static_cast<std::size_t>(i)];
      const auto parameter = static_cast<std::size_t>(continuous_[static_cast<std::size_t>(j)]);
      squares(i, c) = 0.5f * block(j, c) * block(j, c);
      without(i, c) = active[static_cast<std::size_t>(c)][parameter] ? 0.0f : 1.0f;
    }
  }
  return Products(lacks_.transpose(), squares) + Products(constants_.transpose(), without);
}

Eigen::VectorXd ParzenEstimator::LogDensity(const Eigen::Ref<const Eigen::MatrixXd>& at) const {
  const Eigen::Index n = scaled_.cols();
  Eigen::VectorXd out(at.cols());
  const Eigen::MatrixXf all = Scaled(at);
  for (Eigen::Index begin = 0; begin < at.cols(); begin += kBlock) {
    const Eigen::Index columns = std::min(kBlock, at.cols() - begin);
    Eigen::MatrixXf block = all.middleCols(begin, columns);
    std::vector<std::vector<char>> active;
    if (space_->conditional()) active = ActiveIn(at.middleCols(begin, columns), &block);
    Eigen::MatrixXf exponent = Products(scaled_, block);  // kernels x columns of the block
    if (!may_lack_.empty()) exponent += Lacking(block, active);
    for (Eigen::Index c = 0; c < columns; ++c) {
      auto column = exponent.col(c).array();
      column += log_weight_.array() - 0.5f * block.col(c).squaredNorm();
      for (const Levels& table : levels_) {
        if (!active.empty() && !active[static_cast<std::size_t>(c)][static_cast<std::size_t>(table.parameter)])
          continue;
        const auto level = static_cast<Eigen::Index>(space_->LevelOf(table.parameter, at(table.parameter, begin + c)));
        const auto mass = table.log_mass.col(level);
        for (Eigen::Index k = 0; k < n; ++k) column[k] += mass[table.of_kernels[static_cast<std::size_t>(k)]];
      }
      const double kernels = static_cast<double>(LogSumExp(exponent.col(c)));
      const double highest = std::max(kernels, log_prior_);
      out[begin + c] = highest + std::log(std::exp(kernels - highest) + std::exp(log_prior_ - highest));
    }
  }
  return out;
}

}  // namespace qalam
