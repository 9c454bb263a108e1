// SPDX-License-Identifier: Apache-2.0
// qalam pause and qalam resume: an experiment that launches nothing more, and one that goes on.
#include "cli/attend.h"
#include "cli/control.h"
#include "cli/launch.h"
#include "cli/text.h"
#include "pipelines/engines/gpus.h"
#include "store/sqlite_store.h"

namespace qalam {
namespace {

Status PauseOne(Control& control, const Experiment& e) {
  if (IsFinal(e.state))
    return Error(Code::kFailedPrecondition, "experiment '{}' has ended already ({})", e.name, ToString(e.state));
  QALAM_RETURN_IF_ERROR(control.Do(CommandFor("pause", e.id)).status());
  // Read again: with the pause, all that had happened before was committed.
  QALAM_TRY(const auto now, control.reader().FindExperiment(e.namespace_name, e.name));
  const int running = now ? now->counts.running : 0;
  Print(fmt::format(
      "experiment/{} {}paused: nothing more is launched{}\n", e.name, e.paused ? "was already " : "",
      running > 0 ? fmt::format(", {} at work end{} in peace", Trials(running), running == 1 ? "s" : "") : ""));
  Print(fmt::format("resume: qalam resume exp {}{}\n", e.name, control.DbOption()));
  return OkStatus();
}

Status Pause(const ControlOptions& options) {
  QALAM_TRY(const auto control, Control::Open(options.db));
  QALAM_TRY(const std::vector<Target> targets, control->Find(options, Kinds::kExperiments));
  for (const Target& target : targets) QALAM_RETURN_IF_ERROR(PauseOne(*control, target.experiment));
  return OkStatus();
}

struct ResumeOptions : ControlOptions {
  std::string gpus;
  bool no_progress = false;
};

int Resume(const ResumeOptions& options, const std::string& typed) {
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  const auto target = FindTarget(**reader, options.namespace_name, options.target, Kinds::kExperiments);
  if (!target.ok()) return Complain(target.status());
  const auto spec = ReadStored(target->experiment);
  if (!spec.ok()) return Complain(spec.status());
  std::vector<std::string> gpus = VisibleGpus();
  if (!options.gpus.empty()) {
    auto given = ParseGpus(options.gpus, gpus);
    if (!given.ok()) return Complain(given.status());
    gpus = *std::move(given);
  }
  const AttendOptions attend{.db = options.db,
                             .gpus = gpus,
                             .gpus_given = options.gpus,
                             .no_progress = options.no_progress,
                             .command_line = typed};
  return Attend(attend, [&](Host& host, Runner& runner) -> Status {
    QALAM_RETURN_IF_ERROR(host.Resume(target->experiment.id));
    return runner.Follow(*spec, {Submitted::How::kResumed, target->experiment.id});
  });
}

}  // namespace

Verb MakePauseVerb() {
  const auto o = std::make_shared<ControlOptions>();
  Verb pause{"pause", "launch nothing more; what runs ends in peace"};
  AddControl(&pause, o.get(), "exp NAME..., or NAME...");
  pause.run = [o](const Invocation&) {
    const Status done = Pause(*o);
    return done.ok() ? static_cast<int>(kDone) : Complain(done);
  };
  return pause;
}

Verb MakeResumeVerb() {
  const auto o = std::make_shared<ResumeOptions>();
  Verb resume{"resume", "go on with a paused, interrupted or stopped experiment, and stay with it to its end"};
  AddControl(&resume, o.get(), "exp NAME, or NAME");
  resume.Option("--gpus", &o->gpus, "devices that trials share out (default: those that are visible here)")
      .Type("N|0,1,3");
  resume.Option("--no-progress", &o->no_progress, "lines instead of the display");
  resume.run = [o](const Invocation& how) { return Resume(*o, how.typed); };
  return resume;
}

}  // namespace qalam
