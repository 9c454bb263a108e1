// SPDX-License-Identifier: Apache-2.0
// Suggestion services of other people (Katib's protocol): by address, or started by a command.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bench/contender.h"
#include "suggest/service.h"

namespace qalam::bench {

struct ServiceOptions {
  ServiceSpec service;
  std::string log;  // file of what the command's process prints
  int workers = 1;
  std::function<bool()> interrupted = [] { return false; };
};

// Asks as Qalam's controller would: an experiment of its own for each run. Used by the calling thread only. The seed
// names the experiment; a service that draws from no seed of its own is another one each time. What it proposes outside
// of the space is a fault here.
Result<std::unique_ptr<Contender>> MakeService(const ContenderSpec& spec, const Problem& problem, std::uint64_t seed,
                                               std::optional<int> max_trials, ServiceOptions options);

}  // namespace qalam::bench
