// SPDX-License-Identifier: Apache-2.0
#include "cli/runner.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "cli/control.h"
#include "cli/launch.h"
#include "cli/savings_view.h"
#include "cli/signals.h"
#include "cli/tail.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "pipelines/engines/local_engine.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kRedrawEvery = milliseconds(200);
constexpr Duration kSummaryEvery = std::chrono::minutes(1);
constexpr Duration kWhyEvery = seconds(1);
constexpr Duration kWaitingIsTold = seconds(3);  // in lines: the first time that nothing happened for so long
constexpr Duration kDrainWithin = seconds(8);    // SIGTERM: whoever sent it may send SIGKILL after ten
constexpr milliseconds kLastWords{1'000};        // after a signal: for whoever reads to take the end of it
constexpr int kLastOutputLines = 5;

std::string Names(const std::vector<Experiment>& experiments) {
  std::string names;
  for (const Experiment& e : experiments) names += (names.empty() ? "" : ", ") + e.name;
  return names;
}

}  // namespace

Runner::Runner(EventLoop& loop, Host& host, Output& output, RunnerOptions options)
    : loop_(loop), host_(host), output_(output), options_(std::move(options)), tracker_(host.reader(), loop.clock()) {
  last_summary_ = waiting_since_ = loop_.clock().Monotonic();
}

Runner::~Runner() {
  if (tick_ != 0) loop_.Cancel(tick_);
  if (give_up_ != 0) loop_.Cancel(give_up_);
}

Status Runner::Follow(const ExperimentSpec& spec, const Submitted& submitted) {
  QALAM_RETURN_IF_ERROR(tracker_.Follow(spec, submitted.experiment_id, options_.db_option));
  ids_.push_back(submitted.experiment_id);
  const ProgressModel& model = tracker_.models().at(submitted.experiment_id);
  how_[submitted.experiment_id] = submitted.how;
  if (!submitted.note.empty()) output_.Line(fmt::format("{}: {}", model.name, submitted.note));
  switch (submitted.how) {
    case Submitted::How::kCreated:
      if (options_.redraw) break;
      output_.Line(fmt::format("{}   {}, {} at once",
                               RenderDisplay(model, {.width = 200, .height = 1, .color = false}, {})[0],
                               model.max_trials ? Trials(*model.max_trials) : "endless", spec.parallel_trial_count));
      break;
    case Submitted::How::kResumed:
    case Submitted::How::kConfigured:
      output_.Line(fmt::format("{}: goes on at {}{}{}", model.name, Ended(model.counts),
                               model.max_trials ? fmt::format("/{}", *model.max_trials) : "",
                               submitted.how == Submitted::How::kConfigured ? " with the new budget" : ""));
      break;
    case Submitted::How::kUnchanged: output_.Line(fmt::format("{} has ended already", model.name)); break;
  }
  return OkStatus();
}

Runner::Outcome Runner::Run() {
  const Signals signals(loop_, [this](int signal) { Heard(signal); });
  if (const std::string others = Names(host_.Others(ids_)); !others.empty()) {
    output_.Line(fmt::format("also going on with what was left unfinished: {}", others));
  }
  TickIn(Duration{0});
  loop_.Run();
  return outcome_;
}

void Runner::Wake() {
  const bool all = std::all_of(ids_.begin(), ids_.end(), [this](std::int64_t id) { return host_.Settled(id); });
  TickIn(all && !ended_ ? Duration{0} : last_tick_ + kRedrawEvery - loop_.clock().Monotonic());
}

void Runner::TickIn(Duration delay) {
  const Duration due = loop_.clock().Monotonic() + std::max(delay, Duration{0});
  if (tick_ != 0) {
    if (tick_due_ <= due) return;
    loop_.Cancel(tick_);
  }
  tick_due_ = due;
  tick_ = loop_.After(due - loop_.clock().Monotonic(), [this] {
    tick_ = 0;
    Tick();
  });
}

