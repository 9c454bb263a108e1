// SPDX-License-Identifier: Apache-2.0
// Tree-structured Parzen estimators: where good trials lie denser than the others. Bergstra et al. 2011, with one joint
// kernel a trial (Falkner et al. 2018), which sees how parameters go together.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct TpeSettings {
  std::optional<double> gamma;
  double prior_weight = 1;
  int startup = 10;
  int candidates = 64;
  std::optional<std::int64_t> random_state;
};
// Katib's `tpe` is hyperopt's, its `multivariate-tpe` Optuna's: one algorithm here, under both sets of names.
inline constexpr auto kTpeSettings = Settings<TpeSettings>(
    Real("gamma", &TpeSettings::gamma, Inside(0, 1),
         "ceil(gamma * sqrt(n)) of n finished trials are called good, 25 at most; not given: ceil(n / 10)"),
    Real("prior_weight", &TpeSettings::prior_weight, Above(0), "weight of the uniform density beside each trial's 1"),
    Int("n_EI_candidates", &TpeSettings::candidates, Above(0), "points that are scored for each suggestion"),
    Int("n_ei_candidates", &TpeSettings::candidates, AtLeast(0), "the same"),
    Int("n_startup_trials", &TpeSettings::startup, AtLeast(0), "finished trials before the model is asked"),
    Int("random_state", &TpeSettings::random_state, AtLeast(0), "seed"));
inline constexpr auto kMultivariateTpeSettings = Settings<TpeSettings>(
    Int("n_startup_trials", &TpeSettings::startup, AtLeast(0), "finished trials before the model is asked"),
    Int("n_ei_candidates", &TpeSettings::candidates, AtLeast(0), "points that are scored for each suggestion"),
    Int("random_state", &TpeSettings::random_state, AtLeast(0), "seed"));

std::unique_ptr<Suggester> MakeTpe(const AlgorithmContext& context);

}  // namespace qalam
