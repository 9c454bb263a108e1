// SPDX-License-Identifier: Apache-2.0
#include "earlystop/live_stopping.h"

#include <cmath>
#include <utility>
#include <vector>

#include "earlystop/common_settings.h"
#include "earlystop/guard.h"
#include "earlystop/median_stop.h"
#include "earlystop/stopping_rule.h"

namespace qalam {
namespace {

CommonStopSettings CommonOf(const std::vector<Setting>& settings) {
  std::vector<Setting> common;
  for (const Setting& setting : settings) {
    if (kCommonStopSettings.Find(setting.name) != nullptr) common.push_back(setting);
  }
  return kCommonStopSettings.Parse(common);
}

class Stopping final : public LocalStopping {
 public:
  Stopping(const StoppingRuleInfo& info, const AlgorithmSpec& spec, const ObjectiveSpec& objective)
      : maximize_(objective.type == ObjectiveType::kMaximize),
        curves_(CountsOf(objective)),
        rule_(info.make({.settings = spec.settings, .maximize = maximize_})) {
    // A rule that judges a trial by itself has neither guard nor patience.
    if (info.settings->Find("guard") == nullptr) return;
    const CommonStopSettings common = CommonOf(spec.settings);
    guarded_ = common.guard == "on";
    patience_ = common.patience;
    min_delta_ = common.min_delta;
  }

  void Add(std::uint64_t trial, std::int64_t step, double value) override {
    curves_.Add(trial, step, maximize_ ? -value : value);
    rule_->Reported(curves_, trial);
    guard_.Reported(curves_, trial);
  }

  Decision Judge(std::uint64_t trial) override {
    const Curve& curve = curves_.Of(trial);
    if (curve.points.empty() || !curve.fresh || curve.spared) return {};
    Verdict verdict = rule_->Judge(curves_, trial);
    const bool guarded = guarded_ && std::isfinite(curve.points.back().value);
    if (guarded) verdict = guard_.Weigh(curves_, trial, std::move(verdict));
    if (verdict.reason.empty() || (patience_ > 0 && Improves(curve))) return {};
    if (!verdict.stop) return {Decision::kGoOn, std::move(verdict.reason)};
    if (guarded && guard_.Spares(curves_)) {
      curves_.Spare(trial);
      return {Decision::kSpare, std::move(verdict.reason)};
    }
    return {Decision::kStop, std::move(verdict.reason)};
  }

  void Spare(std::uint64_t trial) override { curves_.Spare(trial); }
  void End(std::uint64_t trial, Standing standing) override {
    curves_.End(trial, standing);
    guard_.Changed();
  }
  void Forget(std::uint64_t trial) override {
    rule_->Forgotten(curves_, trial);
    curves_.Forget(trial);
    guard_.Changed();
  }
  std::string Note() override { return guarded_ ? guard_.Note(curves_) : ""; }
  std::vector<Rung> Rungs() const override {
    std::vector<Rung> rungs = rule_->Rungs(curves_);
    for (Rung& rung : rungs) {
      if (rung.best && maximize_) rung.best = -*rung.best;
    }
    return rungs;
  }
  const Curves& curves() const override { return curves_; }

 private:
  // Whether the best value came less than `patience_` steps ago.
  bool Improves(const Curve& curve) const {
    const Point* before = curve.At(curve.last_step() - patience_);
    return before == nullptr || curve.points.back().best < before->best - min_delta_;
  }

  const bool maximize_;
  Curves curves_;
  const std::unique_ptr<StoppingRule> rule_;
  Guard guard_;
  bool guarded_ = false;
  int patience_ = 0;
  double min_delta_ = 0;
};

}  // namespace

Result<std::unique_ptr<LocalStopping>> LocalStopping::Make(const AlgorithmSpec& spec, const ObjectiveSpec& objective) {
  QALAM_RETURN_IF_ERROR(ValidateStoppingRule(spec.name, spec.settings));
  return std::unique_ptr<LocalStopping>(std::make_unique<Stopping>(*FindStoppingRule(spec.name), spec, objective));
}

Result<std::unique_ptr<LiveStopping>> LiveStopping::Make(const AlgorithmSpec& spec, const ObjectiveSpec& objective) {
  QALAM_TRY(std::unique_ptr<LocalStopping> made, LocalStopping::Make(spec, objective));
  return std::unique_ptr<LiveStopping>(std::move(made));
}

Counts CountsOf(const ObjectiveSpec& objective) {
  const auto strategy = objective.strategies.find(objective.metric_name);
  if (strategy == objective.strategies.end()) return Counts::kBest;
  const bool best =
      strategy->second == (objective.type == ObjectiveType::kMinimize ? MetricStrategy::kMin : MetricStrategy::kMax);
  return best ? Counts::kBest : Counts::kLatest;
}

bool IsLive(const AlgorithmSpec& spec) {
  if (spec.name != kMedianStop) return FindStoppingRule(spec.name) != nullptr;
  for (const Setting& setting : spec.settings) {
    if (setting.name == "compat") return false;
  }
  return true;
}

}  // namespace qalam
