// SPDX-License-Identifier: Apache-2.0
// Grid search: every combination of levels once, then the end. O(1) memory however large the grid.
// As nested loops over the parameters in their order, the last one innermost; random_state shuffles the order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct GridSettings {
  std::optional<std::int64_t> random_state;
};
inline constexpr auto kGridSettings = Settings<GridSettings>(
    Int("random_state", &GridSettings::random_state, AtLeast(0), "seed of the order; none: as nested loops"));

Status ValidateGrid(const AlgorithmContext& context);
std::unique_ptr<Suggester> MakeGrid(const AlgorithmContext& context);

}  // namespace qalam
