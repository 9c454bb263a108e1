// SPDX-License-Identifier: Apache-2.0
// An engine under test with what surrounds it: a loop, an observer that writes everything down, and a way to say what
// a step does that both a simulation and /bin/sh can play.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/loop.h"
#include "pipelines/engine.h"

namespace qalam {

// What one attempt at a step does. Times are milliseconds after its start.
struct Script {
  std::vector<std::pair<int, std::string>> output;
  int duration = 0;
  int exit_code = 0;
  bool lost = false;
};

class Recorder final : public RunObserver {
 public:
  void OnStep(const StepRecord& step) override;
  void OnOutput(const RunId& run, int attempt, std::string_view file, std::int64_t offset,
                std::string_view bytes) override;
  void OnRunEnd(const RunId& run, const RunEnd& end) override;

  const RunEnd* EndOf(const RunId& run) const;
  const StepRecord* Last(const RunId& run, const std::string& step) const;
  bool IsRunning(const RunId& run, const std::string& step) const;
  std::string Output(const RunId& run, int attempt) const;

  std::vector<std::string> log;  // "a-1 main/1 Running", "a-1 output 1", "a-1 end Succeeded", in the order they came
  std::vector<StepRecord> steps;
  std::map<RunId, std::vector<RunEnd>> ends;
  std::map<std::pair<RunId, int>, std::string> outputs;
  std::map<std::pair<RunId, std::string>, std::string> files;  // of folders that are sources
  std::map<std::pair<RunId, int>, std::int64_t> first_offset;
  bool in_call = false;  // set around Start and Stop
  bool called_in_call = false;
  std::string fault;  // a promise of the observer that was broken
};

class Rig {
 public:
  virtual ~Rig() = default;
  virtual Engine& engine() = 0;
  // What attempt `attempt` of `step` does, in every run. Not said: ends at once with exit code 0.
  virtual void Say(const std::string& step, int attempt, Script script) = 0;
  // A step whose command plays what was said.
  virtual Step MakeStep(const std::string& name) = 0;
  virtual bool RunUntil(const std::function<bool()>& done) = 0;
  virtual void Settle() = 0;  // runs whatever is due now
  virtual int Starts(const RunId& run, const std::string& step, int attempt) = 0;
  // The controller dies: nothing of it is run any more. What runs, runs on.
  virtual void Crash() = 0;
  virtual void WaitForExit(const RunId& run, const std::string& step, int attempt) = 0;  // with no controller
  virtual void Restart() = 0;

  Status Start(const RunId& id, const Run& run, const StartOptions& options = {});
  void Stop(const RunId& id);
  // Runs until the run has ended, and returns how.
  RunEnd Finish(const RunId& id);
  Run OneStep(const std::string& name = "main");

  Recorder seen;
};

std::unique_ptr<Rig> MakeSimulatedRig();
std::unique_ptr<Rig> MakeLocalRig();

}  // namespace qalam
