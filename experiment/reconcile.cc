// SPDX-License-Identifier: Apache-2.0
// What to do next: Katib's counting and end test, asking for suggestions, launching trials.
#include <algorithm>
#include <chrono>
#include <utility>

#include "core/log.h"
#include "core/objective.h"
#include "core/rng.h"
#include "experiment/controller_impl.h"
#include "experiment/spec.h"
#include "experiment/status.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kFirstBackoff = milliseconds(500);
constexpr Duration kLongestBackoff = seconds(30);
constexpr int kCircuitOpens = 10;                       // failures in a row that become a condition
constexpr Duration kGiveUp = std::chrono::minutes(30);  // with nothing running
constexpr int kEmptyRepliesAreTheEnd = 3;
constexpr int kValidationTries = 10;
constexpr Duration kReadAgain = seconds(1);         // of a store that could not be read
constexpr std::size_t kMaxSettingsBytes = 1 << 20;  // of the state that a service has us keep

// Faults that asking again cannot mend.
bool IsLasting(Code code) {
  return code == Code::kInvalidArgument || code == Code::kUnimplemented || code == Code::kPermissionDenied;
}

}  // namespace

void ControllerImpl::Reconcile(Work& work) {
  if (IsFinal(work.record.state)) {
    RemoveLastCheckpoints(work);
    return RemoveIfDeleted(work);
  }
  if (deps_.passive) return;
  if (!work.validated) {
    if (!work.asking && work.ask_again == 0 && !work.record.paused) Validate(work, 1);
    return;
  }
  if (EndIfDue(work) || work.record.paused) return;
  LaunchQueued(work);
  if (work.record.exhausted || work.asking || work.ask_again != 0) return;
  const int missing = Missing(work);
  if (missing <= 0) return;
  // An early-stopping service reads the trials' reports from the store: what it is told has to be there.
  if (work.spec->early_stopping && dirty_experiments_.contains(work.record.id)) return ReconcileAfterCommit(work);
  Ask(work, missing);
}

// How many new trials there may be now. Katib leaves trials without metrics out of this count and so can launch more
// than maxTrialCount; we do not.
int ControllerImpl::Missing(const Work& work) const {
  const int missing = work.spec->parallel_trial_count - work.active();
  return work.spec->max_trial_count ? std::min(missing, *work.spec->max_trial_count - work.record.counts.total)
                                    : missing;
}

SuggestionRequest ControllerImpl::MakeRequest(const Work& work, int count) const {
  SuggestionRequest request;
  request.spec = work.spec;
  request.space = work.space;
  request.uid = work.record.uid;
  request.algorithm_settings = work.spec->algorithm.settings;
  Overwrite(work.record.algorithm_settings, &request.algorithm_settings);
  request.trials = work.trials;
  request.current_request_number = count;
  request.total_request_number = work.record.counts.total - work.enqueued + count;
  return request;
}

// Asked once before the first trial. Katib's reading of the answers: a refusal ends the experiment, a service that
// does not implement the call or stumbles over it is taken as content, one that cannot be reached is asked again.
void ControllerImpl::Validate(Work& work, int tries) {
  work.asking = true;
  work.asked_at = deps_.loop.clock().Monotonic();
  deps_.suggestions.Validate(MakeRequest(work, 0), [this, alive = std::weak_ptr<int>(alive_), id = work.record.id,
                                                    tries](const Status& status) {
    Work* found = alive.expired() ? nullptr : FindWork(id);
    if (found == nullptr || IsFinal(found->record.state)) return;
    found->asking = false;
    const bool refused = status.code() == Code::kInvalidArgument || status.code() == Code::kUnknown;
    const bool unreachable = status.code() == Code::kUnavailable || status.code() == Code::kDeadlineExceeded;
    if (refused || (unreachable && tries >= kValidationTries)) {
      End(*found, ExperimentState::kFailed, "ExperimentFailed",
          fmt::format("{}: {}", refused ? "Validation failed" : "The suggestion service cannot be reached",
                      status.message()));
      return;
    }
    if (unreachable) {
      found->failures = tries;
      found->last_fault = status.message();
      found->ask_again_at = deps_.loop.clock().Monotonic() + seconds(3);
      found->ask_again = deps_.loop.After(seconds(3), Guard([this, id, tries] {
                                            Work* again = FindWork(id);
                                            if (again == nullptr) return;
                                            again->ask_again = 0;
                                            if (!IsFinal(again->record.state)) Validate(*again, tries + 1);
                                          }));
      return;
    }
    found->failures = 0;
    found->validated = true;
    found->record.state = ExperimentState::kRunning;
    if (found->record.started == WallTime{}) found->record.started = Now();
    SetCondition(&found->record.conditions, "Running", true, "ExperimentRunning", "Experiment is running", Now());
    Dirty(*found);
    Reconcile(*found);
  });
}

