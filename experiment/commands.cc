// SPDX-License-Identifier: Apache-2.0
// What people do to experiments and trials beside running them: edit, stop, retry, enqueue, delete. Each records its
// intent and acts after the commit; Recover finishes what a crash cut short.
#include <algorithm>
#include <utility>

#include "core/diagnostic.h"
#include "core/log.h"
#include "experiment/controller_impl.h"
#include "experiment/read.h"
#include "experiment/spec.h"
#include "experiment/status.h"

namespace qalam {
namespace {

constexpr std::size_t kRemovedAtOnce = 64;  // trials' folders, between two turns of the loop
constexpr Duration kRemoveAgain = std::chrono::seconds(2);
constexpr int kMostEnqueued = 10'000;  // at once

std::string_view PolicyWord(ResumePolicy policy) {
  switch (policy) {
    case ResumePolicy::kNever: return "Never";
    case ResumePolicy::kLongRunning: return "LongRunning";
    case ResumePolicy::kFromVolume: return "FromVolume";
  }
  return "";
}

std::string Trials(int n) { return fmt::format("{} trial{}", n, n == 1 ? "" : "s"); }

// In the order of the space, each parameter once and legal.
Result<Assignments> Arrange(const SearchSpace& space, const Assignments& given) {
  const std::vector<Parameter>& parameters = space.parameters();
  Assignments out(parameters.size());
  for (const Assignment& a : given) {
    const auto found = std::ranges::find(parameters, a.name, &Parameter::name);
    if (found == parameters.end()) {
      std::vector<std::string> names;
      for (const Parameter& p : parameters) names.push_back(p.name);
      const std::string nearest = NearestWord(a.name, names);
      return InvalidArgument("parameter '{}' is not one of the experiment{}", a.name,
                             nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
    }
    Assignment& to = out[static_cast<std::size_t>(found - parameters.begin())];
    if (!to.name.empty()) return InvalidArgument("parameter '{}' is given twice", a.name);
    to = a;
  }
  std::string missing;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].name.empty() && !parameters[i].condition) missing += (missing.empty() ? "" : ", ") + parameters[i].name;
  }
  if (!missing.empty()) return InvalidArgument("a trial needs a value for each parameter; missing: {}", missing);
  std::erase_if(out, [](const Assignment& a) { return a.name.empty(); });  // Check knows whether it may be
  QALAM_RETURN_IF_ERROR(space.Check(out));
  return out;
}

}  // namespace

std::string BudgetText(const ExperimentSpec& spec) {
  const auto text = [](const std::optional<int>& count) { return count ? std::to_string(*count) : "none"; };
  return fmt::format("parallelTrialCount {}, maxTrialCount {}, maxFailedTrialCount {}", spec.parallel_trial_count,
                     text(spec.max_trial_count), text(spec.max_failed_trial_count));
}

// ---------------------------------------------------------------- finding

Result<Work*> ControllerImpl::FindOrLoad(std::int64_t experiment_id) {
  if (Work* work = FindWork(experiment_id); work != nullptr) return work;
  QALAM_TRY(const std::vector<Experiment> experiments, deps_.store.Experiments());
  const auto record = std::ranges::find(experiments, experiment_id, &Experiment::id);
  if (record == experiments.end()) return Error(Code::kNotFound, "there is no experiment with id {}", experiment_id);
  return Load(*record);
}

Result<Work*> ControllerImpl::WorkFor(std::int64_t experiment_id) {
  QALAM_TRY(Work * work, FindOrLoad(experiment_id));
  if (IsBeingDeleted(work->record))
    return Error(Code::kFailedPrecondition, "experiment '{}' is being deleted", work->record.name);
  return work;
}

Result<Work*> ControllerImpl::WorkFor(const std::string& trial_name, Trial** trial) {
  for (const auto& [id, work] : works_) {
    if ((*trial = work->trials->Find(trial_name)) != nullptr) return WorkFor(id);
  }
  QALAM_TRY(const std::optional<Trial> stored, deps_.store.FindTrial(trial_name));
  if (!stored) return Error(Code::kNotFound, "there is no trial '{}'", trial_name);
  QALAM_TRY(Work * work, WorkFor(stored->experiment_id));
  *trial = work->trials->Find(trial_name);
  return work;
}

