// SPDX-License-Identifier: Apache-2.0
// Values that nobody hopes to come back from: no number, or beyond a bound.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "earlystop/stopping_rule.h"

namespace qalam {

struct ThresholdStopSettings {
  std::optional<double> lower, upper;
  std::int64_t start_step = 0;
};
inline constexpr auto kThresholdStopSettings = Settings<ThresholdStopSettings>(
    Real("lower", &ThresholdStopSettings::lower, Range{}, "a trial that reports less is stopped"),
    Real("upper", &ThresholdStopSettings::upper, Range{}, "a trial that reports more is stopped"),
    Int("start_step", &ThresholdStopSettings::start_step, Between(0, 1e15),
        "from which step on the bounds count; what is no finite number counts at once"));

std::unique_ptr<StoppingRule> MakeThresholdStop(const StoppingContext& context);
Status ValidateThresholdStop(const StoppingContext& context);

}  // namespace qalam
