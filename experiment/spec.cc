// SPDX-License-Identifier: Apache-2.0
// The Experiment from its document: Katib's webhook checks (pkg/webhook/v1beta1/experiment), and those it lacks.
#include "experiment/spec.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "core/words.h"
#include "experiment/spec_nas.h"
#include "experiment/spec_sections.h"

namespace qalam {
namespace {

constexpr std::size_t kLongestName = 40;       // a trial's name adds nine characters, a pod's more
constexpr std::size_t kLongestNamespace = 63;  // a DNS label

const std::vector<std::string> kKatibAlgorithms = {
    "random", "grid", "tpe",  "multivariate-tpe", "bayesianoptimization", "cmaes", "sobol", "hyperband",
    "pbt",    "enas", "darts"};
const std::vector<std::string> kKatibRules = {"medianstop"};

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsLabelCharacter(char c) { return IsLower(c) || (c >= '0' && c <= '9') || c == '-'; }

bool Contains(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::vector<std::string> Together(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::optional<std::string> NamespaceFault(std::string_view name) {
  const bool legal = !name.empty() && name.size() <= kLongestNamespace && name.front() != '-' && name.back() != '-' &&
                     std::ranges::all_of(name, IsLabelCharacter);
  if (legal) return std::nullopt;
  return fmt::format(
      "namespace '{}' must be small letters, digits and '-', at most {}, with a letter or digit at both ends", name,
      kLongestNamespace);
}

// False: it is not an Experiment, and to look at its fields would only make noise.
bool CheckKind(Fields* root) {
  bool known = true;
  const auto check = [&](std::string_view key, std::string_view wanted) {
    const std::optional<std::string> found = root->Text(key);
    if (found == wanted) return;
    known = false;
    if (found) {
      root->Error(
          key, fmt::format("'{}' is not read here: an Experiment has '{}'{}", *found, wanted,
                           found->starts_with("kubeflow.org/v1alpha") ? "; convert it, v1alpha is not the same" : ""));
    } else if (root->Take(key) == nullptr) {
      root->Error(key, fmt::format("is missing: an Experiment has '{}'", wanted));
    }
  };
  check("apiVersion", kApiVersion);
  check("kind", kExperimentKind);
  return known;
}

void ReadMetadata(Fields* root, ExperimentSpec* experiment) {
  Fields metadata = root->Map("metadata");
  const std::optional<std::string> name = metadata.Text("name");
  const bool generate = metadata.Take("generateName") != nullptr;
  if (name) {
    experiment->name = *name;
    if (const auto fault = NameFault(*name)) metadata.Error("name", *fault);
  } else if (metadata.Take("name") == nullptr) {
    metadata.Error("name", generate ? "is missing: generateName lets a cluster make one, here a name must be written"
                                    : "is missing: an experiment needs a name");
  }
  if (const auto space = metadata.Text("namespace"); space && !space->empty()) {
    experiment->namespace_name = *space;
    if (const auto fault = NamespaceFault(*space)) metadata.Error("namespace", *fault);
  }
  experiment->labels = metadata.TextMap("labels");
  experiment->annotations = metadata.TextMap("annotations", kConditionsAnnotation);
  metadata.Finish();
}

void ReadStrategies(Fields* objective, ObjectiveSpec* out) {
  const std::vector<std::string> metrics = Together({out->metric_name}, out->additional_metric_names);
  std::set<std::string> given;
  for (const ListItem& item : objective->List("metricStrategies")) {
    Fields strategy(item, &objective->faults());
    const std::optional<std::string> name = strategy.Text("name"), value = strategy.Text("value");
    strategy.Finish();
    if (strategy.present() && !name) strategy.Error("name", "is missing: the metric whose reports are chosen");
    if (strategy.present() && !value) strategy.Error("value", "is missing: one of min, max, latest");
    if (!name || !value) continue;
    const auto known = FindWord<MetricStrategy>(kStrategies, *value);
    if (!known) strategy.NotOneOf("value", *value, WordList(kStrategies));
    if (!given.insert(*name).second) {
      strategy.Error("name", fmt::format("metric '{}' has a strategy already", *name));
    } else if (!Contains(metrics, *name)) {
      strategy.Warning("name", fmt::format("'{}' is not a metric of this experiment, so its strategy is not used{}",
                                           *name, DidYouMean(*name, metrics)));
    } else if (known) {
      out->strategies[*name] = *known;
    }
  }
}

void ReadObjective(Fields* spec, ObjectiveSpec* out) {
  Fields objective = spec->Map("objective");
  if (!objective.present()) {
    if (spec->Take("objective") == nullptr) spec->Error("objective", "is missing: what to minimize or maximize");
    return;
  }
  const std::optional<std::string> type = objective.Text("type");
  if (!type) {
    if (objective.Take("type") == nullptr) objective.Error("type", "is missing: minimize or maximize");
  } else if (const auto known = FindWord<ObjectiveType>(kObjectiveTypes, *type)) {
    out->type = *known;
  } else {
    objective.NotOneOf("type", *type, WordList(kObjectiveTypes));
  }
  out->goal = objective.Number("goal");
  out->metric_name = objective.Text("objectiveMetricName").value_or("");
  if (out->metric_name.empty() && objective.Take("objectiveMetricName") == nullptr) {
    objective.Error("objectiveMetricName", "is missing: the name of the metric, as the trial prints it");
  } else if (out->metric_name.empty()) {
    objective.Error("objectiveMetricName", "is empty: the name of the metric, as the trial prints it");
  }
  for (const ListItem& item : objective.List("additionalMetricNames")) {
    const std::optional<std::string> name = TextOf(*item.node, item.path, &objective.faults());
    if (!name) continue;
    if (name->empty()) {
      objective.faults().Error(item.node->position, item.path, "a metric's name cannot be empty");
    } else if (*name == out->metric_name) {
      objective.faults().Error(item.node->position, item.path,
                               fmt::format("'{}' is the objective already; additional metrics are others", *name));
    } else if (Contains(out->additional_metric_names, *name)) {
      objective.faults().Warning(item.node->position, item.path, fmt::format("'{}' is there twice", *name));
    } else {
      out->additional_metric_names.push_back(*name);
    }
  }
  ReadStrategies(&objective, out);
  FillStrategies(out);
  objective.Finish();
}

using SettingCheck = std::function<std::optional<SettingFault>(const Setting&)>;

std::vector<Setting> ReadSettings(Fields* algorithm, const SettingCheck& check) {
  std::vector<Setting> settings;
  for (const ListItem& item : algorithm->List("algorithmSettings")) {
    Fields setting(item, &algorithm->faults());
    const std::optional<std::string> name = setting.Text("name"), value = setting.Text("value");
    setting.Finish();
    if (!setting.present()) continue;
    if (!name || name->empty()) {
      setting.Error("name", "is missing: the setting's name");
    } else if (std::ranges::find(settings, *name, &Setting::name) != settings.end()) {
      setting.Error("name", fmt::format("setting '{}' is there twice", *name));
    } else if (!value) {
      if (setting.Take("value") == nullptr) setting.Error("value", fmt::format("is missing: the value of '{}'", *name));
    } else {
      settings.push_back({*name, *value});
      if (const auto fault = check(settings.back())) setting.Error(fault->of_name ? "name" : "value", fault->text);
    }
  }
  return settings;
}

bool SearchesArchitectures(std::string_view algorithm) { return algorithm == "enas" || algorithm == "darts"; }

// Katib's own algorithms and ours search either parameters or architectures. What a service of somebody else does under
// another name is its own business.
void CheckSpaceOf(const std::string& name, bool nas, const SpecContext& context, const Fields& algorithm) {
  const bool wants_nas = SearchesArchitectures(name);
  const bool ours = Contains(context.algorithms, name) && !Contains(context.served, name);
  if (wants_nas && !nas) {
    algorithm.Error("algorithmName", fmt::format("'{}' searches an architecture: it needs spec.nasConfig", name));
  } else if (nas && !wants_nas && (ours || IsKatibs(name))) {
    algorithm.Error(
        "algorithmName",
        fmt::format("'{}' searches parameters, and there is a nasConfig: enas and darts search that", name));
  }
}

AlgorithmSpec ReadAlgorithm(Fields* spec, const SpecContext& context) {
  Fields algorithm = spec->Map("algorithm");
  if (!algorithm.present() && spec->Take("algorithm") == nullptr) {
    spec->Error("algorithm", "is missing: how trials are chosen, as in  algorithm: {algorithmName: random}");
  }
  if (!algorithm.present()) return {};
  const std::optional<std::string> name = algorithm.Text("algorithmName");
  if (!name || name->empty()) {
    algorithm.Error("algorithmName", "is missing: the name of an algorithm, random for one");
  } else if (const auto fault = AlgorithmFault(*name, context)) {
    if (IsKatibs(*name)) {
      algorithm.NotHere("algorithmName", *fault);
    } else {
      algorithm.Error("algorithmName", *fault);
      algorithm.faults().CanReplace(algorithm.At("algorithmName"), *name,
                                    Together(context.algorithms, kKatibAlgorithms));
    }
  }
  const bool nas = spec->Take("nasConfig") != nullptr;
  if (name && (!nas || spec->Take("parameters") == nullptr)) CheckSpaceOf(*name, nas, context, algorithm);
  AlgorithmSpec out{name.value_or(""), ReadSettings(&algorithm, [&](const Setting& setting) {
                      return name ? SettingFaultOf(*name, setting, context) : std::nullopt;
                    })};
  algorithm.Finish();
  return out;
}

std::optional<std::string> RuleFault(const std::string& name, const SpecContext& context) {
  if (context.algorithms.empty() || Contains(context.rules, name)) return std::nullopt;
  const std::string has = context.rules.empty()
                              ? "this version has none; leave earlyStopping out to run every trial to its end"
                              : fmt::format("this version has {}", JoinWords(context.rules));
  if (Contains(kKatibRules, name)) {
    return fmt::format("early-stopping rule '{}' is one of Katib's, and not in this version of Qalam; {}", name, has);
  }
  return fmt::format("early-stopping rule '{}' is not known{}", name,
                     DidYouMean(name, Together(context.rules, kKatibRules)));
}

std::optional<AlgorithmSpec> ReadEarlyStopping(Fields* spec, const SpecContext& context) {
  Fields rule = spec->Map("earlyStopping");
  if (!rule.present()) return std::nullopt;
  const std::optional<std::string> name = rule.Text("algorithmName");
  if (!name || name->empty()) {
    rule.Error("algorithmName", "is missing: the name of an early-stopping rule, medianstop for one");
  } else if (const auto fault = RuleFault(*name, context)) {
    if (Contains(kKatibRules, *name)) {
      rule.NotHere("algorithmName", *fault);
    } else {
      rule.Error("algorithmName", *fault);
      rule.faults().CanReplace(rule.At("algorithmName"), *name, Together(context.rules, kKatibRules));
    }
  }
  AlgorithmSpec out{name.value_or(""), ReadSettings(&rule, [&](const Setting& setting) -> std::optional<SettingFault> {
                      const bool ours = name && context.rule_setting_fault != nullptr &&
                                        Contains(context.rules, *name) && !Contains(context.served_rules, *name);
                      return ours ? context.rule_setting_fault(*name, setting) : std::nullopt;
                    })};
  rule.Finish();
  return out;
}

void ReadBudget(Fields* spec, ExperimentSpec* experiment) {
  const std::optional<int> parallel = spec->Count("parallelTrialCount");
  experiment->max_trial_count = spec->Count("maxTrialCount");
  experiment->max_failed_trial_count = spec->Count("maxFailedTrialCount");
  const std::optional<int>&max = experiment->max_trial_count, &failed = experiment->max_failed_trial_count;
  if (parallel && *parallel <= 0) {
    spec->Error("parallelTrialCount", fmt::format("{} must be greater than 0", *parallel));
  } else if (parallel) {
    experiment->parallel_trial_count = *parallel;
  }
  if (max && *max <= 0)
    spec->Error("maxTrialCount", fmt::format("{} must be greater than 0; leave it out for no limit", *max));
  if (failed && *failed < 0) {
    spec->Error("maxFailedTrialCount", fmt::format("{} must be 0 or more; leave it out for no limit", *failed));
  }
  // Katib refuses this, and has it in an example of its own.
  if (max && failed && *max > 0 && *failed > *max) {
    spec->Warning("maxFailedTrialCount",
                  fmt::format("{} is greater than maxTrialCount {}: so many cannot fail", *failed, *max));
  }
  if (max && parallel && *max > 0 && *parallel > *max) {
    spec->Warning(
        "parallelTrialCount",
        fmt::format("{} is greater than maxTrialCount {}: there is never that much to do at once", *parallel, *max));
  }
  if (const auto policy = spec->Text("resumePolicy"); policy && !policy->empty()) {
    if (const auto known = FindWord<ResumePolicy>(kResumePolicies, *policy)) {
      experiment->resume_policy = *known;
    } else {
      spec->NotOneOf("resumePolicy", *policy, WordList(kResumePolicies));
    }
  }
}

// What is searched: parameters, or the architecture of a network.
void ReadSpace(Fields* spec, const SpecContext& context, ExperimentSpec* experiment) {
  const bool clean = !spec->faults().HasErrors();
  experiment->nas_config = ReadNasConfig(spec);
  const std::string& algorithm = experiment->algorithm.name;
  const bool ours = SearchesArchitectures(algorithm) && !Contains(context.served, algorithm);
  // What does not even read as a nasConfig has been told already.
  if (experiment->nas_config && ours && !(clean && spec->faults().HasErrors()))
    CheckNasConfigFor(algorithm, *experiment->nas_config, spec);
  if (spec->Take("nasConfig") != nullptr) {
    const Node* list = spec->Take("parameters");
    if (list == nullptr || (list->kind == Node::Kind::kSequence && list->items.empty())) return;
    spec->Error("parameters", "nasConfig is there too: an experiment searches parameters or an architecture, not both");
  }
  experiment->parameters = ReadParameters(spec);
  if (experiment->parameters.empty() && spec->Take("parameters") == nullptr) {
    spec->Error("parameters", "is missing: what is to be tuned");
  }
}

// Everything below spec.
void ReadSpec(const Node& document, Fields* root, const SpecContext& context, const std::string& template_text,
              ExperimentSpec* experiment) {
  Fields spec = root->Map("spec");
  if (!spec.present()) {
    if (root->Take("spec") == nullptr) root->Error("spec", "is missing: what the experiment is to do");
    return;
  }
  ReadObjective(&spec, &experiment->objective);
  experiment->algorithm = ReadAlgorithm(&spec, context);
  experiment->early_stopping = ReadEarlyStopping(&spec, context);
  ReadBudget(&spec, experiment);
  ReadSpace(&spec, context, experiment);
  ReadTrialTemplate(&spec, context, template_text, experiment);
  experiment->metrics_collector = ReadMetricsCollector(&spec);
  ReadConditions(document, experiment, &spec.faults());
  if (!spec.faults().HasErrors()) {
    if (const auto advice = GridAdvice(*experiment)) spec.Warning("maxTrialCount", *advice);
  }
  spec.Finish();
}

}  // namespace

std::optional<std::string> NameFault(std::string_view name) {
  if (name.empty()) return "is empty: an experiment needs a name";
  if (name.size() > kLongestName) {
    return fmt::format("name '{}' has {} characters, at most {} are allowed", name, name.size(), kLongestName);
  }
  if (IsLower(name.front()) && name.back() != '-' && std::ranges::all_of(name, IsLabelCharacter)) return std::nullopt;
  return fmt::format("name '{}' must be small letters, digits and '-', begin with a letter and not end with '-'", name);
}

bool IsKatibs(std::string_view algorithm) { return Contains(kKatibAlgorithms, algorithm); }

std::optional<std::string> AlgorithmFault(const std::string& name, const SpecContext& context) {
  if (context.algorithms.empty() || Contains(context.algorithms, name)) return std::nullopt;
  const std::string has = fmt::format("this version has {}", JoinWords(context.algorithms));
  if (Contains(kKatibAlgorithms, name)) {
    return fmt::format("algorithm '{}' is one of Katib's, and not in this version of Qalam; {}", name, has);
  }
  const std::string nearest = DidYouMean(name, Together(context.algorithms, kKatibAlgorithms));
  return fmt::format("algorithm '{}' is not known{}{}", name, nearest.empty() ? "; " : nearest + " (",
                     nearest.empty() ? has : has + ")");
}

std::optional<SettingFault> SettingFaultOf(const std::string& algorithm, const Setting& setting,
                                           const SpecContext& context) {
  if (context.setting_fault == nullptr || Contains(context.served, algorithm)) return std::nullopt;
  return context.setting_fault(algorithm, setting);
}

void FillStrategies(ObjectiveSpec* objective) {
  const MetricStrategy natural =
      objective->type == ObjectiveType::kMinimize ? MetricStrategy::kMin : MetricStrategy::kMax;
  objective->strategies.try_emplace(objective->metric_name, natural);
  for (const std::string& name : objective->additional_metric_names) objective->strategies.try_emplace(name, natural);
}

std::optional<std::string> GridAdvice(const ExperimentSpec& experiment) {
  if (experiment.algorithm.name != "grid" || !experiment.max_trial_count) return std::nullopt;
  const Result<SearchSpace> space = SearchSpace::Create(experiment.parameters);
  if (!space.ok() || !space->cardinality()) return std::nullopt;
  const auto max = static_cast<std::uint64_t>(*experiment.max_trial_count);
  if (*space->cardinality() <= max) return std::nullopt;
  return fmt::format("the grid has {} points and maxTrialCount is {}: the rest of the grid is not tried",
                     *space->cardinality(), max);
}

std::optional<ExperimentSpec> ReadExperiment(const Node& document, const SpecContext& context, Diagnostics* faults) {
  FaultList list(context.strict, context.to_run);
  ExperimentSpec experiment;
  Fields root(&document, &ExperimentFields(), "", document.position, &list);
  if (!root.present() && document.kind == Node::Kind::kNull)
    list.Error(document.position, "", "there is no Experiment in it");
  if (root.present() && CheckKind(&root)) {
    ReadMetadata(&root, &experiment);
    std::string template_text;
    if (auto kept = experiment.annotations.extract(std::string(kTemplateAnnotation))) template_text = kept.mapped();
    ReadSpec(document, &root, context, template_text, &experiment);
    root.Finish();
  }
  const bool bad = list.HasErrors();
  if (context.fixes != nullptr) *context.fixes = list.TakeFixes();
  list.MoveTo(faults);
  if (bad) return std::nullopt;
  return experiment;
}

}  // namespace qalam
