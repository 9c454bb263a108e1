// SPDX-License-Identifier: Apache-2.0
// qalam compare: experiments with one objective beside each other: what each found, how soon, and whether their trials
// differ by more than chance.
#include <algorithm>
#include <utility>

#include "cli/columns.h"
#include "cli/lookup.h"
#include "cli/target.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "core/rank_test.h"

namespace qalam {
namespace {

struct CompareOptions : ViewOptions {
  std::vector<std::string> target;
};

// One finished trial that has a value, in the order in which they ended.
struct Point {
  std::uint64_t ordinal = 0;
  Duration after{};  // since the experiment began
  double value = 0, best = 0;
};

struct Contender {
  ExperimentWithSpec experiment;
  std::vector<Point> history;
  Duration took{};

  const ObjectiveSpec& objective() const { return experiment.spec.objective; }
  const std::string& name() const { return experiment.record.name; }
  std::vector<double> Values() const {
    std::vector<double> values;
    for (const Point& point : history) values.push_back(point.value);
    return values;
  }
};

Result<Contender> Read(StoreReader& reader, Experiment record) {
  std::vector<Experiment> records;
  records.push_back(std::move(record));
  QALAM_TRY(std::vector<ExperimentWithSpec> all, WithSpecs(reader, std::move(records)));
  Contender contender{std::move(all.front()), {}, {}};
  const Experiment& e = contender.experiment.record;
  contender.took = (e.completed == WallTime{} ? SystemClock().Wall() : e.completed) - e.created;
  QALAM_TRY(std::vector<Trial> trials, reader.FindTrials(e.id, {.parts = TrialQuery::kObservation}));
  std::ranges::stable_sort(trials, {}, &Trial::completed);
  for (const Trial& trial : trials) {
    const bool counts = trial.state == TrialState::kSucceeded || trial.state == TrialState::kEarlyStopped;
    const auto value =
        counts && trial.observation ? ObjectiveValue(contender.objective(), *trial.observation) : std::nullopt;
    if (!value) continue;
    const std::vector<Point>& before = contender.history;
    const bool better = before.empty() || IsBetter(contender.objective().type, *value, before.back().best);
    contender.history.push_back(
        {trial.ordinal, trial.completed - e.created, *value, better ? *value : before.back().best});
  }
  return contender;
}

std::string Word(const ObjectiveSpec& objective) {
  return fmt::format("{} {}", objective.type == ObjectiveType::kMinimize ? "minimize" : "maximize",
                     objective.metric_name);
}

Result<std::vector<Contender>> ReadAll(StoreReader& reader, const CompareOptions& options) {
  std::vector<Contender> all;
  QALAM_TRY(std::vector<Target> targets,
            FindTargets(reader, options.namespace_name, options.target, Kinds::kExperiments));
  if (targets.size() < 2) return InvalidArgument("name two experiments or more, each once");
  for (Target& target : targets) {
    QALAM_TRY(Contender contender, Read(reader, std::move(target.experiment)));
    if (!all.empty() && Word(all.front().objective()) != Word(contender.objective())) {
      return InvalidArgument("'{}' is to {}, '{}' is to {}: they have no measure in common", all.front().name(),
                             Word(all.front().objective()), contender.name(), Word(contender.objective()));
    }
    all.push_back(std::move(contender));
  }
  return all;
}

std::string BestAfterTrials(const Contender& contender, std::size_t trials) {
  return trials > contender.history.size() ? "-" : ShortNumber(contender.history[trials - 1].best);
}

std::string BestAfter(const Contender& contender, Duration time) {
  std::string best = "-";
  for (const Point& point : contender.history) {
    if (point.after <= time) best = ShortNumber(point.best);
  }
  return best;
}

std::string Overview(const std::vector<Contender>& all) {
  Table table({"EXPERIMENT", "STATUS", "BEST", "TRIAL", "TRIALS", "FAILED", "TIME", "ALGORITHM"});
  for (const Contender& c : all) {
    const Experiment& e = c.experiment.record;
    const auto found =
        std::ranges::find_if(c.history, [&](const Point& point) { return point.value == c.history.back().best; });
    table.Row({c.name(), StatusWord(e), c.history.empty() ? "-" : ShortNumber(c.history.back().best),
               found == c.history.end() ? "-" : fmt::format("#{}", found->ordinal),
               std::to_string(e.counts.total - e.counts.created - e.counts.running),
               std::to_string(e.counts.failed + e.counts.metrics_unavailable), ShortDuration(c.took),
               c.experiment.spec.algorithm.name});
  }
  return table.Text();
}

std::string History(const std::vector<Contender>& all) {
  std::size_t longest = 0;
  Duration slowest{};
  for (const Contender& c : all) {
    longest = std::max(longest, c.history.size());
    if (!c.history.empty()) slowest = std::max(slowest, c.history.back().after);
  }
  if (longest == 0) return "";
  std::vector<std::size_t> trials;
  for (std::size_t ten = 1; ten <= longest; ten *= 10) {
    for (const std::size_t at : {ten, 2 * ten, 5 * ten}) {
      if (at < longest) trials.push_back(at);
    }
  }
  trials.push_back(longest);
  std::vector<std::string> by_trial = {"BEST AFTER"}, by_time = {"BEST AFTER"};
  for (const std::size_t at : trials) by_trial.push_back(fmt::format("{} trial{}", at, at == 1 ? "" : "s"));
  for (int part = 1; part <= 4; ++part) by_time.push_back(ShortDuration(slowest * part / 4));
  Table of_trials(by_trial), of_time(by_time);
  for (const Contender& c : all) {
    std::vector<std::string> row = {c.name()}, time_row = {c.name()};
    for (const std::size_t at : trials) row.push_back(BestAfterTrials(c, at));
    for (int part = 1; part <= 4; ++part) time_row.push_back(BestAfter(c, slowest * part / 4));
    of_trials.Row(std::move(row));
    of_time.Row(std::move(time_row));
  }
  return "\n" + of_trials.Text() + "\n" + of_time.Text();
}

struct Pair {
  const Contender *a, *b;
  double better = 0.5;  // how often a trial of `a` is better than one of `b`
  RankTest test;
};

std::vector<Pair> Pairs(const std::vector<Contender>& all) {
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      if (all[i].history.empty() || all[j].history.empty()) continue;
      const RankTest test = MannWhitney(all[i].Values(), all[j].Values());
      const bool minimize = all[i].objective().type == ObjectiveType::kMinimize;
      pairs.push_back({&all[i], &all[j], minimize ? test.less : 1 - test.less, test});
    }
  }
  return pairs;
}

