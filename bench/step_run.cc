// SPDX-License-Identifier: Apache-2.0
#include "bench/step_run.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>
#include <unordered_map>
#include <utility>

#include "bench/thread_time.h"
#include "core/rng.h"

namespace qalam::bench {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Event {
  double at = 0;
  std::uint64_t trial = 0;
  bool operator>(const Event& other) const { return at != other.at ? at > other.at : trial > other.trial; }
};

class StepExecution {
 public:
  StepExecution(const RunKey& key, const Problem& problem, StepContender& contender,
                const std::function<bool()>& interrupted)
      : key_(key),
        problem_(problem),
        contender_(contender),
        interrupted_(interrupted),
        budget_(std::int64_t{key.budget} * problem.steps()) {}

  Result<StepRunResult> Go() {
    while (steps_ < budget_) {
      if (interrupted_()) return Error(Code::kCancelled, "interrupted");
      QALAM_RETURN_IF_ERROR(FillWorkers());
      if (events_.empty()) {
        result_.exhausted = true;
        break;
      }
      QALAM_RETURN_IF_ERROR(EndStep());
    }
    return std::move(result_);
  }

 private:
  struct Trial {
    Assignments point;
    int steps = 0;  // trained
    double cost = 0, value = 0;
    double pace = 1;  // seconds a second of cost
    bool at_work = false;
    int until = 0;
    JobRow job;  // at work
  };

  Status FillWorkers() {
    while (static_cast<int>(events_.size()) < key_.workers) {
      const double before = Seconds();
      QALAM_TRY(std::optional<StepJob> job, contender_.Next());
      const double seconds = Seconds() - before;
      if (!job) break;
      QALAM_RETURN_IF_ERROR(Begin(*std::move(job), seconds));
    }
    return OkStatus();
  }

  Status Begin(StepJob job, double seconds) {
    const auto [at, is_new] = trials_.try_emplace(job.trial);
    Trial& trial = at->second;
    if (is_new) {
      if (job.trial != trials_.size()) return InvalidArgument("trial {} was never begun", job.trial);
      QALAM_RETURN_IF_ERROR(problem_.space().Check(job.point));
      trial.point = std::move(job.point);
      trial.pace = Pace(job.trial);
    }
    if (trial.at_work) return InvalidArgument("trial {} is at work already", job.trial);
    if (job.until <= trial.steps || job.until > problem_.steps()) {
      return InvalidArgument("trial {} has {} of {} steps and was to be trained to {}", job.trial, trial.steps,
                             problem_.steps(), job.until);
    }
    trial.at_work = true;
    trial.until = job.until;
    trial.job = {.trial = job.trial, .from = trial.steps, .asked = now_, .suggest_seconds = seconds};
    from_zero_ += trial.steps;
    Train(job.trial, &trial);
    return OkStatus();
  }

  // Its next step: what that reports is known at once, told when it ends.
  void Train(std::uint64_t number, Trial* trial) {
    const int step = trial->steps + 1;
    const Evaluation evaluation = problem_.Evaluate(trial->point, step, MixHash(MixHash(key_.seed, 1), number));
    trial->value = evaluation.value;
    // The cost of all steps so far. A model of it may fall for once; time does not.
    const double cost = std::max(evaluation.cost - trial->cost, 0.1 * evaluation.cost / step);
    trial->cost = std::max(trial->cost, evaluation.cost);
    events_.push({now_ + cost * trial->pace, number});
  }

  Status EndStep() {
    const Event event = events_.top();
    events_.pop();
    now_ = event.at;
    ++steps_;
    ++from_zero_;
    Trial& trial = trials_.at(event.trial);
    ++trial.steps;
    const double before = Seconds();
    QALAM_TRY(const bool goes_on, contender_.Report(event.trial, trial.steps, trial.value));
    if (goes_on && trial.steps < trial.until) {
      trial.job.suggest_seconds += Seconds() - before;
      Train(event.trial, &trial);
      return OkStatus();
    }
    return EndJob(event.trial, &trial, before);
  }

  Status EndJob(std::uint64_t number, Trial* trial, double before) {
    JobRow& job = trial->job;
    trial->at_work = false;
    job.to = trial->steps;
    job.ended = now_;
    job.steps = steps_;
    job.from_zero = from_zero_;
    job.value = trial->value;
    job.stopped = trial->steps < trial->until;
    job.worth = trial->steps == problem_.steps() ? problem_.Worth(trial->point) : kNan;
    QALAM_RETURN_IF_ERROR(contender_.End(number, trial->steps, trial->value, job.stopped));
    job.suggest_seconds += Seconds() - before;
    result_.jobs.push_back(job);
    return OkStatus();
  }

  double Seconds() const { return ThreadSeconds() + contender_.SecondsElsewhere(); }

  // Trials of equal cost take unequal times, as in runs of whole trials.
  double Pace(std::uint64_t number) const {
    return key_.workers == 1 ? 1 : std::exp(0.5 * Rng(key_.seed, "bench.duration", number).Normal());
  }

  const RunKey& key_;
  const Problem& problem_;
  StepContender& contender_;
  const std::function<bool()>& interrupted_;
  const std::int64_t budget_;
  StepRunResult result_;
  double now_ = 0;
  std::int64_t steps_ = 0, from_zero_ = 0;
  std::unordered_map<std::uint64_t, Trial> trials_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
};

}  // namespace

Result<StepRunResult> ExecuteSteps(const RunKey& key, const Problem& problem,
                                   const std::function<Result<std::unique_ptr<StepContender>>()>& make,
                                   const std::function<bool()>& interrupted) {
  QALAM_CHECK(key.budget > 0 && key.workers > 0 && key.common_start == 0, "a run has a budget and a worker");
  QALAM_TRY(const std::unique_ptr<StepContender> contender, make());
  return StepExecution(key, problem, *contender, interrupted).Go();
}

}  // namespace qalam::bench
