// SPDX-License-Identifier: Apache-2.0
// What a run needs next, decided from what its attempts have come to so far. Pure: the same records give the same
// answer in every engine, and after every restart.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/run.h"
#include "core/status.h"
#include "pipelines/engine.h"

namespace qalam {

// Attempts in a row that may vanish without an exit record before the run is given up.
inline constexpr int kLostAttemptLimit = 3;

bool IsStepName(std::string_view name);  // a DNS label

// Names that become folders, unknown and circular depends_on, empty commands, a metrics step that is not there.
Status CheckRun(const RunId& id, const Run& run);

class RunPlan {
 public:
  // `run` has passed CheckRun. Attempts up to `after_attempt` are history.
  RunPlan(Run run, int after_attempt);

  const Run& run() const { return run_; }
  int IndexOf(std::string_view step) const;  // -1: none
  // What is known of an attempt now. A step's attempts come in order; the last record of an attempt counts.
  void Apply(const StepRecord& record);
  void RequestStop() { stopping_ = true; }

  struct Launch {
    int step = 0;  // index in run().steps
    int attempt = 1;
  };
  std::vector<Launch> Ready() const;  // none while the run is ending
  // The run is ending (a step failed for good, or it was told to): steps that still run are to be stopped.
  bool Ending() const { return stopping_ || decided_.has_value(); }
  // The same for one step: a sidecar's work is also over when that of the others is.
  bool ToStop(int step) const { return Ending() || (StepOf(step).sidecar && OthersDone()); }
  bool Running(int step) const { return steps_[static_cast<std::size_t>(step)].state == StepState::kRunning; }
  bool AnyRunning() const;
  // What is left of a step's deadline and of the run's, never less than a millisecond; nullopt: there is none.
  std::optional<Duration> TimeLeft(int step) const;
  std::optional<RunEnd> End() const;  // once nothing runs and nothing will

 private:
  struct StepPlan {
    StepState state = StepState::kWaiting;
    int attempt = 0;  // the newest one known
    int failures = 0, lost_in_row = 0;
    bool begun = false;
    Duration spent{};  // by attempts that have ended
  };
  const Step& StepOf(int step) const { return run_.steps[static_cast<std::size_t>(step)]; }
  void ApplyToSidecar(const StepRecord& record, const Step& step, StepPlan* plan);
  void Decide(const StepRecord& record);
  RunEnd EndBy(const StepRecord& record) const;
  bool OthersDone() const;  // all that are no sidecars have succeeded
  bool Met(int step) const;

  Run run_;
  std::vector<StepPlan> steps_;
  std::vector<std::vector<int>> needs_;   // depends_on as indices
  std::optional<RunEnd> decided_;         // by the first step that failed for good; a stop gives way to a failure
  std::optional<RunEnd> sidecar_failed_;  // for good: the run fails once the others are done
  bool stopping_ = false;
};

}  // namespace qalam
