// SPDX-License-Identifier: Apache-2.0
#include "cli/tracker.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include "core/objective.h"

namespace qalam {
namespace {

constexpr std::size_t kEndedKept = 200;    // more than any screen is high
constexpr std::size_t kReportsShown = 60;  // trials at work whose curves are read
constexpr int kRestAfterReading = 20;      // times as long as the reading took
constexpr std::size_t kTrendPoints = 5;
constexpr double kFlatShare = 0.02;  // of the curve's whole range

bool IsFailure(TrialState state) { return state == TrialState::kFailed || state == TrialState::kMetricsUnavailable; }

TrialRow RowOf(const Trial& trial, const ObjectiveSpec& objective) {
  TrialRow row;
  row.ordinal = trial.ordinal;
  row.name = trial.name;
  row.state = trial.state;
  if (trial.observation) row.value = ObjectiveValue(objective, *trial.observation);
  row.assignments = trial.assignments;
  row.message = TrialMessage(trial);
  row.started = trial.started;
  row.completed = trial.completed;
  return row;
}

// Whether the last reports go up or down: the slope of a line through them against the range of the whole curve.
Trend TrendOf(const std::vector<double>& curve) {
  const std::size_t n = std::min(curve.size(), kTrendPoints);
  if (n < 2) return Trend::kUnknown;
  const auto [low, high] = std::minmax_element(curve.begin(), curve.end());
  const double middle = static_cast<double>(n - 1) / 2;
  double slope = 0, weight = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(i) - middle;
    slope += x * curve[curve.size() - n + i];
    weight += x * x;
  }
  const double change = slope / weight * static_cast<double>(n - 1);
  if (std::abs(change) <= kFlatShare * (*high - *low)) return Trend::kFlat;
  return change < 0 ? Trend::kFalling : Trend::kRising;
}

void NoteValues(const Assignments& assignments, ProgressModel* model) {
  for (const Assignment& a : assignments) {
    const auto [first, added] = model->first_values.try_emplace(a.name, a.value);
    if (!added && first->second != a.value) model->varies[a.name] = true;
  }
}

}  // namespace

std::string TrialMessage(const Trial& trial) {
  if (trial.conditions.empty()) return "";
  const std::string& message = trial.conditions.back().message;
  for (const std::string_view opening : {"Trial has failed. Job message: ", "Metrics are not available. "}) {
    if (message.starts_with(opening)) return message.substr(opening.size());
  }
  return message;
}

std::vector<ObservationRow> NewestReports(std::vector<ObservationRow> rows) {
  int newest = 0;
  for (const ObservationRow& row : rows) newest = std::max(newest, row.attempt);
  std::erase_if(rows, [newest](const ObservationRow& row) { return row.attempt != newest; });
  return rows;
}

Status Tracker::Follow(const ExperimentSpec& spec, std::int64_t experiment_id, const std::string& db_option) {
  if (models_.empty()) {
    QALAM_TRY(const Changes now, reader_.ChangesSince(std::numeric_limits<std::int64_t>::max()));
    revision_ = now.revision;
  }
  ProgressModel model;
  model.name = spec.name;
  model.algorithm = spec.algorithm.name;
  model.objective = spec.objective;
  for (const ParameterSpec& parameter : spec.parameters) model.parameters.push_back(parameter.name);
  model.max_trials = spec.max_trial_count;
  model.db_option = db_option;
  names_[experiment_id] = {spec.namespace_name, spec.name};
  QALAM_RETURN_IF_ERROR(ReadExperiment(experiment_id, &model));
  QALAM_RETURN_IF_ERROR(ReadTrials(experiment_id, &model));
  model.ended_at_start = Ended(model.counts);
  model.looked_since = clock_.Wall();
  models_[experiment_id] = std::move(model);
  return OkStatus();
}

// The newest trials, all that are at work, and the last one that failed: what a screen can show of them, however many
// there are.
Status Tracker::ReadTrials(std::int64_t id, ProgressModel* model) {
  const TrialCounts& counts = model->counts;
  const int at_work = counts.created + counts.running;
  const int newest = static_cast<int>(kEndedKept) + at_work;
  QALAM_TRY(std::vector<Trial> trials, reader_.FindTrials(id, {.newest_first = true, .limit = newest}));
  std::ranges::reverse(trials);
  const auto runs = [](const Trial& trial) { return !IsFinal(trial.state); };
  const auto failed = [](const Trial& trial) { return IsFailure(trial.state); };
  const bool more_run = std::ranges::count_if(trials, runs) < at_work;
  const bool more_failed = counts.failed + counts.metrics_unavailable > 0 && std::ranges::none_of(trials, failed);
  if ((more_run || more_failed) && !trials.empty()) {
    QALAM_TRY(const std::vector<Trial> all, reader_.FindTrials(id, {.parts = TrialQuery::kNothing}));
    const auto seen = std::ranges::lower_bound(all, trials.front().ordinal, {}, &Trial::ordinal);
    std::vector<Trial> older;
    bool wants_failure = more_failed;
    for (auto trial = seen; trial != all.begin();) {
      --trial;
      if (!runs(*trial) && !(failed(*trial) && std::exchange(wants_failure, false))) continue;
      QALAM_TRY(std::optional<Trial> whole, reader_.FindNumbered(id, trial->ordinal));
      if (whole) older.push_back(*std::move(whole));
    }
    trials.insert(trials.begin(), older.rbegin(), older.rend());
  }
  for (const Trial& trial : trials) TakeUp(trial, model);
  return OkStatus();
}

