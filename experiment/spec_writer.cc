// SPDX-License-Identifier: Apache-2.0
// The effective Experiment as a document, and how two of them differ.
#include <fmt/core.h>

#include <algorithm>
#include <initializer_list>

#include "core/words.h"
#include "experiment/spec_sections.h"

namespace qalam {
namespace {

Node Word(std::string_view word) { return Node::String(std::string(word)); }

Node TextList(const std::vector<std::string>& texts) {
  Node list = Node::Sequence();
  for (const std::string& text : texts) list.Add(Node::String(text));
  return list;
}

Node TextMap(const std::map<std::string, std::string>& texts) {
  Node map = Node::Map();
  for (const auto& [key, text] : texts) map.Set(key, Node::String(text));
  return map;
}

void SetText(const char* key, const std::string& text, Node* map) {
  if (!text.empty()) map->Set(key, Node::String(text));
}

Node ParametersNode(const std::vector<ParameterSpec>& parameters) {
  Node list = Node::Sequence();
  for (const ParameterSpec& parameter : parameters) {
    Node space = Node::Map();
    SetText("min", parameter.feasible.min, &space);
    SetText("max", parameter.feasible.max, &space);
    SetText("step", parameter.feasible.step, &space);
    if (!parameter.feasible.list.empty()) space.Set("list", TextList(parameter.feasible.list));
    space.Set("distribution", Word(ToString(parameter.feasible.distribution)));
    Node& node = list.Add(Node::Map());
    node.Set("name", Node::String(parameter.name));
    node.Set("parameterType", Word(ToString(parameter.type)));
    node.Set("feasibleSpace", std::move(space));
  }
  return list;
}

Node SizesNode(const std::vector<int>& sizes) {
  Node list = Node::Sequence();
  for (const int size : sizes) list.Add(Node::Int(size));
  return list;
}

Node NasNode(const NasConfig& nas) {
  Node graph = Node::Map();
  if (nas.graph.num_layers > 0) graph.Set("numLayers", Node::Int(nas.graph.num_layers));
  if (!nas.graph.input_sizes.empty()) graph.Set("inputSizes", SizesNode(nas.graph.input_sizes));
  if (!nas.graph.output_sizes.empty()) graph.Set("outputSizes", SizesNode(nas.graph.output_sizes));
  Node operations = Node::Sequence();
  for (const NasOperation& operation : nas.operations) {
    Node& item = operations.Add(Node::Map());
    item.Set("operationType", Node::String(operation.type));
    if (!operation.parameters.empty()) item.Set("parameters", ParametersNode(operation.parameters));
  }
  Node node = Node::Map();
  node.Set("graphConfig", std::move(graph));
  node.Set("operations", std::move(operations));
  return node;
}

Node ObjectiveNode(const ObjectiveSpec& objective) {
  Node node = Node::Map();
  node.Set("type", Word(WordOf(kObjectiveTypes, objective.type)));
  if (objective.goal) node.Set("goal", Node::Float(*objective.goal));
  node.Set("objectiveMetricName", Node::String(objective.metric_name));
  if (!objective.additional_metric_names.empty()) {
    node.Set("additionalMetricNames", TextList(objective.additional_metric_names));
  }
  Node strategies = Node::Sequence();
  const auto add = [&](const std::string& name) {
    const auto found = objective.strategies.find(name);
    if (found == objective.strategies.end()) return;
    Node& strategy = strategies.Add(Node::Map());
    strategy.Set("name", Node::String(name));
    strategy.Set("value", Word(WordOf(kStrategies, found->second)));
  };
  add(objective.metric_name);
  for (const std::string& name : objective.additional_metric_names) add(name);
  node.Set("metricStrategies", std::move(strategies));
  return node;
}

Node AlgorithmNode(const AlgorithmSpec& algorithm) {
  Node node = Node::Map();
  node.Set("algorithmName", Node::String(algorithm.name));
  if (algorithm.settings.empty()) return node;
  Node settings = Node::Sequence();
  for (const Setting& setting : algorithm.settings) {
    Node& item = settings.Add(Node::Map());
    item.Set("name", Node::String(setting.name));
    item.Set("value", Node::String(setting.value));
  }
  node.Set("algorithmSettings", std::move(settings));
  return node;
}

Node TemplateNode(const TrialTemplate& trial_template) {
  Node node = Node::Map();
  node.Set("retain", Node::Bool(trial_template.retain));
  node.Set("primaryContainerName", Node::String(trial_template.primary_container_name));
  if (!trial_template.primary_pod_labels.empty()) {
    node.Set("primaryPodLabels", TextMap(trial_template.primary_pod_labels));
  }
  SetText("successCondition", trial_template.success_condition, &node);
  SetText("failureCondition", trial_template.failure_condition, &node);
  Node parameters = Node::Sequence();
  for (const TrialParameterSpec& parameter : trial_template.parameters) {
    Node& item = parameters.Add(Node::Map());
    item.Set("name", Node::String(parameter.name));
    SetText("description", parameter.description, &item);
    item.Set("reference", Node::String(parameter.reference));
  }
  node.Set("trialParameters", std::move(parameters));
  if (trial_template.trial_spec.kind != Node::Kind::kNull) {
    node.Set("trialSpec", trial_template.trial_spec);
    return node;
  }
  Node& config_map = node.Set("configMap", Node::Map());
  config_map.Set("configMapName", Node::String(trial_template.config_map_name));
  config_map.Set("configMapNamespace", Node::String(trial_template.config_map_namespace));
  config_map.Set("templatePath", Node::String(trial_template.template_path));
  return node;
}

Node CollectorNode(const MetricsCollectorSpec& collector) {
  Node node = Node::Map();
  Node& who = node.Set("collector", Node::Map());
  who.Set("kind", Word(WordOf(kCollectorKinds, collector.kind)));
  if (collector.custom.kind == Node::Kind::kMap) who.Set("customCollector", collector.custom);
  Node source = Node::Map();
  if (collector.kind == CollectorKind::kPrometheusMetric) {
    Node& http = source.Set("httpGet", Node::Map());
    http.Set("path", Node::String(collector.path));
    http.Set("port", Node::Int(collector.port));
  } else if (!collector.path.empty()) {
    Node& file = source.Set("fileSystemPath", Node::Map());
    const bool events = collector.kind == CollectorKind::kTensorFlowEvent;
    file.Set("path", Node::String(collector.path));
    file.Set("kind", Word(collector.directory ? "Directory" : "File"));
    if (!events) file.Set("format", Word(WordOf(kFileFormats, collector.format)));
  }
  if (!collector.filters.empty()) source.Set("filter", Node::Map()).Set("metricsFormat", TextList(collector.filters));
  if (!source.entries.empty()) node.Set("source", std::move(source));
  return node;
}

Node SpecNode(const ExperimentSpec& spec) {
  Node node = Node::Map();
  node.Set("objective", ObjectiveNode(spec.objective));
  node.Set("algorithm", AlgorithmNode(spec.algorithm));
  if (spec.early_stopping) node.Set("earlyStopping", AlgorithmNode(*spec.early_stopping));
  node.Set("parallelTrialCount", Node::Int(spec.parallel_trial_count));
  if (spec.max_trial_count) node.Set("maxTrialCount", Node::Int(*spec.max_trial_count));
  if (spec.max_failed_trial_count) node.Set("maxFailedTrialCount", Node::Int(*spec.max_failed_trial_count));
  node.Set("resumePolicy", Word(WordOf(kResumePolicies, spec.resume_policy)));
  node.Set("metricsCollectorSpec", CollectorNode(spec.metrics_collector));
  if (!spec.parameters.empty()) node.Set("parameters", ParametersNode(spec.parameters));
  if (spec.nas_config) node.Set("nasConfig", NasNode(*spec.nas_config));
  node.Set("trialTemplate", TemplateNode(spec.trial_template));
  return node;
}

// The paths at which the trees differ, each as deep as it goes.
void Compare(const Node* a, const Node* b, const std::string& path, std::vector<std::string>* differing) {
  if (a == nullptr || b == nullptr || a->kind != b->kind || a->items.size() != b->items.size()) {
    differing->push_back(path);
    return;
  }
  if (a->IsScalar()) {
    if (a->text != b->text) differing->push_back(path);
    return;
  }
  for (std::size_t i = 0; i < a->items.size(); ++i) {
    Compare(&a->items[i], &b->items[i], fmt::format("{}[{}]", path, i), differing);
  }
  for (const Node::Entry& entry : a->entries) {
    Compare(&entry.value, b->Find(entry.key), fmt::format("{}.{}", path, entry.key), differing);
  }
  for (const Node::Entry& entry : b->entries) {
    if (a->Find(entry.key) == nullptr) differing->push_back(fmt::format("{}.{}", path, entry.key));
  }
}

}  // namespace

Node ToDocument(const ExperimentSpec& spec) {
  Node metadata = Node::Map();
  metadata.Set("name", Node::String(spec.name));
  metadata.Set("namespace", Node::String(spec.namespace_name));
  if (!spec.labels.empty()) metadata.Set("labels", TextMap(spec.labels));
  Node annotations = TextMap(spec.annotations);
  if (!spec.trial_template.config_map_text.empty()) {
    annotations.Set(std::string(kTemplateAnnotation), Node::String(spec.trial_template.config_map_text));
  }
  if (const std::string conditions = ConditionsText(spec.parameters); !conditions.empty())
    annotations.Set(std::string(kConditionsAnnotation), Node::String(conditions));
  if (!annotations.entries.empty()) metadata.Set("annotations", std::move(annotations));

  Node document = Node::Map();
  document.Set("apiVersion", Word(kApiVersion));
  document.Set("kind", Word(kExperimentKind));
  document.Set("metadata", std::move(metadata));
  document.Set("spec", SpecNode(spec));
  return document;
}

// Labels and annotations do not make another experiment, but for the template and the conditions that are kept in some.
std::vector<std::string> DifferingFields(const ExperimentSpec& a, const ExperimentSpec& b) {
  std::vector<std::string> differing;
  Node left = SpecNode(a), right = SpecNode(b);
  for (Node* node : {&left, &right}) {
    std::erase_if(node->entries, [](const Node::Entry& entry) {
      return entry.key == "parallelTrialCount" || entry.key == "maxTrialCount" || entry.key == "maxFailedTrialCount";
    });
  }
  Compare(&left, &right, "spec", &differing);
  if (a.trial_template.config_map_text != b.trial_template.config_map_text) {
    differing.push_back("spec.trialTemplate.configMap.templatePath");
  }
  if (ConditionsText(a.parameters) != ConditionsText(b.parameters))
    differing.push_back(fmt::format("metadata.annotations.{}", kConditionsAnnotation));
  return differing;
}

}  // namespace qalam
