// SPDX-License-Identifier: Apache-2.0
// Where runs happen. Everything here is called on the loop's thread, in both directions.
#pragma once

#include <string>
#include <string_view>

#include "core/run.h"
#include "core/status.h"

namespace qalam {

struct RunEnd {
  StepState state = StepState::kSucceeded;  // kSucceeded, kFailed, kStopped or kLost
  std::string reason, message;              // of the step that decided it
};

// Hears of a run. Never called from within Start or Stop.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void OnStep(const StepRecord& step) = 0;  // an attempt began or ended
  // Bytes of the metrics source, in order and without gaps from the offset that Start was given (or 0 for a later
  // attempt). The views are valid during the call only. `file` is empty, or the path below the folder that is the
  // source: each file is read from its start, also after a restart. Of a source that is fetched, each call has one
  // page.
  virtual void OnOutput(const RunId& run, int attempt, std::string_view file, std::int64_t offset,
                        std::string_view bytes) = 0;
  // Once, last, and after all output was delivered to its end.
  virtual void OnRunEnd(const RunId& run, const RunEnd& end) = 0;
};

struct StartOptions {
  int after_attempt = 0;            // step attempts up to this number are history: the next is one more
  int metrics_attempt = 0;          // the attempt whose output was being read, 0: none yet
  std::int64_t metrics_offset = 0;  // where to go on reading it
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual void SetObserver(RunObserver* observer) = 0;
  // Idempotent, across restarts too: a run that is already running is adopted, one that ended while nobody looked
  // reports its end, one that never started starts. A fault: it can never run here (says why); nothing was started.
  virtual Status Start(const RunId& id, const Run& run, const StartOptions& options) = 0;
  // SIGTERM, the step's grace, SIGKILL to the whole tree; the run ends kStopped unless it ended by itself before.
  // Unknown ids and a second Stop are nothing.
  virtual void Stop(const RunId& id) = 0;
  // Why a run that was started has no running step, for people: "waits for 2 cpu: 1 of 2 free". Empty: it runs.
  virtual std::string WhyWaiting(const RunId& id) const = 0;
};

}  // namespace qalam
