// SPDX-License-Identifier: Apache-2.0
// A trial goes on while its learning curve may still come out better than the best trial: a posterior over families of
// curves, conditioned on what it has reported and on how the others came out. Domhan et al. 2015, with a grid and
// conjugate regression where they sample.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "earlystop/stopping_rule.h"

namespace qalam {

struct CurveStopSettings {
  std::optional<std::int64_t> r_max;
  double threshold = 0.01;
  int min_trials_required = 5;
  std::optional<std::int64_t> start_step;
};
inline constexpr auto kCurveStopSettings = Settings<CurveStopSettings>(
    Int("r_max", &CurveStopSettings::r_max, Between(2, 1e15), "required: the steps of a whole trial"),
    Real("threshold", &CurveStopSettings::threshold, Range{.min = 0, .max = 0.5, .open_min = true},
         "a trial is stopped when it ends better than the best one with less probability than this"),
    Int("min_trials_required", &CurveStopSettings::min_trials_required, AtLeast(2),
        "trials that must have succeeded before any is stopped"),
    Int("start_step", &CurveStopSettings::start_step, Between(1, 1e15),
        "the first step at which trials are judged; not given: a third of r_max"));

// What a trial's curve says of its end, at step `last`: how probable it is that it comes out better than the best of
// `others`, those that succeeded. None: fewer than `least` did.
struct CurveOutlook {
  double probability = 1;
  std::size_t others = 0;
  std::int64_t step = 0;  // the trial has come to this one
  std::string Words() const;
};
std::optional<CurveOutlook> OutlookOf(const Curves& curves, std::uint64_t trial, std::int64_t last, int least);

std::unique_ptr<StoppingRule> MakeCurveStop(const StoppingContext& context);
Status ValidateCurveStop(const StoppingContext& context);

// What others have shown: where trials end, and how far they fall on the way.
struct CurvePrior {
  double end = 0, end_spread = 1;
  double fall = 1, fall_spread = 1;
};
// How probable it is that a curve with these points (steps rising, values minimised; what is no finite number counts
// for nothing) is below `bound` at step `last`. NaN: the numbers are beyond what can be computed with.
double ProbabilityBelow(std::span<const Point> points, std::int64_t last, double bound, const CurvePrior& prior);

}  // namespace qalam
