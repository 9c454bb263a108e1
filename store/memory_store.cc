// SPDX-License-Identifier: Apache-2.0
#include "store/memory_store.h"

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace qalam {
namespace {

using Name = std::pair<std::string, std::string>;  // namespace, name

// Every written row goes to the end of its list, so that what changed lately is found from there.
template <class Key>
class Feed {
 public:
  struct Entry {
    std::int64_t revision;
    Key key;
  };
  using Place = typename std::list<Entry>::iterator;

  Place Add(Key key, std::int64_t revision) { return entries_.insert(entries_.end(), {revision, std::move(key)}); }
  void Touch(Place place, std::int64_t revision) {
    place->revision = revision;
    entries_.splice(entries_.end(), entries_, place);
  }
  void Remove(Place place) { entries_.erase(place); }
  std::vector<Key> Since(std::int64_t revision) const {
    std::vector<Key> keys;
    for (auto entry = entries_.rbegin(); entry != entries_.rend() && entry->revision > revision; ++entry) {
      keys.push_back(entry->key);
    }
    std::reverse(keys.begin(), keys.end());
    return keys;
  }

 private:
  std::list<Entry> entries_;
};

struct TrialRows {
  Trial trial;
  Feed<std::string>::Place place;
  std::map<std::pair<std::string, int>, StepRecord> steps;
  std::vector<ObservationRow> observations;
  std::set<std::pair<int, std::int64_t>> reported;
  std::map<int, CollectorPosition> positions;
};

struct EventRow {
  std::int64_t id;
  Event event;
  bool operator<(const EventRow& other) const {
    return std::tie(event.last, id) < std::tie(other.event.last, other.id);
  }
};

struct ExperimentRows {
  Experiment experiment;
  Feed<std::int64_t>::Place place;
  std::map<std::uint64_t, TrialRows*> trials;
  std::map<std::string, std::map<std::tuple<std::string, std::string, std::string>, EventRow>> events;  // by object
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(std::function<Status(const WriteBatch&)> before_commit)
      : before_commit_(std::move(before_commit)) {}

  Status Commit(const WriteBatch& batch) override {
    if (batch.empty()) return OkStatus();
    if (before_commit_) QALAM_RETURN_IF_ERROR(before_commit_(batch));
    QALAM_RETURN_IF_ERROR(Check(batch));
    if (!batch.experiments.empty() || !batch.trials.empty() || !batch.deleted.empty()) ++revision_;
    for (const auto& row : batch.experiments) Write(row);
    for (const auto& row : batch.trials) Write(row);
    for (const auto& row : batch.steps) trials_.at(row.run).steps[{row.step, row.attempt}] = row;
    for (const auto& row : batch.observations) Write(row);
    for (const auto& row : batch.positions) trials_.at(row.trial_name).positions[row.attempt] = row;
    for (const auto& row : batch.events) Write(row);
    for (const auto& row : batch.deleted) Delete(row.experiment_id);
    return OkStatus();
  }

  Result<std::vector<Experiment>> Experiments() override {
    std::vector<Experiment> found;
    for (const auto& [id, rows] : experiments_) found.push_back(rows.experiment);
    return found;
  }
  Result<std::int64_t> LastExperimentId() override { return last_experiment_; }
  Result<std::optional<Experiment>> FindExperiment(const std::string& namespace_name,
                                                   const std::string& name) override {
    const auto id = names_.find({namespace_name, name});
    if (id == names_.end()) return std::optional<Experiment>();
    return std::optional(experiments_.at(id->second).experiment);
  }
  Result<std::vector<Trial>> Trials(std::int64_t experiment_id) override { return FindTrials(experiment_id, {}); }
  Result<std::vector<Trial>> FindTrials(std::int64_t experiment_id, const TrialQuery& query) override {
    std::vector<Trial> found;
    const auto rows = experiments_.find(experiment_id);
    if (rows == experiments_.end()) return found;
    for (const auto& [ordinal, trial] : rows->second.trials) found.push_back(trial->trial);
    if (query.newest_first) std::ranges::reverse(found);
    if (query.limit && found.size() > static_cast<std::size_t>(*query.limit))
      found.resize(static_cast<std::size_t>(*query.limit));
    for (Trial& trial : found) {
      if ((query.parts & TrialQuery::kAssignments) == 0) trial.assignments.clear();
      if ((query.parts & TrialQuery::kObservation) == 0) trial.observation.reset();
      if ((query.parts & TrialQuery::kConditions) == 0) trial.conditions.clear();
      if ((query.parts & TrialQuery::kLabelsAndRules) != 0) continue;
      trial.labels.clear();
      trial.early_stopping_rules.clear();
    }
    return found;
  }
  Result<std::optional<Trial>> FindNumbered(std::int64_t experiment_id, std::uint64_t ordinal) override {
    const auto rows = experiments_.find(experiment_id);
    if (rows == experiments_.end()) return std::optional<Trial>();
    const auto row = rows->second.trials.find(ordinal);
    return row == rows->second.trials.end() ? std::optional<Trial>() : std::optional(row->second->trial);
  }
  Result<std::optional<Trial>> FindTrial(const std::string& name) override {
    const TrialRows* rows = Find(name);
    return rows == nullptr ? std::optional<Trial>() : std::optional(rows->trial);
  }
  Result<std::vector<StepRecord>> Steps(const std::string& trial_name) override {
    std::vector<StepRecord> found;
    if (const TrialRows* rows = Find(trial_name)) {
      for (const auto& [key, step] : rows->steps) found.push_back(step);
    }
    return found;
  }
  Result<std::vector<ObservationRow>> Observations(const std::string& trial_name) override {
    const TrialRows* rows = Find(trial_name);
    return rows == nullptr ? std::vector<ObservationRow>() : rows->observations;
  }
  Status VisitCurves(std::int64_t experiment_id, const std::string& metric,
                     const std::function<void(const CurveReport&)>& visit) override {
    const auto rows = experiments_.find(experiment_id);
    if (rows == experiments_.end()) return OkStatus();
    for (const auto& [ordinal, trial] : rows->second.trials) {
      int newest = 0;
      for (const ObservationRow& row : trial->observations) newest = std::max(newest, row.attempt);
      std::map<std::int64_t, const ObservationRow*> by_sequence;
      for (const ObservationRow& row : trial->observations) {
        if (row.attempt == newest && row.metric_name == metric) by_sequence.emplace(row.sequence, &row);
      }
      for (const auto& [sequence, row] : by_sequence) visit({ordinal, row->step, row->value});
    }
    return OkStatus();
  }
  Result<std::optional<CollectorPosition>> Position(const std::string& trial_name) override {
    const TrialRows* rows = Find(trial_name);
    if (rows == nullptr || rows->positions.empty()) return std::optional<CollectorPosition>();
    return std::optional(rows->positions.rbegin()->second);
  }
  Result<std::vector<Event>> Events(std::int64_t experiment_id) override {
    std::vector<EventRow> rows;
    if (const auto experiment = experiments_.find(experiment_id); experiment != experiments_.end()) {
      for (const auto& [object, events] : experiment->second.events) {
        for (const auto& [key, row] : events) rows.push_back(row);
      }
    }
    std::sort(rows.begin(), rows.end());
    std::vector<Event> found;
    for (EventRow& row : rows) found.push_back(std::move(row.event));
    return found;
  }
  Result<Changes> ChangesSince(std::int64_t revision) override {
    return Changes{revision_, experiment_feed_.Since(revision), trial_feed_.Since(revision)};
  }

 private:
  const TrialRows* Find(const std::string& trial_name) const {
    const auto rows = trials_.find(trial_name);
    return rows == trials_.end() ? nullptr : &rows->second;
  }

  // Everything that can be wrong with a batch, before any of it is written. Rows may lean on others of the batch.
  Status Check(const WriteBatch& batch) const {
    std::map<std::int64_t, const Experiment*> new_experiments;
    std::set<std::string> new_uids;
    std::set<Name> new_names;
    for (const Experiment& e : batch.experiments) {
      const Experiment* same = nullptr;
      if (const auto rows = experiments_.find(e.id); rows != experiments_.end()) same = &rows->second.experiment;
      if (const auto added = new_experiments.find(e.id); added != new_experiments.end()) same = added->second;
      const bool taken =
          same != nullptr ? same->uid != e.uid || same->namespace_name != e.namespace_name || same->name != e.name
                          : uids_.contains(e.uid) || names_.contains({e.namespace_name, e.name}) ||
                                !new_uids.insert(e.uid).second || !new_names.insert({e.namespace_name, e.name}).second;
      if (taken) return Error(Code::kAlreadyExists, "experiment {} is another one than '{}'", e.id, e.name);
      if (same == nullptr) new_experiments.emplace(e.id, &e);
    }
    const auto has_experiment = [&](std::int64_t id) {
      return experiments_.contains(id) || new_experiments.contains(id);
    };

    std::unordered_map<std::string_view, const Trial*> new_trials;
    std::set<std::pair<std::int64_t, std::uint64_t>> new_ordinals;
    for (const Trial& t : batch.trials) {
      if (!has_experiment(t.experiment_id)) {
        return Error(Code::kFailedPrecondition, "trial {} belongs to experiment {}, which is not there", t.name,
                     t.experiment_id);
      }
      const TrialRows* rows = Find(t.name);
      const Trial* same = rows != nullptr ? &rows->trial : nullptr;
      if (const auto added = new_trials.find(t.name); added != new_trials.end()) same = added->second;
      bool taken = false;
      if (same != nullptr) {
        taken = same->experiment_id != t.experiment_id || same->ordinal != t.ordinal;
      } else {
        const auto experiment = experiments_.find(t.experiment_id);
        taken = (experiment != experiments_.end() && experiment->second.trials.contains(t.ordinal)) ||
                !new_ordinals.insert({t.experiment_id, t.ordinal}).second;
      }
      if (taken) return Error(Code::kAlreadyExists, "trial {} is there already, as another one", t.name);
      if (same == nullptr) new_trials.emplace(t.name, &t);
    }
    const auto check_trial = [&](const std::string& name) {
      if (trials_.contains(name) || new_trials.contains(name)) return OkStatus();
      return Error(Code::kFailedPrecondition, "a row belongs to trial {}, which is not there", name);
    };
    for (const auto& row : batch.steps) QALAM_RETURN_IF_ERROR(check_trial(row.run));
    for (const auto& row : batch.observations) QALAM_RETURN_IF_ERROR(check_trial(row.trial_name));
    for (const auto& row : batch.positions) QALAM_RETURN_IF_ERROR(check_trial(row.trial_name));
    for (const auto& row : batch.events) {
      if (has_experiment(row.experiment_id)) continue;
      return Error(Code::kFailedPrecondition, "an event belongs to experiment {}, which is not there",
                   row.experiment_id);
    }
    return OkStatus();
  }

  void Write(const Experiment& experiment) {
    const auto [rows, added] = experiments_.try_emplace(experiment.id);
    rows->second.experiment = experiment;
    last_experiment_ = std::max(last_experiment_, experiment.id);
    if (!added) return experiment_feed_.Touch(rows->second.place, revision_);
    rows->second.place = experiment_feed_.Add(experiment.id, revision_);
    names_.emplace(Name{experiment.namespace_name, experiment.name}, experiment.id);
    uids_.insert(experiment.uid);
  }
  // Its entry in the feed stays, as the sign that it is gone.
  void Delete(std::int64_t id) {
    const auto rows = experiments_.find(id);
    if (rows == experiments_.end()) return;
    for (const auto& [ordinal, trial] : rows->second.trials) {
      trial_feed_.Remove(trial->place);
      const std::string name = trial->trial.name;
      trials_.erase(name);
    }
    const Experiment& experiment = rows->second.experiment;
    experiment_feed_.Touch(rows->second.place, revision_);
    names_.erase({experiment.namespace_name, experiment.name});
    uids_.erase(experiment.uid);
    experiments_.erase(rows);
  }
  void Write(const Trial& trial) {
    const auto [rows, added] = trials_.try_emplace(trial.name);
    rows->second.trial = trial;
    if (!added) return trial_feed_.Touch(rows->second.place, revision_);
    rows->second.place = trial_feed_.Add(trial.name, revision_);
    experiments_.at(trial.experiment_id).trials.emplace(trial.ordinal, &rows->second);
  }
  void Write(const ObservationRow& row) {
    TrialRows& trial = trials_.at(row.trial_name);
    if (!trial.reported.insert({row.attempt, row.sequence}).second) return;
    trial.observations.push_back(row);
    trial.observations.back().id = ++last_observation_;
  }
  void Write(const Event& event) {
    auto& events = experiments_.at(event.experiment_id).events[event.object];
    const auto [row, added] = events.try_emplace({event.type, event.reason, event.message}, EventRow{0, event});
    if (!added) {
      row->second.event.count += event.count;
      row->second.event.last = event.last;
      return;
    }
    row->second.id = ++last_event_;
    if (events.size() <= static_cast<std::size_t>(kMaxEvents)) return;
    std::vector<EventRow> oldest_first;
    for (const auto& [key, kept] : events) oldest_first.push_back(kept);
    std::sort(oldest_first.begin(), oldest_first.end());
    oldest_first.resize(events.size() - kEventsLeft);
    for (const auto& [id, old] : oldest_first) events.erase({old.type, old.reason, old.message});
  }

  std::function<Status(const WriteBatch&)> before_commit_;
  std::int64_t last_experiment_ = 0, revision_ = 0, last_observation_ = 0, last_event_ = 0;
  std::map<std::int64_t, ExperimentRows> experiments_;
  std::map<Name, std::int64_t> names_;
  std::set<std::string> uids_;
  std::unordered_map<std::string, TrialRows> trials_;  // its values stay where they are
  Feed<std::int64_t> experiment_feed_;
  Feed<std::string> trial_feed_;
};

}  // namespace

std::unique_ptr<Store> MakeMemoryStore(std::function<Status(const WriteBatch&)> before_commit) {
  return std::make_unique<MemoryStore>(std::move(before_commit));
}

}  // namespace qalam