void Runner::Tick() {
  const Duration now = last_tick_ = loop_.clock().Monotonic();
  output_.Flush();
  if (!ended_) {
    const Status read = tracker_.Update([this](const ProgressModel& model, const TrialRow& row) {
      if (options_.redraw) return;
      for (const std::string& line : RenderEndedTrial(model, row)) {
        output_.Line(ids_.size() > 1 ? fmt::format("{} {}", model.name, line) : line);
      }
    });
    if (now - last_why_ >= kWhyEvery || !read.ok()) {
      last_why_ = now;
      for (auto& [id, model] : tracker_.models()) {
        model.waiting = read.ok() ? host_.WhyWaiting(id) : "the database cannot be read: " + read.message();
      }
    }
    Show();
    if (const bool gone = host_.gone(); gone && !Over()) return Finish(Outcome::kHostGone);
    if (AllSettled()) {
      ended_ = true;
      output_.EndFrame();
      for (const std::int64_t id : ids_) SayEnd(tracker_.models().at(id), id);
      const std::string others = Names(host_.Others(ids_));
      if (!others.empty() && stage_ == Stage::kRunning) {
        output_.Line(fmt::format("staying until other experiments of this database have ended: {}", others));
      }
    }
  }
  if (ended_ && (stage_ == Stage::kRunning ? host_.Others(ids_) : host_.Unwatched(ids_)).empty()) {
    return Finish(Outcome::kSettled);
  }
  TickIn(ended_ ? kRedrawEvery : host_.poll());
}

void Runner::Show() {
  const Duration now = loop_.clock().Monotonic();
  const WallTime wall = loop_.clock().Wall();
  if (options_.redraw) {
    if (output_.behind()) return;
    tracker_.ReadReports();
    View view = TerminalView(STDOUT_FILENO);
    const int height = view.height - 1;  // the cursor stands below
    view.height = std::max(2, height / static_cast<int>(std::max<std::size_t>(1, ids_.size())));
    std::vector<std::string> lines;
    for (const std::int64_t id : ids_) {
      for (std::string& line : RenderDisplay(tracker_.models().at(id), view, wall)) lines.push_back(std::move(line));
    }
    if (lines.size() > static_cast<std::size_t>(height)) lines.resize(static_cast<std::size_t>(std::max(1, height)));
    output_.Frame(lines);
    return;
  }
  const bool waiting =
      std::any_of(ids_.begin(), ids_.end(), [this](auto id) { return !tracker_.models().at(id).waiting.empty(); });
  if (!waiting) waiting_since_ = now;
  const bool tell = now - waiting_since_ >= kWaitingIsTold && last_summary_ <= waiting_since_;
  if (tell || now - last_summary_ >= kSummaryEvery) {
    last_summary_ = now;
    for (const std::int64_t id : ids_) {
      const ProgressModel& model = tracker_.models().at(id);
      output_.Line((ids_.size() > 1 ? model.name + " " : "") + RenderSummary(model, wall));
    }
  }
}

// As far as the store knows, which is all there is to ask when the host is gone.
bool Runner::Over() {
  return std::all_of(ids_.begin(), ids_.end(), [this](std::int64_t id) {
    const ProgressModel& model = tracker_.models().at(id);
    return (IsFinal(model.state) || model.paused) && model.counts.running == 0;
  });
}

bool Runner::AllSettled() {
  if (!Over()) return false;
  return host_.gone() || std::all_of(ids_.begin(), ids_.end(), [this](std::int64_t id) { return host_.Settled(id); });
}

int Runner::Running() {
  int running = 0;
  for (const auto& [id, model] : tracker_.models()) running += model.counts.running;
  return running;
}

void Runner::Heard(int signal) {
  if (signal == SIGWINCH) return TickIn(Duration{0});
  switch (stage_) {
    case Stage::kRunning: Pause(); break;
    case Stage::kPausing: Stop(); break;
    case Stage::kStopping: return Finish(Outcome::kLeft);
  }
  if (signal != SIGINT && give_up_ == 0) give_up_ = loop_.After(kDrainWithin, [this] { Finish(Outcome::kLeft); });
  TickIn(Duration{0});
}

void Runner::Pause() {
  stage_ = Stage::kPausing;
  std::vector<std::int64_t> ids = ids_;
  for (const Experiment& other : host_.Unwatched(ids_)) ids.push_back(other.id);
  for (const std::int64_t id : ids) {
    if (host_.Settled(id)) continue;
    if (const Status paused = host_.Pause(id); !paused.ok()) output_.Line("cannot pause: " + paused.message());
  }
  (void)tracker_.Update(nullptr);
  if (const int running = Running(); running > 0) {
    output_.Line(fmt::format("pausing: waiting for {} (again to stop them now)", Trials(running)));
  }
}