// ---------------------------------------------------------------- budgets and restarts

void ControllerImpl::SetBudget(Work& work, ExperimentSpec spec) {
  work.record.manifest = ToJson(ToDocument(spec));
  work.spec = std::make_shared<const ExperimentSpec>(std::move(spec));
  AddEvent(work, "experiment/" + work.record.name, "Normal", "ExperimentConfigured", BudgetText(*work.spec));
  Dirty(work);
}

// Katib's rule for one that has ended, and gets a larger budget.
Status ControllerImpl::CheckRestart(const Work& work, const ExperimentSpec& spec) const {
  const std::string reason = EndReason(work.record);
  if (reason == "ExperimentMaxTrialsReached" && spec.resume_policy != ResumePolicy::kNever) return OkStatus();
  return Error(Code::kFailedPrecondition,
               "experiment '{}' has ended ({}) and its resumePolicy is {}: a larger maxTrialCount restarts only "
               "one that ended with ExperimentMaxTrialsReached under LongRunning or FromVolume",
               work.record.name, reason, PolicyWord(spec.resume_policy));
}

void ControllerImpl::Restart(Work& work) {
  std::erase_if(work.record.conditions, [](const Condition& c) { return c.type == "Succeeded" || c.type == "Failed"; });
  SetCondition(&work.record.conditions, "Restarting", true, "ExperimentRestarting", "Experiment is restarted", Now());
  work.record.state = ExperimentState::kRestarting;
  work.record.completed = {};
  work.record.exhausted = false;
  work.failures = 0;
  work.empty_replies = 0;
  AddEvent(work, "experiment/" + work.record.name, "Normal", "ExperimentRestarting", "Experiment is restarted");
  Dirty(work);
}

Status ControllerImpl::Edit(std::int64_t experiment_id, const BudgetEdit& edit) {
  QALAM_TRY(Work * work, WorkFor(experiment_id));
  if (edit.parallel.value_or(1) < 1) return InvalidArgument("parallelTrialCount must be at least 1");
  if (edit.max_trials.value_or(1) < 1) return InvalidArgument("maxTrialCount must be at least 1");
  if (edit.max_failed.value_or(0) < 0) return InvalidArgument("maxFailedTrialCount must be at least 0");
  ExperimentSpec wanted = *work->spec;
  wanted.parallel_trial_count = edit.parallel.value_or(wanted.parallel_trial_count);
  if (edit.max_trials) wanted.max_trial_count = edit.max_trials;
  if (edit.max_failed) wanted.max_failed_trial_count = edit.max_failed;
  // It may be so already and not be committed yet.
  if (BudgetText(wanted) == BudgetText(*work->spec)) return Flush();
  const int total = work->record.counts.total;
  if (edit.max_trials && *edit.max_trials < total)
    return Error(Code::kFailedPrecondition,
                 "maxTrialCount {} is below the {} that experiment '{}' has. The least is {}: then those at work end, "
                 "and nothing more is launched. To end it now: qalam stop exp {}",
                 *edit.max_trials, Trials(total), work->record.name, total, work->record.name);
  if (IsFinal(work->record.state)) {
    if (!edit.max_trials || *edit.max_trials <= total)
      return Error(Code::kFailedPrecondition,
                   "experiment '{}' has ended ({}): only a larger maxTrialCount takes it up again", work->record.name,
                   EndReason(work->record));
    QALAM_RETURN_IF_ERROR(CheckRestart(*work, wanted));
    Restart(*work);
  }
  const auto [submitted, first_edit] =
      wanted.annotations.try_emplace(kSubmittedBudgetAnnotation, BudgetText(*work->spec));
  if (submitted->second == BudgetText(wanted)) wanted.annotations.erase(submitted);
  SetBudget(*work, std::move(wanted));
  ReconcileAfterCommit(*work);
  return Flush();
}

// ---------------------------------------------------------------- stopping

