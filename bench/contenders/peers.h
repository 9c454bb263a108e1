// SPDX-License-Identifier: Apache-2.0
// Other people's optimizers in Python, each in an environment of its own, through bench/peers/bridge.py.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bench/contender.h"
#include "bench/step_contender.h"

namespace qalam::bench {

struct PeerInfo {
  std::string name, environment, summary;
  bool slow = false;   // seconds, not milliseconds, a suggestion
  bool steps = false;  // it trains step by step: stops trials, or chooses how far each goes
};

struct PeerOptions {
  std::string home;                            // the folder bench/, of which peers/ is used
  std::string logs;                            // folder of what the peers print; made when one is started
  int workers = 1;                             // of each run: some peers want to know
  std::chrono::milliseconds timeout{300'000};  // of one answer, and of a start
  std::function<bool()> interrupted = [] { return false; };
};

// Starts a process a peer and run at once, and uses it again for the next run of that peer. What hangs or dies is
// ended, and costs its run alone. Thread-safe.
class Peers {
 public:
  explicit Peers(PeerOptions options);
  ~Peers();  // ends all processes
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  // Of bench/peers/peers.json. NOT_FOUND: there is no such file.
  static Result<std::vector<PeerInfo>> List(const std::string& home);
  // Empty: its environment is there; else why not, and what to do.
  static std::string WhyNot(const PeerInfo& peer);

  // NOT_FOUND: no such peer, or it is not installed. `this` outlives what is made.
  Result<std::unique_ptr<Contender>> Make(const ContenderSpec& spec, const Problem& problem, std::uint64_t seed,
                                          std::optional<int> max_trials);
  // The same of one that trains step by step.
  Result<std::unique_ptr<StepContender>> MakeSteps(const ContenderSpec& spec, const Problem& problem,
                                                   std::uint64_t seed, std::optional<int> max_trials);

  class Process;
  class Borrowed;

 private:
  Result<std::unique_ptr<Process>> Take(const PeerInfo& peer);
  // One that has begun a run. `steps`: of a whole trial, where it is to train them; else 0.
  Result<std::unique_ptr<Borrowed>> Begin(const ContenderSpec& spec, const Problem& problem, std::uint64_t seed,
                                          std::optional<int> max_trials, int steps);

  const PeerOptions options_;
  std::mutex mutex_;                                                   // guards the two below
  std::map<std::string, std::vector<std::unique_ptr<Process>>> idle_;  // by peer
  int started_ = 0;
};

}  // namespace qalam::bench
