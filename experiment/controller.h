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
};

struct Submitted {
  enum class How { kCreated, kResumed, kConfigured, kUnchanged };  // unchanged: it had ended
  How how = How::kCreated;
  std::int64_t experiment_id = 0;
};

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
  virtual Status Resume(std::int64_t experiment_id) = 0;

  virtual const Experiment* Find(std::int64_t experiment_id) const = 0;
  // Ended, or paused with nothing running, and all of it committed.
  virtual bool Settled(std::int64_t experiment_id) const = 0;
  virtual bool AllSettled() const = 0;
  // Why nothing happens now: "waits for 2 cpu", "suggestion service tpe: deadline exceeded 4 times, next try in 8 s".
  virtual std::string WhyWaiting(std::int64_t experiment_id) const = 0;

  virtual void SetOnCommit(std::function<void()> callback) = 0;  // after each commit: what was recorded may be told
};

}  // namespace qalam
