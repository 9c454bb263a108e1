// SPDX-License-Identifier: Apache-2.0
// qalam describe: everything about one experiment or trial, and why nothing happens if nothing does.
#include <algorithm>
#include <utility>

#include "cli/input.h"
#include "cli/launch.h"
#include "cli/listing.h"
#include "cli/lookup.h"
#include "cli/network.h"
#include "cli/origin.h"
#include "cli/remote.h"
#include "cli/savings_view.h"
#include "cli/target.h"
#include "cli/text.h"
#include "cli/tracker.h"
#include "cli/verbs.h"
#include "experiment/status.h"
#include "pipelines/engines/local_engine.h"

namespace qalam {
namespace {

struct DescribeOptions : ViewOptions {
  std::vector<std::string> target;
};

std::string Line(std::string_view label, const std::string& value) {
  return value.empty() ? "" : Pad(label, 14) + value + "\n";
}

std::string Indented(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::string line = FirstLine(std::string_view(text).substr(at));
    out += "  " + line + "\n";
    at += line.size() + 1;
  }
  return out;
}

std::string Section(std::string_view title, const Table& table) {
  return table.empty() ? "" : fmt::format("{}:\n{}", title, Indented(table.Text()));
}

// Several lines below a label, the first one beside it.
std::string Paragraph(std::string_view label, const std::string& text) {
  if (text.empty()) return "";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::string line = FirstLine(std::string_view(text).substr(at));
    out += Pad(at == 0 ? label : "", 14) + Printable(line) + "\n";
    at += line.size() + 1;
  }
  return out;
}

std::string AgeOf(WallTime time) { return time == WallTime{} ? "-" : Age(SystemClock().Wall() - time); }

std::string SettingsText(const std::vector<Setting>& settings) {
  std::string out;
  for (const Setting& s : settings) out += fmt::format("   {}={}", s.name, s.value);
  return Printable(out);
}

std::string ConditionTable(const std::vector<Condition>& conditions) {
  Table table({"TYPE", "STATUS", "REASON", "AGE", "MESSAGE"});
  for (const Condition& c : conditions) {
    table.Row({c.type, c.status, Printable(c.reason), AgeOf(c.last_transition), Printable(FirstLine(c.message))});
  }
  return Section("Conditions", table);
}

std::string EventTable(const std::vector<Event>& events, const std::string& object) {
  Table table({"AGE", "TYPE", "REASON", "OBJECT", "MESSAGE"});
  for (const Event& e : events) {
    if (!object.empty() && e.object != object) continue;
    table.Row({AgeOf(e.last), e.type, e.reason, e.object,
               (e.count > 1 ? fmt::format("({} times) ", e.count) : "") + Printable(FirstLine(e.message))});
  }
  return Section("Events", table);
}

std::string Space(const ParameterSpec& p) {
  std::string out;
  if (!p.feasible.list.empty()) {
    for (const std::string& value : p.feasible.list) out += (out.empty() ? "" : ", ") + value;
    return Printable(out);
  }
  out = fmt::format("{} .. {}", p.feasible.min, p.feasible.max);
  if (!p.feasible.step.empty()) out += " step " + p.feasible.step;
  if (p.feasible.distribution != Distribution::kUniform) out += fmt::format("  {}", ToString(p.feasible.distribution));
  return Printable(out);
}

std::string Budget(const ExperimentSpec& spec) {
  std::string out = spec.max_trial_count ? fmt::format("{} trials", *spec.max_trial_count) : "endless";
  out += fmt::format(", {} at once", spec.parallel_trial_count);
  if (spec.max_failed_trial_count) out += fmt::format(", ends when {} have failed", *spec.max_failed_trial_count);
  return out;
}

