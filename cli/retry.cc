// SPDX-License-Identifier: Apache-2.0
// qalam retry: trials that went wrong run again, as a new attempt with their assignments.
#include "cli/control.h"

namespace qalam {
namespace {

struct RetryOptions : ControlOptions {
  bool failed = false, metrics_unavailable = false;
};

Status RetryOne(Control& control, const Target& target, const RetryOptions& options) {
  const Experiment& e = target.experiment;
  Node command = CommandFor("retry", e.id);
  if (target.trial) {
    command.Set("trial", Node::String(target.trial->name));
    QALAM_RETURN_IF_ERROR(control.Do(command).status());
    Print(fmt::format("trial/{} (#{}) runs again\n", target.trial->name, target.trial->ordinal));
  } else {
    const bool both = options.failed == options.metrics_unavailable;
    Node& states = command.Set("states", Node::Sequence());
    if (both || options.failed) states.Add(Node::String("Failed"));
    if (both || options.metrics_unavailable) states.Add(Node::String("MetricsUnavailable"));
    QALAM_TRY(const Node answer, control.Do(command));
    const Node* count = answer.Find("trials");
    const int retried = count == nullptr ? 0 : std::atoi(count->text.c_str());
    if (retried == 0) {
      Print(fmt::format("experiment/{}: no trial to retry\n", e.name));
      return OkStatus();
    }
    Print(fmt::format("experiment/{}: {} run{} again\n", e.name, Trials(retried), retried == 1 ? "s" : ""));
  }
  Print(control.GoesOn(e.name));
  return OkStatus();
}

Status Retry(const RetryOptions& options) {
  QALAM_TRY(const auto control, Control::Open(options.db));
  QALAM_TRY(const std::vector<Target> targets, control->Find(options, Kinds::kBoth));
  for (const Target& target : targets) QALAM_RETURN_IF_ERROR(RetryOne(*control, target, options));
  return OkStatus();
}

}  // namespace

Verb MakeRetryVerb() {
  const auto o = std::make_shared<RetryOptions>();
  Verb retry{"retry", "run trials again that failed or had no metric"};
  retry.footer = "Examples:\n  qalam retry exp digits --failed\n  qalam retry trial 'digits#17'";
  AddControl(&retry, o.get(), "exp NAME..., trial NAME..., EXPERIMENT#17, or NAME");
  retry.Option("--failed", &o->failed, "only those that failed");
  retry.Option("--metrics-unavailable", &o->metrics_unavailable, "only those without a metric");
  retry.run = [o](const Invocation&) {
    const Status done = Retry(*o);
    return done.ok() ? static_cast<int>(kDone) : Complain(done);
  };
  return retry;
}

}  // namespace qalam
