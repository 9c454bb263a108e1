// SPDX-License-Identifier: Apache-2.0
// For trials whose steps are not epochs but folds of a cross-validation, or seeds: a trial is stopped when it is worse
// than the best one on the folds that both have done, beyond what chance makes. Wilcoxon's signed-rank test, zeros by
// Pratt's zsplit. What counts of a trial is the mean of its folds.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/settings.h"
#include "earlystop/stopping_rule.h"

namespace qalam {

struct WilcoxonStopSettings {
  double p_threshold = 0.1;
  int start_step = 2;
};
inline constexpr auto kWilcoxonStopSettings =
    Settings<WilcoxonStopSettings>(Real("p_threshold", &WilcoxonStopSettings::p_threshold, Inside(0, 1),
                                        "stopped when chance makes such a difference less often than this"),
                                   Int("start_step", &WilcoxonStopSettings::start_step, AtLeast(1),
                                       "folds that both have done, before a trial is judged"));

std::unique_ptr<StoppingRule> MakeWilcoxonStop(const StoppingContext& context);

// How often chance alone makes differences with ranks as large as these, or larger, where there is none: one-sided, of
// "greater than 0". Exact for up to 25 differences, ties included; the normal approximation with the correction for
// ties above. 1 without differences.
double SignedRankP(const std::vector<double>& differences);

}  // namespace qalam