// ---------------------------------------------------------------- the end

bool ControllerImpl::EndIfDue(Work& work) {
  if (work.record.state == ExperimentState::kRestarting) {
    work.record.state = ExperimentState::kRunning;
    SetCondition(&work.record.conditions, "Running", true, "ExperimentRunning", "Experiment is running", Now());
    Dirty(work);
  }
  const TrialCounts& counts = work.record.counts;
  if (const Trial* best = work.trials->Find(work.record.best_trial)) {
    const std::optional<double> value = ObjectiveValue(work.spec->objective, *best->observation);
    if (value && ReachesGoal(work.spec->objective, *value)) {
      End(work, ExperimentState::kSucceeded, "ExperimentGoalReached",
          "Experiment has succeeded because Objective goal has reached");
      return true;
    }
  }
  const int failed = counts.failed + counts.metrics_unavailable;
  if (work.spec->max_failed_trial_count && failed > 0 && failed >= *work.spec->max_failed_trial_count) {
    End(work, ExperimentState::kFailed, "ExperimentFailed",
        "Experiment has failed because max failed count has reached");
    return true;
  }
  const int completed = counts.total - work.unfinished();
  if (work.spec->max_trial_count && completed >= *work.spec->max_trial_count) {
    End(work, ExperimentState::kSucceeded, "ExperimentMaxTrialsReached",
        "Experiment has succeeded because max trial count has reached");
    return true;
  }
  if (work.record.exhausted && work.unfinished() == 0) {
    End(work, ExperimentState::kSucceeded, "ExperimentSuggestionEndReached",
        "Experiment has succeeded because suggestion service has reached the end");
    return true;
  }
  return false;
}

// Trials that are still at work go on to their end and are counted, as Katib's are. Those that a pause kept from
// being launched never will be.
void ControllerImpl::End(Work& work, ExperimentState state, const std::string& reason, const std::string& message) {
  work.record.state = state;
  work.record.completed = Now();
  if (work.ask_again != 0) deps_.loop.Cancel(std::exchange(work.ask_again, 0));
  const auto running = std::find_if(work.record.conditions.begin(), work.record.conditions.end(),
                                    [](const Condition& c) { return c.type == "Running"; });
  if (running != work.record.conditions.end())
    SetCondition(&work.record.conditions, "Running", false, "ExperimentRunning", "Experiment is not running", Now());
  const bool succeeded = state == ExperimentState::kSucceeded;
  SetCondition(&work.record.conditions, succeeded ? "Succeeded" : "Failed", true, reason, message, Now());
  AddEvent(work, "experiment/" + work.record.name, succeeded ? "Normal" : "Warning", reason, message);
  Dirty(work);
  for (std::uint64_t ordinal = work.trials->all().size(); work.record.counts.created > 0 && ordinal > 0; --ordinal) {
    Trial& trial = work.trials->At(ordinal);
    // A former process may have launched it all the same, just before it died: it is stopped, not only called so.
    if (trial.state == TrialState::kCreated && !work.live.contains(trial.name))
      StopForGood(work, trial, TrialState::kKilled, "The experiment ended before the trial was launched");
  }
  deps_.suggestions.Forget(work.record.uid);
  RemoveLastCheckpoints(work);
}

// ---------------------------------------------------------------- suggestions

void ControllerImpl::Ask(Work& work, int count) {
  work.asking = true;
  work.asked_at = deps_.loop.clock().Monotonic();
  deps_.suggestions.GetSuggestions(
      MakeRequest(work, count),
      [this, alive = std::weak_ptr<int>(alive_), id = work.record.id, count](Result<SuggestionReply> reply) {
        if (!alive.expired()) TakeReply(id, count, std::move(reply));
      });
}

