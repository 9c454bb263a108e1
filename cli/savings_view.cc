// SPDX-License-Identifier: Apache-2.0
#include "cli/savings_view.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <set>

#include "cli/input.h"
#include "cli/text.h"
#include "core/objective.h"
#include "earlystop/live_stopping.h"
#include "earlystop/savings.h"
#include "experiment/early_stopping.h"

namespace qalam {
namespace {

std::string SettingOf(const AlgorithmSpec& algorithm, std::string_view name) {
  const auto found = std::ranges::find(algorithm.settings, name, &Setting::name);
  return found == algorithm.settings.end() ? "" : found->value;
}

// The rule that judged them, or one that has no rungs where another service did.
Result<std::unique_ptr<LocalStopping>> RuleOf(const ExperimentSpec& spec) {
  if (spec.early_stopping && IsLive(*spec.early_stopping)) {
    if (auto made = LocalStopping::Make(*spec.early_stopping, spec.objective); made.ok()) return made;
  }
  return LocalStopping::Make({"threshold", {}}, spec.objective);
}

Result<SavingsView> OfEarlyStopping(StoreReader& reader, const Experiment& experiment, const ExperimentSpec& spec) {
  QALAM_TRY(const std::unique_ptr<LocalStopping> rule, RuleOf(spec));
  QALAM_RETURN_IF_ERROR(reader.VisitCurves(experiment.id, spec.objective.metric_name, [&](const CurveReport& report) {
    const std::optional<double> value = ParseMetricValue(report.value);
    rule->Add(report.ordinal, report.step, value.value_or(std::numeric_limits<double>::quiet_NaN()));
  }));
  QALAM_TRY(const std::vector<Trial> trials, reader.FindTrials(experiment.id, {.parts = TrialQuery::kNothing}));
  for (const Trial& trial : trials) {
    if (IsFinal(trial.state)) rule->End(trial.ordinal, StandingOf(trial.state));
  }
  SavingsView view;
  view.trials = experiment.counts.total;
  view.stopped = experiment.counts.early_stopped;
  view.run = static_cast<double>(rule->curves().spent());
  if (const std::optional<Savings> savings = SavingsOf(rule->curves()))
    view.whole = static_cast<double>(savings->whole);
  for (const Rung& rung : rule->Rungs()) {
    view.rungs.push_back({rung.bracket, static_cast<double>(rung.step), rung.came, rung.stopped, rung.best});
  }
  return view;
}

// The most of the resource that a trial gets.
std::optional<double> MostOf(const ExperimentSpec& spec, const std::string& resource) {
  for (const char* const name : {"r_max", "r_l"}) {
    if (const auto most = ParseMetricValue(SettingOf(spec.algorithm, name))) return most;
  }
  const auto parameter = std::ranges::find(spec.parameters, resource, &ParameterSpec::name);
  return parameter == spec.parameters.end() ? std::nullopt : ParseMetricValue(parameter->feasible.max);
}

// What one configuration was given, rung by rung.
struct Configuration {
  std::map<double, std::optional<double>> rungs;  // amount, value
};

Result<SavingsView> OfRungs(StoreReader& reader, const Experiment& experiment, const ExperimentSpec& spec,
                            const std::string& resource) {
  QALAM_TRY(const std::vector<Trial> trials,
            reader.FindTrials(experiment.id, {.parts = TrialQuery::kAssignments | TrialQuery::kObservation}));
  SavingsView view;
  view.resource = resource;
  view.trials = experiment.counts.total;
  view.stopped = experiment.counts.early_stopped;
  std::map<std::string, Configuration> configurations;
  for (const Trial& trial : trials) {
    const std::string* text = FindValue(trial.assignments, resource);
    const std::optional<double> amount = text == nullptr ? std::nullopt : ParseMetricValue(*text);
    if (!amount) continue;
    if (trial.state != TrialState::kCreated) view.run += *amount;
    std::string key;
    for (const Assignment& a : trial.assignments) {
      if (a.name != resource) key += a.name + '\0' + a.value + '\0';
    }
    auto& value = configurations[key].rungs[*amount];
    if (trial.state == TrialState::kSucceeded && trial.observation)
      value = ObjectiveValue(spec.objective, *trial.observation);
  }
  view.configurations = static_cast<int>(configurations.size());
  if (const std::optional<double> most = MostOf(spec, resource)) view.whole = *most * view.configurations;

  std::set<double> starts;
  for (const auto& [key, configuration] : configurations) starts.insert(configuration.rungs.begin()->first);
  std::map<std::pair<int, double>, SavingsView::Row> rows;
  for (const auto& [key, configuration] : configurations) {
    const auto bracket =
        static_cast<int>(std::distance(starts.begin(), starts.find(configuration.rungs.begin()->first)));
    for (const auto& [amount, value] : configuration.rungs) {
      SavingsView::Row& row = rows[{bracket, amount}];
      row.bracket = bracket;
      row.at = amount;
      ++row.trials;
      row.others += amount < configuration.rungs.rbegin()->first ? 1 : 0;
      if (value && (!row.best || IsBetter(spec.objective.type, *value, *row.best))) row.best = value;
    }
  }
  for (const auto& [at, row] : rows) view.rungs.push_back(row);
  return view;
}

// "1,620".
std::string Amount(double value) {
  if (value != std::floor(value) || std::abs(value) >= 1e15) return ShortNumber(value);
  std::string digits = fmt::format("{:.0f}", value);
  for (std::size_t at = digits.size(); at > 3 && digits[at - 4] != '-';) digits.insert(at -= 3, ",");
  return digits;
}

Node SavingsDocument(const SavingsView& view) {
  Node out = Node::Map();
  const bool stopping = view.resource.empty();
  out.Set("unit", Node::String(stopping ? "steps" : view.resource));
  out.Set("run", Node::Float(view.run));
  if (view.whole) out.Set("withoutSaving", Node::Float(std::max(view.run, *view.whole)));
  out.Set("trials", Node::Int(view.trials));
  if (stopping) {
    out.Set("trialsStopped", Node::Int(view.stopped));
  } else {
    out.Set("configurations", Node::Int(view.configurations));
  }
  if (view.rungs.empty()) return out;
  Node& rungs = out.Set("rungs", Node::Sequence());
  for (const SavingsView::Row& row : view.rungs) {
    Node& rung = rungs.Add(Node::Map());
    rung.Set("bracket", Node::Int(row.bracket));
    rung.Set("at", Node::Float(row.at));
    rung.Set("trials", Node::Int(row.trials));
    rung.Set(stopping ? "stopped" : "wentOn", Node::Int(row.others));
    if (row.best) rung.Set("best", Node::Float(*row.best));
  }
  return out;
}

}  // namespace

Result<std::optional<SavingsView>> ViewSavings(StoreReader& reader, const Experiment& experiment,
                                               const ExperimentSpec& spec) {
  const std::string resource = SettingOf(spec.algorithm, "resource_name");
  const bool by_rungs = std::ranges::find(spec.parameters, resource, &ParameterSpec::name) != spec.parameters.end();
  if (by_rungs && !spec.early_stopping) {
    QALAM_TRY(SavingsView view, OfRungs(reader, experiment, spec, resource));
    return std::optional(std::move(view));
  }
  if (!spec.early_stopping && experiment.counts.early_stopped == 0) return std::optional<SavingsView>();
  QALAM_TRY(SavingsView view, OfEarlyStopping(reader, experiment, spec));
  return std::optional(std::move(view));
}

std::string SavingsSentence(const SavingsView& view) {
  const std::string trials = fmt::format("{} trial{}", view.trials, view.trials == 1 ? "" : "s");
  std::string out = view.resource.empty() ? fmt::format("{} of {} stopped early", view.stopped, trials)
                                          : fmt::format("{} configuration{} in {}", view.configurations,
                                                        view.configurations == 1 ? "" : "s", trials);
  const std::string unit = view.resource.empty() ? "steps" : view.resource;
  if (view.run <= 0) return out;
  if (!view.whole || *view.whole <= view.run) return out + fmt::format("; {} {} run", Amount(view.run), unit);
  const double saved = std::floor(100 * (*view.whole - view.run) / *view.whole + 1e-9);
  return out + fmt::format("; {} of {} {} run ({:.0f} % saved)", Amount(view.run), Amount(*view.whole), unit, saved);
}

std::string RungTable(const SavingsView& view) {
  if (view.rungs.empty()) return "";
  const bool brackets = view.rungs.back().bracket > 0;
  std::vector<std::string> head = {"STEP", "TRIALS", "STOPPED", "BEST"};
  if (!view.resource.empty()) head = {view.resource, "TRIALS", "WENT ON", "BEST"};
  if (brackets) head.insert(head.begin(), "BRACKET");
  Table table(head);
  for (const SavingsView::Row& row : view.rungs) {
    std::vector<std::string> cells = {Amount(row.at), std::to_string(row.trials), std::to_string(row.others),
                                      row.best ? ShortNumber(*row.best) : "-"};
    if (brackets) cells.insert(cells.begin(), std::to_string(row.bracket));
    table.Row(std::move(cells));
  }
  return table.Text();
}

Status AddSavings(StoreReader& reader, const Experiment& experiment, const ExperimentSpec& spec, Node* document) {
  QALAM_TRY(const std::optional<SavingsView> view, ViewSavings(reader, experiment, spec));
  if (!view) return OkStatus();
  for (Node::Entry& entry : document->entries) {
    if (entry.key == "status") entry.value.Set("savings", SavingsDocument(*view));
  }
  return OkStatus();
}

}  // namespace qalam
