// SPDX-License-Identifier: Apache-2.0
// Two lives in one object. The world is what would be on the machine: processes and their folders; a controller's
// death does not touch it. A watch is what this controller's engine knows of a run; SetObserver forgets them all.
#include "pipelines/engines/simulated_engine.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "pipelines/engines/run_plan.h"

namespace qalam {
namespace {

struct Attempt {
  int number = 1;
  int starts = 0;
  SimulatedStep behaviour;
  Duration begun{}, lifetime{};  // monotonic
  bool out_of_time = false;      // the deadline ends it, not itself
  bool over = false;
  StepRecord record;  // final once over
};

// The attempts of one step, oldest first, and the runs by name: the folders.
using StepWorld = std::vector<std::unique_ptr<Attempt>>;
using RunWorld = std::map<std::string, StepWorld>;

// How far an attempt's output has been told.
struct Reading {
  std::size_t chunk = 0;    // next one to deliver
  std::int64_t offset = 0;  // where it starts
  std::int64_t skip = 0;    // bytes before this offset were told in an earlier life
};

struct Watch {
  Watch(RunId run_id, Run run, const StartOptions& start_options)
      : id(std::move(run_id)), plan(std::move(run), start_options.after_attempt), options(start_options) {}
  RunId id;
  RunPlan plan;
  StartOptions options;
  std::map<const Attempt*, Reading> reading;
  bool forgotten = false;
};
using WatchPtr = std::shared_ptr<Watch>;

class Simulated final : public SimulatedEngine {
 public:
  Simulated(Loop& loop, std::function<SimulatedStep(const RunId&, const Step&, int)> behave)
      : loop_(loop), behave_(std::move(behave)) {}
  ~Simulated() override { Forget(); }

  void SetObserver(RunObserver* observer) override {
    Forget();
    observer_ = observer;
  }

  Status Start(const RunId& id, const Run& run, const StartOptions& options) override {
    QALAM_RETURN_IF_ERROR(CheckRun(id, run));
    if (watches_.contains(id)) return OkStatus();
    auto watch = std::make_shared<Watch>(id, run, options);
    watches_.emplace(id, watch);
    Post(watch, [this, watch] { Adopt(watch); });
    return OkStatus();
  }

  void Stop(const RunId& id) override {
    const auto found = watches_.find(id);
    if (found == watches_.end()) return;
    const WatchPtr watch = found->second;
    watch->plan.RequestStop();
    Post(watch, [this, watch] { Advance(watch); });
  }

  std::string WhyWaiting(const RunId&) const override { return ""; }

  int starts(const RunId& run, const std::string& step, int attempt) const override {
    const auto found = world_.find(run);
    if (found == world_.end()) return 0;
    const auto attempts = found->second.find(step);
    if (attempts == found->second.end()) return 0;
    for (const auto& one : attempts->second) {
      if (one->number == attempt) return one->starts;
    }
    return 0;
  }

  int running() const override {
    const Duration now = loop_.clock().Monotonic();
    return static_cast<int>(
        std::count_if(live_.begin(), live_.end(), [now](const Attempt* a) { return now - a->begun < a->lifetime; }));
  }

 private:
  void Forget() {
    for (auto& [id, watch] : watches_) watch->forgotten = true;
    watches_.clear();
  }

  void Post(const WatchPtr& watch, std::function<void()> task) {
    loop_.Post([watch, task = std::move(task)] {
      if (!watch->forgotten) task();
    });
  }

  // What was there before this life, told anew; then whatever is next.
  void Adopt(const WatchPtr& watch) {
    for (const Step& step : watch->plan.run().steps) {
      for (const auto& attempt : world_[watch->id][step.name]) {
        if (attempt->number <= watch->options.after_attempt) continue;
        SettleIfOver(*attempt);
        const bool newest = attempt == world_[watch->id][step.name].back();
        if (newest && !TellOutput(watch, *attempt)) return;
        watch->plan.Apply(attempt->record);
        observer_->OnStep(attempt->record);
        if (watch->forgotten) return;
        if (!attempt->over) Wake(watch, *attempt);
      }
    }
    Advance(watch);
  }

  // Does everything that can be done now: stops what is to end, starts what is ready, reports the end.
  void Advance(const WatchPtr& watch) {
    for (std::size_t i = 0; i < watch->plan.run().steps.size(); ++i) {
      if (!watch->plan.ToStop(static_cast<int>(i)) || !watch->plan.Running(static_cast<int>(i))) continue;
      Attempt& attempt = *world_[watch->id][watch->plan.run().steps[i].name].back();
      if (!SettleIfOver(attempt)) Kill(attempt);
      if (!TellEnd(watch, attempt)) return;
    }
    // The start of a sidecar may be what another step waits for.
    for (auto ready = watch->plan.Ready(); !ready.empty(); ready = watch->plan.Ready()) {
      Attempt& attempt = Launch(watch, ready.front());
      watch->plan.Apply(attempt.record);
      observer_->OnStep(attempt.record);
      if (watch->forgotten) return;
      Wake(watch, attempt);
    }
    if (const auto end = watch->plan.End()) {
      watch->forgotten = true;
      watches_.erase(watch->id);
      observer_->OnRunEnd(watch->id, *end);
    }
  }

