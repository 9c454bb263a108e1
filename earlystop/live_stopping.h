// SPDX-License-Identifier: Apache-2.0
// Early stopping of one experiment, report by report: the curves, the rule, and the guard over it. What the controller,
// the service and the benchmarks use.
//
//   QALAM_TRY(auto stopping, LiveStopping::Make({"asha", {{"eta", "3"}}}, objective));
//   stopping->Add(17, /*step=*/9, /*value=*/0.42);        // as reported; NaN: no finite number
//   if (stopping->Judge(17).action == Decision::kStop) ...
//   stopping->End(17, Standing::kStopped);
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/experiment.h"
#include "core/status.h"
#include "earlystop/curves.h"

namespace qalam {

struct Decision {
  enum Action {
    kGoOn,
    kStop,
    kSpare,  // it would be stopped, and goes on to its end to show what is lost by stopping: see earlystop/guard.h
  };
  Action action = kGoOn;
  std::string reason;  // of the last two; of kGoOn: the rule would have stopped it, and the guard did not let it
};

// What was decided about a trial some time after its report, on the thread that asked. Trial 0: nobody decides for now,
// and `reason` says why, for people; trials go on.
using LateDecision = std::function<void(std::uint64_t trial, Decision decision)>;

// Built anew from the same reports of each trial, the spared ones and how the trials stand, it decides the same; how
// the reports of different trials interleave does not matter. Not thread-safe.
class LiveStopping {
 public:
  // With a rule that is built in. INVALID_ARGUMENT: the rule or its settings are wrong.
  static Result<std::unique_ptr<LiveStopping>> Make(const AlgorithmSpec& spec, const ObjectiveSpec& objective);
  virtual ~LiveStopping() = default;

  // The trial's next report.
  virtual void Add(std::uint64_t trial, std::int64_t step, double value) = 0;
  // What to do with a trial after its newest report. kSpare is said once: the trial is spared from then on.
  virtual Decision Judge(std::uint64_t trial) = 0;
  virtual void Spare(std::uint64_t trial) = 0;  // building anew: this is what was decided
  virtual void End(std::uint64_t trial, Standing standing) = 0;
  virtual void Forget(std::uint64_t trial) = 0;  // it begins anew: what it had reported does not count
  // What the guard makes of the curves, for people, when they cross; it changes when the guard changes its mind. Empty:
  // nothing to say. Worth asking when a decision has a reason.
  virtual std::string Note() = 0;
};

// One that decides in this process, and can be looked into.
class LocalStopping : public LiveStopping {
 public:
  // INVALID_ARGUMENT: the rule or its settings are wrong.
  static Result<std::unique_ptr<LocalStopping>> Make(const AlgorithmSpec& spec, const ObjectiveSpec& objective);
  // Where trials were judged, lowest first; none where the rule has no rungs. Values as reported.
  virtual std::vector<Rung> Rungs() const = 0;
  virtual const Curves& curves() const = 0;
};

// What of a trial's values is its result, by the strategy of the objective.
Counts CountsOf(const ObjectiveSpec& objective);

// Whether the rule decides live. medianstop with compat=katib is the one that does not: its bound is set when a trial
// is created.
bool IsLive(const AlgorithmSpec& spec);

}  // namespace qalam
