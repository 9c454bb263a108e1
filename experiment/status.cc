// SPDX-License-Identifier: Apache-2.0
#include "experiment/status.h"

#include <algorithm>
#include <string>
#include <utility>

#include "experiment/placeholders.h"
#include "experiment/read.h"
#include "experiment/spec.h"

namespace qalam {
namespace {

Node TimeNode(WallTime time) { return time == WallTime{} ? Node() : Node::String(FormatTime(time)); }

Node ConditionsNode(const std::vector<Condition>& conditions) {
  Node list = Node::Sequence();
  for (const Condition& condition : conditions) {
    Node& item = list.Add(Node::Map());
    item.Set("type", Node::String(condition.type));
    item.Set("status", Node::String(condition.status));
    item.Set("reason", Node::String(condition.reason));
    item.Set("message", Node::String(condition.message));
    item.Set("lastUpdateTime", TimeNode(condition.last_update));
    item.Set("lastTransitionTime", TimeNode(condition.last_transition));
  }
  return list;
}

Node AssignmentsNode(const Assignments& assignments) {
  Node list = Node::Sequence();
  for (const Assignment& assignment : assignments) {
    Node& item = list.Add(Node::Map());
    item.Set("name", Node::String(assignment.name));
    item.Set("value", Node::String(assignment.value));
  }
  return list;
}

Node ObservationNode(const Observation& observation) {
  Node metrics = Node::Sequence();
  for (const Metric& metric : observation.metrics) {
    Node& item = metrics.Add(Node::Map());
    item.Set("name", Node::String(metric.name));
    item.Set("min", Node::String(metric.min));
    item.Set("max", Node::String(metric.max));
    item.Set("latest", Node::String(metric.latest));
  }
  Node node = Node::Map();
  node.Set("metrics", std::move(metrics));
  return node;
}

Node RulesNode(const std::vector<EarlyStoppingRule>& rules) {
  Node list = Node::Sequence();
  for (const EarlyStoppingRule& rule : rules) {
    Node& item = list.Add(Node::Map());
    item.Set("name", Node::String(rule.name));
    item.Set("value", Node::String(rule.value));
    item.Set("comparison", Node::String(std::string(ToString(rule.comparison))));
    if (rule.start_step > 0) item.Set("startStep", Node::Int(rule.start_step));
  }
  return list;
}

Node LabelsNode(const std::map<std::string, std::string>& labels) {
  Node node = Node::Map();
  for (const auto& [key, value] : labels) node.Set(key, Node::String(value));
  return node;
}

// Copies spec and metadata of the manifest; only fields that stand there.
void CopyFrom(const Node& manifest, std::string_view key, Node* to) {
  if (const Node* found = manifest.Find(key)) to->Set(std::string(key), *found);
}

void AddTrialList(const char* key, TrialState state, const std::vector<Trial>& trials, Node* status) {
  Node list = Node::Sequence();
  for (const Trial& trial : trials)
    if (trial.state == state) list.Add(Node::String(trial.name));
  if (!list.items.empty()) status->Set(key, std::move(list));
}

void AddCount(const char* key, int count, Node* status) {
  if (count > 0) status->Set(key, Node::Int(count));
}

}  // namespace

bool SetCondition(std::vector<Condition>* conditions, std::string type, bool status, std::string reason,
                  std::string message, WallTime now) {
  const std::string word = status ? "True" : "False";
  const auto found = std::find_if(conditions->begin(), conditions->end(),
                                  [&](const Condition& condition) { return condition.type == type; });
  WallTime transition = now;
  if (found != conditions->end()) {
    if (found->status == word && found->reason == reason) return false;
    if (found->status == word) transition = found->last_transition;
    conditions->erase(found);
  }
  conditions->push_back({std::move(type), word, std::move(reason), std::move(message), now, transition});
  return true;
}

const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type) {
  const auto found = std::ranges::find(conditions, type, &Condition::type);
  return found == conditions.end() ? nullptr : &*found;
}

std::optional<TrialState> StopsAs(const Trial& trial) {
  const Condition* stopping = FindCondition(trial.conditions, kStoppingCondition);
  if (stopping == nullptr || !stopping->reason.starts_with("Trial")) return std::nullopt;
  return ParseTrialState(std::string_view(stopping->reason).substr(5));
}

bool IsDeclaredStopped(const Trial& trial) {
  const Condition* stopping = FindCondition(trial.conditions, kStoppingCondition);
  return stopping != nullptr && stopping->message == kDeclaredStopped;
}

bool IsBeingDeleted(const Experiment& experiment) {
  return FindCondition(experiment.conditions, kDeletingCondition) != nullptr;
}

std::string EndReason(const Experiment& experiment) {
  if (!IsFinal(experiment.state)) return "";
  const Condition* end = FindCondition(experiment.conditions, ToString(experiment.state));
  return end == nullptr ? "" : end->reason;
}

