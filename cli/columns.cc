// SPDX-License-Identifier: Apache-2.0
#include "cli/columns.h"

#include <algorithm>
#include <utility>

#include "cli/launch.h"
#include "cli/lookup.h"
#include "cli/text.h"

namespace qalam {
namespace {

std::string Seconds(WallTime from, WallTime to) {
  if (from == WallTime{} || to == WallTime{}) return "";
  return fmt::format("{:.3f}", std::chrono::duration<double>(to - from).count());
}

std::string AgeText(WallTime time) { return time == WallTime{} ? "-" : Age(SystemClock().Wall() - time); }

// A number of seconds as people say it.
std::string Took(WallTime from, WallTime to) {
  return from == WallTime{} || to == WallTime{} ? "-" : ShortDuration(to - from);
}

std::string Message(const std::vector<Condition>& conditions) {
  return conditions.empty() ? "" : conditions.back().message;
}

// "unavailable" is what Katib calls no value.
std::string MetricValue(const ExperimentSpec& spec, const std::string& metric, const Trial& trial) {
  if (!trial.observation) return "";
  std::string value = StrategyValue(spec.objective, metric, *trial.observation);
  return value == "unavailable" ? "" : value;
}

std::string ShownValue(const std::string& value) { return value.empty() ? "-" : ShortValue(value); }

std::string AssignedValue(const Trial& trial, const std::string& parameter) {
  const std::string* value = FindValue(trial.assignments, parameter);
  return value == nullptr ? "" : *value;
}

int EndedOf(const TrialCounts& counts) { return counts.total - counts.created - counts.running; }

}  // namespace

Result<std::vector<ExperimentWithSpec>> WithSpecs(StoreReader& reader, std::vector<Experiment> records) {
  std::vector<ExperimentWithSpec> all;
  for (Experiment& record : records) {
    QALAM_TRY(ExperimentSpec spec, ReadStored(record));
    std::string best;
    if (!record.best_trial.empty()) {
      QALAM_TRY(const std::optional<Trial> trial, reader.FindTrial(record.best_trial));
      if (trial) best = MetricValue(spec, spec.objective.metric_name, *trial);
    }
    all.push_back({std::move(record), std::move(spec), std::move(best)});
  }
  return all;
}

Listing ListExperiments(const std::vector<ExperimentWithSpec>& all) {
  using C = Column;
  const auto of = [&all](auto get) { return [&all, get](std::size_t row) { return std::string(get(all[row])); }; };
  using E = ExperimentWithSpec;
  std::vector<Column> columns = {
      {"name", "NAME", C::kAll, of([](const E& e) { return e.record.name; }), {}},
      {"status", "STATUS", C::kAll, of([](const E& e) { return StatusWord(e.record); }), {}, {"state"}},
      {"best", "BEST", C::kAll, of([](const E& e) { return e.best; }),
       of([](const E& e) { return ShownValue(e.best); })},
      {"trials", "TRIALS", C::kAll, of([](const E& e) { return std::to_string(EndedOf(e.record.counts)); }),
       of([](const E& e) {
         const int ended = EndedOf(e.record.counts);
         return e.spec.max_trial_count ? fmt::format("{}/{}", ended, *e.spec.max_trial_count)
                                       : fmt::format("{}", ended);
       })},
      {"max_trials",
       "",
       C::kCsv,
       of([](const E& e) { return e.spec.max_trial_count ? std::to_string(*e.spec.max_trial_count) : ""; }),
       {}},
      {"algorithm", "ALGORITHM", C::kAll, of([](const E& e) { return e.spec.algorithm.name; }), {}},
      {"age", "AGE", C::kTables, of([](const E& e) { return Seconds(e.record.created, SystemClock().Wall()); }),
       of([](const E& e) { return AgeText(e.record.created); })},
      {"namespace", "NAMESPACE", C::kWide | C::kCsv, of([](const E& e) { return e.record.namespace_name; }), {}},
      {"objective",
       "OBJECTIVE",
       C::kWide | C::kCsv,
       of([](const E& e) {
         const bool minimize = e.spec.objective.type == ObjectiveType::kMinimize;
         return fmt::format("{} {}", minimize ? "minimize" : "maximize", e.spec.objective.metric_name);
       }),
       {}},
      {"running",
       "RUNNING",
       C::kWide | C::kCsv,
       of([](const E& e) { return std::to_string(e.record.counts.running); }),
       {}},
      {"failed",
       "FAILED",
       C::kWide | C::kCsv,
       of([](const E& e) { return std::to_string(e.record.counts.failed + e.record.counts.metrics_unavailable); }),
       {}},
      {"best_trial", "BEST TRIAL", C::kWide | C::kCsv, of([](const E& e) { return e.record.best_trial; }), {}},
      {"reason",
       "REASON",
       C::kWide | C::kCsv,
       of([](const E& e) { return e.record.conditions.empty() ? "" : e.record.conditions.back().reason; }),
       {}},
      {"created", "", C::kCsv, of([](const E& e) { return FormatTimePrecise(e.record.created); }), {}},
      {"completed", "", C::kCsv, of([](const E& e) { return FormatTimePrecise(e.record.completed); }), {}},
      {"seconds", "", C::kCsv, of([](const E& e) { return Seconds(e.record.created, e.record.completed); }), {}},
  };
  return Listing(all.size(), std::move(columns));
}

Listing ListTrials(const ExperimentWithSpec& experiment, const std::vector<Trial>& trials) {
  using C = Column;
  const ExperimentSpec& spec = experiment.spec;
  const auto of = [&trials](auto get) {
    return [&trials, get](std::size_t row) { return std::string(get(trials[row])); };
  };
  const auto metric = [&](const std::string& name, const std::string& column, unsigned where) {
    const auto value = [&spec, name](const Trial& t) { return MetricValue(spec, name, t); };
    Column made{column, name, where, of(value), of([value](const Trial& t) { return ShownValue(value(t)); })};
    made.reads = TrialQuery::kObservation;
    return made;
  };
  std::vector<Column> columns = {
      {"ordinal",
       "TRIAL",
       C::kAll,
       of([](const Trial& t) { return std::to_string(t.ordinal); }),
       of([](const Trial& t) { return fmt::format("#{}", t.ordinal); }),
       {"number"}},
      {"name", "NAME", C::kAll, of([](const Trial& t) { return t.name; }), {}},
      {"status", "STATUS", C::kAll, of([](const Trial& t) { return ToString(t.state); }), {}, {"state"}},
      metric(spec.objective.metric_name, spec.objective.metric_name, C::kAll),
  };
  for (const std::string& name : spec.objective.additional_metric_names)
    columns.push_back(metric(name, name, C::kWide | C::kCsv));
  for (const ParameterSpec& p : spec.parameters) {
    const auto value = [name = p.name](const Trial& t) { return AssignedValue(t, name); };
    columns.push_back(
        {p.name, p.name, C::kAll, of(value), of([value](const Trial& t) { return ShownValue(value(t)); })});
    columns.back().reads = TrialQuery::kAssignments;
  }
  Column objective = metric(spec.objective.metric_name, "objective", C::kNowhere);
  objective.largest_first = spec.objective.type == ObjectiveType::kMaximize;
  columns.push_back(std::move(objective));
  const auto seconds = of([](const Trial& t) { return Seconds(t.started, t.completed); });
  columns.insert(
      columns.end(),
      {Column{"started", "", C::kCsv, of([](const Trial& t) { return FormatTimePrecise(t.started); }), {}},
       Column{"completed", "", C::kCsv, of([](const Trial& t) { return FormatTimePrecise(t.completed); }), {}},
       Column{"age", "AGE", C::kTables, of([](const Trial& t) { return Seconds(t.started, SystemClock().Wall()); }),
              of([](const Trial& t) { return AgeText(t.started); })},
       Column{"seconds", "TOOK", C::kWide | C::kCsv, seconds,
              of([](const Trial& t) { return Took(t.started, t.completed); })},
       Column{"message", "MESSAGE", C::kWide | C::kCsv, of([](const Trial& t) { return Message(t.conditions); }),
              of([](const Trial& t) { return FirstLine(Message(t.conditions)); })}});
  columns.back().reads = TrialQuery::kConditions;
  return Listing(trials.size(), std::move(columns));
}

Listing ListSuggestions(const std::vector<ExperimentWithSpec>& all) {
  using C = Column;
  const auto of = [&all](auto get) { return [&all, get](std::size_t row) { return std::string(get(all[row])); }; };
  using E = ExperimentWithSpec;
  std::vector<Column> columns = {
      {"name", "NAME", C::kAll, of([](const E& e) { return e.record.name; }), {}},
      {"algorithm", "ALGORITHM", C::kAll, of([](const E& e) { return e.spec.algorithm.name; }), {}},
      {"assigned", "ASSIGNED", C::kAll, of([](const E& e) { return std::to_string(e.record.counts.total); }), {}},
      {"namespace", "NAMESPACE", C::kWide | C::kCsv, of([](const E& e) { return e.record.namespace_name; }), {}},
      {"created", "", C::kCsv, of([](const E& e) { return FormatTimePrecise(e.record.created); }), {}},
      {"age", "AGE", C::kTables, of([](const E& e) { return Seconds(e.record.created, SystemClock().Wall()); }),
       of([](const E& e) { return AgeText(e.record.created); })},
  };
  return Listing(all.size(), std::move(columns));
}

}  // namespace qalam
