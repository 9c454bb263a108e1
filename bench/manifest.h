// SPDX-License-Identifier: Apache-2.0
// What a campaign is: enough to run it again elsewhere, and to go on with it.
#pragma once

#include <string>
#include <vector>

#include "bench/contender.h"
#include "core/status.h"

namespace qalam::bench {

// What must be equal for runs to be compared.
struct Setup {
  int budget = 100;  // trials
  int workers = 1;   // at work at once, each trial of another duration
  // How many points, the same for every contender, are evaluated and told of before the first is asked for.
  int common_start = 0;
  bool budget_told = true;
  // Trials are trained step by step: rules may stop them, algorithms may choose how far each goes. The budget is the
  // steps of so many whole trials.
  bool by_steps = false;
  bool operator==(const Setup&) const = default;
};
std::string Words(const Setup& setup);  // "100 trials, 4 workers, 10 common first points, budget not told"

struct Manifest {
  Setup setup;
  std::vector<std::string> problems;
  std::vector<ContenderSpec> contenders;
  int seeds = 10;  // 1 .. seeds
};

inline constexpr const char* kManifestFile = "campaign.json";

// Of a campaign's folder. NOT_FOUND: it is none; DATA_LOSS: it is damaged.
Result<Manifest> ReadManifest(const std::string& folder);
Status WriteManifest(const Manifest& manifest, const std::string& folder);
// Adds what `more` has and `manifest` has not. FAILED_PRECONDITION: their setups differ, or a contender of the same
// name is another one.
Status Extend(Manifest* manifest, const Manifest& more);

}  // namespace qalam::bench
