// SPDX-License-Identifier: Apache-2.0
// An algorithm under test, whatever it is: one of ours, any service of the suggestion API, a peer in its own Python.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/problem.h"
#include "core/experiment.h"

namespace qalam::bench {

class Contender {
 public:
  virtual ~Contender() = default;
  // The next points, numbered on from 1 in the order in which they are asked for. Those that were asked for and not
  // told of are at work. Fewer than `count`: there are no more. Every point is legal in the problem's space: a
  // contender that proposes others is at fault (INVALID_ARGUMENT, with the point).
  virtual Result<std::vector<Assignments>> Ask(int count) = 0;
  // What a point gave; NaN: the trial failed. `number` 0: a point that the contender was not asked for.
  virtual Status Tell(std::uint64_t number, const Assignments& point, double value) = 0;
  // What a point had given when its trial was stopped: no final value. INVALID_ARGUMENT: it cannot be told of that.
  virtual Status TellStopped(std::uint64_t number, const Assignments& point, double value);
  // Seconds of work so far that other processes did for it; those of the calling thread are counted by the caller.
  virtual double SecondsElsewhere() const { return 0; }
  // The most memory that such a process had; 0: not known.
  virtual double BytesElsewhere() const { return 0; }
};

struct ContenderSpec {
  enum class Kind { kBuiltin, kPeer, kService };
  std::string
      name;  // as the reports call it: "sobol", "tpe(gamma=0.1)", "optuna-tpe", "hill@127.0.0.1:6789", "tpe+medianstop"
  std::string algorithm;  // "sobol"
  std::vector<Setting> settings = {};
  Kind kind = Kind::kBuiltin;
  std::string where = {};       // of a service: its address; empty: the plugin of that name
  AlgorithmSpec stopping = {};  // "tpe+asha(eta=4)": the rule that stops its trials; no name: none
};
std::string_view KindWord(ContenderSpec::Kind kind);  // "builtin", "peer", "service"

// A new one for one run. `max_trials`: the budget, where the contender is told of it; `workers`: trials at once. Called
// from several threads.
using ContenderMaker = std::function<Result<std::unique_ptr<Contender>>(
    const ContenderSpec& spec, const Problem& problem, std::uint64_t seed, std::optional<int> max_trials, int workers)>;

// One of the algorithms of algorithms/registry. NOT_FOUND: no such algorithm; INVALID_ARGUMENT: its settings are wrong.
Result<std::unique_ptr<Contender>> MakeBuiltin(const ContenderSpec& spec, const Problem& problem, std::uint64_t seed,
                                               std::optional<int> max_trials, int workers);

}  // namespace qalam::bench
