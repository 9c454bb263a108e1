// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <utility>

#include "algorithms/suggester.h"
#include "bench/step_contender.h"
#include "core/history.h"

namespace qalam::bench {
namespace {

class Stopped final : public StepContender {
 public:
  Stopped(std::unique_ptr<Contender> sampler, std::unique_ptr<Stopper> stopper, int steps)
      : sampler_(std::move(sampler)), stopper_(std::move(stopper)), steps_(steps) {}

  Result<std::optional<StepJob>> Next() override {
    QALAM_TRY(std::vector<Assignments> points, sampler_->Ask(1));
    if (points.empty()) return std::optional<StepJob>();
    const StepJob job{++begun_, points.front(), steps_};
    points_[begun_] = std::move(points.front());
    return std::optional(job);
  }

  Result<bool> Report(std::uint64_t trial, int step, double value) override {
    return stopper_ == nullptr || !stopper_->Stops(trial, step, value);
  }

  Status End(std::uint64_t trial, int /*step*/, double value, bool stopped) override {
    if (stopper_ != nullptr) stopper_->End(trial, stopped, value);
    const auto at = points_.extract(trial);
    return stopped ? sampler_->TellStopped(trial, at.mapped(), value) : sampler_->Tell(trial, at.mapped(), value);
  }

  double SecondsElsewhere() const override { return sampler_->SecondsElsewhere(); }

 private:
  const std::unique_ptr<Contender> sampler_;
  const std::unique_ptr<Stopper> stopper_;
  const int steps_;
  std::uint64_t begun_ = 0;
  std::unordered_map<std::uint64_t, Assignments> points_;  // at work
};

constexpr const char* kResource = "qalam_steps";  // the parameter that counts them

bool ChoosesSteps(const AlgorithmInfo& algorithm) { return algorithm.settings->Find("resource_name") != nullptr; }

// The space with the steps as one more parameter, and the settings that say so.
struct WithSteps {
  std::vector<Setting> settings;
  std::unique_ptr<const SearchSpace> space;
};

Result<WithSteps> AddSteps(const AlgorithmInfo& algorithm, const ContenderSpec& spec, const Problem& problem) {
  WithSteps with{spec.settings, nullptr};
  const auto is_set = [&](std::string_view name) {
    return std::any_of(spec.settings.begin(), spec.settings.end(), [&](const Setting& s) { return s.name == name; });
  };
  if (!is_set("resource_name")) with.settings.push_back({"resource_name", kResource});
  if (algorithm.settings->Find("r_l") != nullptr && !is_set("r_l")) {
    with.settings.push_back({"r_l", std::to_string(problem.steps())});
  }
  std::vector<ParameterSpec> parameters = problem.parameters();
  parameters.push_back(NumberParameter(kResource, ParameterType::kInt, 1, problem.steps()));
  QALAM_TRY(SearchSpace space, SearchSpace::Create(parameters));
  with.space = std::make_unique<const SearchSpace>(std::move(space));
  return with;
}

// An algorithm that thinks of a configuration and of the steps that it gets. The same configuration again is the same
// trial, that goes on.
class ChoosesItself final : public StepContender {
 public:
  ChoosesItself(WithSteps with, const AlgorithmInfo& algorithm, std::uint64_t seed, std::optional<int> max_trials,
                int workers)
      : with_(std::move(with)),
        suggester_(algorithm.make({*with_.space, seed, with_.settings, max_trials, workers})),
        history_(with_.space->dim()) {}

  Result<std::optional<StepJob>> Next() override {
    Pending pending;
    pending.x.resize(with_.space->dim(), static_cast<Eigen::Index>(pending_.size()));
    for (const auto& [ordinal, proposed] : pending_) {
      pending.x.col(static_cast<Eigen::Index>(pending.ordinal.size())) = proposed;
      pending.ordinal.push_back(ordinal);
    }
    suggester_->Observe(history_.View(std::exchange(observed_, history_.size())), pending);
    QALAM_TRY(const std::vector<Proposal> proposals, suggester_->Suggest(1, asked_));
    if (proposals.empty()) return std::optional<StepJob>();
    Assignments point = with_.space->Decode(proposals.front().unit);
    QALAM_TRY(pending_[++asked_], with_.space->Encode(point));
    const int until = static_cast<int>(NumberOf(point.back()));
    point.pop_back();
    const auto [known, is_new] = trial_of_.try_emplace(Key(point), trial_of_.size() + 1);
    ordinal_of_[known->second] = asked_;
    return std::optional(StepJob{known->second, std::move(point), until});
  }

  Result<bool> Report(std::uint64_t, int, double) override { return true; }

  Status End(std::uint64_t trial, int, double value, bool) override {
    const auto ordinal = ordinal_of_.extract(trial).mapped();
    const auto proposed = pending_.extract(ordinal);
    history_.Append(proposed.mapped(), value, std::isfinite(value) ? Outcome::kSucceeded : Outcome::kFailed, ordinal);
    return OkStatus();
  }

 private:
  static std::string Key(const Assignments& point) {
    std::string key;
    for (const Assignment& assignment : point) key += assignment.value + "\n";
    return key;
  }

  const WithSteps with_;
  const std::unique_ptr<Suggester> suggester_;
  History history_;
  Eigen::Index observed_ = 0;
  std::uint64_t asked_ = 0;
  std::map<std::uint64_t, Eigen::VectorXd> pending_;  // by ordinal
  std::unordered_map<std::string, std::uint64_t> trial_of_;
  std::unordered_map<std::uint64_t, std::uint64_t> ordinal_of_;  // of trials at work
};

}  // namespace

std::unique_ptr<StepContender> MakeStopped(std::unique_ptr<Contender> sampler, std::unique_ptr<Stopper> stopper,
                                           int steps) {
  return std::make_unique<Stopped>(std::move(sampler), std::move(stopper), steps);
}

Result<std::unique_ptr<StepContender>> MakeBuiltinSteps(const ContenderSpec& spec, const Problem& problem,
                                                        std::uint64_t seed, std::optional<int> max_trials,
                                                        int workers) {
  const AlgorithmInfo* const algorithm = FindAlgorithm(spec.algorithm);
  if (algorithm == nullptr) return Error(Code::kNotFound, "there is no algorithm '{}'", spec.algorithm);
  if (!ChoosesSteps(*algorithm)) {
    QALAM_TRY(auto sampler, MakeBuiltin(spec, problem, seed, max_trials, workers));
    QALAM_TRY(auto stopper, MakeStopper(spec.stopping, problem.steps()));
    return MakeStopped(std::move(sampler), std::move(stopper), problem.steps());
  }
  if (!spec.stopping.name.empty())
    return InvalidArgument("'{}' chooses itself how far its trials go: no rule stops them", spec.algorithm);
  QALAM_TRY(WithSteps with, AddSteps(*algorithm, spec, problem));
  QALAM_RETURN_IF_ERROR(ValidateAlgorithm(*algorithm, {*with.space, seed, with.settings, max_trials, workers}));
  return std::unique_ptr<StepContender>(
      std::make_unique<ChoosesItself>(std::move(with), *algorithm, seed, max_trials, workers));
}

}  // namespace qalam::bench
