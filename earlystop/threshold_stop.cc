// SPDX-License-Identifier: Apache-2.0
#include "earlystop/threshold_stop.h"

#include <fmt/core.h>

#include <cmath>

namespace qalam {
namespace {

class ThresholdStop final : public StoppingRule {
 public:
  ThresholdStop(const ThresholdStopSettings& settings, bool maximize) : settings_(settings), maximize_(maximize) {}

  Verdict Judge(const Curves& curves, std::uint64_t trial) override {
    const Curve& curve = curves.Of(trial);
    const Point& point = curve.points.back();
    if (!std::isfinite(point.value)) return {true, fmt::format("no finite number at step {}", point.step)};
    if (point.step < settings_.start_step) return {};
    const double value = maximize_ ? -point.value : point.value;
    if (settings_.upper && value > *settings_.upper)
      return {true, fmt::format("{} is above {} at step {}", value, *settings_.upper, point.step)};
    if (settings_.lower && value < *settings_.lower)
      return {true, fmt::format("{} is below {} at step {}", value, *settings_.lower, point.step)};
    return {};
  }

 private:
  const ThresholdStopSettings settings_;
  const bool maximize_;
};

}  // namespace

std::unique_ptr<StoppingRule> MakeThresholdStop(const StoppingContext& context) {
  return std::make_unique<ThresholdStop>(kThresholdStopSettings.Parse(context.settings), context.maximize);
}

Status ValidateThresholdStop(const StoppingContext& context) {
  const ThresholdStopSettings s = kThresholdStopSettings.Parse(context.settings);
  if (s.lower && s.upper && *s.lower > *s.upper)
    return InvalidArgument("lower {} is above upper {}", *s.lower, *s.upper);
  return OkStatus();
}

}  // namespace qalam
