// SPDX-License-Identifier: Apache-2.0
// The local engine with real shims and real processes, in a folder of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/clock.h"
#include "pipelines/engines/local_engine.h"
#include "tests/pipelines/rig.h"

namespace qalam {

// Made, and removed with all that is in it.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string ShimPath();
std::string ReadFile(const std::string& path);  // "" when it is not there
// Polls with a real clock for at most twenty seconds.
bool WaitFor(const std::function<bool()>& done);
// Processes whose environment or command line holds `text`; zombies not counted.
int CountProcesses(const std::string& text);
int ZombiesOf(int parent);

class LocalRig final : public Rig {
 public:
  explicit LocalRig(Resources capacity = {});
  ~LocalRig() override;

  Engine& engine() override { return *engine_; }
  void Say(const std::string& step, int attempt, Script script) override { scripts_[{step, attempt}] = script; }
  Step MakeStep(const std::string& name) override;
  bool RunUntil(const std::function<bool()>& done) override;
  void Settle() override;
  int Starts(const RunId& run, const std::string& step, int attempt) override;
  void Crash() override;
  void WaitForExit(const RunId& run, const std::string& step, int attempt) override;
  void Restart() override;

  Step Shell(const std::string& name, const std::string& script);  // /bin/sh -c
  Run ShellRun(const std::string& script);
  std::string AttemptFolder(const RunId& run, const std::string& step, int attempt) const;
  const std::string& folder() const { return folder_.path(); }
  const std::string& root() const { return root_; }
  EventLoop& loop() { return *loop_; }

 private:
  SystemClock clock_;
  TestFolder folder_;
  std::string root_ = folder_.path() + "/runs";
  Resources capacity_;
  std::map<std::pair<std::string, int>, Script> scripts_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace qalam
