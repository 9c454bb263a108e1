// SPDX-License-Identifier: Apache-2.0
// An algorithm under test, whatever it is: one of ours, any service of the suggestion API, a peer in its own Python.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
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
};

struct ContenderSpec {
  std::string name;  // as the reports call it: "sobol", "tpe(gamma=0.1)", "peer:optuna-tpe", "service:HOST:PORT/tpe"
  std::string algorithm;  // "sobol"
  std::vector<Setting> settings;
};

// One of the algorithms of algorithms/registry. `max_trials`: the budget, where the contender is told of it.
// NOT_FOUND: no such algorithm; INVALID_ARGUMENT: its settings are wrong.
Result<std::unique_ptr<Contender>> MakeBuiltin(const ContenderSpec& spec, const Problem& problem, std::uint64_t seed,
                                               std::optional<int> max_trials);

}  // namespace qalam::bench
