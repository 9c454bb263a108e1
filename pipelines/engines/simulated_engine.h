// SPDX-License-Identifier: Apache-2.0
// Pretends to run: durations, output and exit come from a function, time from the loop. It outlives the controller
// of a simulation as real processes outlive the real one: adoption, lost attempts and repeated Starts behave alike.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/loop.h"
#include "pipelines/engine.h"

namespace qalam {

struct SimulatedStep {
  Duration duration{};
  std::vector<std::pair<Duration, std::string>> output;  // at which time after the start which bytes come out
  int exit_code = 0;
  bool lost = false;  // dies without an exit record at the end of `duration`
};

class SimulatedEngine : public Engine {
 public:
  virtual int starts(const RunId& run, const std::string& step, int attempt) const = 0;  // the ledger: must be <= 1
  virtual int running() const = 0;
};

// `behave` decides what an attempt does; called once per attempt.
std::unique_ptr<SimulatedEngine> MakeSimulatedEngine(
    Loop& loop, std::function<SimulatedStep(const RunId&, const Step&, int attempt)> behave);

}  // namespace qalam
