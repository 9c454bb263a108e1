// SPDX-License-Identifier: Apache-2.0
#include "earlystop/median_stop.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace qalam {
namespace {

constexpr int kMostOthers = 256;

// Reorders.
double Median(std::vector<double>* values) {
  const auto half = values->begin() + static_cast<std::ptrdiff_t>(values->size() / 2);
  std::nth_element(values->begin(), half, values->end());
  if (values->size() % 2 == 1) return *half;
  return 0.5 * (*half + *std::max_element(values->begin(), half));
}

class MedianStop final : public StoppingRule {
 public:
  explicit MedianStop(const MedianStopSettings& settings) : settings_(settings) {}

  Verdict Judge(const Curves& curves, std::uint64_t trial) override {
    const Curve& curve = curves.Of(trial);
    const Point& point = curve.points.back();
    if (point.step < settings_.start_step) return {};
    std::vector<double> means;
    curves.VisitNewest(Curves::Which::kSucceeded, point.step, kMostOthers, [&](std::uint64_t, const Curve& theirs) {
      if (const Point* at = theirs.At(point.step)) means.push_back(at->mean);
    });
    if (std::ssize(means) < settings_.min_trials_required) return {};
    const double own = std::isfinite(point.value) ? point.best : INFINITY;
    const auto better = std::ranges::count_if(means, [&](double mean) { return mean < own; });
    const std::size_t others = means.size();
    if (own <= Median(&means)) return {};
    return {true, fmt::format("worse than {} of {} trials at step {}", better, others, point.step)};
  }

 private:
  const MedianStopSettings settings_;
};

}  // namespace

std::unique_ptr<StoppingRule> MakeMedianStop(const StoppingContext& context) {
  return std::make_unique<MedianStop>(kMedianStopSettings.Parse(context.settings));
}

std::optional<double> MedianStopBound(const MedianStopSettings& settings,
                                      const std::vector<std::vector<double>>& curves) {
  std::vector<double> means;
  for (const std::vector<double>& curve : curves) {
    const std::size_t steps = std::min(curve.size(), static_cast<std::size_t>(settings.start_step));
    if (steps == 0) continue;
    const double sum = std::accumulate(curve.begin(), curve.begin() + static_cast<std::ptrdiff_t>(steps), 0.0);
    means.push_back(sum / static_cast<double>(steps));
  }
  if (means.empty() || means.size() < static_cast<std::size_t>(settings.min_trials_required)) return std::nullopt;
  if (settings.compat == "katib")
    return std::accumulate(means.begin(), means.end(), 0.0) / static_cast<double>(means.size());
  return Median(&means);
}

}  // namespace qalam
