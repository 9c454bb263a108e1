// SPDX-License-Identifier: Apache-2.0
// The algorithm for those who do not want to choose one: several models propose in turn, and the one that has helped
// more gets more of the trials.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct AutoSettings {
  std::optional<std::int64_t> random_state;
};
inline constexpr auto kAutoSettings =
    Settings<AutoSettings>(Int("random_state", &AutoSettings::random_state, AtLeast(0), "seed"));

std::unique_ptr<Suggester> MakeAuto(const AlgorithmContext& context);

}  // namespace qalam