Node ExperimentToDocument(const Experiment& experiment, const std::vector<Trial>& trials) {
  const Result<Node> read = ReadJson(experiment.manifest);
  const Node manifest = read.ok() ? *read : Node::Map();

  Node metadata = Node::Map();
  metadata.Set("name", Node::String(experiment.name));
  metadata.Set("namespace", Node::String(experiment.namespace_name));
  metadata.Set("uid", Node::String(experiment.uid));
  metadata.Set("creationTimestamp", TimeNode(experiment.created));
  if (const Node* from = manifest.Find("metadata")) {
    CopyFrom(*from, "labels", &metadata);
    CopyFrom(*from, "annotations", &metadata);
  }

  Node status = Node::Map();
  status.Set("startTime", TimeNode(experiment.started));
  status.Set("completionTime", TimeNode(experiment.completed));
  status.Set("conditions", ConditionsNode(experiment.conditions));
  const auto best = std::find_if(trials.begin(), trials.end(),
                                 [&](const Trial& trial) { return trial.name == experiment.best_trial; });
  if (best != trials.end() && best->observation) {
    Node optimal = Node::Map();
    optimal.Set("bestTrialName", Node::String(best->name));
    optimal.Set("parameterAssignments", AssignmentsNode(best->assignments));
    optimal.Set("observation", ObservationNode(*best->observation));
    status.Set("currentOptimalTrial", std::move(optimal));
  }
  AddTrialList("runningTrialList", TrialState::kRunning, trials, &status);
  AddTrialList("pendingTrialList", TrialState::kCreated, trials, &status);
  AddTrialList("failedTrialList", TrialState::kFailed, trials, &status);
  AddTrialList("succeededTrialList", TrialState::kSucceeded, trials, &status);
  AddTrialList("killedTrialList", TrialState::kKilled, trials, &status);
  AddTrialList("earlyStoppedTrialList", TrialState::kEarlyStopped, trials, &status);
  AddTrialList("metricsUnavailableTrialList", TrialState::kMetricsUnavailable, trials, &status);
  AddCount("trials", experiment.counts.total, &status);
  AddCount("trialsSucceeded", experiment.counts.succeeded, &status);
  AddCount("trialsFailed", experiment.counts.failed, &status);
  AddCount("trialsKilled", experiment.counts.killed, &status);
  AddCount("trialsPending", experiment.counts.created, &status);
  AddCount("trialsRunning", experiment.counts.running, &status);
  AddCount("trialsEarlyStopped", experiment.counts.early_stopped, &status);
  AddCount("trialMetricsUnavailable", experiment.counts.metrics_unavailable, &status);  // Katib has no s here

  Node document = Node::Map();
  document.Set("apiVersion", Node::String("kubeflow.org/v1beta1"));
  document.Set("kind", Node::String("Experiment"));
  document.Set("metadata", std::move(metadata));
  CopyFrom(manifest, "spec", &document);
  document.Set("status", std::move(status));
  return document;
}

TrialDocuments::TrialDocuments(const Experiment& experiment, const ExperimentSpec& spec)
    : experiment_(experiment), spec_(spec), owner_(Node::Map()) {
  owner_.Set("apiVersion", Node::String("kubeflow.org/v1beta1"));
  owner_.Set("kind", Node::String("Experiment"));
  owner_.Set("name", Node::String(experiment.name));
  owner_.Set("uid", Node::String(experiment.uid));
  owner_.Set("controller", Node::Bool(true));
  if (const Result<Node> manifest = ReadJson(experiment.manifest); manifest.ok()) {
    if (const Node* found = manifest->FindPath({"spec", "objective"})) objective_ = *found;
    if (const Node* found = manifest->FindPath({"spec", "metricsCollectorSpec"})) collector_ = *found;
  }
  TrialTemplate& trial = spec_.trial_template;
  if (trial.trial_spec.kind != Node::Kind::kNull) return;
  if (Result<Node> read = ReadTextTemplate(trial.config_map_text); read.ok()) trial.trial_spec = *std::move(read);
}

Node TrialDocuments::Of(const Trial& trial) const {
  const TrialTemplate& from = spec_.trial_template;
  std::map<std::string, std::string> labels = spec_.labels;
  for (const auto& [key, value] : trial.labels) labels[key] = value;
  labels["katib.kubeflow.org/experiment"] = experiment_.name;

  Node metadata = Node::Map();
  metadata.Set("name", Node::String(trial.name));
  metadata.Set("namespace", Node::String(experiment_.namespace_name));
  metadata.Set("creationTimestamp", TimeNode(trial.created));
  metadata.Set("labels", LabelsNode(labels));
  metadata.Set("ownerReferences", Node::Sequence()).Add(owner_);

  Node spec = Node::Map();
  if (objective_.kind != Node::Kind::kNull) spec.Set("objective", objective_);
  spec.Set("parameterAssignments", AssignmentsNode(trial.assignments));
  if (!trial.early_stopping_rules.empty()) spec.Set("earlyStoppingRules", RulesNode(trial.early_stopping_rules));
  if (Result<Node> run = RenderTrial(spec_, trial.name, trial.assignments, Unfilled::kKeep); run.ok())
    spec.Set("runSpec", *std::move(run));
  if (from.retain) spec.Set("retainRun", Node::Bool(true));
  if (collector_.kind != Node::Kind::kNull) spec.Set("metricsCollector", collector_);
  if (!from.primary_pod_labels.empty()) spec.Set("primaryPodLabels", LabelsNode(from.primary_pod_labels));
  spec.Set("primaryContainerName", Node::String(from.primary_container_name));
  spec.Set("successCondition", Node::String(from.success_condition));
  spec.Set("failureCondition", Node::String(from.failure_condition));
  if (!trial.labels.empty()) spec.Set("labels", LabelsNode(trial.labels));

  Node status = Node::Map();
  status.Set("startTime", TimeNode(trial.started));
  status.Set("completionTime", TimeNode(trial.completed));
  status.Set("conditions", ConditionsNode(trial.conditions));
  if (trial.observation) status.Set("observation", ObservationNode(*trial.observation));

  Node document = Node::Map();
  document.Set("apiVersion", Node::String("kubeflow.org/v1beta1"));
  document.Set("kind", Node::String("Trial"));
  document.Set("metadata", std::move(metadata));
  document.Set("spec", std::move(spec));
  document.Set("status", std::move(status));
  return document;
}

}  // namespace qalam
