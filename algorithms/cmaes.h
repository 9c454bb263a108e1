// SPDX-License-Identifier: Apache-2.0
// Covariance matrix adaptation (Hansen 2016, "The CMA evolution strategy: a tutorial"): a normal distribution that is
// moved, stretched and turned towards where the best trials were, for numbers that matter together.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct CmaEsSettings {
  double sigma = 0;
  std::string_view restart_strategy = "ipop";
  std::optional<std::int64_t> random_state;
};
inline constexpr std::array<std::string_view, 4> kRestartStrategies = {"ipop", "bipop", "none", "None"};
inline constexpr auto kCmaEsSettings = Settings<CmaEsSettings>(
    Real("sigma", &CmaEsSettings::sigma, AtLeast(0), "first standard deviation, in parts of a range; 0: a sixth"),
    Choice("restart_strategy", &CmaEsSettings::restart_strategy, kRestartStrategies, "CMAES optimization",
           "what follows when it has converged: from a random point with twice the generation, or large and small ones "
           "in turn"),
    Int("random_state", &CmaEsSettings::random_state, AtLeast(0), "seed"));

std::unique_ptr<Suggester> MakeCmaEs(const AlgorithmContext& context);
Status ValidateCmaEs(const AlgorithmContext& context);

}  // namespace qalam
