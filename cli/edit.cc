// SPDX-License-Identifier: Apache-2.0
// qalam edit: another budget, while an experiment runs or before it goes on.
#include "cli/control.h"
#include "cli/launch.h"

namespace qalam {
namespace {

struct EditOptions : ControlOptions {
  std::optional<int> parallel, max_trials, max_failed;
};

Status Edit(const EditOptions& options) {
  QALAM_TRY(const auto control, Control::Open(options.db));
  QALAM_TRY(const Target target, control->FindOne(options, Kinds::kExperiments));
  const std::string& name = target.experiment.name;
  QALAM_TRY(const ExperimentSpec before, ReadStored(target.experiment));
  Node command = CommandFor("edit", target.experiment.id);
  std::string said;
  const auto change = [&](const char* field, const std::optional<int>& to, const std::optional<int>& from) {
    if (!to) return;
    command.Set(field, Node::Int(*to));
    const std::string was = from ? std::to_string(*from) : "none";
    said += (said.empty() ? "" : ", ") +
            (to == from ? fmt::format("{} was {} already", field, *to) : fmt::format("{} {} -> {}", field, was, *to));
  };
  change("maxTrialCount", options.max_trials, before.max_trial_count);
  change("parallelTrialCount", options.parallel, before.parallel_trial_count);
  change("maxFailedTrialCount", options.max_failed, before.max_failed_trial_count);
  QALAM_RETURN_IF_ERROR(control->Do(command).status());
  Print(fmt::format("experiment/{} edited: {}\n", name, said));
  if (!target.experiment.paused) Print(control->GoesOn(name));
  return OkStatus();
}

}  // namespace

Verb MakeEditVerb() {
  const auto o = std::make_shared<EditOptions>();
  Verb edit{"edit", "change an experiment's budget, while it runs too"};
  edit.footer = "Examples:\n  qalam edit exp digits --max-trials 200 --parallel 8\n  qalam edit digits --max-failed 10";
  AddControl(&edit, o.get(), "exp NAME, or NAME");
  edit.Option("--max-trials", &o->max_trials, "how many trials in all (maxTrialCount)").AtLeast(1);
  edit.Option("--parallel", &o->parallel, "how many at once (parallelTrialCount)").AtLeast(1);
  edit.Option("--max-failed", &o->max_failed, "how many may fail (maxFailedTrialCount)").AtLeast(0);
  edit.check = [o](const Invocation&) -> std::string {
    return o->max_trials || o->parallel || o->max_failed ? ""
                                                         : "say what to change: --max-trials, --parallel, --max-failed";
  };
  edit.run = [o](const Invocation&) {
    const Status done = Edit(*o);
    return done.ok() ? static_cast<int>(kDone) : Complain(done);
  };
  return edit;
}

}  // namespace qalam
