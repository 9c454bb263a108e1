// SPDX-License-Identifier: Apache-2.0
// qalam delete: an experiment with its trials, their reports and what their runs left.
#include <unistd.h>

#include <iostream>

#include "cli/control.h"

namespace qalam {
namespace {

struct DeleteOptions : ControlOptions {
  bool yes = false;
};

bool Confirmed(const Experiment& e) {
  const int at_work = e.counts.created + e.counts.running;
  Print(fmt::format("delete experiment {} with its {}, their reports and logs?{} [y/N] ", e.name,
                    Trials(e.counts.total),
                    at_work > 0 ? fmt::format(" {} at work will be stopped.", Trials(at_work)) : ""));
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Status Remove(Control& control, const Experiment& e, const DeleteOptions& options) {
  if (!options.yes) {
    if (isatty(STDIN_FILENO) == 0) {
      return Error(Code::kFailedPrecondition,
                   "experiment '{}'{}: to delete it with its {}, their reports and logs, say --yes", e.name,
                   IsFinal(e.state) ? "" : " has not ended", Trials(e.counts.total));
    }
    if (!Confirmed(e)) {
      Print("nothing was deleted\n");
      return OkStatus();
    }
  }
  QALAM_RETURN_IF_ERROR(control.Do(CommandFor("delete", e.id)).status());
  QALAM_RETURN_IF_ERROR(control.WaitUntil([&]() -> Result<bool> {
    QALAM_TRY(const auto now, control.reader().FindExperiment(e.namespace_name, e.name));
    return !now || now->id != e.id;
  }));
  Print(fmt::format("experiment/{} deleted\n", e.name));
  return OkStatus();
}

Status Delete(const DeleteOptions& options) {
  QALAM_TRY(const auto control, Control::Open(options.db));
  QALAM_TRY(const std::vector<Target> targets, control->Find(options, Kinds::kExperiments));
  for (const Target& target : targets) QALAM_RETURN_IF_ERROR(Remove(*control, target.experiment, options));
  return OkStatus();
}

}  // namespace

Verb MakeDeleteVerb() {
  const auto o = std::make_shared<DeleteOptions>();
  Verb remove{"delete", "remove experiments, their trials and what they left"};
  AddControl(&remove, o.get(), "exp NAME..., or NAME...");
  remove.Option("-y,--yes", &o->yes, "do not ask; one that runs is stopped first");
  remove.run = [o](const Invocation&) {
    const Status done = Delete(*o);
    return done.ok() ? static_cast<int>(kDone) : Complain(done);
  };
  return remove;
}

}  // namespace qalam