Status Tracker::Update(const std::function<void(const ProgressModel&, const TrialRow&)>& ended) {
  QALAM_TRY(const Changes changes, reader_.ChangesSince(revision_));
  std::vector<std::pair<std::int64_t, TrialRow>> newly_ended;
  for (const std::string& name : changes.trials) {
    QALAM_TRY(const std::optional<Trial> trial, reader_.FindTrial(name));
    if (!trial) continue;
    const auto model = models_.find(trial->experiment_id);
    if (model == models_.end()) continue;
    if (TakeUp(*trial, &model->second)) newly_ended.emplace_back(model->first, model->second.ended.front());
  }
  for (const std::int64_t id : changes.experiments) {
    if (const auto model = models_.find(id); model != models_.end())
      QALAM_RETURN_IF_ERROR(ReadExperiment(id, &model->second));
  }
  revision_ = changes.revision;
  if (ended) {
    for (const auto& [id, row] : newly_ended) ended(models_.at(id), row);
  }
  return OkStatus();
}

Status Tracker::ReadExperiment(std::int64_t id, ProgressModel* model) {
  const auto& [namespace_name, name] = names_.at(id);
  QALAM_TRY(const std::optional<Experiment> record, reader_.FindExperiment(namespace_name, name));
  if (!record || record->id != id) {
    model->state = ExperimentState::kFailed;
    model->reason = "ExperimentDeleted";
    model->message = "Experiment was deleted";
    model->counts.running = model->counts.created = 0;
    model->running.clear();
    return OkStatus();
  }
  model->state = record->state;
  model->reason = record->conditions.empty() ? "" : record->conditions.back().reason;
  model->message = record->conditions.empty() ? "" : record->conditions.back().message;
  model->paused = record->paused;
  model->counts = record->counts;
  model->created = record->created;
  model->completed = record->completed;
  if (!record->best_trial.empty() && (!model->best || model->best->name != record->best_trial)) {
    QALAM_TRY(const std::optional<Trial> best, reader_.FindTrial(record->best_trial));
    if (best) {
      NoteValues(best->assignments, model);
      model->best = RowOf(*best, model->objective);
    }
  }
  return OkStatus();
}

bool Tracker::TakeUp(const Trial& trial, ProgressModel* model) {
  NoteValues(trial.assignments, model);
  TrialRow row = RowOf(trial, model->objective);
  if (!IsFinal(trial.state)) {
    const auto known = model->running.find(trial.ordinal);
    if (known != model->running.end()) row.reports = known->second.reports;
    model->running.insert_or_assign(trial.ordinal, std::move(row));
    return false;
  }
  // A trial that came and went between two looks was never among those at work.
  const bool seen = std::any_of(model->ended.begin(), model->ended.end(),
                                [&](const TrialRow& old) { return old.ordinal == trial.ordinal; });
  if (const auto known = model->running.extract(trial.ordinal); !known.empty()) row.reports = known.mapped().reports;
  not_before_.erase(trial.name);
  if (seen) return false;
  if (IsFailure(trial.state)) model->last_failed = row;
  model->ended.push_front(std::move(row));
  if (model->ended.size() > kEndedKept) model->ended.pop_back();
  return true;
}

void Tracker::ReadReports() {
  std::size_t read = 0;
  for (auto& [id, model] : models_) {
    for (auto i = model.running.rbegin(); i != model.running.rend() && read < kReportsShown; ++i, ++read) {
      if (i->second.state == TrialState::kRunning) ReadReports(&i->second, &model);
    }
    std::size_t shown = 0;
    for (TrialRow& row : model.ended) {
      if (++shown > kReportsShown) break;
      if (!row.reports.complete) ReadReports(&row, &model);
    }
    if (model.best && !model.best->reports.complete) ReadReports(&*model.best, &model);
  }
}

void Tracker::ReadReports(TrialRow* row, ProgressModel* model) {
  const Duration start = clock_.Monotonic();
  if (const auto wait = not_before_.find(row->name); wait != not_before_.end() && wait->second > start) return;
  auto rows = reader_.Observations(row->name);
  const Duration end = clock_.Monotonic();
  if (!IsFinal(row->state)) not_before_[row->name] = end + kRestAfterReading * (end - start);
  if (!rows.ok()) return;  // shown as it was; the next commit or the end says what is wrong
  std::vector<double> curve;
  for (const ObservationRow& report : NewestReports(*std::move(rows))) {
    if (report.metric_name != model->objective.metric_name) continue;
    row->reports.step = report.step;
    if (const auto value = ParseMetricValue(report.value)) curve.push_back(*value);
  }
  row->reports.latest = curve.empty() ? std::nullopt : std::optional(curve.back());
  row->reports.trend = TrendOf(curve);
  row->reports.complete = IsFinal(row->state);
  model->longest = std::max(model->longest, row->reports.step);
}

}  // namespace qalam
