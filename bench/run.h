// SPDX-License-Identifier: Apache-2.0
// One run: a contender on a problem with a budget, in virtual time. A pure function of its key, but for the seconds
// that the contender takes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/contender.h"
#include "bench/problem.h"

namespace qalam::bench {

struct RunKey {
  std::string problem, contender;
  std::uint64_t seed = 0;
  int budget = 0;   // trials
  int workers = 1;  // at work at once; 1: each trial is told before the next is asked for
  // How many points, the same for every contender, are evaluated and told of before the first is asked for. They count
  // in the budget.
  int common_start = 0;
  bool budget_told = true;
};

// One trial, in the order in which they ended.
struct TrialRow {
  std::uint64_t number = 0;     // in the order in which they were asked for; 0: of the common start
  double asked = 0, ended = 0;  // virtual seconds
  double value = 0;             // what the contender was told; NaN: failed
  double worth = 0;             // without noise; NaN: failed
  double suggest_seconds = 0;   // of work on it: its share of the call that asked for it, and of the telling before
};

struct RunResult {
  std::vector<TrialRow> trials;
  bool exhausted = false;  // it had no more points
};

// `make`: the contender, new. A fault is the contender's: the run has failed, and what it did is lost. CANCELLED: once
// `interrupted` says so.
Result<RunResult> Execute(
    const RunKey& key, const Problem& problem, const std::function<Result<std::unique_ptr<Contender>>()>& make,
    const std::function<bool()>& interrupted = [] { return false; });

}  // namespace qalam::bench