  Attempt& Launch(const WatchPtr& watch, const RunPlan::Launch& launch) {
    const Step& step = watch->plan.run().steps[static_cast<std::size_t>(launch.step)];
    StepWorld& attempts = world_[watch->id][step.name];
    const auto known = std::find_if(attempts.begin(), attempts.end(),
                                    [&launch](const auto& a) { return a->number == launch.attempt; });
    if (known != attempts.end()) {  // a second start of one attempt: the ledger shows it
      ++(*known)->starts;
      return **known;
    }
    Attempt& attempt = *attempts.emplace_back(std::make_unique<Attempt>());
    attempt.number = launch.attempt;
    attempt.starts = 1;
    attempt.behaviour = behave_(watch->id, step, launch.attempt);
    attempt.begun = loop_.clock().Monotonic();
    attempt.lifetime = attempt.behaviour.duration;
    if (const auto left = watch->plan.TimeLeft(launch.step); left && *left < attempt.lifetime) {
      attempt.lifetime = *left;
      attempt.out_of_time = true;
    }
    attempt.record.run = watch->id;
    attempt.record.step = step.name;
    attempt.record.attempt = launch.attempt;
    attempt.record.state = StepState::kRunning;
    attempt.record.started = loop_.clock().Wall();
    live_.push_back(&attempt);
    return attempt;
  }

  // True when it has ended; its record is final then.
  bool SettleIfOver(Attempt& attempt) {
    if (attempt.over) return true;
    if (loop_.clock().Monotonic() - attempt.begun < attempt.lifetime) return false;
    StepRecord& record = attempt.record;
    if (attempt.out_of_time) {
      record.state = StepState::kFailed, record.reason = "DeadlineExceeded", record.signal = 15;
      record.message = "ran past its deadline";
    } else if (attempt.behaviour.lost) {
      record.state = StepState::kLost, record.reason = "Lost", record.message = "vanished without an exit record";
    } else if (attempt.behaviour.exit_code != 0) {
      record.state = StepState::kFailed, record.reason = "Error", record.exit_code = attempt.behaviour.exit_code;
      record.message = "the command exited with code " + std::to_string(attempt.behaviour.exit_code);
    } else {
      record.state = StepState::kSucceeded, record.reason = "Completed", record.exit_code = 0;
    }
    End(attempt);
    return true;
  }

  void Kill(Attempt& attempt) {
    attempt.lifetime = loop_.clock().Monotonic() - attempt.begun;
    attempt.record.state = StepState::kStopped, attempt.record.reason = "Stopped", attempt.record.signal = 15;
    attempt.record.message = "stopped as asked";
    End(attempt);
  }

  void End(Attempt& attempt) {
    attempt.over = true;
    attempt.record.ended = attempt.record.started + attempt.lifetime;
    std::erase(live_, &attempt);
  }

  // The rest of its output and its end. False: the observer went away meanwhile.
  bool TellEnd(const WatchPtr& watch, Attempt& attempt) {
    if (!TellOutput(watch, attempt)) return false;
    watch->reading.erase(&attempt);
    watch->plan.Apply(attempt.record);
    observer_->OnStep(attempt.record);
    return !watch->forgotten;
  }

  bool TellOutput(const WatchPtr& watch, Attempt& attempt) {
    const auto& metrics = watch->plan.run().metrics;
    if (!metrics || metrics->step != attempt.record.step) return true;
    if (attempt.number < watch->options.metrics_attempt) return true;
    Reading& reading = ReadingOf(watch, attempt);
    const Duration age = std::min(loop_.clock().Monotonic() - attempt.begun, attempt.lifetime);
    const auto& output = attempt.behaviour.output;
    while (reading.chunk < output.size() && output[reading.chunk].first <= age) {
      std::string_view bytes = output[reading.chunk].second;
      std::int64_t offset = reading.offset;
      reading.offset += static_cast<std::int64_t>(bytes.size());
      ++reading.chunk;
      const std::int64_t known = std::clamp<std::int64_t>(reading.skip - offset, 0, std::ssize(bytes));
      bytes.remove_prefix(static_cast<std::size_t>(known));
      offset += known;
      if (bytes.empty()) continue;
      observer_->OnOutput(watch->id, attempt.number, "", offset, bytes);
      if (watch->forgotten) return false;
    }
    return true;
  }

  Reading& ReadingOf(const WatchPtr& watch, const Attempt& attempt) {
    const auto [found, fresh] = watch->reading.try_emplace(&attempt);
    if (fresh && attempt.number == watch->options.metrics_attempt) found->second.skip = watch->options.metrics_offset;
    return found->second;
  }

  // Comes back when the attempt next prints or ends.
  void Wake(const WatchPtr& watch, Attempt& attempt) {
    Duration next = attempt.lifetime;
    const auto& metrics = watch->plan.run().metrics;
    if (metrics && metrics->step == attempt.record.step && attempt.number >= watch->options.metrics_attempt) {
      const Reading& reading = ReadingOf(watch, attempt);
      const auto& output = attempt.behaviour.output;
      if (reading.chunk < output.size()) next = std::min(next, output[reading.chunk].first);
    }
    const Duration age = loop_.clock().Monotonic() - attempt.begun;
    loop_.After(std::max(Duration::zero(), next - age), [this, watch, &attempt] {
      if (watch->forgotten || !watch->plan.Running(watch->plan.IndexOf(attempt.record.step))) return;
      if (attempt.over) return;
      if (!SettleIfOver(attempt)) {
        if (TellOutput(watch, attempt)) Wake(watch, attempt);
      } else if (TellEnd(watch, attempt)) {
        Advance(watch);
      }
    });
  }

  Loop& loop_;
  std::function<SimulatedStep(const RunId&, const Step&, int)> behave_;
  RunObserver* observer_ = nullptr;
  std::unordered_map<RunId, RunWorld> world_;
  std::vector<const Attempt*> live_;
  std::unordered_map<RunId, WatchPtr> watches_;
};

}  // namespace

std::unique_ptr<SimulatedEngine> MakeSimulatedEngine(
    Loop& loop, std::function<SimulatedStep(const RunId&, const Step&, int attempt)> behave) {
  return std::make_unique<Simulated>(loop, std::move(behave));
}

}  // namespace qalam
