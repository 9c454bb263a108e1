// SPDX-License-Identifier: Apache-2.0
// Algorithms under test where trials are trained step by step (epochs): a sampler whose trials a rule may stop, or one
// that chooses itself how far each configuration is trained.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bench/contender.h"

namespace qalam::bench {

// What a worker is to do: train `trial` until it has `until` steps.
struct StepJob {
  std::uint64_t trial = 0;  // numbered from 1 as they begin; one that is known, and not at work, goes on where it was
  Assignments point;        // legal in the problem's space; of one that goes on: what it was
  int until = 0;            // more than it has, at most the problem's steps()
};

class StepContender {
 public:
  virtual ~StepContender() = default;
  // For a worker that is free. None: there is nothing to do before more is told of.
  virtual Result<std::optional<StepJob>> Next() = 0;
  // What a trial at work reports after each of its steps. Whether it goes on (to the end of its job).
  virtual Result<bool> Report(std::uint64_t trial, int step, double value) = 0;
  // Its job has ended, after the last report: at its end, or because it was not to go on.
  virtual Status End(std::uint64_t trial, int step, double value, bool stopped) = 0;
  // Seconds of work so far that other processes did for it; those of the calling thread are counted by the caller.
  virtual double SecondsElsewhere() const { return 0; }
};

using StepContenderMaker = std::function<Result<std::unique_ptr<StepContender>>(
    const ContenderSpec& spec, const Problem& problem, std::uint64_t seed, std::optional<int> max_trials, int workers)>;

// Says after each report of a trial whether it is stopped.
class Stopper {
 public:
  virtual ~Stopper() = default;
  virtual bool Stops(std::uint64_t trial, int step, double value) = 0;
  virtual void End(std::uint64_t trial, bool stopped, double value) = 0;
};

// A rule of earlystop/, for one run of trials of so many steps, of which it is told where it wants to know; null where
// `rule` has no name. INVALID_ARGUMENT: there is none, or its settings are wrong.
Result<std::unique_ptr<Stopper>> MakeStopper(AlgorithmSpec rule, int steps);

// Whole trials of `sampler`, until `stopper` (none: nobody) stops them.
std::unique_ptr<StepContender> MakeStopped(std::unique_ptr<Contender> sampler, std::unique_ptr<Stopper> stopper,
                                           int steps);

// One of ours: an algorithm with a setting resource_name chooses the steps, any other proposes whole trials, which
// `spec.stopping` may end. NOT_FOUND: no such algorithm or rule; INVALID_ARGUMENT: its settings are wrong.
Result<std::unique_ptr<StepContender>> MakeBuiltinSteps(const ContenderSpec& spec, const Problem& problem,
                                                        std::uint64_t seed, std::optional<int> max_trials, int workers);

}  // namespace qalam::bench