void Runner::Stop() {
  stage_ = Stage::kStopping;
  std::vector<std::int64_t> ids = ids_;
  for (const Experiment& other : host_.Unwatched(ids_)) ids.push_back(other.id);
  for (const std::int64_t id : ids) {
    if (host_.Settled(id)) continue;
    if (const Status stopped = host_.StopTrials(id); !stopped.ok()) output_.Line("cannot stop: " + stopped.message());
  }
  output_.Line(fmt::format("stopping {} (again to leave at once: they end by themselves)", Trials(Running())));
}

void Runner::Finish(Outcome outcome) {
  outcome_ = outcome;
  for (const std::int64_t id : ids_) {
    const ProgressModel& model = tracker_.models().at(id);
    if (model.state == ExperimentState::kFailed) exit_code_ = kExperimentFailed;
    if (!IsFinal(model.state) && exit_code_ == kDone) exit_code_ = kInterrupted;
  }
  if (outcome == Outcome::kLeft) {
    exit_code_ = kInterrupted;
    output_.EndFrame();
    if (!ended_) {
      output_.Line(
          fmt::format("left with {} at work; what they report is kept. Resume: {}", Trials(Running()), HowToResume()));
    }
  }
  if (stage_ != Stage::kRunning) output_.FlushAll(kLastWords);  // a reader that has stopped must not keep us
  loop_.Stop();
}

// By name where there is one: that works from any folder, and needs none of the files.
std::string Runner::HowToResume() {
  const auto all = host_.reader().Experiments();
  if (ids_.size() != 1 || !all.ok()) return options_.command_line;
  const auto own = std::ranges::find(*all, ids_.front(), &Experiment::id);
  if (own == all->end()) return options_.command_line;
  const bool alone = std::ranges::count(*all, own->name, &Experiment::name) == 1;
  return fmt::format("qalam resume exp {}{}{}{}", own->name, alone ? "" : " -n " + own->namespace_name,
                     options_.db_option, options_.gpus_option);
}

// Only said: what cannot be read is not worth failing for.
std::string Runner::Savings(std::int64_t id) {
  const auto all = host_.reader().Experiments();
  if (!all.ok()) return "";
  const auto own = std::ranges::find(*all, id, &Experiment::id);
  if (own == all->end()) return "";
  const auto spec = ReadStored(*own);
  if (!spec.ok()) return "";
  const auto view = ViewSavings(host_.reader(), *own, *spec);
  const bool any = view.ok() && *view && ((*view)->stopped > 0 || !(*view)->resource.empty());
  return any ? SavingsSentence(**view) : "";
}

void Runner::SayEnd(ProgressModel& model, std::int64_t id) {
  if (!IsFinal(model.state)) {
    output_.Line(fmt::format("{}paused at {}{}. Resume: {}", ids_.size() > 1 ? model.name + " " : "",
                             Ended(model.counts), model.max_trials ? fmt::format("/{}", *model.max_trials) : " trials",
                             HowToResume()));
    return;
  }
  model.savings = Savings(id);
  View view = TerminalView(STDOUT_FILENO);
  view.color = view.color && options_.redraw;
  if (ids_.size() > 1) output_.Line(model.name + ":");
  for (const std::string& line : RenderEnd(model, view, loop_.clock().Wall())) output_.Line(line);
  if (model.state == ExperimentState::kFailed && how_.at(id) != Submitted::How::kUnchanged) SayLastOutput(model);
}

// Why the last trial failed is mostly written where it failed.
void Runner::SayLastOutput(const ProgressModel& model) {
  if (!model.last_failed) return;
  const auto steps = host_.reader().Steps(model.last_failed->name);
  const StepRecord* step = steps.ok() ? ChooseStep(*steps, "") : nullptr;
  if (step == nullptr) return;
  const std::string text =
      LastLines(StepOutputPath(RunsFolder(options_.db), step->run, step->step, step->attempt), kLastOutputLines);
  for (std::size_t at = 0; at < text.size();) {
    const std::string line = FirstLine(std::string_view(text).substr(at));
    output_.Line("  | " + Printable(line));
    at += line.size() + 1;
  }
}

}  // namespace qalam