std::string Tests(const std::vector<Contender>& all) {
  Table table({"TRIALS OF", "AND OF", "BETTER", "P"});
  for (const Pair& pair : Pairs(all)) {
    table.Row({pair.a->name(), pair.b->name(), fmt::format("{:.0f}%", 100 * pair.better),
               pair.test.p < 0.0001 ? "<0.0001" : fmt::format("{:.4f}", pair.test.p)});
  }
  if (table.empty()) return "";
  return "\n" + table.Text() +
         "  BETTER: how often a trial of the first is better than one of the second. P: two-sided Mann-Whitney of "
         "their\n"
         "  values. It compares the trials; which algorithm is better, one run of each does not say.\n";
}

Node Document(const std::vector<Contender>& all) {
  Node out = Node::Map();
  out.Set("objective", Node::String(Word(all.front().objective())));
  Node& experiments = out.Set("experiments", Node::Sequence());
  const auto seconds = [](Duration d) { return Node::Float(std::chrono::duration<double>(d).count()); };
  for (const Contender& c : all) {
    Node& node = experiments.Add(Node::Map());
    node.Set("name", Node::String(c.name()));
    node.Set("status", Node::String(StatusWord(c.experiment.record)));
    node.Set("algorithm", Node::String(c.experiment.spec.algorithm.name));
    if (!c.history.empty()) node.Set("best", Node::Float(c.history.back().best));
    node.Set("bestTrial", Node::String(c.experiment.record.best_trial));
    node.Set("seconds", seconds(c.took));
    Node& history = node.Set("history", Node::Sequence());
    for (const Point& point : c.history) {
      Node& item = history.Add(Node::Map());
      item.Set("ordinal", Node::Int(static_cast<long long>(point.ordinal)));
      item.Set("seconds", seconds(point.after));
      item.Set("value", Node::Float(point.value));
      item.Set("best", Node::Float(point.best));
    }
  }
  Node& tests = out.Set("mannWhitney", Node::Sequence());
  for (const Pair& pair : Pairs(all)) {
    Node& test = tests.Add(Node::Map());
    test.Set("first", Node::String(pair.a->name()));
    test.Set("second", Node::String(pair.b->name()));
    test.Set("better", Node::Float(pair.better));
    test.Set("p", Node::Float(pair.test.p));
    test.Set("exact", Node::Bool(pair.test.exact));
  }
  return out;
}

// A line for each finished trial: what a plot needs.
std::string Csv(const std::vector<Contender>& all) {
  Table table({"experiment", "finished", "ordinal", "seconds", "value", "best"});
  for (const Contender& c : all) {
    for (std::size_t i = 0; i < c.history.size(); ++i) {
      const Point& point = c.history[i];
      table.Row({c.name(), std::to_string(i + 1), std::to_string(point.ordinal),
                 fmt::format("{:.3f}", std::chrono::duration<double>(point.after).count()),
                 fmt::format("{}", point.value), fmt::format("{}", point.best)});
    }
  }
  return table.Csv();
}

Result<std::string> Compare(StoreReader& reader, const CompareOptions& options) {
  QALAM_TRY(const std::vector<Contender> all, ReadAll(reader, options));
  if (WantsDocument(options.output)) return PrintDocument(Document(all), options.output);
  if (options.output == "csv") return Csv(all);
  return Word(all.front().objective()) + "\n" + Overview(all) + History(all) + Tests(all);
}

int CompareVerb(const CompareOptions& options) {
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  const Result<std::string> text = Compare(**reader, options);
  if (!text.ok()) return Complain(text.status());
  Print(*text);
  return kDone;
}

}  // namespace

Verb MakeCompareVerb() {
  const auto o = std::make_shared<CompareOptions>();
  Verb verb{"compare", "experiments with one objective beside each other"};
  verb.footer =
      "Examples:\n  qalam compare exp digits digits-2\n  qalam compare exp digits digits-2 -o csv > history.csv";
  verb.Option("TARGET", &o->target, "exp NAME NAME..., or NAME NAME...").Required();
  AddOutput(&verb, &o->output, {"table", "json", "yaml", "csv", "jsonpath="});
  AddNamespace(&verb, &o->namespace_name);
  AddDatabase(&verb, &o->db);
  verb.run = [o](const Invocation&) { return CompareVerb(*o); };
  return verb;
}

}  // namespace qalam
