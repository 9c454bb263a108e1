// SPDX-License-Identifier: Apache-2.0
// Hyperband: successive halving from several starting rungs in turn. Li et al. 2018. BOHB: the same with a model that
// thinks of the configurations. Falkner et al. 2018.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct HyperbandSettings {
  std::string_view resource_name;
  std::optional<double> r_l;
  double eta = 3;
  double random_fraction = 1.0 / 3;  // BOHB
  std::string_view katib_state;      // what Katib's service writes to itself
  std::optional<std::int64_t> random_state;
};
inline constexpr auto kHyperbandSettings = Settings<HyperbandSettings>(
    Text("resource_name", &HyperbandSettings::resource_name,
         "required: the parameter that says how long a trial trains"),
    Saying(Real("r_l", &HyperbandSettings::r_l, Range{.min = 0, .max = 1e9, .open_min = true},
                "required: of it, what the longest trials get"),
           "r_l must be a positive float number."),
    Real("eta", &HyperbandSettings::eta, Range{},
         "one of so many goes on to the next rung, which trains so many times as long; below 1: 3"),
    Text("b_l", &HyperbandSettings::katib_state, "Katib's state: accepted, not needed"),
    Text("s_max", &HyperbandSettings::katib_state, "the same"), Text("r", &HyperbandSettings::katib_state, "the same"),
    Text("n", &HyperbandSettings::katib_state, "the same"),
    Text("current_s", &HyperbandSettings::katib_state, "the same"),
    Text("current_i", &HyperbandSettings::katib_state, "the same"),
    Text("evaluating_trials", &HyperbandSettings::katib_state, "the same"),
    Int("random_state", &HyperbandSettings::random_state, AtLeast(0), "seed"));
inline constexpr auto kBohbSettings = Settings<HyperbandSettings>(
    Text("resource_name", &HyperbandSettings::resource_name,
         "required: the parameter that says how long a trial trains"),
    Saying(Real("r_l", &HyperbandSettings::r_l, Range{.min = 0, .max = 1e9, .open_min = true},
                "required: of it, what the longest trials get"),
           "r_l must be a positive float number."),
    Real("eta", &HyperbandSettings::eta, Range{},
         "one of so many goes on to the next rung, which trains so many times as long; below 1: 3"),
    Real("random_fraction", &HyperbandSettings::random_fraction, Between(0, 1),
         "share of the configurations that are drawn, not thought of"),
    Int("random_state", &HyperbandSettings::random_state, AtLeast(0), "seed"));

std::unique_ptr<Suggester> MakeHyperband(const AlgorithmContext& context);
std::unique_ptr<Suggester> MakeBohb(const AlgorithmContext& context);
Status ValidateHyperband(const AlgorithmContext& context);  // of both

}  // namespace qalam