std::string Counts(const TrialCounts& c) {
  std::string out;
  const auto add = [&](int n, std::string_view word) {
    if (n > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", n, word);
  };
  add(c.succeeded, "succeeded");
  add(c.failed, "failed");
  add(c.metrics_unavailable, "without metric");
  add(c.early_stopped, "stopped early");
  add(c.killed, "killed");
  add(c.running, "running");
  add(c.created, "waiting");
  return out.empty() ? "none yet" : out;
}

std::string StoppingText(const ExperimentSpec& spec) {
  return spec.early_stopping ? spec.early_stopping->name + SettingsText(spec.early_stopping->settings) : "";
}

// Asked of the process that runs it, if there is one.
std::string Waiting(const std::string& db, const Experiment& experiment) {
  if (IsFinal(experiment.state) && experiment.counts.running == 0) return "";
  const auto host = RemoteHost::Connect(db);
  if (host.ok()) {
    const std::string why = (*host)->WhyWaiting(experiment.id);
    return why.empty() ? "no: it is at work" : why;
  }
  return "no qalam runs on this database now: qalam run resumes it";
}

// What a search for an architecture found.
std::string Networks(const ExperimentSpec& spec, const Trial& trial) {
  const Result<std::vector<Network>> networks = NetworksOf(spec, trial);
  if (!networks.ok()) return Paragraph("Network:", networks.status().message());
  std::string out;
  for (const Network& network : *networks) {
    std::string title = network.name;
    title[0] = static_cast<char>(title[0] - 'a' + 'A');
    out += fmt::format("{} of #{}:\n{}", title, trial.ordinal, Indented(NetworkText(network)));
  }
  return out;
}

Result<std::string> DescribeExperiment(StoreReader& reader, const DescribeOptions& options, const Experiment& e) {
  QALAM_TRY(const ExperimentSpec spec, ReadStored(e));
  QALAM_TRY(const std::vector<Event> events, reader.Events(e.id));
  const bool minimize = spec.objective.type == ObjectiveType::kMinimize;
  std::string objective = fmt::format("{} {}", minimize ? "minimize" : "maximize", spec.objective.metric_name);
  if (spec.objective.goal)
    objective += fmt::format(", goal {} {}", minimize ? "<=" : ">=", ShortNumber(*spec.objective.goal));
  std::string best, networks, rungs;
  if (!e.best_trial.empty()) {
    QALAM_TRY(const std::optional<Trial> trial, reader.FindTrial(e.best_trial));
    if (trial) {
      best = fmt::format("{} (#{} {})", ObjectiveText(spec.objective, *trial), trial->ordinal, trial->name);
      for (const Assignment& a : trial->assignments) best += fmt::format("   {} {}", a.name, ShortValue(a.value));
      networks = Networks(spec, *trial);
    }
  }
  QALAM_TRY(const std::optional<SavingsView> savings, ViewSavings(reader, e, spec));
  const auto annotation = [&](const char* name) {
    const auto found = spec.annotations.find(name);
    return found == spec.annotations.end() ? "" : Printable(found->second);
  };
  std::string out =
      Line("Name:", e.name) + Line("Namespace:", e.namespace_name) + Line("Uid:", e.uid) +
      Line("Status:", StatusWord(e)) + Line("Objective:", Printable(objective)) +
      Line("Algorithm:", spec.algorithm.name + SettingsText(spec.algorithm.settings)) +
      Line("Service:", annotation(kSuggestServiceAnnotation)) + Line("Budget:", Budget(spec)) +
      Line("Trials:", Counts(e.counts)) + Line("Stopping:", StoppingText(spec)) +
      Line("Saved:", savings ? Printable(SavingsSentence(*savings)) : "") + Line("Best:", Printable(best)) +
      Line("Waiting:", Waiting(options.db, e)) + Line("Created:", FormatTime(e.created)) +
      Line("Started:", FormatTime(e.started)) + Line("Completed:", FormatTime(e.completed)) +
      Line("Version:", annotation(kVersionAnnotation)) + Line("Command:", annotation(kCommandAnnotation)) +
      Line("Git commit:", annotation(kGitAnnotation)) + Line("Environment:", annotation(kEnvironmentAnnotation)) +
      Line("Directory:", annotation(kWorkingDirAnnotation)) + Line("Image map:", annotation(kImageMapAnnotation));
  const bool conditional = std::ranges::any_of(spec.parameters, [](const auto& p) { return p.condition.has_value(); });
  std::vector<std::string> header = {"NAME", "TYPE", "SPACE"};
  if (conditional) header.emplace_back("ONLY IF");
  Table parameters(header);
  for (const ParameterSpec& p : spec.parameters) {
    std::vector<std::string> row = {Printable(p.name), std::string(ToString(p.type)), Space(p)};
    if (conditional) row.push_back(p.condition ? Printable(ToString(*p.condition)) : "");
    parameters.Row(std::move(row));
  }
  if (savings) rungs = RungTable(*savings);
  if (!rungs.empty()) rungs = "Rungs:\n" + Indented(rungs);
  return out + Section("Parameters", parameters) + rungs + networks + ConditionTable(e.conditions) +
         EventTable(events, "");
}

bool MayBeSecret(const std::string& name) {
  std::string upper = name;
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return std::ranges::any_of(std::vector<std::string>{"TOKEN", "PASSWORD", "SECRET", "KEY"},
                             [&](const std::string& word) { return upper.find(word) != std::string::npos; });
}

// The variable, as a shell reads it: quoted; some names are none of a shell's.
std::string ShellVariable(const std::string& name) {
  const bool plain = !name.empty() && (std::isdigit(static_cast<unsigned char>(name[0])) == 0) &&
                     std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  return plain ? fmt::format("\"${}\"", name) : fmt::format("\"$(printenv {})\"", ShellWord(name));
}

// A word of a command that a Secret is in: "$(NAME)" stands where it is.
std::string SecretWord(const std::string& word, const Step& step) {
  std::string out, plain;
  const auto flush = [&] {
    if (!plain.empty()) out += ShellWord(std::exchange(plain, ""));
  };
  for (std::size_t at = 0; at < word.size();) {
    const auto is_here = [&](const auto& variable) {
      return word.compare(at, variable.first.size() + 3, "$(" + variable.first + ")") == 0;
    };
    if (const auto secret = std::ranges::find_if(step.secret_env, is_here); secret != step.secret_env.end()) {
      flush();
      out += ShellVariable(secret->first);
      at += secret->first.size() + 3;
    } else if (const auto other = std::ranges::find_if(step.env, is_here); other != step.env.end()) {
      plain += other->second;
      at += other->first.size() + 3;
    } else {
      at += word.compare(at, 2, "$$") == 0 ? 1 : 0;  // "$$" is one
      plain += word[at++];
    }
  }
  flush();
  return out;
}

// Each step as a person would type it, so that it does again what the trial did. A value that may be a secret is not
// shown: it is taken from the environment of whoever repeats it.
std::string Commands(const std::string& db, const ExperimentSpec& spec, const Trial& trial) {
  const Result<Node> manifest = RenderTrial(spec, trial.name, trial.assignments);
  if (!manifest.ok()) return manifest.status().message();
  const Result<Run> run = CompileTrial(db, spec, trial, *manifest);
  if (!run.ok()) return run.status().message();
  std::string out;
  for (const Step& step : run->steps) {
    std::string line = step.working_dir.empty() ? "" : "cd " + ShellWord(step.working_dir) + " && ";
    if (!step.env.empty() || !step.secret_env.empty()) line += "env ";
    for (const auto& [name, value] : step.env) {
      line += ShellWord(name) + "=" + (MayBeSecret(name) ? ShellVariable(name) : ShellWord(value)) + " ";
    }
    for (const auto& [name, value] : step.secret_env)
      line += fmt::format("{}={} ", ShellWord(name), ShellVariable(name));
    for (std::size_t i = 0; i < step.command.size(); ++i) {
      const bool secret = !step.shown_command.empty() && step.shown_command[i] != step.command[i];
      line += (i == 0 ? "" : " ") + (secret ? SecretWord(step.shown_command[i], step) : ShellWord(step.command[i]));
    }
    out += (out.empty() ? "" : "\n") + line;
  }
  return out;
}

std::string StepTable(const std::vector<StepRecord>& steps) {
  Table table({"STEP", "ATTEMPT", "STATE", "EXIT", "REASON", "STARTED", "TOOK", "CPU", "MEMORY", "MESSAGE"});
  for (const StepRecord& s : steps) {
    const std::string exit = s.exit_code     ? std::to_string(*s.exit_code)
                             : s.signal != 0 ? fmt::format("signal {}", s.signal)
                                             : "-";
    const bool ended = s.started != WallTime{} && s.ended != WallTime{};
    table.Row({s.step, std::to_string(s.attempt), std::string(ToString(s.state)), exit, s.reason, FormatTime(s.started),
               ended ? ShortDuration(s.ended - s.started) : "-", fmt::format("{:.2f}s", s.cpu_seconds),
               s.max_rss > 0 ? fmt::format("{} MiB", (s.max_rss + (1 << 19)) >> 20) : "-",
               Printable(FirstLine(s.message))});
  }
  return Section("Steps", table);
}

std::string MetricTable(const Trial& trial, std::vector<ObservationRow> rows) {
  struct Seen {
    std::int64_t reports = 0;
    std::string latest, min = "-", max = "-";
  };
  std::vector<std::pair<std::string, Seen>> metrics;
  for (const ObservationRow& row : NewestReports(std::move(rows))) {
    auto found = std::ranges::find(metrics, row.metric_name, &std::pair<std::string, Seen>::first);
    if (found == metrics.end()) found = metrics.insert(metrics.end(), {row.metric_name, {}});
    ++found->second.reports;
    found->second.latest = row.value;
  }
  Table table({"METRIC", "LATEST", "MIN", "MAX", "REPORTS"});
  for (auto& [name, seen] : metrics) {
    if (const Metric* metric = trial.observation ? trial.observation->Find(name) : nullptr; metric != nullptr) {
      seen.min = metric->min;
      seen.max = metric->max;
    }
    table.Row({Printable(name), Printable(seen.latest), seen.min, seen.max, std::to_string(seen.reports)});
  }
  return Section("Metrics", table);
}

Result<std::string> DescribeTrial(StoreReader& reader, const DescribeOptions& options, const Target& found) {
  const Trial& t = *found.trial;
  QALAM_TRY(const ExperimentSpec spec, ReadStored(found.experiment));
  QALAM_TRY(const std::vector<StepRecord> steps, reader.Steps(t.name));
  QALAM_TRY(std::vector<ObservationRow> rows, reader.Observations(t.name));
  QALAM_TRY(const std::vector<Event> events, reader.Events(found.experiment.id));
  const std::string root = RunsFolder(options.db);
  const StepRecord* step = ChooseStep(steps, "");
  std::string out = Line("Name:", t.name) +
                    Line("Experiment:", fmt::format("{} (#{})", found.experiment.name, t.ordinal)) +
                    Line("Status:", std::string(ToString(t.state))) + Paragraph("Message:", TrialMessage(t)) +
                    Line("Created:", FormatTime(t.created)) + Line("Started:", FormatTime(t.started)) +
                    Line("Completed:", FormatTime(t.completed)) +
                    (IsFinal(t.state) ? "" : Line("Waiting:", Waiting(options.db, found.experiment)));
  out += Paragraph("Command:", Commands(options.db, spec, t)) + Line("Folder:", root + "/" + t.name);
  if (step != nullptr) out += Line("Output:", StepOutputPath(root, step->run, step->step, step->attempt));
  Table parameters({"PARAMETER", "VALUE"});
  for (const Assignment& a : t.assignments) parameters.Row({Printable(a.name), Printable(a.value)});
  return out + Section("Parameters", parameters) + Networks(spec, t) + MetricTable(t, std::move(rows)) +
         StepTable(steps) + ConditionTable(t.conditions) + EventTable(events, "trial/" + t.name);
}

Result<Node> DocumentOf(StoreReader& reader, const Target& target) {
  QALAM_TRY(const ExperimentSpec spec, ReadStored(target.experiment));
  if (!target.trial) {
    QALAM_TRY(Node document, ExperimentDocument(reader, target.experiment));
    QALAM_RETURN_IF_ERROR(AddSavings(reader, target.experiment, spec, &document));
    return document;
  }
  return TrialDocuments(target.experiment, spec).Of(*target.trial);
}

Result<std::string> Describe(StoreReader& reader, const DescribeOptions& options) {
  QALAM_TRY(const std::vector<Target> targets,
            FindTargets(reader, options.namespace_name, options.target, Kinds::kBoth));
  std::string out;
  if (options.output == "table") {
    for (const Target& target : targets) {
      QALAM_TRY(const std::string text, target.trial ? DescribeTrial(reader, options, target)
                                                     : DescribeExperiment(reader, options, target.experiment));
      out += (out.empty() ? "" : "\n\n") + text;
    }
    return out;
  }
  Node list = EmptyList();
  for (const Target& target : targets) {
    QALAM_TRY(Node document, DocumentOf(reader, target));
    list.entries.back().value.Add(std::move(document));
  }
  return PrintDocument(targets.size() == 1 ? list.entries.back().value.items.front() : list, options.output);
}

int DescribeVerb(const DescribeOptions& options) {
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  const Result<std::string> text = Describe(**reader, options);
  if (!text.ok()) return Complain(text.status());
  Print(*text);
  return kDone;
}

}  // namespace

Verb MakeDescribeVerb() {
  const auto o = std::make_shared<DescribeOptions>();
  Verb describe{"describe", "everything about an experiment or a trial, and why nothing happens"};
  describe.Option("TARGET", &o->target, "exp NAME..., trial NAME..., EXPERIMENT#17, or NAME").Required();
  AddOutput(&describe, &o->output, {"table", "json", "yaml", "jsonpath="});
  AddNamespace(&describe, &o->namespace_name);
  AddDatabase(&describe, &o->db);
  describe.run = [o](const Invocation&) { return DescribeVerb(*o); };
  return describe;
}

}  // namespace qalam
