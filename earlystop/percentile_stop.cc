// SPDX-License-Identifier: Apache-2.0
#include "earlystop/percentile_stop.h"

#include <fmt/core.h>

#include <cmath>

namespace qalam {
namespace {

constexpr int kMostOthers = 256;

class PercentileStop final : public StoppingRule {
 public:
  explicit PercentileStop(const PercentileStopSettings& settings) : settings_(settings) {}

  Verdict Judge(const Curves& curves, std::uint64_t trial) override {
    const Curve& curve = curves.Of(trial);
    const std::int64_t step = curve.last_step();
    if (step < settings_.start_step || !IsDue(curve)) return {};
    const double value = std::isfinite(curve.points.back().value) ? curve.points.back().counted : INFINITY;
    int others = 0, better = 0;
    curves.VisitNewest(Curves::Which::kAll, step, kMostOthers, [&](std::uint64_t other, const Curve& theirs) {
      const Point* point = theirs.At(step);
      if (other == trial || point == nullptr) return;
      ++others;
      if (point->counted < value) ++better;
    });
    if (others < settings_.min_trials_required) return {};
    if (better < settings_.percentile / 100 * (others + 1)) return {};
    return {true, fmt::format("worse than {} of {} trials at step {}", better, others, step)};
  }

 private:
  // At the first report in each interval, whatever steps the trial reports.
  bool IsDue(const Curve& curve) const {
    if (curve.points.size() < 2) return true;
    const auto interval = [this](std::int64_t step) { return (step - settings_.start_step) / settings_.interval; };
    const std::int64_t before = curve.points[curve.points.size() - 2].step;
    return before < settings_.start_step || interval(before) < interval(curve.last_step());
  }
  const PercentileStopSettings settings_;
};

}  // namespace

std::unique_ptr<StoppingRule> MakePercentileStop(const StoppingContext& context) {
  return std::make_unique<PercentileStop>(kPercentileStopSettings.Parse(context.settings));
}

}  // namespace qalam
