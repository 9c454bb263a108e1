// SPDX-License-Identifier: Apache-2.0
// Many runs: every contender on every problem with every seed, several at once, each kept in a file of its own, so that
// a campaign that was interrupted goes on where it was.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/contender.h"
#include "bench/run.h"
#include "bench/statistics.h"

namespace qalam::bench {

struct CampaignOptions {
  std::vector<std::string> problems;
  std::vector<ContenderSpec> contenders;
  int seeds = 10;
  int budget = 100;
  int workers = 1;  // of each run
  int common_start = 0;
  bool budget_told = true;
  int jobs = 1;      // runs at once
  std::string data;  // folder of the tables
  std::string out;   // folder that is made or gone on with
};

struct Progress {
  int done = 0, failed = 0, all = 0;
};

// The results, a file each below OUT/runs; a run that failed leaves FILE.failed with the reason, and is tried again the
// next time. `progress` is called from one thread at a time. FAILED_PRECONDITION: the folder holds another campaign.
Status RunCampaign(const CampaignOptions& options, const std::function<void(const Progress&)>& progress,
                   const std::function<bool()>& interrupted);

struct CampaignSummary {
  std::vector<int> budgets;                      // at which the anytime reading is taken
  std::vector<std::vector<Standing>> standings;  // by budget, by contender
  std::vector<double> suggest_milliseconds;      // by contender: median over runs of the mean a trial
  std::vector<std::string> failures;             // "sobol on bbob/f01/d2/i6, seed 3: ..."
  int runs = 0;                                  // that counted: of problems and seeds that every contender finished
};

// What the files say. Budgets read: 25, 50, 100, 200, ... up to the campaign's own.
Result<CampaignSummary> Summarise(const CampaignOptions& options);

}  // namespace qalam::bench
