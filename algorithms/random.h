// SPDX-License-Identifier: Apache-2.0
// Random search: every suggestion is drawn from the parameters' distributions, whatever came before.
// Continuous spaces: independent draws. Finite spaces: drawn without replacement (algorithms/cells.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct RandomSettings {
  std::optional<std::int64_t> random_state;
};
inline constexpr auto kRandomSettings = Settings<RandomSettings>(
    Int("random_state", &RandomSettings::random_state, AtLeast(0), "seed; the same one draws the same points"));

std::unique_ptr<Suggester> MakeRandom(const AlgorithmContext& context);

}  // namespace qalam
