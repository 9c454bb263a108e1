// SPDX-License-Identifier: Apache-2.0
#include "algorithms/neighbours.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace qalam {
namespace {

constexpr double kBell = 0.2;  // standard deviation of a continuous parameter's change, in the cube

std::uint64_t OtherLevel(std::uint64_t level, std::uint64_t levels, Rng& rng) {
  const std::uint64_t drawn = rng.Below(levels - 1);
  return drawn + (drawn >= level ? 1 : 0);
}

std::uint64_t NearLevel(std::uint64_t level, std::uint64_t levels, Rng& rng) {
  const std::uint64_t by = 1 + rng.Below(2);
  const bool up = rng.Below(2) == 0;
  if (up && level + by < levels) return level + by;
  if (!up && level >= by) return level - by;
  return level + 1 < levels ? level + 1 : level - 1;
}

double Moved(double unit, Rng& rng) {
  double moved = unit + kBell * rng.Normal();
  while (moved < 0 || moved > 1) moved = moved < 0 ? -moved : 2 - moved;
  return moved;
}

}  // namespace

void DrawNewlyActive(const SearchSpace& space, const std::vector<char>& before, Rng& rng, Eigen::VectorXd* unit) {
  if (!space.conditional()) return;
  // What was at rest is drawn for itself and for what hangs below it.
  for (Eigen::Index i = 0; i < space.dim(); ++i) {
    if (before[static_cast<std::size_t>(i)]) continue;
    const std::uint64_t levels = space.parameters()[static_cast<std::size_t>(i)].levels;
    (*unit)[i] = levels == 0 ? rng.Uniform() : space.UnitOf(i, rng.Below(levels));
  }
  space.Rest(unit);
}

Eigen::VectorXd Mutate(const SearchSpace& space, const Eigen::VectorXd& unit, Rng& rng) {
  std::vector<Eigen::Index> free;
  const std::vector<char> active = space.ActiveAt(unit);
  for (Eigen::Index i = 0; i < space.dim(); ++i) {
    const auto index = static_cast<std::size_t>(i);
    if (active[index] && space.parameters()[index].levels != 1) free.push_back(i);
  }
  Eigen::VectorXd out = unit;
  if (free.empty()) return out;
  const Eigen::Index i = free[static_cast<std::size_t>(rng.Below(free.size()))];
  const Parameter& parameter = space.parameters()[static_cast<std::size_t>(i)];
  if (parameter.levels == 0) {
    out[i] = Moved(unit[i], rng);
  } else {
    const std::uint64_t level = space.LevelOf(i, unit[i]);
    const bool far = parameter.type == ParameterType::kCategorical || rng.Below(2) == 0;
    out[i] = space.UnitOf(i, far ? OtherLevel(level, parameter.levels, rng) : NearLevel(level, parameter.levels, rng));
  }
  DrawNewlyActive(space, active, rng, &out);
  return out;
}

std::vector<Eigen::VectorXd> Neighbours(const SearchSpace& space, const Eigen::VectorXd& unit) {
  std::vector<Eigen::VectorXd> out;
  const std::vector<char> active = space.ActiveAt(unit);
  for (Eigen::Index i = 0; i < space.dim(); ++i) {
    if (!active[static_cast<std::size_t>(i)]) continue;
    const Parameter& parameter = space.parameters()[static_cast<std::size_t>(i)];
    if (parameter.levels < 2) continue;
    const std::uint64_t level = space.LevelOf(i, unit[i]);
    const auto add = [&](std::uint64_t other) {
      out.push_back(unit);
      out.back()[i] = space.UnitOf(i, other);
      space.Rest(&out.back());
    };
    if (parameter.type == ParameterType::kCategorical) {
      for (std::uint64_t other = 0; other < parameter.levels; ++other) {
        if (other != level) add(other);
      }
      continue;
    }
    for (std::uint64_t by = 1; by < parameter.levels; by *= 2) {
      if (level + by < parameter.levels) add(level + by);
      if (level >= by) add(level - by);
    }
  }
  return out;
}

}  // namespace qalam
