// SPDX-License-Identifier: Apache-2.0
#include "tests/store/store_fixture.h"

namespace qalam {
namespace {

std::string Ticks(WallTime time) { return std::to_string(time.time_since_epoch().count()); }

std::string Quote(const std::string& text) { return std::to_string(text.size()) + ":" + text; }

std::string Describe(const std::vector<Condition>& conditions) {
  std::string text;
  for (const Condition& c : conditions) {
    text += fmt::format("[{} {} {} {} {} {}]", c.type, c.status, c.reason, Quote(c.message), Ticks(c.last_update),
                        Ticks(c.last_transition));
  }
  return text;
}

}  // namespace

Experiment SomeExperiment(std::int64_t id, const std::string& name) {
  Experiment e;
  e.id = id;
  e.namespace_name = "default";
  e.name = name;
  e.uid = name + "-uid";
  e.manifest = R"({"kind":"Experiment"})";
  e.source = "kind: Experiment\n";
  e.created = At(0);
  return e;
}

Trial SomeTrial(std::uint64_t ordinal, const std::string& experiment, std::int64_t id) {
  Trial t;
  t.name = experiment + "-t" + std::to_string(ordinal);
  t.experiment_id = id;
  t.ordinal = ordinal;
  t.assignments = {{"lr", "0.10"}, {"batch", "32"}};
  t.created = At(static_cast<int>(ordinal));
  return t;
}

StepRecord SomeStep(const std::string& step, int attempt, const std::string& run) {
  StepRecord s;
  s.run = run;
  s.step = step;
  s.attempt = attempt;
  s.state = StepState::kRunning;
  s.started = At(3);
  return s;
}

ObservationRow SomeReport(std::int64_t sequence, const std::string& trial, int attempt) {
  ObservationRow row;
  row.trial_name = trial;
  row.attempt = attempt;
  row.sequence = sequence;
  row.time = At(static_cast<int>(sequence), 5);
  row.metric_name = "loss";
  row.value = "0." + std::to_string(sequence);
  row.step = sequence;
  return row;
}

CollectorPosition SomePosition(std::int64_t offset, int attempt, const std::string& trial) {
  return {.trial_name = trial, .attempt = attempt, .offset = offset, .sequence = offset / 10, .lines = offset / 5};
}

Event SomeEvent(const std::string& message, int second, const std::string& object) {
  Event e;
  e.experiment_id = 1;
  e.object = object;
  e.reason = "TrialRunning";
  e.message = message;
  e.first = e.last = At(second);
  return e;
}

WriteBatch FullBatch() {
  Experiment e = SomeExperiment();
  e.manifest = R"({"metadata":{"name":"digits"},"text":"\"quoted\" é 漢"})";
  e.source = "# a comment with 'quotes'\n\tand a tab\n";
  e.state = ExperimentState::kRunning;
  e.conditions = {
      {"Created", "True", "ExperimentCreated", "Experiment is created", At(1), At(1)},
      {"Running", "True", "ExperimentRunning", "two\nlines, \"quotes\", \\ and é", At(2, 123'456'789), At(2)},
      {"Restarting", "False", "", "", {}, {}}};
  e.algorithm_settings = {{"n_startup", "10"}, {"a", "comes after n: the order is kept"}};
  e.counts = {.total = 36,
              .created = 1,
              .running = 2,
              .succeeded = 3,
              .killed = 4,
              .failed = 5,
              .metrics_unavailable = 6,
              .early_stopped = 15};
  e.best_trial = "digits-t1";
  e.paused = true;
  e.exhausted = true;
  e.created = At(0, 1);
  e.started = At(1, 999'999'999);
  e.completed = At(100);

  Trial t = SomeTrial();
  t.assignments = {{"z", "0.10"}, {"a", "1e-05"}, {"name with \"quotes\" and é", "relu\n"}, {"empty", ""}};
  t.labels = {{"pbt.suggestion.katib.kubeflow.org/generation", "3"}, {"b", ""}};
  t.early_stopping_rules = {{"loss", "0.25", Comparison::kGreater, 4}, {"é \"q\"", "", Comparison::kEqual, 0}};
  t.state = TrialState::kEarlyStopped;
  t.conditions = e.conditions;
  t.observation = Observation{{{"loss", "0.10", "0.3", "0.2"}, {"Validation-accuracy \"é\"", "nan", "inf", "-1"}, {}}};
  t.started = At(2);
  t.completed = At(9, 10);
  t.attempt = 2;
  t.stopping = true;

  StepRecord ended = SomeStep();
  ended.state = StepState::kFailed;
  ended.exit_code = 0;
  ended.signal = 9;
  ended.reason = "OOMKilled";
  ended.message = "used 300 of 256 MiB";
  ended.ended = At(5, 7);
  ended.cpu_seconds = 0.1;
  ended.max_rss = 3'000'000'000;

  ObservationRow odd = SomeReport(2);
  odd.time = {};
  odd.metric_name = "Validation-accuracy \"é\"";
  odd.value = std::string("\x00\xff nan", 6);
  odd.step = -3'000'000'000;

  WriteBatch batch;
  batch.experiments = {e};
  batch.trials = {t};
  batch.steps = {ended, SomeStep("main", 2)};
  batch.observations = {SomeReport(1), odd};
  batch.positions = {SomePosition(5'000'000'000)};
  batch.events = {SomeEvent("Trial é is running", 4)};
  return batch;
}

std::string Describe(const Experiment& e) {
  std::string settings;
  for (const Setting& s : e.algorithm_settings) settings += s.name + "=" + s.value + ",";
  const TrialCounts& n = e.counts;
  return fmt::format("{} {}/{} {} {} {} {} {} [{}] {} {} {} {} {} {} {} {} best={} paused={} exhausted={} {} {} {}",
                     e.id, e.namespace_name, e.name, e.uid, Quote(e.manifest), Quote(e.source), ToString(e.state),
                     Describe(e.conditions), settings, n.total, n.created, n.running, n.succeeded, n.killed, n.failed,
                     n.metrics_unavailable, n.early_stopped, e.best_trial, e.paused, e.exhausted, Ticks(e.created),
                     Ticks(e.started), Ticks(e.completed));
}

std::string Describe(const Trial& t) {
  std::string assignments, labels, rules, observation = "none";
  for (const EarlyStoppingRule& r : t.early_stopping_rules) {
    rules += fmt::format("{} {} {} {},", Quote(r.name), ToString(r.comparison), Quote(r.value), r.start_step);
  }
  for (const Assignment& a : t.assignments) assignments += Quote(a.name) + "=" + Quote(a.value) + ",";
  for (const auto& [name, value] : t.labels) labels += Quote(name) + "=" + Quote(value) + ",";
  if (t.observation) {
    observation.clear();
    for (const Metric& m : t.observation->metrics) {
      observation += fmt::format("{}({} {} {})", Quote(m.name), m.min, m.max, m.latest);
    }
  }
  return fmt::format("{} {} #{} [{}] [{}] {} {} [{}] {} {} {} attempt={} stopping={} rules={}", t.name, t.experiment_id,
                     t.ordinal, assignments, labels, ToString(t.state), Describe(t.conditions), observation,
                     Ticks(t.created), Ticks(t.started), Ticks(t.completed), t.attempt, t.stopping, rules);
}

std::string Describe(const StepRecord& s) {
  return fmt::format("{} {} {} {} exit={} signal={} {} {} {} {} {} {}", s.run, s.step, s.attempt, ToString(s.state),
                     s.exit_code ? std::to_string(*s.exit_code) : "none", s.signal, s.reason, Quote(s.message),
                     Ticks(s.started), Ticks(s.ended), s.cpu_seconds, s.max_rss);
}

std::string Describe(const ObservationRow& o) {
  return fmt::format("{} {} {} {} {}={} step={}", o.trial_name, o.attempt, o.sequence, Ticks(o.time),
                     Quote(o.metric_name), Quote(o.value), o.step);
}

std::string Describe(const CollectorPosition& p) {
  return fmt::format("{} {} {} {} {}", p.trial_name, p.attempt, p.offset, p.sequence, p.lines);
}

std::string Describe(const Event& e) {
  return fmt::format("{} {} {} {} {} x{} {} {}", e.experiment_id, e.object, e.type, e.reason, Quote(e.message), e.count,
                     Ticks(e.first), Ticks(e.last));
}

std::vector<std::string> DescribeStore(StoreReader& store) {
  std::vector<std::string> lines;
  const auto add = [&](std::vector<std::string> more) { lines.insert(lines.end(), more.begin(), more.end()); };
  for (const Experiment& e : Get(store.Experiments())) {
    lines.push_back(Describe(e));
    add(DescribeAll(Get(store.Events(e.id))));
    for (const Trial& t : Get(store.Trials(e.id))) {
      lines.push_back(Describe(t));
      add(DescribeAll(Get(store.Steps(t.name))));
      add(DescribeAll(Get(store.Observations(t.name))));
      if (const auto position = Get(store.Position(t.name))) lines.push_back(Describe(*position));
    }
  }
  return lines;
}

}  // namespace qalam