void ControllerImpl::TakeReply(std::int64_t experiment_id, int asked, Result<SuggestionReply> reply) {
  Work* work = FindWork(experiment_id);
  if (work == nullptr) return;
  work->asking = false;
  // Nothing was recorded of the request, so nothing is lost: the same question gives the same answer later.
  if (IsFinal(work->record.state) || work->record.paused) return;
  if (!reply.ok()) {
    if (IsLasting(reply.status().code())) {
      End(*work, ExperimentState::kFailed, "ExperimentFailed", "Suggestion has failed: " + reply.status().message());
    } else {
      AskLater(*work, reply.status().message());
    }
    return;
  }
  // People may have enqueued trials or lowered the budget meanwhile. Nothing is taken of such an answer, which may
  // belong to a state of the service: the smaller question is asked.
  if (asked > Missing(*work)) return Reconcile(*work);
  if (const Status merged = Merge(*work, reply->algorithm_settings); !merged.ok()) {
    AskLater(*work, merged.message());
    return;
  }
  const std::string object = "experiment/" + work->record.name;
  if (reply->rejected > 0) AddEvent(*work, object, "Warning", "SuggestionRejected", reply->rejected_why);
  if (!reply->rules_rejected_why.empty())
    AddEvent(*work, object, "Warning", "EarlyStoppingRulesRejected", reply->rules_rejected_why);
  const int created = CreateTrials(*work, asked, *reply);
  if (reply->exhausted) {
    work->record.exhausted = true;
    Dirty(*work);
  } else if (created == 0) {
    // A foreign service that has reached its end answers with nothing at all. Believe it when nothing is running
    // that could change its mind.
    work->empty_replies = work->unfinished() == 0 && reply->rejected == 0 ? work->empty_replies + 1 : 0;
    if (work->empty_replies >= kEmptyRepliesAreTheEnd) {
      work->record.exhausted = true;
      Dirty(*work);
    } else {
      AskLater(*work, reply->rejected > 0 ? fmt::format("{} of {} suggestions were not legal: {}", reply->rejected,
                                                        asked, reply->rejected_why)
                                          : fmt::format("asked for {} suggestions and got none", asked));
      return;
    }
  }
  if (created > 0) {
    work->failures = 0;
    work->empty_replies = 0;
    std::erase_if(work->record.conditions, [](const Condition& c) { return c.type == "SuggestionUnavailable"; });
  }
  Reconcile(*work);
}

// What a service feeds back is its state: it comes with the next request, written over what the experiment says, and
// what it does not mention again stays, as in Katib's Suggestion.status.
Status ControllerImpl::Merge(Work& work, const std::vector<Setting>& fed_back) {
  std::vector<Setting> merged = work.record.algorithm_settings;
  Overwrite(fed_back, &merged);
  std::size_t bytes = 0;
  for (const Setting& setting : merged) bytes += setting.name.size() + setting.value.size();
  if (bytes > kMaxSettingsBytes)
    return Error(Code::kResourceExhausted, "the algorithm settings that it feeds back have grown beyond {} bytes",
                 kMaxSettingsBytes);
  if (merged != work.record.algorithm_settings) {
    work.record.algorithm_settings = std::move(merged);
    Dirty(work);
  }
  return OkStatus();
}

void ControllerImpl::AskLater(Work& work, const std::string& fault) {
  const Duration now = deps_.loop.clock().Monotonic();
  if (work.failures == 0) work.first_failure = now;
  ++work.failures;
  work.last_fault = fault;
  AddEvent(work, "experiment/" + work.record.name, "Warning", "SuggestionFailed", fault);
  if (work.failures >= kCircuitOpens && work.unfinished() == 0 && now - work.first_failure >= kGiveUp) {
    End(work, ExperimentState::kFailed, "ExperimentFailed",
        fmt::format("Suggestion service {} failed {} times in a row: {}", work.spec->algorithm.name, work.failures,
                    fault));
    return;
  }
  if (work.failures == kCircuitOpens) {
    SetCondition(&work.record.conditions, "SuggestionUnavailable", true, "SuggestionFailed",
                 fmt::format("Suggestion service {} failed {} times in a row: {}", work.spec->algorithm.name,
                             work.failures, fault),
                 Now());
    Dirty(work);
  }
  Duration backoff = kFirstBackoff;
  for (int i = 1; i < work.failures && backoff < kLongestBackoff; ++i) backoff *= 2;
  backoff = std::min(backoff, kLongestBackoff);
  // Full jitter over the upper half, so that many experiments do not knock at once.
  Rng rng(StableHash(work.record.uid), "controller.backoff", static_cast<std::uint64_t>(work.failures));
  backoff = std::chrono::duration_cast<Duration>(backoff * (0.5 + 0.5 * rng.Uniform()));
  work.ask_again_at = now + backoff;
  work.ask_again = deps_.loop.After(backoff, Guard([this, id = work.record.id] {
                                      Work* again = FindWork(id);
                                      if (again == nullptr) return;
                                      again->ask_again = 0;
                                      Reconcile(*again);
                                    }));
}

// Trial names are unique in the database, and in what is about to be written to it.
bool ControllerImpl::NameIsTaken(const std::string& trial_name) const {
  for (const auto& [id, work] : works_)
    if (work->trials->Find(trial_name) != nullptr) return true;
  const auto stored = deps_.store.FindTrial(trial_name);
  return stored.ok() && stored->has_value();
}

// A trial of which the assignments are known, and perhaps a name: numbered, named and counted.
Trial& ControllerImpl::AddTrial(Work& work, Trial trial) {
  trial.experiment_id = work.record.id;
  trial.ordinal = work.trials->all().size() + 1;
  if (trial.name.empty()) {
    std::uint64_t salt = 0;
    do trial.name = TrialName(work.record.name, work.record.uid, trial.ordinal, salt++);
    while (NameIsTaken(trial.name));
  }
  trial.created = Now();
  SetCondition(&trial.conditions, "Created", true, "TrialCreated", "Trial is created", Now());
  Trial& added = work.trials->Add(std::move(trial));
  work.checkpoints.Note(added);
  ++work.record.counts.total;
  ++work.record.counts.created;
  Dirty(work);
  Dirty(work, added);
  return added;
}

