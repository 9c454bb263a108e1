// SPDX-License-Identifier: Apache-2.0
// qalam stop: an experiment or one trial, for good.
#include "cli/control.h"

namespace qalam {
namespace {

struct StopOptions : ControlOptions {
  std::string as = "killed";
};

Status StopExperiment(Control& control, const Experiment& e) {
  QALAM_RETURN_IF_ERROR(control.Do(CommandFor("end", e.id)).status());
  // Nobody else stops them.
  if (!control.held()) {
    QALAM_RETURN_IF_ERROR(control.WaitUntil([&]() -> Result<bool> {
      QALAM_TRY(const auto now, control.reader().FindExperiment(e.namespace_name, e.name));
      return !now || now->counts.created + now->counts.running == 0;
    }));
  }
  QALAM_TRY(const auto now, control.reader().FindExperiment(e.namespace_name, e.name));
  const int at_work = now ? now->counts.created + now->counts.running : 0;
  Print(fmt::format("experiment/{} stopped: {}{}\n", e.name, now ? std::string(ToString(now->state)) : "gone",
                    at_work > 0 ? fmt::format(", {} still ending", Trials(at_work)) : ""));
  Print(fmt::format("undo: qalam resume exp {}{}\n", e.name, control.DbOption()));
  return OkStatus();
}

Status StopTrial(Control& control, const Target& target, const std::string& as) {
  const Trial& trial = *target.trial;
  Node command = CommandFor("stop-trial", target.experiment.id);
  command.Set("trial", Node::String(trial.name));
  command.Set("as", Node::String(as == "failed" ? "Failed" : "Killed"));
  QALAM_RETURN_IF_ERROR(control.Do(command).status());
  std::string state = "is being stopped";
  QALAM_RETURN_IF_ERROR(control.WaitUntil([&]() -> Result<bool> {
    QALAM_TRY(const auto now, control.reader().FindTrial(trial.name));
    if (now && IsFinal(now->state)) state = fmt::format("stopped: {}", ToString(now->state));
    return !now || IsFinal(now->state);
  }));
  Print(fmt::format("trial/{} (#{}) {}\n", trial.name, trial.ordinal, state));
  return OkStatus();
}

Status Stop(const StopOptions& options) {
  QALAM_TRY(const auto control, Control::Open(options.db));
  QALAM_TRY(const std::vector<Target> targets, control->Find(options, Kinds::kBoth));
  for (const Target& target : targets) {
    QALAM_RETURN_IF_ERROR(target.trial ? StopTrial(*control, target, options.as)
                                       : StopExperiment(*control, target.experiment));
  }
  return OkStatus();
}

}  // namespace

Verb MakeStopVerb() {
  const auto o = std::make_shared<StopOptions>();
  Verb stop{"stop", "end experiments or trials now"};
  stop.footer = "Examples:\n  qalam stop exp digits\n  qalam stop trial 'digits#17' --as failed";
  AddControl(&stop, o.get(), "exp NAME..., trial NAME..., EXPERIMENT#17, or NAME");
  stop.Option("--as", &o->as, "what a trial counts as").OneOf({"failed", "killed"});
  stop.run = [o](const Invocation&) {
    const Status done = Stop(*o);
    return done.ok() ? static_cast<int>(kDone) : Complain(done);
  };
  return stop;
}

}  // namespace qalam
