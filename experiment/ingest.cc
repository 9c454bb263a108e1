// SPDX-License-Identifier: Apache-2.0
// What runs report: steps, output, ends. Points and the offset they came from are one transaction.
#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "core/log.h"
#include "core/objective.h"
#include "experiment/controller_impl.h"
#include "experiment/status.h"
#include "experiment/verdict.h"

namespace qalam {
namespace {

constexpr int kStopsNotAskedFor = 3;  // a run that somebody else keeps stopping is started again so often
// That a trial runs, and what it prints, may wait a little for company; that it ended may not.
constexpr Duration kProgressWindow = std::chrono::milliseconds(20);

double NumberOf(std::string_view value) {
  return ParseMetricValue(value).value_or(std::numeric_limits<double>::quiet_NaN());
}

// A search for an architecture may find words.
bool HasObjective(const ExperimentSpec& spec, const Observation& observation) {
  return ObjectiveValue(spec.objective, observation) ||
         (spec.nas_config && !ObjectiveWords(spec.objective, observation).empty());
}

}  // namespace

Work* ControllerImpl::WorkOf(const RunId& run, Trial** trial, LiveRun** live) {
  const auto found = experiment_by_run_.find(run);
  if (found == experiment_by_run_.end()) return nullptr;
  Work* work = FindWork(found->second);
  *trial = work->trials->Find(run);
  *live = &work->live.at(run);
  return work;
}

void ControllerImpl::OnStep(const StepRecord& step) {
  Trial* trial = nullptr;
  LiveRun* live = nullptr;
  Work* work = WorkOf(step.run, &trial, &live);
  if (work == nullptr) return;
  appended_.steps.push_back(step);
  ScheduleFlush(kProgressWindow);
  live->attempt = std::max(live->attempt, step.attempt);
  if (step.state == StepState::kRunning && trial->state == TrialState::kCreated) {
    if (trial->started == WallTime{}) trial->started = step.started;
    SetState(*work, *trial, TrialState::kRunning);
    SetCondition(&trial->conditions, "Running", true, "TrialRunning", "Trial is running", Now());
  }
  if (step.state == StepState::kLost) {
    AddEvent(*work, "trial/" + trial->name, "Warning", "Lost", step.message);
    Log(LogLevel::kWarning, "lost",
        {{"experiment", work->record.name},
         {"trial", trial->name},
         {"attempt", step.attempt},
         {"reason", step.message}});
  }
}

Status ControllerImpl::BeginMetrics(Work& work, const Trial& trial, LiveRun& live, int attempt, std::int64_t offset,
                                    std::int64_t lines) {
  live.metrics_attempt = attempt;
  auto collector = MakeCollector(work.spec->metrics_collector, work.spec->objective, offset, lines);
  if (!collector.ok()) {
    AddEvent(work, "trial/" + trial.name, "Warning", "MetricsCollector", collector.status().message());
    return collector.status();
  }
  live.collector = *std::move(collector);
  return OkStatus();
}

// What is stored of an attempt that was at work when the controller went away, and where to go on reading it.
void ControllerImpl::TakeUpMetrics(Work& work, const Trial& trial, LiveRun& live, StartOptions* options) {
  const auto position = deps_.store.Position(trial.name);
  const bool read = position.ok() && position->has_value() && (*position)->attempt > trial.attempt;
  if (!read && trial.state == TrialState::kCreated) return;
  const auto rows = deps_.store.Observations(trial.name);
  if (!rows.ok()) return;
  int attempt = read ? (*position)->attempt : trial.attempt;
  for (const ObservationRow& row : *rows) attempt = std::max(attempt, row.attempt);
  if (attempt <= trial.attempt) return;
  live.metrics_attempt = attempt;
  std::vector<MetricPoint> known;
  for (const ObservationRow& row : *rows) {
    if (row.attempt != attempt) continue;
    known.push_back({row.metric_name, row.value, row.time, row.step});
    Fold(row.metric_name, row.value, &live.observation);
    live.judge.Add(row.metric_name, row.value);
    if (work.stopping != nullptr && row.metric_name == work.spec->objective.metric_name)
      work.stopping->Add(trial.ordinal, row.step, NumberOf(row.value));
    ++live.reports[row.metric_name];
    live.sequence = std::max(live.sequence, row.sequence);
  }
  if (!read || (*position)->attempt < attempt) return;
  const CollectorPosition& at = **position;
  live.sequence = std::max(live.sequence, at.sequence);
  if (BeginMetrics(work, trial, live, attempt, at.offset, at.lines).ok()) {
    for (const MetricPoint& point : known) live.collector->Know(point);
    options->metrics_attempt = attempt;
    options->metrics_offset = at.offset;
  }
}

// What an earlier attempt printed does not count.
void ControllerImpl::ForgetMetrics(const Work& work, const Trial& trial, LiveRun& live) const {
  live.observation = EmptyObservation(work.spec->objective);
  live.judge = RuleJudge(trial.early_stopping_rules, work.spec->objective);
  live.live_reason.clear();
  live.sequence = 0;
  live.reports.clear();
  live.stored.reset();
  live.collector.reset();
  ForgetCurve(work, trial);
}

// It begins anew; that it is spared stays so.
void ControllerImpl::ForgetCurve(const Work& work, const Trial& trial) const {
  if (work.stopping == nullptr) return;
  work.stopping->Forget(trial.ordinal);
  if (FindCondition(trial.conditions, kSparedCondition) != nullptr) work.stopping->Spare(trial.ordinal);
}

// The reports that meet the rules are in the same commit: whoever takes the trial up after a crash judges them again.
void ControllerImpl::StopIfHopeless(Work& work, Trial& trial, const LiveRun& live) {
  if (trial.stopping || (!live.judge.met() && live.live_reason.empty())) return;
  trial.stopping = true;
  if (!live.live_reason.empty())
    SetCondition(&trial.conditions, std::string(kStoppingCondition), true, "TrialEarlyStopped",
                 "Trial is early stopped: " + live.live_reason, Now());
  Dirty(work, trial);
  AddEvent(work, "trial/" + trial.name, "Normal", "EarlyStopping",
           live.live_reason.empty() ? live.judge.Why() : live.live_reason);
  StopAfterCommit(work.record.id, trial.name);
}

// A report of the objective, to the rule that decides live. What it decides is in the same commit.
void ControllerImpl::Judge(Work& work, Trial& trial, LiveRun& live, const ObservationRow& row) {
  work.stopping->Add(trial.ordinal, row.step, NumberOf(row.value));
  if (trial.stopping || !live.live_reason.empty()) return;
  Decision decision = work.stopping->Judge(trial.ordinal);
  if (decision.reason.empty()) return;
  decision.reason = fmt::format("{} {}: {}", row.metric_name, row.value, decision.reason);
  Apply(work, trial, live, decision);
}

void ControllerImpl::Apply(Work& work, Trial& trial, LiveRun& live, const Decision& decision) {
  if (decision.action == Decision::kStop) live.live_reason = decision.reason;
  if (decision.action == Decision::kSpare) {
    // Before the current one, which is the last.
    std::vector<Condition> spared;
    SetCondition(&spared, std::string(kSparedCondition), true, "TrialSpared",
                 "Would have been stopped, and goes on to show what is lost by stopping: " + decision.reason, Now());
    AddEvent(work, "trial/" + trial.name, "Normal", "EarlyStoppingSpared", spared.front().message);
    auto& conditions = trial.conditions;
    conditions.insert(conditions.empty() ? conditions.end() : conditions.end() - 1, std::move(spared.front()));
    Dirty(work, trial);
  }
  TellGuard(work);
}

// The trial may have ended meanwhile, or be stopped already. What it begins anew, nobody decides late any more.
void ControllerImpl::TakeDecision(std::int64_t experiment_id, std::uint64_t ordinal, const Decision& decision) {
  Work* work = FindWork(experiment_id);
  if (work == nullptr) return;
  if (ordinal == 0)
    return AddEvent(*work, "experiment/" + work->record.name, "Warning", "EarlyStoppingFailed", decision.reason);
  Trial& trial = work->trials->At(ordinal);
  const auto live = work->live.find(trial.name);
  if (live == work->live.end() || trial.stopping || !live->second.live_reason.empty()) return;
  Apply(*work, trial, live->second, decision);
  StopIfHopeless(*work, trial, live->second);
}

void ControllerImpl::TellGuard(Work& work) {
  std::string note = work.stopping->Note();
  if (note == work.stopping_note) return;
  AddEvent(work, "experiment/" + work.record.name, "Normal", "EarlyStoppingGuard",
           note.empty() ? "learning curves do not cross: trials are judged from the first step on" : note);
  work.stopping_note = std::move(note);
}

// Before the first launch: an experiment that is only looked at or edited needs no curves. Those of the trials that
// have ended; trials that are taken up tell theirs then.
Status ControllerImpl::RecallCurves(Work& work) {
  if (work.curves_recalled || !deps_.live_stopping || deps_.passive) return OkStatus();
  std::unique_ptr<LiveStopping> stopping = deps_.live_stopping(
      MakeRequest(work, 0),
      [this, alive = std::weak_ptr<int>(alive_), id = work.record.id](std::uint64_t trial, const Decision& decision) {
        if (!alive.expired()) TakeDecision(id, trial, decision);
      });
  if (stopping != nullptr) {
    QALAM_RETURN_IF_ERROR(
        deps_.store.VisitCurves(work.record.id, work.spec->objective.metric_name, [&](const CurveReport& report) {
          const Trial& trial = work.trials->At(report.ordinal);
          if (IsFinal(trial.state) || work.live.contains(trial.name))
            stopping->Add(report.ordinal, report.step, NumberOf(report.value));
        }));
    for (const Trial& trial : work.trials->all()) {
      if (FindCondition(trial.conditions, kSparedCondition) != nullptr) stopping->Spare(trial.ordinal);
      if (IsFinal(trial.state)) stopping->End(trial.ordinal, StandingOf(trial.state));
    }
    work.stopping_note = stopping->Note();
  }
  work.stopping = std::move(stopping);
  work.curves_recalled = true;
  return OkStatus();
}

void ControllerImpl::TellStopped(std::int64_t experiment_id, const std::string& trial_name) {
  Work* work = FindWork(experiment_id);
  if (work != nullptr && !IsFinal(work->record.state))
    deps_.suggestions.TrialStopped(MakeRequest(*work, 0), trial_name);
}

void ControllerImpl::OnOutput(const RunId& run, int attempt, std::string_view file, std::int64_t offset,
                              std::string_view bytes) {
  Trial* trial = nullptr;
  LiveRun* live = nullptr;
  Work* work = WorkOf(run, &trial, &live);
  if (work == nullptr || attempt < live->metrics_attempt) return;
  if (attempt > live->metrics_attempt) {
    ForgetMetrics(*work, *trial, *live);
    live->metrics_attempt = attempt;
  }
  // Reports may have come before the first output.
  if (live->collector == nullptr && offset == 0 && !BeginMetrics(*work, *trial, *live, attempt, 0, 0).ok()) return;
  if (live->collector == nullptr) return;
  std::vector<MetricPoint> points;
  live->collector->Select(file);
  live->collector->Feed(bytes, &points);
  Record(*work, *trial, *live, points);
  StopIfHopeless(*work, *trial, *live);
}

void ControllerImpl::Record(Work& work, Trial& trial, LiveRun& live, const std::vector<MetricPoint>& points) {
  if (points.empty()) return;
  for (const MetricPoint& point : points) {
    ObservationRow row;
    row.trial_name = trial.name;
    row.attempt = live.metrics_attempt;
    row.sequence = ++live.sequence;
    row.time = point.time;
    row.metric_name = point.name;
    row.value = point.value;
    const std::int64_t report = ++live.reports[point.name];
    row.step = point.step.value_or(report);
    Fold(point.name, point.value, &live.observation);
    live.judge.Add(point.name, point.value);
    if (live.stored) ++(*live.stored)[{point.time, point.name, point.value}];
    if (work.stopping != nullptr && point.name == work.spec->objective.metric_name) Judge(work, trial, live, row);
    appended_.observations.push_back(std::move(row));
  }
  ScheduleFlush(kProgressWindow);
  if (live.collector == nullptr) return;
  CollectorPosition position{trial.name, live.metrics_attempt, live.collector->consumed(), live.sequence,
                             live.collector->lines()};
  appended_.positions.push_back(std::move(position));
}

// Once for a run: a trial that reports ten thousand times would else read them all each time.
Status ControllerImpl::ReadStored(const Trial& trial, LiveRun& live) {
  if (live.stored) return OkStatus();
  QALAM_TRY(const std::vector<ObservationRow> rows, deps_.store.Observations(trial.name));
  live.stored.emplace();
  for (const ObservationRow& row : rows) {
    if (row.attempt == live.metrics_attempt) ++(*live.stored)[{row.time, row.metric_name, row.value}];
  }
  return OkStatus();
}

Status ControllerImpl::WhyNotAtWork(const std::string& trial_name, std::string_view consequence) {
  QALAM_TRY(const std::optional<Trial> stored, deps_.store.FindTrial(trial_name));
  if (!stored) return Error(Code::kNotFound, "there is no trial '{}'", trial_name);
  return Error(Code::kFailedPrecondition, "trial '{}' is not running ({}): {}", trial_name, ToString(stored->state),
               consequence);
}

Status ControllerImpl::Report(const std::string& trial_name, const std::vector<MetricPoint>& points) {
  Trial* trial = nullptr;
  LiveRun* live = nullptr;
  Work* work = WorkOf(trial_name, &trial, &live);
  if (work == nullptr) return WhyNotAtWork(trial_name, "it takes no more metrics");
  if (live->attempt == 0) return Error(Code::kUnavailable, "trial '{}' has not started yet", trial_name);
  QALAM_RETURN_IF_ERROR(Flush());
  if (live->attempt > live->metrics_attempt) {
    ForgetMetrics(*work, *trial, *live);
    live->metrics_attempt = live->attempt;
  }
  QALAM_RETURN_IF_ERROR(ReadStored(*trial, *live));
  std::map<ReportKey, int> again;  // of this request, and there already
  std::vector<MetricPoint> fresh;
  const ObjectiveSpec& objective = work->spec->objective;
  for (const MetricPoint& point : points) {
    const auto& more = objective.additional_metric_names;
    if (point.name != objective.metric_name && std::find(more.begin(), more.end(), point.name) == more.end()) continue;
    const ReportKey key{point.time, point.name, point.value};
    const auto known = live->stored->find(key);
    if (known != live->stored->end() && again[key] < known->second) {
      ++again[key];
    } else {
      fresh.push_back(point);
    }
  }
  Record(*work, *trial, *live, fresh);
  StopIfHopeless(*work, *trial, *live);
  return Flush();
}

Status ControllerImpl::StopEarly(const std::string& trial_name) {
  Trial* trial = nullptr;
  LiveRun* live = nullptr;
  Work* work = WorkOf(trial_name, &trial, &live);
  if (work == nullptr) {
    QALAM_RETURN_IF_ERROR(Flush());
    QALAM_TRY(const std::optional<Trial> stored, deps_.store.FindTrial(trial_name));
    if (stored && stored->state == TrialState::kEarlyStopped) return OkStatus();
    return WhyNotAtWork(trial_name, "it is not stopped early");
  }
  const std::optional<TrialState> already = StopsAs(*trial);
  if (already && *already != TrialState::kEarlyStopped)
    return Error(Code::kFailedPrecondition, "trial '{}' is being stopped already, as {}", trial_name,
                 ToString(*already));
  if (!IsDeclaredStopped(*trial)) {
    // Also where a rule has decided already: that is only so if the trial has not ended by itself, and this is so
    // anyway.
    std::erase_if(trial->conditions, [](const Condition& c) { return c.type == kStoppingCondition; });
    AddEvent(*work, "trial/" + trial_name, "Normal", "EarlyStopping", "its collector says so (SetTrialStatus)");
    StopForGood(*work, *trial, TrialState::kEarlyStopped, std::string(kDeclaredStopped));
  }
  return Flush();
}

void ControllerImpl::OnRunEnd(const RunId& run, const RunEnd& ended) {
  Trial* trial = nullptr;
  LiveRun* live = nullptr;
  Work* work = WorkOf(run, &trial, &live);
  if (work == nullptr) return;
  const RunEnd end = JudgeEnd(*work->spec, ended);
  if (live->collector != nullptr && live->metrics_attempt >= live->attempt) {
    std::vector<MetricPoint> points;
    live->collector->Finish(&points);
    Record(*work, *trial, *live, points);
  }
  // The last one printed nothing. If it was to be stopped for what the one before had reported, that is what counts.
  if (live->metrics_attempt < live->attempt && StopsAs(*trial) != TrialState::kEarlyStopped)
    ForgetMetrics(*work, *trial, *live);

  if (IsDeclaredStopped(*trial)) {
    FinishStopped(*work, *trial, *live, TrialState::kEarlyStopped);
    return Reconcile(*work);
  }
  const int attempt = std::max({live->attempt, live->metrics_attempt, trial->attempt});
  switch (end.state) {
    case StepState::kSucceeded: {
      trial->observation = live->observation;
      if (HasObjective(*work->spec, live->observation)) {
        Finish(*work, *trial, TrialState::kSucceeded, "TrialSucceeded", "Trial has succeeded");
        break;
      }
      if (live->collector == nullptr) (void)BeginMetrics(*work, *trial, *live, attempt, 0, 0);  // for its words
      const std::string why = live->collector != nullptr ? live->collector->Diagnosis() : "the metrics cannot be read";
      AddEvent(*work, "trial/" + trial->name, "Warning", "MetricsUnavailable", why);
      Finish(*work, *trial, TrialState::kMetricsUnavailable, "MetricsUnavailable", "Metrics are not available. " + why);
      break;
    }
    case StepState::kStopped:
      if (const std::optional<TrialState> as = StopsAs(*trial)) {
        FinishStopped(*work, *trial, *live, *as);
        break;
      }
      if (live->judge.met()) {
        trial->observation = live->observation;
        Finish(*work, *trial, TrialState::kEarlyStopped, "TrialEarlyStopped", "Trial is early stopped");
        AfterCommit([this, id = work->record.id, name = run] { TellStopped(id, name); });
        break;
      }
      if (IsFinal(work->record.state)) {
        Finish(*work, *trial, TrialState::kKilled, "TrialKilled", "Trial was stopped after its experiment had ended");
        break;
      }
      if (trial->stopping || ++live->stops_not_asked_for < kStopsNotAskedFor) {
        RunAgain(*work, *trial, attempt);
        return;
      }
      [[fallthrough]];
    default: {
      KeepReported(*trial, *live);
      AddEvent(*work, "trial/" + trial->name, "Warning", end.reason, end.message);
      Finish(*work, *trial, TrialState::kFailed, "TrialFailed. Job reason: " + end.reason,
             "Trial has failed. Job message: " + end.message);
    }
  }
  Reconcile(*work);
}

// A trial that was stopped for good, with the words that were recorded when that was decided.
void ControllerImpl::FinishStopped(Work& work, Trial& trial, const LiveRun& live, TrialState as) {
  const Condition stopped = *FindCondition(trial.conditions, kStoppingCondition);
  KeepReported(trial, live);
  if (as == TrialState::kEarlyStopped)
    AfterCommit([this, id = work.record.id, name = trial.name] { TellStopped(id, name); });
  Finish(work, trial, as, stopped.reason, stopped.message);
}

// What a trial without success has reported, if it has reported anything.
void ControllerImpl::KeepReported(Trial& trial, const LiveRun& live) const {
  const auto& metrics = live.observation.metrics;
  if (std::ranges::any_of(metrics, [](const Metric& metric) { return metric.latest != "unavailable"; }))
    trial.observation = live.observation;
}

// A run that was stopped and is to be done again: at once, or when its experiment is resumed and it has its turn.
void ControllerImpl::RunAgain(Work& work, Trial& trial, int after_attempt) {
  const int stops = trial.stopping ? 0 : work.live.at(trial.name).stops_not_asked_for;
  trial.attempt = after_attempt;
  ForgetCurve(work, trial);
  trial.stopping = false;
  trial.started = {};
  std::erase_if(trial.conditions, [](const Condition& condition) { return condition.type == "Running"; });
  SetState(work, trial, TrialState::kCreated);
  Dirty(work, trial);
  work.live.erase(trial.name);
  experiment_by_run_.erase(trial.name);
  if (work.record.paused) return Queue(work, trial);
  AfterCommit([this, id = work.record.id, name = trial.name, stops] {
    Launch(id, name);
    if (Work* again = FindWork(id); again != nullptr && again->live.contains(name))
      again->live.at(name).stops_not_asked_for = stops;
  });
}

void ControllerImpl::Finish(Work& work, Trial& trial, TrialState state, const std::string& reason,
                            const std::string& message) {
  trial.completed = Now();
  trial.stopping = false;
  SetState(work, trial, state);
  work.queue.erase(trial.ordinal);
  std::erase_if(trial.conditions,
                [](const Condition& c) { return c.type == kQueuedCondition || c.type == kStoppingCondition; });
  if (FindCondition(trial.conditions, "Running") != nullptr)
    SetCondition(&trial.conditions, "Running", false, "TrialRunning", "Trial is not running", Now());
  SetCondition(&trial.conditions, std::string(ToString(state)), true, reason, message, Now());
  ConsiderBest(work, trial);
  RemoveCheckpoints(work);
  Dirty(work, trial);
  if (work.stopping != nullptr) work.stopping->End(trial.ordinal, StandingOf(state));
  work.live.erase(trial.name);
  experiment_by_run_.erase(trial.name);
}

void ControllerImpl::SetState(Work& work, Trial& trial, TrialState state) {
  --work.record.counts.Of(trial.state);
  ++work.record.counts.Of(state);
  trial.state = state;
  MarkDirty(work, trial);
  work.checkpoints.Note(trial);
}

// A trial that failed never is the best, whatever it printed before.
void ControllerImpl::ConsiderBest(Work& work, const Trial& trial) {
  if (trial.state != TrialState::kSucceeded && trial.state != TrialState::kEarlyStopped) return;
  if (!trial.observation) return;
  if (!HasObjective(*work.spec, *trial.observation)) return;
  const std::optional<double> value = ObjectiveValue(work.spec->objective, *trial.observation);
  if (const Trial* best = work.trials->Find(work.record.best_trial)) {
    const std::optional<double> held = ObjectiveValue(work.spec->objective, *best->observation);
    // Words have no order: the last proposed is the one that has learned most, and a number is better than words.
    if (!value && (held || best->ordinal > trial.ordinal)) return;
    // Of equals the first proposed: the order in which they ended is chance.
    if (value && held && !IsBetter(work.spec->objective.type, *value, *held) &&
        (*value != *held || best->ordinal < trial.ordinal))
      return;
  }
  work.record.best_trial = trial.name;
  Dirty(work);
}

}  // namespace qalam
