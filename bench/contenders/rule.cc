// SPDX-License-Identifier: Apache-2.0
// The rules of earlystop/ as an experiment applies them: guard and all, the last value being the one that counts.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "bench/step_contender.h"
#include "earlystop/live_stopping.h"
#include "earlystop/stopping_rule.h"

namespace qalam::bench {
namespace {

class Rule final : public Stopper {
 public:
  explicit Rule(std::unique_ptr<LiveStopping> stopping) : stopping_(std::move(stopping)) {}

  bool Stops(std::uint64_t trial, int step, double value) override {
    stopping_->Add(trial, step, value);
    return stopping_->Judge(trial).action == Decision::kStop;
  }

  void End(std::uint64_t trial, bool stopped, double value) override {
    using ::qalam::Standing;
    stopping_->End(trial, stopped                ? Standing::kStopped
                          : std::isfinite(value) ? Standing::kSucceeded
                                                 : Standing::kFailed);
  }

 private:
  const std::unique_ptr<LiveStopping> stopping_;
};

}  // namespace

Result<std::unique_ptr<Stopper>> MakeStopper(AlgorithmSpec rule, int steps) {
  if (rule.name.empty()) return std::unique_ptr<Stopper>();
  const StoppingRuleInfo* const info = FindStoppingRule(rule.name);
  const bool wants_length = info != nullptr && info->settings->Find("r_max") != nullptr &&
                            std::ranges::none_of(rule.settings, [](const Setting& s) { return s.name == "r_max"; });
  if (wants_length) rule.settings.push_back({"r_max", std::to_string(steps)});
  ObjectiveSpec objective;
  objective.metric_name = "value";
  objective.strategies["value"] = MetricStrategy::kLatest;
  if (!IsLive(rule)) return InvalidArgument("'{}' with these settings decides nothing while trials run", rule.name);
  QALAM_TRY(auto stopping, LiveStopping::Make(rule, objective));
  return std::unique_ptr<Stopper>(std::make_unique<Rule>(std::move(stopping)));
}

}  // namespace qalam::bench
