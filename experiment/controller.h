// SPDX-License-Identifier: Apache-2.0
// Reconciles experiments: asks for suggestions, launches trials, records what comes back, ends when it is time.
// Level-triggered: events only wake it; what it does next follows from its state, which is the store's.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/experiment.h"
#include "core/loop.h"
#include "core/run.h"
#include "earlystop/live_stopping.h"
#include "experiment/metrics/collector.h"
#include "pipelines/engine.h"
#include "store/store.h"
#include "suggest/suggestion_client.h"

namespace qalam {

struct ControllerDeps {
  Loop& loop;
  Store& store;
  Engine& engine;
  SuggestionClient& suggestions;
  // The trial's manifest, rendered, into a run. A fault is the trial's: it fails with the text.
  std::function<Result<Run>(const ExperimentSpec& spec, const Trial& trial, const Node& manifest)> compile;
  std::function<std::string()> make_uid;  // a new one each time; a simulation hands in its own
  // Who decides, report by report, whether a trial of this experiment goes on; null: nobody does. Not given: nobody
  // ever. `late`: for one that decides elsewhere, to say so afterwards.
  std::function<std::unique_ptr<LiveStopping>(const SuggestionRequest& experiment, LateDecision late)> live_stopping =
      {};
  // Removes what the runs of these trials left on the disk. Doing it again is nothing. null: there is nothing.
  std::function<Status(const std::vector<std::string>& trial_names)> remove_runs = {};
  // The same for their checkpoints: nobody will go on from them. null: there are none.
  std::function<Status(const std::vector<std::string>& trial_names)> remove_checkpoints = {};
  // The same for what is kept beside the database for the experiment itself.
  std::function<void(const Experiment& experiment)> remove_kept = {};
  // Nothing is launched and nobody is asked: commands are recorded, and whoever runs the database next acts on them.
  // Only what a command stops is taken up, to be stopped. For a command on a database that nobody runs.
  bool passive = false;
};

struct Submitted {
  enum class How { kCreated, kResumed, kConfigured, kUnchanged };  // unchanged: it had ended
  How how = How::kCreated;
  std::int64_t experiment_id = 0;
  std::string note = {};  // for people: what became of a budget that was edited meanwhile
};

// What may be changed while an experiment runs; nullopt: stays.
struct BudgetEdit {
  std::optional<int> parallel, max_trials, max_failed;
};

// The budget that was last handed in, kept when `Edit` overrides it: so that the same file, handed in again, is known
// not to ask for another one.
inline constexpr const char* kSubmittedBudgetAnnotation = "qalam.dev/submitted-budget";

// All calls on the loop's thread.
class Controller : public RunObserver {
 public:
  static std::unique_ptr<Controller> Make(ControllerDeps deps);

  // Once, before anything else: takes up every unfinished experiment of the store where it was left.
  virtual Status Recover() = 0;

  // Committed when it returns. An experiment of this name that exists: the same spec resumes it; other budgets
  // (parallel, max, maxFailed) are taken over, and restart one that ended by its budget if resumePolicy allows;
  // anything else is ALREADY_EXISTS naming the fields that differ.
  virtual Result<Submitted> Submit(const ExperimentSpec& spec, const std::string& source) = 0;

  virtual Status Pause(std::int64_t experiment_id) = 0;       // launches nothing more; running trials end in peace
  virtual Status StopTrials(std::int64_t experiment_id) = 0;  // and now the running ones too: they run again on resume
  virtual Status Resume(std::int64_t experiment_id) = 0;      // and takes up one that StopExperiment had ended

  // The rest of what people do. Committed when they return; on experiments that have ended too, where that means
  // something. FAILED_PRECONDITION and INVALID_ARGUMENT say what is in the way and what to do.
  //
  // As Katib takes it: a larger budget restarts an experiment that ended by its budget, if resumePolicy allows; with
  // fewer at once those at work end in peace; a maxFailedTrialCount that is reached already ends it.
  virtual Status Edit(std::int64_t experiment_id, const BudgetEdit& edit) = 0;
  // For good: its trials are killed, and it ends with the reason ExperimentStopped: Succeeded if it has a best trial.
  virtual Status StopExperiment(std::int64_t experiment_id) = 0;
  // `as` kKilled or kFailed. One that waits is not launched any more; one that ends by itself first ends as it does.
  virtual Status StopTrial(const std::string& trial_name, TrialState as) = 0;
  // Trials in these states (of kFailed, kMetricsUnavailable, kKilled) run again with their assignments, as a new
  // attempt of the same trial, before anything new; they no longer count as what they were. An experiment that has
  // ended goes on. How many.
  virtual Result<int> Retry(std::int64_t experiment_id, const std::vector<TrialState>& states) = 0;
  virtual Status RetryTrial(const std::string& trial_name) = 0;
  // `count` trials with these assignments, before anything the algorithm proposes; they count in the budget, and are
  // told to the algorithm as history. Their names.
  virtual Result<std::vector<std::string>> Enqueue(std::int64_t experiment_id, const Assignments& assignments,
                                                   int count) = 0;
  // Stops what runs, removes what the runs left, then the rows. When it returns the intent is committed; it is gone
  // when Find no longer finds it. A deletion that a crash cut short is completed by Recover.
  virtual Status Delete(std::int64_t experiment_id) = 0;

  // Metrics that a trial, or whoever watches it, reports itself. A report that is there already (trial, time, metric,
  // value, the n-th equal one of a request) is not taken twice. Committed when it returns.
  virtual Status Report(const std::string& trial_name, const std::vector<MetricPoint>& points) = 0;

  // A trial's own collector, or whoever watches it, says that it is hopeless, as Katib's SetTrialStatus does: it is
  // stopped, and ends EarlyStopped with what it has reported, however its processes end. Said again it is nothing.
  // Committed when it returns. NOT_FOUND; FAILED_PRECONDITION: it does not run.
  virtual Status StopEarly(const std::string& trial_name) = 0;

  virtual const Experiment* Find(std::int64_t experiment_id) const = 0;
  // Ended, or paused with nothing running, and all of it committed.
  virtual bool Settled(std::int64_t experiment_id) const = 0;
  virtual bool AllSettled() const = 0;
  // Why nothing happens now: "waits for 2 cpu", "suggestion service tpe: deadline exceeded 4 times, next try in 8 s".
  virtual std::string WhyWaiting(std::int64_t experiment_id) const = 0;

  virtual void SetOnCommit(std::function<void()> callback) = 0;  // after each commit: what was recorded may be told
};

}  // namespace qalam
