// SPDX-License-Identifier: Apache-2.0
// Many runs: every contender on every problem with every seed, several at once, each kept in a file of its own, so that
// a campaign that was interrupted goes on where it was.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/manifest.h"
#include "bench/step_contender.h"

namespace qalam::bench {

struct CampaignOptions {
  Manifest manifest;
  ContenderMaker make = MakeBuiltin;
  StepContenderMaker make_steps = MakeBuiltinSteps;  // where the setup is by steps
  int jobs = 1;                                      // runs at once
  std::string data;                                  // folder of the tables
  std::string out;                                   // folder that is made or gone on with
};

struct Progress {
  int done = 0, failed = 0, all = 0;
  int found = 0;        // of `done`: were there already
  std::string failure;  // of the run that has just ended: "sobol on bbob/f01/d2/i6, seed 3: why"; empty: it did well
};

// The results, a file each below OUT/runs; a run that failed leaves FILE.failed with the reason, and is tried again the
// next time. What the folder's manifest has is kept, and added to. `progress` is called from one thread at a time.
// FAILED_PRECONDITION: the folder holds another campaign; UNAVAILABLE: the folder cannot be written.
Status RunCampaign(const CampaignOptions& options, const std::function<void(const Progress&)>& progress,
                   const std::function<bool()>& interrupted);

// OUT/runs/PROBLEM/CONTENDER/sSEED.csv: number,asked,ended,value,worth, a line a trial in the order of their ends.
// By steps: trial,from,to,asked,ended,steps,from_zero,value,worth,stopped, a line a job (bench/step_run.h).
// Beside it, since they are others each time, the milliseconds a suggestion took: FILE.ms, a line for each of
// AnytimeBudgets().
std::string RunFile(const std::string& out, const std::string& problem, const std::string& contender,
                    std::uint64_t seed);

// 25, 50, 100, 200, ... below the budget, and the budget.
std::vector<int> AnytimeBudgets(int budget);

}  // namespace qalam::bench
