// SPDX-License-Identifier: Apache-2.0
// The median stopping rule (Golovin et al. 2017, section 3.2.1): live, judged at every step, and in the form that
// Katib's protocol can carry: one bound, set when a trial is created and judged at one step.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/experiment.h"
#include "core/status.h"
#include "earlystop/common_settings.h"
#include "earlystop/stopping_rule.h"

namespace qalam {

inline constexpr std::string_view kMedianStop = "medianstop";

struct MedianStopSettings : CommonStopSettings {
  int min_trials_required = 3;
  int start_step = 4;
  std::string_view compat;
};
inline constexpr std::array<std::string_view, 1> kMedianStopCompat = {"katib"};
inline constexpr auto kMedianStopSettings = Settings<MedianStopSettings>(
    Saying(Int("min_trials_required", &MedianStopSettings::min_trials_required, AtLeast(1),
               "trials that must have succeeded before any is stopped"),
           "min_trials_required must be greater than zero (>0)"),
    Saying(Int("start_step", &MedianStopSettings::start_step, AtLeast(1), "the first step at which trials are judged"),
           "start_step must be greater or equal than one (>=1)"),
    Choice("compat", &MedianStopSettings::compat, kMedianStopCompat, "medianstop",
           "katib: one bound, set when a trial is created: the mean where the name says median"),
    GuardRow<MedianStopSettings>(), PatienceRow<MedianStopSettings>(), MinDeltaRow<MedianStopSettings>());

std::unique_ptr<StoppingRule> MakeMedianStop(const StoppingContext& context);

// What the best value of a trial must reach by its report number start_step: the median, over the trials that
// succeeded, of the mean of their first start_step values. `curves`: the objective's finite values of each, in order;
// one without values does not count. nullopt: too few trials.
std::optional<double> MedianStopBound(const MedianStopSettings& settings,
                                      const std::vector<std::vector<double>>& curves);

}  // namespace qalam
