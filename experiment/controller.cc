// SPDX-License-Identifier: Apache-2.0
// Commands, recovery and commits.
#include "experiment/controller.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "core/objective.h"
#include "experiment/controller_impl.h"
#include "experiment/read.h"
#include "experiment/spec.h"
#include "experiment/status.h"

namespace qalam {
namespace {

// How long a change may wait for others to share its fsync.
constexpr Duration kCommitWindow = std::chrono::microseconds(500);
constexpr Duration kCommitRetry = std::chrono::seconds(1);

Result<std::shared_ptr<const ExperimentSpec>> ReadManifest(const Experiment& record) {
  QALAM_TRY(const Node document, ReadJson(record.manifest));
  Diagnostics faults;
  std::optional<ExperimentSpec> spec = ReadExperiment(document, {}, &faults);
  if (!spec)
    return Error(Code::kDataLoss, "the stored experiment '{}' cannot be read:\n{}", record.name, Render(faults));
  return std::make_shared<const ExperimentSpec>(*std::move(spec));
}

}  // namespace

std::unique_ptr<Controller> Controller::Make(ControllerDeps deps) {
  return std::make_unique<ControllerImpl>(std::move(deps));
}

ControllerImpl::ControllerImpl(ControllerDeps deps) : deps_(std::move(deps)) { deps_.engine.SetObserver(this); }

ControllerImpl::~ControllerImpl() {
  deps_.engine.SetObserver(nullptr);
  if (flush_timer_ != 0) deps_.loop.Cancel(flush_timer_);
}

std::function<void()> ControllerImpl::Guard(std::function<void()> task) const {
  return [alive = std::weak_ptr<int>(alive_), task = std::move(task)] {
    if (!alive.expired()) task();
  };
}

// ---------------------------------------------------------------- recovery

Status ControllerImpl::Recover() {
  QALAM_TRY(const std::int64_t last_id, deps_.store.LastExperimentId());
  next_id_ = last_id + 1;
  QALAM_TRY(const std::vector<Experiment> experiments, deps_.store.Experiments());
  for (const Experiment& record : experiments) {
    // An experiment that has ended may still have trials at work, or be half deleted.
    if (IsFinal(record.state) && record.counts.created + record.counts.running == 0 && !IsBeingDeleted(record))
      continue;
    QALAM_TRY(Work * work, Load(record));
    QALAM_RETURN_IF_ERROR(TakeUp(*work));
  }
  return OkStatus();
}

Result<Work*> ControllerImpl::Load(const Experiment& record) {
  auto work = std::make_unique<Work>();
  work->record = record;
  QALAM_TRY(work->spec, ReadManifest(record));
  QALAM_TRY(SearchSpace space, SpaceOf(*work->spec));
  work->space = std::make_shared<const SearchSpace>(std::move(space));
  work->validated = record.state != ExperimentState::kCreated;
  QALAM_TRY(std::vector<Trial> trials, deps_.store.Trials(record.id));
  for (Trial& trial : trials) {
    if (trial.state == TrialState::kCreated && FindCondition(trial.conditions, kQueuedCondition) != nullptr)
      work->queue.insert(trial.ordinal);
    if (trial.labels.contains(kEnqueuedLabel)) ++work->enqueued;
    work->checkpoints.Note(work->trials->Add(std::move(trial)));
  }
  RemoveCheckpoints(*work);
  return (works_[record.id] = std::move(work)).get();
}

// Launches what was launched: Start is idempotent, so it adopts what runs and reports what has ended.
Status ControllerImpl::TakeUp(Work& work) {
  for (const Trial& trial : work.trials->all()) {
    if (IsFinal(trial.state)) continue;
    // A paused experiment goes on with what was at work, and starts nothing.
    if (work.record.paused && trial.state == TrialState::kCreated && !trial.stopping) continue;
    deps_.loop.Post(Guard([this, id = work.record.id, name = trial.name] { Launch(id, name); }));
  }
  deps_.loop.Post(Guard([this, id = work.record.id] {
    if (Work* found = FindWork(id)) Reconcile(*found);
  }));
  return OkStatus();
}

// ---------------------------------------------------------------- commands

Result<Submitted> ControllerImpl::Submit(const ExperimentSpec& spec, const std::string& source) {
  QALAM_TRY(const std::optional<Experiment> stored, deps_.store.FindExperiment(spec.namespace_name, spec.name));
  if (!stored) return SubmitNew(spec, source);
  Work* work = FindWork(stored->id);
  if (work == nullptr) {
    QALAM_TRY(work, Load(*stored));
  }
  return SubmitAgain(*work, spec, source);
}

Result<Submitted> ControllerImpl::SubmitNew(const ExperimentSpec& spec, const std::string& source) {
  QALAM_TRY(SearchSpace space, SpaceOf(spec));
  auto owned = std::make_unique<Work>();
  Work& work = *owned;
  work.space = std::make_shared<const SearchSpace>(std::move(space));
  work.spec = std::make_shared<const ExperimentSpec>(spec);
  work.record.id = next_id_++;
  work.record.namespace_name = spec.namespace_name;
  work.record.name = spec.name;
  work.record.uid = deps_.make_uid();
  work.record.manifest = ToJson(ToDocument(spec));
  work.record.source = source;
  work.record.created = Now();
  SetCondition(&work.record.conditions, "Created", true, "ExperimentCreated", "Experiment is created", Now());
  const std::int64_t id = work.record.id;
  works_[id] = std::move(owned);
  Dirty(work);
  AddEvent(work, "experiment/" + spec.name, "Normal", "ExperimentCreated", "Experiment is created");
  if (const Status committed = Flush(); !committed.ok()) {
    works_.erase(id);
    dirty_experiments_.erase(id);
    std::erase_if(appended_.events, [id](const Event& event) { return event.experiment_id == id; });
    return committed;
  }
  Reconcile(work);
  return Submitted{Submitted::How::kCreated, id};
}

Result<Submitted> ControllerImpl::SubmitAgain(Work& work, const ExperimentSpec& spec, const std::string& source) {
  const std::vector<std::string> differing = DifferingFields(*work.spec, spec);
  if (!differing.empty()) {
    std::string fields;
    for (const std::string& field : differing) fields += (fields.empty() ? "" : ", ") + field;
    return Error(Code::kAlreadyExists,
                 "experiment '{}' exists in this database with another spec; these fields differ: {}. "
                 "Give the new one another metadata.name, or use another database (--db FILE). Only "
                 "parallelTrialCount, maxTrialCount and maxFailedTrialCount may be changed",
                 spec.name, fields);
  }
  if (IsBeingDeleted(work.record))
    return Error(Code::kFailedPrecondition, "experiment '{}' is being deleted: submit it again when it is gone",
                 spec.name);
  Submitted submitted{Submitted::How::kResumed, work.record.id, ""};
  ExperimentSpec wanted = spec;
  if (const auto before = work.spec->annotations.find(kSubmittedBudgetAnnotation);
      before != work.spec->annotations.end()) {
    if (before->second == BudgetText(spec)) {  // the same as ever: it does not ask for another budget
      wanted.parallel_trial_count = work.spec->parallel_trial_count;
      wanted.max_trial_count = work.spec->max_trial_count;
      wanted.max_failed_trial_count = work.spec->max_failed_trial_count;
      wanted.annotations.insert(*before);
      submitted.note = fmt::format("keeps the budget that qalam edit has set ({}), not the one given ({})",
                                   BudgetText(*work.spec), BudgetText(spec));
    } else {
      submitted.note = fmt::format("the budget given ({}) replaces the one that qalam edit had set ({})",
                                   BudgetText(spec), BudgetText(*work.spec));
    }
  }
  const bool budget_differs = BudgetText(wanted) != BudgetText(*work.spec);
  if (IsFinal(work.record.state)) {
    const bool more = !wanted.max_trial_count || *wanted.max_trial_count > work.record.counts.total;
    if (!budget_differs || !more) return Submitted{Submitted::How::kUnchanged, work.record.id, ""};
    QALAM_RETURN_IF_ERROR(CheckRestart(work, wanted));
    Restart(work);
  }
  // Where its services are may change; what else the annotations say has been recalled, and is equal.
  const bool services_differ = wanted.annotations != work.spec->annotations;
  if (budget_differs) {
    SetBudget(work, std::move(wanted));
    work.record.source = source;
    submitted.how = Submitted::How::kConfigured;
  } else if (services_differ) {
    work.spec = std::make_shared<const ExperimentSpec>(std::move(wanted));
    work.record.manifest = ToJson(ToDocument(*work.spec));
    Dirty(work);
  }
  if (budget_differs || services_differ) {
    QALAM_RETURN_IF_ERROR(Flush());
  }
  if (services_differ && work.curves_recalled) {  // else before the first launch
    work.curves_recalled = false;
    QALAM_RETURN_IF_ERROR(RecallCurves(work));
  }
  QALAM_RETURN_IF_ERROR(Resume(work.record.id));
  return submitted;
}

Status ControllerImpl::Pause(std::int64_t experiment_id) {
  QALAM_TRY(Work * work, WorkFor(experiment_id));
  if (work->record.paused || IsFinal(work->record.state)) return Flush();  // that it is may not be committed yet
  work->record.paused = true;
  Dirty(*work);
  AddEvent(*work, "experiment/" + work->record.name, "Normal", "ExperimentPaused", "No new trials are launched");
  return Flush();
}

Status ControllerImpl::StopTrials(std::int64_t experiment_id) {
  QALAM_TRY(Work * work, WorkFor(experiment_id));
  QALAM_RETURN_IF_ERROR(Pause(experiment_id));
  for (const auto& [name, live] : work->live) {
    Trial& trial = *work->trials->Find(name);
    if (trial.stopping) continue;
    trial.stopping = true;
    Dirty(*work, trial);
    StopAfterCommit(experiment_id, name);
  }
  return Flush();
}

Status ControllerImpl::Resume(std::int64_t experiment_id) {
  QALAM_TRY(Work * work, WorkFor(experiment_id));
  if (IsFinal(work->record.state)) {
    if (EndReason(work->record) != kStoppedReason)
      return Error(Code::kFailedPrecondition,
                   "experiment '{}' has ended ({}): a larger budget (qalam edit exp {} --max-trials N) or qalam retry "
                   "may take it up again",
                   work->record.name, EndReason(work->record), work->record.name);
    Restart(*work);
    work->record.paused = false;
    ReconcileAfterCommit(*work);
    QALAM_RETURN_IF_ERROR(Flush());
  }
  if (work->record.paused) {
    work->record.paused = false;
    Dirty(*work);
    AddEvent(*work, "experiment/" + work->record.name, "Normal", "ExperimentResumed", "Trials are launched again");
    AfterCommit([this, experiment_id] { LaunchWaiting(experiment_id); });
    return Flush();
  }
  Reconcile(*work);
  return Flush();
}

// Only as the effect of a commit: every trial there is has been committed then.
void ControllerImpl::LaunchWaiting(std::int64_t experiment_id) {
  Work* work = FindWork(experiment_id);
  if (work == nullptr) return;
  for (const Trial& trial : work->trials->all())
    if (trial.state == TrialState::kCreated && !work->live.contains(trial.name)) Launch(experiment_id, trial.name);
  Reconcile(*work);
}

// ---------------------------------------------------------------- views

Work* ControllerImpl::FindWork(std::int64_t experiment_id) {
  const auto found = works_.find(experiment_id);
  return found == works_.end() ? nullptr : found->second.get();
}

const Experiment* ControllerImpl::Find(std::int64_t experiment_id) const {
  const auto found = works_.find(experiment_id);
  return found == works_.end() ? nullptr : &found->second->record;
}

bool ControllerImpl::Settled(std::int64_t experiment_id) const {
  const auto found = works_.find(experiment_id);
  if (found == works_.end()) return true;
  const Work& work = *found->second;
  if (IsBeingDeleted(work.record)) return false;
  if (!IsFinal(work.record.state) && !work.record.paused) return false;
  return work.live.empty() && !work.tidying && work.record.counts.running == 0 &&
         !dirty_experiments_.contains(experiment_id) && appended_.empty();
}

bool ControllerImpl::AllSettled() const {
  return std::all_of(works_.begin(), works_.end(), [this](const auto& entry) { return Settled(entry.first); });
}

std::string ControllerImpl::WhyWaiting(std::int64_t experiment_id) const {
  const auto found = works_.find(experiment_id);
  if (found == works_.end()) return "";
  const Work& work = *found->second;
  if (!store_fault_.ok()) return "the database cannot be written: " + store_fault_.message();
  if (IsBeingDeleted(work.record) && work.live.empty())
    return work.why_not_removed.empty() ? "is being deleted" : "cannot be deleted yet: " + work.why_not_removed;
  if (IsFinal(work.record.state))
    return work.live.empty() ? "" : fmt::format("has ended; {} trials are still at work", work.live.size());
  if (work.record.paused)
    return work.live.empty() ? "paused" : fmt::format("pausing: waits for {} trials", work.live.size());
  const Duration now = deps_.loop.clock().Monotonic();
  if (work.failures > 0) {
    const auto wait = std::chrono::ceil<std::chrono::seconds>(work.ask_again_at - now);
    return fmt::format("suggestion service {}: {} ({} times), {}", work.spec->algorithm.name, work.last_fault,
                       work.failures,
                       work.ask_again != 0 ? fmt::format("next try in {} s", std::max<std::int64_t>(wait.count(), 0))
                                           : "asking again");
  }
  if (work.record.counts.running == 0) {
    for (const auto& [name, live] : work.live)
      if (std::string why = deps_.engine.WhyWaiting(name); !why.empty()) return fmt::format("trial {} {}", name, why);
    if (work.asking && now - work.asked_at > std::chrono::seconds(1))
      return fmt::format("waits for the suggestion service {} for {} s", work.spec->algorithm.name,
                         std::chrono::floor<std::chrono::seconds>(now - work.asked_at).count());
  }
  return "";
}

// ---------------------------------------------------------------- commits

void ControllerImpl::Dirty(const Work& work) {
  dirty_experiments_.insert(work.record.id);
  ScheduleFlush(kCommitWindow);
}

void ControllerImpl::Dirty(Work& work, const Trial& trial) {
  MarkDirty(work, trial);
  ScheduleFlush(kCommitWindow);
}

void ControllerImpl::MarkDirty(Work& work, const Trial& trial) {
  work.trials->Touch(trial);
  dirty_trials_.emplace(work.record.id, trial.ordinal);
  dirty_experiments_.insert(work.record.id);
}

void ControllerImpl::AfterCommit(std::function<void()> effect) {
  after_commit_.push_back(std::move(effect));
  ScheduleFlush(kCommitWindow);
}

void ControllerImpl::AddEvent(const Work& work, std::string object, std::string type, std::string reason,
                              std::string message) {
  Event event{work.record.id, std::move(object), std::move(type), std::move(reason), std::move(message), 1, Now(),
              Now()};
  appended_.events.push_back(std::move(event));
  ScheduleFlush(kCommitWindow);
}

void ControllerImpl::ScheduleFlush(Duration delay) {
  if (!store_fault_.ok()) delay = kCommitRetry;
  const Duration due = deps_.loop.clock().Monotonic() + delay;
  if (flush_timer_ != 0) {
    if (flush_due_ <= due) return;
    deps_.loop.Cancel(flush_timer_);
  }
  flush_due_ = due;
  flush_timer_ = deps_.loop.After(delay, Guard([this] {
                                    flush_timer_ = 0;
                                    (void)Flush();  // a fault is kept in store_fault_, and tried again
                                  }));
}

// One transaction for all that is dirty, then the effects that waited for it. What a failed commit held stays dirty.
Status ControllerImpl::Flush() {
  if (flush_timer_ != 0) deps_.loop.Cancel(std::exchange(flush_timer_, 0));
  WriteBatch batch = std::move(appended_);
  appended_ = {};
  for (const std::int64_t id : dirty_experiments_) batch.experiments.push_back(works_.at(id)->record);
  for (const auto& [id, ordinal] : dirty_trials_) batch.trials.push_back(works_.at(id)->trials->At(ordinal));
  if (!batch.empty()) {
    Status committed = deps_.store.Commit(batch);
    if (committed.ok() != store_fault_.ok() || committed.code() != store_fault_.code())
      Log(LogLevel::kWarning, committed.ok() ? "store-recovered" : "store-fault", {{"reason", committed.message()}});
    store_fault_ = committed;
    if (!committed.ok()) {
      appended_.steps = std::move(batch.steps);
      appended_.observations = std::move(batch.observations);
      appended_.positions = std::move(batch.positions);
      appended_.events = std::move(batch.events);
      ScheduleFlush(kCommitRetry);
      return committed;
    }
  }
  dirty_experiments_.clear();
  dirty_trials_.clear();
  for (const auto& effect : std::exchange(after_commit_, {})) effect();
  if (on_commit_) on_commit_();
  return OkStatus();
}

}  // namespace qalam
