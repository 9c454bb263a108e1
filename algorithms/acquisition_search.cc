// SPDX-License-Identifier: Apache-2.0
#include "algorithms/acquisition_search.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "algorithms/minimise.h"

namespace qalam {
namespace {

constexpr int kRounds = 4;
constexpr std::uint64_t kFewLevels = 32;     // all are tried; of more ordered ones, those 1, 2, 4, ... away
constexpr std::uint64_t kMostChoices = 256;  // of a categorical
constexpr double kProgress = 1e-6;           // a logarithm: less is not worth another round

double ClimbContinuous(const std::vector<Eigen::Index>& parameters, const AcquisitionSurface& surface, int iterations,
                       double value, Eigen::VectorXd* unit) {
  const Eigen::VectorXd length = surface.Lengths()(parameters);
  Eigen::VectorXd at = *unit, slope, z = (*unit)(parameters).cwiseQuotient(length);
  const auto evaluate = [&](const Eigen::VectorXd& x, Eigen::VectorXd& gradient) {
    at(parameters) = x.cwiseProduct(length).cwiseMax(0.0).cwiseMin(1.0);
    double found = 0;
    surface.Gradient(at, &found, &slope);
    gradient = -slope(parameters).cwiseProduct(length);
    return -found;
  };
  const double found = -Minimise(evaluate, Eigen::VectorXd::Zero(z.size()), length.cwiseInverse(),
                                 {.iterations = iterations, .gradient = 1e-4, .progress = 1e-7}, &z);
  if (!(found > value)) return value;
  (*unit)(parameters) = z.cwiseProduct(length).cwiseMax(0.0).cwiseMin(1.0);
  return found;
}

// Levels to try instead of `now`.
std::vector<std::uint64_t> Others(const Parameter& parameter, std::uint64_t now) {
  std::vector<std::uint64_t> out;
  if (parameter.levels <= kFewLevels || parameter.type == ParameterType::kCategorical) {
    for (std::uint64_t level = 0; level < std::min(parameter.levels, kMostChoices); ++level) {
      if (level != now) out.push_back(level);
    }
    return out;
  }
  for (std::uint64_t step = 1; step < parameter.levels; step *= 2) {
    if (now >= step) out.push_back(now - step);
    if (parameter.levels - now > step) out.push_back(now + step);
  }
  return out;
}

double ClimbFinite(const SearchSpace& space, Eigen::Index parameter, const AcquisitionSurface& surface, double value,
                   Eigen::VectorXd* unit) {
  const std::vector<std::uint64_t> levels =
      Others(space.parameters()[static_cast<std::size_t>(parameter)], space.LevelOf(parameter, (*unit)[parameter]));
  if (levels.empty()) return value;
  Eigen::MatrixXd units = unit->replicate(1, static_cast<Eigen::Index>(levels.size()));
  for (std::size_t k = 0; k < levels.size(); ++k) {
    units(parameter, static_cast<Eigen::Index>(k)) = space.UnitOf(parameter, levels[k]);
  }
  Eigen::Index best = 0;
  const double found = surface.Values(units).maxCoeff(&best);
  if (!(found > value)) return value;
  *unit = units.col(best);
  return found;
}

}  // namespace

double ClimbAcquisition(const SearchSpace& space, const AcquisitionSurface& surface, int iterations, double value,
                        Eigen::VectorXd* unit) {
  double ignored = 0;
  Eigen::VectorXd slope;
  const bool smooth = surface.Gradient(*unit, &ignored, &slope);
  for (int round = 0; round < kRounds; ++round) {
    const double before = value;
    const std::vector<char> active = space.ActiveAt(*unit);
    std::vector<Eigen::Index> continuous, finite;
    for (Eigen::Index i = 0; i < space.dim(); ++i) {
      const auto index = static_cast<std::size_t>(i);
      const bool is_finite = space.parameters()[index].levels > 0;
      if (active[index] && (is_finite || smooth)) (is_finite ? finite : continuous).push_back(i);
    }
    if (!continuous.empty()) value = ClimbContinuous(continuous, surface, iterations, value, unit);
    if (finite.empty()) break;
    const double between = value;
    for (const Eigen::Index parameter : finite) value = ClimbFinite(space, parameter, surface, value, unit);
    if (value == between || value - before < kProgress) break;
  }
  return value;
}

}  // namespace qalam
