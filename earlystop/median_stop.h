// SPDX-License-Identifier: Apache-2.0
// The median stopping rule (Golovin et al. 2017, section 3.2.1), in the form that Katib's protocol can carry: one
// bound, set when a trial is created and judged at one step.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/experiment.h"
#include "core/status.h"

namespace qalam {

inline constexpr std::string_view kMedianStop = "medianstop";

struct MedianStopSettings {
  int min_trials_required = 3;  // that have succeeded, before there is a bound
  int start_step = 4;           // the report at which a trial is judged
  bool as_katib = false;        // the mean of the trials, where the name says median
};

// INVALID_ARGUMENT, with the texts of Katib's service.
Result<MedianStopSettings> ReadMedianStop(const std::vector<Setting>& settings);

// What the best value of a trial must reach by its report number start_step: the median, over the trials that
// succeeded, of the mean of their first start_step values. `curves`: the objective's finite values of each, in order;
// one without values does not count. nullopt: too few trials.
std::optional<double> MedianStopBound(const MedianStopSettings& settings,
                                      const std::vector<std::vector<double>>& curves);

}  // namespace qalam
