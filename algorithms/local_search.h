// SPDX-License-Identifier: Apache-2.0
// Local search: the points that differ from the best one in a single parameter, then those around the next best.
// White et al. 2021, "Exploring the loss landscape in neural architecture search".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct LocalSearchSettings {
  int startup = 10;
  std::optional<std::int64_t> random_state;
};
inline constexpr auto kLocalSearchSettings =
    Settings<LocalSearchSettings>(Int("n_startup_trials", &LocalSearchSettings::startup, AtLeast(1),
                                      "finished trials before the best of them is climbed from"),
                                  Int("random_state", &LocalSearchSettings::random_state, AtLeast(0), "seed"));

std::unique_ptr<Suggester> MakeLocalSearch(const AlgorithmContext& context);

}  // namespace qalam