// The engine is told after the commit, and again by whoever takes the trial up after a crash.
void ControllerImpl::StopForGood(Work& work, Trial& trial, TrialState as, const std::string& message) {
  if (work.queue.contains(trial.ordinal)) {
    Finish(work, trial, as, fmt::format("Trial{}", ToString(as)), message);
    return;
  }
  if (!StopsAs(trial)) {  // else a former process may have been killed before it told the engine
    trial.stopping = true;
    SetCondition(&trial.conditions, std::string(kStoppingCondition), true, fmt::format("Trial{}", ToString(as)),
                 message, Now());
    Dirty(work, trial);
  }
  AfterCommit([this, id = work.record.id, name = trial.name] {
    Work* found = FindWork(id);
    if (found == nullptr) return;
    const Trial* stopped = found->trials->Find(name);
    if (!stopped->stopping) return;  // it ended by itself
    if (found->live.contains(name)) {
      deps_.engine.Stop(name);
    } else {
      Launch(id, name);  // what a former process may have left running is taken up, and stopped
    }
  });
}

Status ControllerImpl::StopTrial(const std::string& trial_name, TrialState as) {
  if (as != TrialState::kKilled && as != TrialState::kFailed)
    return InvalidArgument("a trial is stopped as failed or as killed");
  Trial* trial = nullptr;
  QALAM_TRY(Work * work, WorkFor(trial_name, &trial));
  if (IsFinal(trial->state))
    return Error(Code::kFailedPrecondition, "trial '{}' has ended already ({})", trial_name, ToString(trial->state));
  StopForGood(*work, *trial, as,
              as == TrialState::kFailed ? "Trial was stopped by hand, as failed" : "Trial was stopped by hand");
  AddEvent(*work, "trial/" + trial_name, "Normal", "TrialStopped", fmt::format("stopped by hand, as {}", ToString(as)));
  ReconcileAfterCommit(*work);
  return Flush();
}

Status ControllerImpl::StopExperiment(std::int64_t experiment_id) {
  QALAM_TRY(Work * work, WorkFor(experiment_id));
  if (IsFinal(work->record.state) && work->unfinished() > 0) return TakeUp(*work);  // what is left of it is stopped
  if (IsFinal(work->record.state))
    return Error(Code::kFailedPrecondition, "experiment '{}' has ended already ({})", work->record.name,
                 EndReason(work->record));
  for (std::uint64_t ordinal = 1; ordinal <= work->trials->all().size(); ++ordinal) {
    Trial& trial = work->trials->At(ordinal);
    if (!IsFinal(trial.state)) StopForGood(*work, trial, TrialState::kKilled, "Trial was stopped with its experiment");
  }
  const bool has_best = !work->record.best_trial.empty();
  End(*work, has_best ? ExperimentState::kSucceeded : ExperimentState::kFailed, std::string(kStoppedReason),
      has_best ? "Experiment was stopped by hand" : "Experiment was stopped by hand before any trial had succeeded");
  return Flush();
}

// ---------------------------------------------------------------- trials by hand

void ControllerImpl::Queue(Work& work, Trial& trial) {
  work.queue.insert(trial.ordinal);
  SetCondition(&trial.conditions, std::string(kQueuedCondition), true, "TrialQueued", "Trial waits for its turn",
               Now());
  Dirty(work, trial);
}

void ControllerImpl::LaunchQueued(Work& work) {
  while (!work.queue.empty() && work.active() < work.spec->parallel_trial_count) {
    Trial& trial = work.trials->At(*work.queue.begin());
    work.queue.erase(work.queue.begin());
    std::erase_if(trial.conditions, [](const Condition& c) { return c.type == kQueuedCondition; });
    Dirty(work, trial);
    AfterCommit([this, id = work.record.id, name = trial.name] { Launch(id, name); });
  }
}

Result<int> ControllerImpl::Retry(std::int64_t experiment_id, const std::vector<TrialState>& states) {
  QALAM_TRY(Work * work, WorkFor(experiment_id));
  std::vector<std::string> names;
  for (const Trial& trial : work->trials->all()) {
    if (std::ranges::find(states, trial.state) != states.end()) names.push_back(trial.name);
  }
  return RetryAll(*work, names);
}

Status ControllerImpl::RetryTrial(const std::string& trial_name) {
  Trial* trial = nullptr;
  QALAM_TRY(Work * work, WorkFor(trial_name, &trial));
  return RetryAll(*work, {trial_name}).status();
}

