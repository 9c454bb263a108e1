// SPDX-License-Identifier: Apache-2.0
// Regularised evolution: the best of a few of the youngest trials has a child that differs in one parameter; what is
// old dies, however good. Real et al. 2019.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct EvolutionSettings {
  int population_size = 20;
  int tournament_size = 20;
  std::optional<std::int64_t> random_state;
};
inline constexpr auto kEvolutionSettings =
    Settings<EvolutionSettings>(Int("population_size", &EvolutionSettings::population_size, AtLeast(2),
                                    "the newest trials that may have children, and the first points"),
                                Int("tournament_size", &EvolutionSettings::tournament_size, AtLeast(1),
                                    "of them, how many are drawn for a child; the best one is its parent"),
                                Int("random_state", &EvolutionSettings::random_state, AtLeast(0), "seed"));

std::unique_ptr<Suggester> MakeRegularisedEvolution(const AlgorithmContext& context);

}  // namespace qalam
