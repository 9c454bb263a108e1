// SPDX-License-Identifier: Apache-2.0
// Follows experiments to their end in front of a person, whoever runs them: the display or its lines, what Ctrl-C
// means, the last words and the exit code.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/host.h"
#include "cli/terminal.h"
#include "cli/tracker.h"
#include "core/loop.h"

namespace qalam {

struct RunnerOptions {
  std::string db;
  std::string db_option;     // " --db FILE" where commands that are suggested need it
  std::string gpus_option;   // " --gpus 0,1" where a resume needs it
  std::string command_line;  // what resumes several experiments at once
  bool redraw = false;
};

class Runner {
 public:
  enum class Outcome {
    kSettled,   // every followed experiment ended or is paused
    kHostGone,  // who ran them is gone
    kLeft,      // the person did not want to wait: trials stay with their shims
  };

  Runner(EventLoop& loop, Host& host, Output& output, RunnerOptions options);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  Status Follow(const ExperimentSpec& spec, const Submitted& submitted);
  Outcome Run();
  void Wake();  // something was committed
  int exit_code() const { return exit_code_; }
  bool interrupted() const { return stage_ != Stage::kRunning; }

 private:
  enum class Stage { kRunning, kPausing, kStopping };

  void Tick();
  void TickIn(Duration delay);
  void Show();
  void Heard(int signal);
  void Pause();
  void Stop();
  void Finish(Outcome outcome);
  bool Over();
  bool AllSettled();
  int Running();
  std::string HowToResume();
  void SayEnd(ProgressModel& model, std::int64_t id);
  std::string Savings(std::int64_t id);
  void SayLastOutput(const ProgressModel& model);

  EventLoop& loop_;
  Host& host_;
  Output& output_;
  RunnerOptions options_;
  Tracker tracker_;
  std::vector<std::int64_t> ids_;
  std::map<std::int64_t, Submitted::How> how_;
  Stage stage_ = Stage::kRunning;
  Outcome outcome_ = Outcome::kSettled;
  int exit_code_ = 0;
  bool ended_ = false;  // own experiments are settled and told; the process stays for others
  Loop::TimerId tick_ = 0, give_up_ = 0;
  Duration tick_due_{}, last_tick_{}, last_summary_{}, last_why_{}, waiting_since_{};
};

}  // namespace qalam
