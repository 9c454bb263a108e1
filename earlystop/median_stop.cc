// SPDX-License-Identifier: Apache-2.0
#include "earlystop/median_stop.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace qalam {
namespace {

Result<int> WholeNumber(const Setting& setting) {
  int value = 0;
  const char* end = setting.value.data() + setting.value.size();
  const auto [at, error] = std::from_chars(setting.value.data(), end, value);
  if (error == std::errc() && at == end) return value;
  return InvalidArgument("failed to validate {}({}): it is not a whole number", setting.name, setting.value);
}

}  // namespace

Result<MedianStopSettings> ReadMedianStop(const std::vector<Setting>& settings) {
  MedianStopSettings out;
  for (const Setting& setting : settings) {
    if (setting.name == "min_trials_required") {
      QALAM_TRY(out.min_trials_required, WholeNumber(setting));
      if (out.min_trials_required <= 0) return InvalidArgument("min_trials_required must be greater than zero (>0)");
    } else if (setting.name == "start_step") {
      QALAM_TRY(out.start_step, WholeNumber(setting));
      if (out.start_step < 1) return InvalidArgument("start_step must be greater or equal than one (>=1)");
    } else if (setting.name == "compat") {
      if (setting.value != "katib") return InvalidArgument("compat is '{}'; it is katib, or not given", setting.value);
      out.as_katib = true;
    } else {
      return InvalidArgument("unknown setting {} for algorithm {}", setting.name, kMedianStop);
    }
  }
  return out;
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
  if (settings.as_katib) return std::accumulate(means.begin(), means.end(), 0.0) / static_cast<double>(means.size());
  std::ranges::sort(means);
  const std::size_t half = means.size() / 2;
  return means.size() % 2 == 1 ? means[half] : 0.5 * (means[half - 1] + means[half]);
}

}  // namespace qalam
