// SPDX-License-Identifier: Apache-2.0
// Asynchronous successive halving in its stopping form: at each rung a trial goes on if it is among the best 1/eta of
// all that have come there. Li et al. 2020; Hyperband's brackets (Li et al. 2018) start some trials higher up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "earlystop/common_settings.h"
#include "earlystop/stopping_rule.h"

namespace qalam {

struct AshaStopSettings : CommonStopSettings {
  std::int64_t r_min = 1;
  std::optional<std::int64_t> r_max;
  int eta = 3;
  int brackets = 1;
};
inline constexpr auto kAshaStopSettings = Settings<AshaStopSettings>(
    Int("r_min", &AshaStopSettings::r_min, Between(1, 1e15), "the step of the first rung"),
    Int("r_max", &AshaStopSettings::r_max, Between(1, 1e15), "the step from which on nobody is judged"),
    Int("eta", &AshaStopSettings::eta, Between(2, 1000),
        "one of so many goes on; the next rung is so many times higher"),
    Int("brackets", &AshaStopSettings::brackets, Between(1, 30),
        "at how many first rungs trials begin to be judged, in turn"),
    GuardRow<AshaStopSettings>(), PatienceRow<AshaStopSettings>(), MinDeltaRow<AshaStopSettings>());

std::unique_ptr<StoppingRule> MakeAshaStop(const StoppingContext& context);
Status ValidateAshaStop(const StoppingContext& context);

struct HyperbandStopSettings : CommonStopSettings {
  std::int64_t r_min = 1;
  std::optional<std::int64_t> r_max;
  int eta = 3;
};
inline constexpr auto kHyperbandStopSettings = Settings<HyperbandStopSettings>(
    Int("r_min", &HyperbandStopSettings::r_min, Between(1, 1e15), "the step of the first rung"),
    Int("r_max", &HyperbandStopSettings::r_max, Between(1, 1e15), "required: the steps of a whole trial"),
    Int("eta", &HyperbandStopSettings::eta, Between(2, 1000),
        "one of so many goes on; the next rung is so many times higher"),
    GuardRow<HyperbandStopSettings>(), PatienceRow<HyperbandStopSettings>(), MinDeltaRow<HyperbandStopSettings>());

std::unique_ptr<StoppingRule> MakeHyperbandStop(const StoppingContext& context);
Status ValidateHyperbandStop(const StoppingContext& context);

}  // namespace qalam
