// SPDX-License-Identifier: Apache-2.0
// One run in which trials are trained step by step by asynchronous workers in virtual time. A pure function of its key,
// but for the seconds that the contender takes.
#pragma once

#include <functional>
#include <vector>

#include "bench/run.h"
#include "bench/step_contender.h"

namespace qalam::bench {

// What one worker did at one go, in the order in which they ended.
struct JobRow {
  std::uint64_t trial = 0;
  int from = 0, to = 0;         // steps: it went on from a checkpoint of `from`
  double asked = 0, ended = 0;  // virtual seconds
  // Steps that all workers together have trained when it ended; and how many they would have trained without
  // checkpoints, each job from the first step on.
  std::int64_t steps = 0, from_zero = 0;
  double value = 0;  // of its last report; NaN: it diverged
  double worth = 0;  // without noise, after all of the problem's steps; NaN where it has not been trained so far
  bool stopped = false;
  double suggest_seconds = 0;  // of work on it: asking for it, and all that was told
};

struct StepRunResult {
  std::vector<JobRow> jobs;
  bool exhausted = false;  // it had nothing more to do
};

// The budget of `key` is the steps of so many whole trials: when it is spent the run ends, whatever is at work.
// common_start is 0.
Result<StepRunResult> ExecuteSteps(
    const RunKey& key, const Problem& problem, const std::function<Result<std::unique_ptr<StepContender>>()>& make,
    const std::function<bool()>& interrupted = [] { return false; });

}  // namespace qalam::bench