Result<int> ControllerImpl::RetryAll(Work& work, const std::vector<std::string>& trial_names) {
  if (trial_names.empty()) return 0;
  const auto went_wrong = [](TrialState state) {
    return state == TrialState::kFailed || state == TrialState::kMetricsUnavailable;
  };
  int failed = work.record.counts.failed + work.record.counts.metrics_unavailable;
  for (const std::string& name : trial_names) {
    const Trial& trial = *work.trials->Find(name);
    if (!went_wrong(trial.state) && trial.state != TrialState::kKilled) {
      std::string advice;
      if (IsFinal(trial.state)) {
        advice = fmt::format(": to run its assignments once more, qalam enqueue exp {}", work.record.name);
        for (const Assignment& a : trial.assignments) advice += fmt::format(" {}={}", a.name, a.value);
      }
      return Error(Code::kFailedPrecondition,
                   "trial '{}' is {}; those that Failed, were Killed or had no metric can be retried{}", name,
                   ToString(trial.state), advice);
    }
    if (went_wrong(trial.state)) --failed;
  }
  const std::string& experiment = work.record.name;
  const bool ended = IsFinal(work.record.state);
  if (ended && EndReason(work.record) == "ExperimentGoalReached")
    return Error(Code::kFailedPrecondition,
                 "experiment '{}' has reached its goal, and would end again before anything is run", experiment);
  const std::optional<int> most = work.spec->max_failed_trial_count;
  if (most && failed > 0 && failed >= *most)
    return Error(Code::kFailedPrecondition,
                 "{} of experiment '{}' would still count as failed, and maxFailedTrialCount is {}: retry more of "
                 "them, or raise it first (qalam edit exp {} --max-failed N)",
                 Trials(failed), experiment, *most, experiment);
  QALAM_RETURN_IF_ERROR(Flush());  // the attempts that there were are looked up below
  std::vector<int> attempts;
  for (const std::string& name : trial_names) {
    QALAM_TRY(const std::vector<StepRecord> steps, deps_.store.Steps(name));
    int last = work.trials->Find(name)->attempt;
    for (const StepRecord& step : steps) last = std::max(last, step.attempt);
    attempts.push_back(last);
  }
  for (std::size_t i = 0; i < trial_names.size(); ++i) {
    Trial& trial = *work.trials->Find(trial_names[i]);
    AddEvent(work, "trial/" + trial.name, "Normal", "TrialRetried",
             fmt::format("runs again; it was {}: {}", ToString(trial.state),
                         trial.conditions.empty() ? "" : trial.conditions.back().message));
    trial.attempt = attempts[i];
    trial.stopping = false;
    trial.observation.reset();
    trial.started = trial.completed = {};
    std::erase_if(trial.conditions, [](const Condition& c) { return c.type != "Created"; });
    ForgetCurve(work, trial);
    SetState(work, trial, TrialState::kCreated);
    Queue(work, trial);
  }
  if (ended) Restart(work);
  ReconcileAfterCommit(work);
  QALAM_RETURN_IF_ERROR(Flush());
  return static_cast<int>(trial_names.size());
}

Result<std::vector<std::string>> ControllerImpl::Enqueue(std::int64_t experiment_id, const Assignments& assignments,
                                                         int count) {
  QALAM_TRY(Work * work, WorkFor(experiment_id));
  const std::string& name = work->record.name;
  if (count < 1 || count > kMostEnqueued) return InvalidArgument("1 to {} trials can be enqueued", kMostEnqueued);
  if (IsFinal(work->record.state)) {
    const std::string reason = EndReason(work->record);
    return Error(Code::kFailedPrecondition, "experiment '{}' has ended ({}){}", name, reason,
                 reason == "ExperimentMaxTrialsReached"
                     ? fmt::format(": make room first (qalam edit exp {} --max-trials {})", name,
                                   work->record.counts.total + count)
                 : reason == kStoppedReason ? fmt::format(": qalam resume exp {} takes it up again", name)
                                            : "");
  }
  QALAM_TRY(const Assignments arranged, Arrange(*work->space, assignments));
  if (const std::optional<int> most = work->spec->max_trial_count; most) {
    const int room = std::max(0, *most - work->record.counts.total);
    if (count > room)
      return Error(Code::kFailedPrecondition,
                   "the budget of experiment '{}' has room for {} ({} of maxTrialCount {} are there): make room first "
                   "(qalam edit exp {} --max-trials {})",
                   name, Trials(room), work->record.counts.total, *most, name, work->record.counts.total + count);
  }
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    Trial trial;
    trial.assignments = arranged;
    trial.labels[kEnqueuedLabel] = "true";
    Trial& added = AddTrial(*work, std::move(trial));
    Queue(*work, added);
    names.push_back(added.name);
  }
  work->enqueued += count;
  AddEvent(*work, "experiment/" + name, "Normal", "TrialsEnqueued", fmt::format("{} by hand", Trials(count)));
  ReconcileAfterCommit(*work);
  QALAM_RETURN_IF_ERROR(Flush());
  return names;
}

