// SPDX-License-Identifier: Apache-2.0
#include "algorithms/seen.h"

#include <algorithm>
#include <cmath>

#include "algorithms/cells.h"
#include "algorithms/permutation.h"
#include "core/rng.h"

namespace qalam {
namespace {

constexpr int kDraws = 64;

}  // namespace

std::uint64_t SeenPoints::KeyOf(const Eigen::Ref<const Eigen::VectorXd>& unit) const {
  std::uint64_t key = 0;
  for (Eigen::Index i = 0; i < unit.size(); ++i) {
    const bool continuous = space_->parameters()[static_cast<std::size_t>(i)].levels == 0;
    key = MixHash(
        key, continuous ? static_cast<std::uint64_t>(std::llround(unit[i] * 0x1p40)) : space_->LevelOf(i, unit[i]));
  }
  return key;
}

void MoveToLevels(const SearchSpace& space, Eigen::VectorXd* unit) {
  for (Eigen::Index i = 0; i < unit->size(); ++i) {
    double& u = (*unit)[i];
    u = space.parameters()[static_cast<std::size_t>(i)].levels == 0 ? std::clamp(u, 0.0, 1.0)
                                                                    : space.UnitOf(i, space.LevelOf(i, u));
  }
  space.Rest(unit);
}

std::optional<Eigen::VectorXd> UnseenPoint(const SearchSpace& space, const SeenPoints& seen, const SeenPoints& pending,
                                           std::uint64_t seed, std::string_view purpose, std::uint64_t ordinal) {
  const auto fresh = [&](const Eigen::VectorXd& unit) { return !seen.Contains(unit) && !pending.Contains(unit); };
  Rng rng(seed, purpose, ordinal);
  Eigen::VectorXd unit(space.dim());
  for (int draw = 0; draw < kDraws; ++draw) {
    for (double& u : unit) u = rng.Uniform();
    MoveToLevels(space, &unit);
    if (fresh(unit)) return unit;
  }
  if (!space.cardinality()) return unit;
  const Cells cells(space);
  const KeyedPermutation order(cells.count(), Rng(seed, purpose, 0).Next());
  const std::uint64_t most = std::min<std::uint64_t>(cells.count(), seen.size() + pending.size() + 1);
  for (std::uint64_t position = 0; position < most; ++position) {
    unit = cells.UnitOf(order.At(position));
    if (fresh(unit)) return unit;
  }
  return std::nullopt;
}

}  // namespace qalam
