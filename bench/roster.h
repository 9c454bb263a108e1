// SPDX-License-Identifier: Apache-2.0
// Contenders by the names that people give them: ours, peers, and services of other people.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/contender.h"
#include "bench/contenders/peers.h"
#include "suggest/service.h"

namespace qalam::bench {

// "random,tpe(gamma=0.1,n=24),sobol": commas outside of parentheses.
std::vector<std::string> SplitNames(std::string_view list);

struct RosterOptions {
  std::string home;                             // the folder bench/, for the peers
  std::string logs;                             // of the processes of peers and plugins
  std::map<std::string, ServiceSpec> services;  // plugins, by algorithm: they go before ours of the same name
  int workers = 1;                              // of each run
  std::chrono::milliseconds timeout{300'000};   // of one answer
  std::function<bool()> interrupted = [] { return false; };
};

class Roster {
 public:
  explicit Roster(RosterOptions options);

  // NAME, NAME(SETTING=VALUE,...), or one of them with @HOST:PORT: a service there; or with +RULE or
  // +RULE(SETTING=VALUE,...): one of ours whose trials the rule stops. INVALID_ARGUMENT: it is not written
  // so; NOT_FOUND, with what was perhaps meant.
  Result<ContenderSpec> Parse(std::string_view text) const;

  // A ContenderMaker. The roster outlives what it makes. Thread-safe.
  Result<std::unique_ptr<Contender>> Make(const ContenderSpec& spec, const Problem& problem, std::uint64_t seed,
                                          std::optional<int> max_trials, int workers);

  // The same of a StepContenderMaker.
  Result<std::unique_ptr<StepContender>> MakeSteps(const ContenderSpec& spec, const Problem& problem,
                                                   std::uint64_t seed, std::optional<int> max_trials, int workers);
  // INVALID_ARGUMENT: it can be tried only where trials are trained step by step, or it cannot be tried there.
  Status CheckSteps(const ContenderSpec& spec, bool by_steps) const;

 private:
  Result<ContenderSpec> ParseSampler(std::string_view text) const;  // without a rule
  bool TrainsSteps(const ContenderSpec& spec) const;                // a peer that does so itself
  Status Unknown(const std::string& name) const;

  const RosterOptions options_;
  Peers peers_;
};

}  // namespace qalam::bench