// ---------------------------------------------------------------- deleting

Status ControllerImpl::Delete(std::int64_t experiment_id) {
  QALAM_TRY(Work * work, FindOrLoad(experiment_id));
  if (IsBeingDeleted(work->record)) return TakeUp(*work);  // a former process may have been killed in the middle
  for (std::uint64_t ordinal = 1; ordinal <= work->trials->all().size(); ++ordinal) {
    Trial& trial = work->trials->At(ordinal);
    if (!IsFinal(trial.state)) StopForGood(*work, trial, TrialState::kKilled, "Trial was stopped: it is being deleted");
  }
  if (!IsFinal(work->record.state))
    End(*work, ExperimentState::kFailed, std::string(kStoppedReason), "Experiment was stopped: it is being deleted");
  SetCondition(&work->record.conditions, std::string(kDeletingCondition), true, "ExperimentDeleted",
               "Experiment is being deleted", Now());
  Dirty(*work);
  Log(LogLevel::kInfo, "delete", {{"experiment", work->record.name}, {"trials", work->record.counts.total}});
  RemoveIfDeleted(*work);
  return Flush();
}

// Should the commit fail now and succeed later, what it holds is acted on all the same.
void ControllerImpl::ReconcileAfterCommit(const Work& work) {
  AfterCommit([this, id = work.record.id] {
    if (Work* found = FindWork(id)) Reconcile(*found);
  });
}

// Once nothing of it runs any more, and that it is to go is committed.
void ControllerImpl::RemoveIfDeleted(Work& work) {
  if (!IsBeingDeleted(work.record) || work.removing || !work.live.empty() || work.unfinished() > 0) return;
  work.removing = true;
  AfterCommit([this, id = work.record.id] { deps_.loop.Post(Guard([this, id] { Remove(id, 0); })); });
}

// The folders first: their names are in the rows.
void ControllerImpl::Remove(std::int64_t experiment_id, std::size_t next_trial) {
  Work& work = *FindWork(experiment_id);
  const std::vector<Trial>& trials = work.trials->all();
  const auto again = [&](Duration delay, std::size_t next, const Status& why) {
    if (!why.ok())
      Log(LogLevel::kWarning, "delete-waits", {{"experiment", work.record.name}, {"reason", why.message()}});
    deps_.loop.After(delay, Guard([this, experiment_id, next] { Remove(experiment_id, next); }));
  };
  if (next_trial < trials.size()) {
    std::vector<std::string> names;
    const std::size_t end = std::min(trials.size(), next_trial + kRemovedAtOnce);
    for (std::size_t i = next_trial; i < end; ++i) names.push_back(trials[i].name);
    const Status removed = deps_.remove_runs ? deps_.remove_runs(names) : OkStatus();
    work.why_not_removed = removed.message();
    return again(removed.ok() ? Duration{0} : kRemoveAgain, removed.ok() ? end : next_trial, removed);
  }
  if (deps_.remove_kept) deps_.remove_kept(work.record);
  Status gone = Flush();  // what is still to be written of it
  if (gone.ok()) {
    WriteBatch batch;
    batch.deleted.push_back({experiment_id, Now()});
    gone = deps_.store.Commit(batch);
  }
  if (!gone.ok()) return again(kRemoveAgain, next_trial, gone);
  deps_.suggestions.Forget(work.record.uid);
  works_.erase(experiment_id);
  if (on_commit_) on_commit_();
}

}  // namespace qalam