// A folder is named after what these labels say: only trials of the experiment itself may stand there.
std::map<std::string, std::string> ControllerImpl::LabelsOf(const Work& work, const Suggestion& suggestion) {
  std::map<std::string, std::string> labels = suggestion.labels;
  for (const char* const label : {kResumeFromLabel, kReplacesLabel}) {
    const auto found = labels.find(label);
    if (found == labels.end() || work.trials->Find(found->second) != nullptr) continue;
    AddEvent(work, "experiment/" + work.record.name, "Warning", "SuggestionRejected",
             fmt::format("label {}: there is no such trial; it is left out", label));
    labels.erase(found);
  }
  return labels;
}

int ControllerImpl::CreateTrials(Work& work, int asked, const SuggestionReply& reply) {
  int created = 0;
  for (const Suggestion& suggestion : reply.suggestions) {
    if (created == asked) break;
    if (!suggestion.trial_name.empty() && NameIsTaken(suggestion.trial_name)) {
      AddEvent(work, "experiment/" + work.record.name, "Warning", "SuggestionRejected",
               fmt::format("a trial named '{}' exists already", suggestion.trial_name));
      continue;
    }
    // What it was to go on from was replaced while the service thought: the question that follows finds the successor.
    const auto from = suggestion.labels.find(kResumeFromLabel);
    if (from != suggestion.labels.end() && work.checkpoints.IsGone(from->second)) continue;
    Trial trial;
    trial.name = suggestion.trial_name;
    trial.assignments = suggestion.assignments;
    trial.labels = LabelsOf(work, suggestion);
    trial.early_stopping_rules = reply.early_stopping_rules;
    const Trial& added = AddTrial(work, std::move(trial));
    ++created;
    AfterCommit([this, id = work.record.id, name = added.name] { Launch(id, name); });
  }
  return created;
}

// ---------------------------------------------------------------- launch

// Hands a committed trial to the engine: a new one, one that a crash left behind, or one that a pause had stopped.
void ControllerImpl::Launch(std::int64_t experiment_id, const std::string& trial_name) {
  Work* work = FindWork(experiment_id);
  Trial* trial = work == nullptr ? nullptr : work->trials->Find(trial_name);
  if (trial == nullptr || IsFinal(trial->state) || work->live.contains(trial_name)) return;
  const bool waits = work->record.paused || work->queue.contains(trial->ordinal);
  // Not before what became of it is committed: whoever changed it launches it then.
  if (dirty_trials_.contains({experiment_id, trial->ordinal})) return;
  if (!trial->stopping && (deps_.passive || (waits && trial->state == TrialState::kCreated))) return;

  if (const Status recalled = RecallCurves(*work); !recalled.ok()) {
    Log(LogLevel::kWarning, "launch-waits", {{"trial", trial_name}, {"reason", recalled.message()}});
    deps_.loop.After(kReadAgain, Guard([this, experiment_id, trial_name] { Launch(experiment_id, trial_name); }));
    return;
  }

  LiveRun live;
  live.observation = EmptyObservation(work->spec->objective);
  live.judge = RuleJudge(trial->early_stopping_rules, work->spec->objective);
  ForgetCurve(*work, *trial);  // what is stored of it is told below
  StartOptions options;
  options.after_attempt = trial->attempt;
  TakeUpMetrics(*work, *trial, live, &options);

  const auto start = [&]() -> Status {
    QALAM_TRY(const Node manifest, RenderTrial(*work->spec, trial_name, trial->assignments));
    QALAM_TRY(const Run run, deps_.compile(*work->spec, *trial, manifest));
    return deps_.engine.Start(trial_name, run, options);
  };
  if (const Status started = start(); !started.ok()) {
    Finish(*work, *trial, TrialState::kFailed, "TrialFailed. Job reason: StartError",
           "Trial has failed. Job message: " + started.message());
    Reconcile(*work);
    return;
  }
  experiment_by_run_[trial_name] = experiment_id;
  work->live.emplace(trial_name, std::move(live));
  if (trial->stopping) deps_.engine.Stop(trial_name);
}

// It may have ended by itself meanwhile.
void ControllerImpl::StopAfterCommit(std::int64_t experiment_id, const std::string& trial_name) {
  AfterCommit([this, experiment_id, trial_name] {
    Work* work = FindWork(experiment_id);
    if (work != nullptr && work->live.contains(trial_name) && work->trials->Find(trial_name)->stopping)
      deps_.engine.Stop(trial_name);
  });
}

}  // namespace qalam
