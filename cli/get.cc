// SPDX-License-Identifier: Apache-2.0
// qalam get: experiments, trials and suggestions as tables, or as the objects that Katib would print.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cli/launch.h"
#include "cli/lookup.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "experiment/status.h"

namespace qalam {
namespace {

struct GetOptions : ViewOptions {
  std::string kind, name, sort;
};

struct ExperimentWithSpec {
  Experiment record;
  ExperimentSpec spec;
};

std::string TrialsOf(const ExperimentWithSpec& e) {
  const TrialCounts& counts = e.record.counts;
  const int ended = counts.total - counts.created - counts.running;
  return e.spec.max_trial_count ? fmt::format("{}/{}", ended, *e.spec.max_trial_count) : fmt::format("{}", ended);
}

std::string AgeOf(WallTime time) { return time == WallTime{} ? "-" : Age(SystemClock().Wall() - time); }

// One object, or a list of them, as kubectl prints them.
std::string Documents(std::vector<Node> documents, bool one, const std::string& output) {
  Node out = Node::Map();
  if (one && documents.size() == 1) {
    out = std::move(documents[0]);
  } else {
    out.Set("apiVersion", Node::String("v1"));
    out.Set("kind", Node::String("List"));
    Node& items = out.Set("items", Node::Sequence());
    for (Node& document : documents) items.Add(std::move(document));
  }
  return output == "json" ? ToJson(out, 2) + "\n" : ToYaml(out);
}

Result<std::vector<ExperimentWithSpec>> Select(StoreReader& reader, const GetOptions& options) {
  std::vector<Experiment> records;
  if (options.name.empty()) {
    QALAM_TRY(records, reader.Experiments());
    std::erase_if(records, [&](const Experiment& e) {
      return !options.namespace_name.empty() && e.namespace_name != options.namespace_name;
    });
  } else {
    QALAM_TRY(Experiment record, LookUpExperiment(reader, options.namespace_name, options.name));
    records.push_back(std::move(record));
  }
  std::vector<ExperimentWithSpec> selected;
  for (Experiment& record : records) {
    QALAM_TRY(ExperimentSpec spec, ReadStored(record));
    selected.push_back({std::move(record), std::move(spec)});
  }
  return selected;
}

Result<std::string> Experiments(StoreReader& reader, const GetOptions& options) {
  QALAM_TRY(const auto experiments, Select(reader, options));
  if (options.output == "json" || options.output == "yaml") {
    std::vector<Node> documents;
    for (const ExperimentWithSpec& e : experiments) {
      QALAM_TRY(const std::vector<Trial> trials, reader.Trials(e.record.id));
      documents.push_back(ExperimentToDocument(e.record, trials));
    }
    return Documents(std::move(documents), !options.name.empty(), options.output);
  }
  std::string names;
  const bool wide = options.output != "table";  // csv has every column too
  std::vector<std::string> header = {"NAME", "STATUS", "BEST", "TRIALS", "ALGORITHM", "AGE"};
  if (wide) header.insert(header.end(), {"NAMESPACE", "OBJECTIVE", "RUNNING", "FAILED", "BEST TRIAL", "REASON"});
  Table table(header);
  for (const ExperimentWithSpec& e : experiments) {
    names += "experiment/" + e.record.name + "\n";
    std::string best = "-";
    if (!e.record.best_trial.empty()) {
      QALAM_TRY(const std::optional<Trial> trial, reader.FindTrial(e.record.best_trial));
      if (trial) best = ObjectiveText(e.spec.objective, *trial);
    }
    std::vector<std::string> row = {e.record.name, StatusWord(e.record),  best,
                                    TrialsOf(e),   e.spec.algorithm.name, AgeOf(e.record.created)};
    if (wide) {
      const TrialCounts& counts = e.record.counts;
      const bool minimize = e.spec.objective.type == ObjectiveType::kMinimize;
      row.insert(row.end(),
                 {e.record.namespace_name,
                  fmt::format("{} {}", minimize ? "minimize" : "maximize", e.spec.objective.metric_name),
                  std::to_string(counts.running), std::to_string(counts.failed + counts.metrics_unavailable),
                  e.record.best_trial, e.record.conditions.empty() ? "" : e.record.conditions.back().reason});
    }
    table.Row(std::move(row));
  }
  if (options.output == "name") return names;
  return options.output == "csv" ? table.Csv() : table.Text();
}

void SortByObjective(const ObjectiveSpec& objective, std::vector<Trial>* trials) {
  const double sign = objective.type == ObjectiveType::kMinimize ? 1 : -1;
  const auto key = [&](const Trial& trial) {
    const auto value = trial.observation ? ObjectiveValue(objective, *trial.observation) : std::nullopt;
    return value ? sign * *value : std::numeric_limits<double>::infinity();
  };
  std::stable_sort(trials->begin(), trials->end(), [&](const Trial& a, const Trial& b) { return key(a) < key(b); });
}

// A table for each experiment, since the parameters differ.
std::string TrialTable(const ExperimentWithSpec& e, const std::vector<Trial>& trials, const std::string& output) {
  const bool csv = output == "csv", wide = output == "wide" || csv;
  std::vector<std::string> metrics = {e.spec.objective.metric_name};
  if (wide) {
    const auto& more = e.spec.objective.additional_metric_names;
    metrics.insert(metrics.end(), more.begin(), more.end());
  }
  std::vector<std::string> header = {csv ? "ordinal" : "TRIAL", csv ? "name" : "NAME", csv ? "status" : "STATUS"};
  header.insert(header.end(), metrics.begin(), metrics.end());
  for (const ParameterSpec& p : e.spec.parameters) header.push_back(p.name);
  if (csv) {
    header.insert(header.end(), {"started", "completed"});
  } else {
    header.emplace_back("AGE");
  }
  if (wide) header.emplace_back(csv ? "message" : "MESSAGE");
  Table table(header);
  for (const Trial& trial : trials) {
    std::vector<std::string> row = {fmt::format("{}{}", csv ? "" : "#", trial.ordinal), trial.name,
                                    std::string(ToString(trial.state))};
    for (const std::string& metric : metrics) {
      const std::string value = trial.observation ? StrategyValue(e.spec.objective, metric, *trial.observation) : "";
      row.push_back(csv ? value : value.empty() || value == "unavailable" ? "-" : ShortValue(value));
    }
    for (const ParameterSpec& p : e.spec.parameters) {
      const auto found = std::ranges::find(trial.assignments, p.name, &Assignment::name);
      const std::string value = found == trial.assignments.end() ? "" : found->value;
      row.push_back(csv ? value : ShortValue(value));
    }
    if (csv) {
      row.insert(row.end(), {FormatTimePrecise(trial.started), FormatTimePrecise(trial.completed)});
    } else {
      row.push_back(AgeOf(trial.started));
    }
    if (wide) row.push_back(trial.conditions.empty() ? "" : Printable(FirstLine(trial.conditions.back().message)));
    table.Row(std::move(row));
  }
  return csv ? table.Csv() : table.Text();
}

// `name` is an experiment, whose trials are meant, or a trial; empty: all trials.
Result<std::string> TrialsVerb(StoreReader& reader, const GetOptions& options) {
  std::vector<std::pair<ExperimentWithSpec, std::vector<Trial>>> selected;
  bool one = false;
  if (!options.name.empty()) {
    if (auto trial = LookUpTrial(reader, options.namespace_name, options.name); trial.ok()) {
      one = true;
      QALAM_TRY(ExperimentSpec spec, ReadStored(trial->experiment));
      selected.push_back({{std::move(trial->experiment), std::move(spec)}, {std::move(trial->trial)}});
    }
  }
  if (!one) {
    QALAM_TRY(auto experiments, Select(reader, options));
    for (ExperimentWithSpec& e : experiments) {
      QALAM_TRY(std::vector<Trial> trials, reader.Trials(e.record.id));
      if (options.sort == "objective") SortByObjective(e.spec.objective, &trials);
      selected.emplace_back(std::move(e), std::move(trials));
    }
  }
  std::string text;
  std::vector<Node> documents;
  for (const auto& [experiment, trials] : selected) {
    if (options.output == "json" || options.output == "yaml") {
      for (const Trial& trial : trials) documents.push_back(TrialToDocument(experiment.record, trial));
    } else if (options.output == "name") {
      for (const Trial& trial : trials) text += "trial/" + trial.name + "\n";
    } else {
      if (!text.empty()) text += "\n";
      text += TrialTable(experiment, trials, options.output);
    }
  }
  if (options.output == "json" || options.output == "yaml") return Documents(std::move(documents), one, options.output);
  return text;
}

Node SuggestionDocument(const ExperimentWithSpec& e, const std::vector<Trial>& trials) {
  const auto settings = [](const std::vector<Setting>& all) {
    Node list = Node::Sequence();
    for (const Setting& setting : all) {
      Node& item = list.Add(Node::Map());
      item.Set("name", Node::String(setting.name));
      item.Set("value", Node::String(setting.value));
    }
    return list;
  };
  Node out = Node::Map();
  out.Set("apiVersion", Node::String("kubeflow.org/v1beta1"));
  out.Set("kind", Node::String("Suggestion"));
  Node& metadata = out.Set("metadata", Node::Map());
  metadata.Set("name", Node::String(e.record.name));
  metadata.Set("namespace", Node::String(e.record.namespace_name));
  Node& spec = out.Set("spec", Node::Map());
  Node& algorithm = spec.Set("algorithm", Node::Map());
  algorithm.Set("algorithmName", Node::String(e.spec.algorithm.name));
  algorithm.Set("algorithmSettings", settings(e.spec.algorithm.settings));
  spec.Set("requests", Node::Int(static_cast<long long>(trials.size())));
  Node& status = out.Set("status", Node::Map());
  status.Set("algorithmSettings", settings(e.record.algorithm_settings));
  status.Set("suggestionCount", Node::Int(static_cast<long long>(trials.size())));
  Node& suggestions = status.Set("suggestions", Node::Sequence());
  for (const Trial& trial : trials) {
    Node& suggestion = suggestions.Add(Node::Map());
    suggestion.Set("name", Node::String(trial.name));
    Node& assignments = suggestion.Set("parameterAssignments", Node::Sequence());
    for (const Assignment& a : trial.assignments) {
      Node& item = assignments.Add(Node::Map());
      item.Set("name", Node::String(a.name));
      item.Set("value", Node::String(a.value));
    }
  }
  return out;
}

Result<std::string> Suggestions(StoreReader& reader, const GetOptions& options) {
  QALAM_TRY(const auto experiments, Select(reader, options));
  std::string names;
  std::vector<Node> documents;
  Table table({"NAME", "ALGORITHM", "ASSIGNED", "AGE"});
  for (const ExperimentWithSpec& e : experiments) {
    names += "suggestion/" + e.record.name + "\n";
    if (options.output == "json" || options.output == "yaml") {
      QALAM_TRY(const std::vector<Trial> trials, reader.Trials(e.record.id));
      documents.push_back(SuggestionDocument(e, trials));
    }
    table.Row({e.record.name, e.spec.algorithm.name, std::to_string(e.record.counts.total), AgeOf(e.record.created)});
  }
  if (options.output == "json" || options.output == "yaml") {
    return Documents(std::move(documents), !options.name.empty(), options.output);
  }
  if (options.output == "name") return names;
  return options.output == "csv" ? table.Csv() : table.Text();
}

int GetVerb(const GetOptions& options) {
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  const Result<std::string> text = options.kind.starts_with("trial")  ? TrialsVerb(**reader, options)
                                   : options.kind.starts_with("sugg") ? Suggestions(**reader, options)
                                                                      : Experiments(**reader, options);
  if (!text.ok()) return Complain(text.status());
  Print(*text);
  return kDone;
}

}  // namespace

Verb MakeGetVerb() {
  const auto o = std::make_shared<GetOptions>();
  Verb get{"get", "list experiments, trials or suggestions"};
  get.footer =
      "Examples:\n  qalam get experiments\n  qalam get trials digits --sort objective\n  qalam get experiment digits "
      "-o yaml";
  std::vector<std::string> kinds = {"suggestions", "suggestion"};
  kinds.insert(kinds.end(), kExperimentWords.begin(), kExperimentWords.end());
  kinds.insert(kinds.end(), kTrialWords.begin(), kTrialWords.end());
  get.Option("KIND", &o->kind, "experiments, trials or suggestions").OneOf(kinds).Required();
  get.Option("NAME", &o->name, "an experiment, or a trial");
  get.Option("--sort", &o->sort, "objective: the best first").OneOf({"objective"});
  AddOutput(&get, &o->output, {"table", "wide", "json", "yaml", "name", "csv"});
  AddNamespace(&get, &o->namespace_name);
  AddDatabase(&get, &o->db);
  get.run = [o](const Invocation&) { return GetVerb(*o); };
  return get;
}

}  // namespace qalam
