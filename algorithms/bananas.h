// SPDX-License-Identifier: Apache-2.0
// A model of the trials and Thompson sampling over the mutations of the best: what BANANAS does with an ensemble of
// networks (White et al. 2021), with a Gaussian process that counts the parameters in which two points differ.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct BananasSettings {
  int startup = 20;
  int candidates = 100;
  std::optional<std::int64_t> random_state;
};
inline constexpr auto kBananasSettings = Settings<BananasSettings>(
    Int("n_startup_trials", &BananasSettings::startup, AtLeast(1), "finished trials before the model is asked"),
    Int("n_candidates", &BananasSettings::candidates, Between(1, 10'000),
        "mutations of the best trials that the model is asked about for each suggestion"),
    Int("random_state", &BananasSettings::random_state, AtLeast(0), "seed"));

std::unique_ptr<Suggester> MakeBananas(const AlgorithmContext& context);

}  // namespace qalam
