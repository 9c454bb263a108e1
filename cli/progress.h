// SPDX-License-Identifier: Apache-2.0
// What a person sees while experiments run: pure functions from a model to lines. The model is kept up to date by
// cli/tracker.h; nothing here reads a store, a clock or a terminal.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/experiment.h"
#include "core/objective.h"

namespace qalam {

enum class Trend { kUnknown, kFalling, kRising, kFlat };

// What the reports of one trial say.
struct Reports {
  std::optional<double> latest;   // of the objective
  std::int64_t step = 0;          // of its newest report; 0: none yet
  Trend trend = Trend::kUnknown;  // of the last five
  bool complete = false;          // nothing more can come
};

struct TrialRow {
  std::uint64_t ordinal = 0;
  std::string name;
  TrialState state = TrialState::kCreated;
  std::optional<double> value;  // the objective, once the trial has ended
  Reports reports;
  Assignments assignments;
  std::string message;  // why it ended so; may have several lines
  WallTime started{}, completed{};
};

struct ProgressModel {
  std::string name, algorithm;
  ObjectiveSpec objective;
  std::vector<std::string> parameters;  // in the order of the experiment
  std::optional<int> max_trials;
  ExperimentState state = ExperimentState::kCreated;
  std::string reason, message;  // of the experiment's current condition
  bool paused = false;
  TrialCounts counts;
  WallTime created{}, completed{};

  std::optional<TrialRow> best;
  std::map<std::uint64_t, TrialRow> running;  // by ordinal; those that wait to be started too
  std::deque<TrialRow> ended;                 // the newest first, a screenful of them
  std::optional<TrialRow> last_failed;
  std::map<std::string, std::string> first_values;  // of each parameter
  std::map<std::string, bool> varies;               // parameters that had two values
  std::int64_t longest = 0;                         // most steps that a trial reported
  std::string savings;                              // once it has ended: what was saved, a sentence

  int ended_at_start = 0;  // trials that had ended when we began to look: the pace is measured from there
  WallTime looked_since{};
  std::string waiting;    // why nothing happens, in words; empty: it does
  std::string db_option;  // " --db FILE" for commands that are suggested, where it is needed
};

int Ended(const TrialCounts& counts);
std::optional<Duration> TimeLeft(const ProgressModel& model, WallTime now);

struct View {
  int width = 80;
  int height = 24;  // lines that may be used
  bool color = false;
};

// The display that is drawn again and again: at most `height` lines of at most `width` columns.
std::vector<std::string> RenderDisplay(const ProgressModel& model, const View& view, WallTime now);
// Where nothing can be drawn: "27/40 best 0.0312 (#19) running 4 failed 2 eta 3m10s".
std::string RenderSummary(const ProgressModel& model, WallTime now);
// A trial that has ended: one line, and below it what the diagnosis adds.
std::vector<std::string> RenderEndedTrial(const ProgressModel& model, const TrialRow& row);
// The last words: what came out, and what to type next.
std::vector<std::string> RenderEnd(const ProgressModel& model, const View& view, WallTime now);

}  // namespace qalam
