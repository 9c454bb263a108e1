// SPDX-License-Identifier: Apache-2.0
// Runs steps as processes of this machine, each under a qalam-shim that outlives the controller.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/loop.h"
#include "pipelines/engine.h"

namespace qalam {

struct LocalEngineOptions {
  std::string root;    // FILE.d/runs: one folder a run, docs/run-folder.md tells what is in it
  std::string shim;    // path of the qalam-shim program
  Resources capacity;  // what admission may give out; zero: what the machine has
  // The devices that are given out, by their names; absent: capacity.gpu of them, or what this process may see.
  std::optional<std::vector<std::string>> gpus = std::nullopt;
};

std::unique_ptr<Engine> MakeLocalEngine(EventLoop& loop, LocalEngineOptions options);

// FILE.d/runs/RUN/STEP/ATTEMPT/output.log: where a step's raw output is kept.
std::string StepOutputPath(const std::string& root, const RunId& run, const std::string& step, int attempt);

}  // namespace qalam
