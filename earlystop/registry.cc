// SPDX-License-Identifier: Apache-2.0
// The early-stopping rules there are: one line each, sorted by name.
#include <algorithm>
#include <array>

#include "earlystop/asha_stop.h"
#include "earlystop/curve_stop.h"
#include "earlystop/median_stop.h"
#include "earlystop/percentile_stop.h"
#include "earlystop/stopping_rule.h"
#include "earlystop/threshold_stop.h"
#include "earlystop/wilcoxon_stop.h"

namespace qalam {
namespace {

constexpr std::array kRules = {
    StoppingRuleInfo{"asha", "at each rung the best 1/eta go on: saves most, from the first trials on",
                     &kAshaStopSettings, &MakeAshaStop, &ValidateAshaStop},
    StoppingRuleInfo{"curve", "a trial whose learning curve will hardly end better than the best trial",
                     &kCurveStopSettings, &MakeCurveStop, &ValidateCurveStop},
    StoppingRuleInfo{"hyperband",
                     "asha with a first rung for every taste: when it is not known how soon trials show what they are",
                     &kHyperbandStopSettings, &MakeHyperbandStop, &ValidateHyperbandStop},
    StoppingRuleInfo{kMedianStop, "a trial whose best is worse than the median of the others' means: careful",
                     &kMedianStopSettings, &MakeMedianStop, nullptr},
    StoppingRuleInfo{"percentile", "the best percent at the same step go on", &kPercentileStopSettings,
                     &MakePercentileStop, nullptr},
    StoppingRuleInfo{"threshold", "values out of bounds, and what is no number", &kThresholdStopSettings,
                     &MakeThresholdStop, &ValidateThresholdStop},
    StoppingRuleInfo{"wilcoxon", "worse than the best trial on the same folds or seeds, by a rank test",
                     &kWilcoxonStopSettings, &MakeWilcoxonStop, nullptr},
};
static_assert(std::ranges::is_sorted(kRules, {}, &StoppingRuleInfo::name));

}  // namespace

std::span<const StoppingRuleInfo> StoppingRules() { return kRules; }

const StoppingRuleInfo* FindStoppingRule(std::string_view name) {
  const auto found = std::ranges::lower_bound(kRules, name, {}, &StoppingRuleInfo::name);
  return found != kRules.end() && found->name == name ? &*found : nullptr;
}

Status ValidateStoppingRule(std::string_view name, std::span<const Setting> settings) {
  const StoppingRuleInfo* rule = FindStoppingRule(name);
  if (rule == nullptr) return InvalidArgument("unknown algorithm name {}", name);
  QALAM_RETURN_IF_ERROR(rule->settings->Check(name, settings));
  return rule->validate == nullptr ? OkStatus() : rule->validate({.settings = settings});
}

}  // namespace qalam
