// SPDX-License-Identifier: Apache-2.0
// A trial goes on while it is among the best percent of the trials that have come to its step, whatever became of them.
#pragma once

#include <cstdint>
#include <memory>

#include "earlystop/common_settings.h"
#include "earlystop/stopping_rule.h"

namespace qalam {

struct PercentileStopSettings : CommonStopSettings {
  double percentile = 25;
  int min_trials_required = 5;
  std::int64_t start_step = 1;
  std::int64_t interval = 1;
};
inline constexpr auto kPercentileStopSettings = Settings<PercentileStopSettings>(
    Real("percentile", &PercentileStopSettings::percentile, Range{.min = 0, .max = 100, .open_min = true},
         "of the trials at the same step, so many percent go on"),
    Int("min_trials_required", &PercentileStopSettings::min_trials_required, AtLeast(1),
        "others that have come to the step, before anybody is judged there"),
    Int("start_step", &PercentileStopSettings::start_step, Between(0, 1e15),
        "the first step at which trials are judged"),
    Int("interval", &PercentileStopSettings::interval, Between(1, 1e15), "steps between two judgements"),
    GuardRow<PercentileStopSettings>(), PatienceRow<PercentileStopSettings>(), MinDeltaRow<PercentileStopSettings>());

std::unique_ptr<StoppingRule> MakePercentileStop(const StoppingContext& context);

}  // namespace qalam
