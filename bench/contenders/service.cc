// SPDX-License-Identifier: Apache-2.0
#include "bench/contenders/service.h"

#include <fmt/core.h>

#include <chrono>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "core/loop.h"
#include "core/rng.h"

namespace qalam::bench {
namespace {

constexpr const char* kMetric = "objective";

class Trials final : public TrialSource {
 public:
  std::uint64_t revision() const override { return revision_; }
  void Visit(std::uint64_t since, const std::function<void(const Trial&)>& visit) const override {
    for (const auto& [ordinal, kept] : trials_) {
      if (kept.revision > since) visit(kept.trial);
    }
  }
  void Put(Trial trial) {
    const std::uint64_t ordinal = trial.ordinal;
    trials_[ordinal] = {std::move(trial), ++revision_};
  }
  const Trial& Get(std::uint64_t ordinal) const { return trials_.at(ordinal).trial; }
  std::uint64_t next() const { return trials_.size() + 1; }

 private:
  struct Kept {
    Trial trial;
    std::uint64_t revision = 0;
  };
  std::map<std::uint64_t, Kept> trials_;  // by ordinal: 1, 2, ...
  std::uint64_t revision_ = 0;
};

class ServiceContender final : public Contender {
 public:
  ServiceContender(const ContenderSpec& contender, const Problem& problem, std::uint64_t seed,
                   std::optional<int> max_trials, ServiceOptions options)
      : options_(std::move(options)), loop_(clock_), trials_(std::make_shared<Trials>()) {
    auto spec = std::make_shared<ExperimentSpec>();
    spec->name = fmt::format("bench-{:016x}", MixHash(StableHash(problem.name() + "\n" + contender.name), seed));
    spec->parameters = problem.parameters();
    spec->objective.metric_name = kMetric;
    spec->objective.strategies[kMetric] = MetricStrategy::kMin;
    spec->algorithm = {contender.algorithm, contender.settings};
    spec->parallel_trial_count = options_.workers;
    spec->max_trial_count = max_trials;
    request_.uid = spec->name;
    request_.algorithm_settings = contender.settings;
    request_.space = std::make_shared<SearchSpace>(problem.space());
    request_.trials = trials_;
    request_.spec = std::move(spec);
    if (options_.service.command.empty()) {
      client_ = MakeRemoteClient(loop_, options_.service.endpoint, {options_.service.deadline});
    } else {
      client_ = MakeSuggestionPlugin(loop_, contender.algorithm, options_.service, options_.log);
    }
  }

  Status Validate() {
    const auto verdict = Await<Status>([this](auto done) { client_->Validate(request_, done); });
    if (!verdict) return Error(Code::kCancelled, "interrupted");
    // Nobody implements less than that: what the controller takes as consent is consent here.
    const bool refused = verdict->code() == Code::kInvalidArgument || verdict->code() == Code::kUnknown ||
                         verdict->code() == Code::kUnavailable || verdict->code() == Code::kDeadlineExceeded;
    return refused ? *verdict : OkStatus();
  }

  Result<std::vector<Assignments>> Ask(int count) override {
    if (exhausted_) return std::vector<Assignments>();
    request_.current_request_number = count;
    request_.total_request_number = static_cast<int>(ordinals_.size()) + count;
    auto reply =
        Await<Result<SuggestionReply>>([this](auto done) { client_->GetSuggestions(request_, std::move(done)); });
    if (!reply) return Error(Code::kCancelled, "interrupted");
    if (!reply->ok()) return reply->status();
    SuggestionReply& answer = **reply;
    if (answer.rejected > 0) return Error(Code::kInvalidArgument, "{}", answer.rejected_why);
    if (answer.suggestions.empty() && !answer.exhausted)
      return Error(Code::kUnknown, "it proposed nothing, and does not say that there is nothing more");
    exhausted_ = answer.exhausted;
    Overwrite(answer.algorithm_settings, &request_.algorithm_settings);
    std::vector<Assignments> points;
    for (Suggestion& suggestion : answer.suggestions) {
      if (static_cast<int>(points.size()) == count) break;
      points.push_back(suggestion.assignments);
      Trial trial = NewTrial(std::move(suggestion.assignments));
      trial.labels = std::move(suggestion.labels);
      if (!suggestion.trial_name.empty()) trial.name = std::move(suggestion.trial_name);
      ordinals_.push_back(trial.ordinal);
      trials_->Put(std::move(trial));
    }
    return points;
  }

  Status Tell(std::uint64_t number, const Assignments& point, double value) override {
    Trial trial = number == 0 ? NewTrial(point) : trials_->Get(ordinals_.at(number - 1));
    if (number == 0) trial.labels[kEnqueuedLabel] = "true";
    trial.state = std::isfinite(value) ? TrialState::kSucceeded : TrialState::kFailed;
    if (std::isfinite(value)) {
      const std::string text = fmt::format("{}", value);
      trial.observation = Observation{{{kMetric, text, text, text}}};
    }
    trial.completed = Now(trial.ordinal) + std::chrono::seconds(1);
    trials_->Put(std::move(trial));
    return OkStatus();
  }

  double SecondsElsewhere() const override { return waited_; }

 private:
  Trial NewTrial(Assignments point) const {
    Trial trial;
    trial.experiment_id = 1;
    trial.ordinal = trials_->next();
    trial.name = fmt::format("{}-{:08x}", request_.spec->name, static_cast<std::uint32_t>(MixHash(1, trial.ordinal)));
    trial.assignments = std::move(point);
    trial.state = TrialState::kRunning;
    trial.created = trial.started = Now(trial.ordinal);
    return trial;
  }
  // Not the real time: the same run sends the same bytes.
  static WallTime Now(std::uint64_t ordinal) {
    return WallTime(std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}) + std::chrono::minutes(ordinal);
  }

  // Runs the loop until the answer is there; none: interrupted.
  template <class Answer, class Send>
  std::optional<Answer> Await(Send send) {
    std::optional<Answer> answer;
    const Duration before = clock_.Monotonic();
    send([this, &answer](Answer given) {
      answer = std::move(given);
      loop_.Stop();
    });
    Watch();
    while (!answer && !options_.interrupted()) loop_.Run();
    loop_.Cancel(watch_);
    waited_ += std::chrono::duration<double>(clock_.Monotonic() - before).count();
    return answer;
  }
  void Watch() {
    watch_ = loop_.After(std::chrono::milliseconds(200), [this] {
      if (options_.interrupted()) return loop_.Stop();
      Watch();
    });
  }

  const ServiceOptions options_;
  const SystemClock clock_;
  EventLoop loop_;
  const std::shared_ptr<Trials> trials_;
  SuggestionRequest request_;
  std::vector<std::uint64_t> ordinals_;  // of the trials that it proposed
  bool exhausted_ = false;
  double waited_ = 0;
  Loop::TimerId watch_ = 0;
  std::unique_ptr<SuggestionClient> client_;  // last: it ends before the loop
};

}  // namespace

Result<std::unique_ptr<Contender>> MakeService(const ContenderSpec& spec, const Problem& problem, std::uint64_t seed,
                                               std::optional<int> max_trials, ServiceOptions options) {
  auto contender = std::make_unique<ServiceContender>(spec, problem, seed, max_trials, std::move(options));
  QALAM_RETURN_IF_ERROR(contender->Validate());
  return std::unique_ptr<Contender>(std::move(contender));
}

}  // namespace qalam::bench
