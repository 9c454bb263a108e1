// SPDX-License-Identifier: Apache-2.0
// The words of Katib's Experiment and Trial that all rooms share: plain values, no behaviour.
// Names, defaults and meanings are those of kubeflow.org/v1beta1.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/document.h"
#include "core/search_space.h"

namespace qalam {

struct Setting {
  std::string name, value;
  bool operator==(const Setting&) const = default;
};

enum class ObjectiveType { kMinimize, kMaximize };
enum class MetricStrategy { kMin, kMax, kLatest };  // which of a metric's reports counts

struct ObjectiveSpec {
  ObjectiveType type = ObjectiveType::kMinimize;
  std::optional<double> goal;
  std::string metric_name;
  std::vector<std::string> additional_metric_names;
  std::map<std::string, MetricStrategy> strategies;  // after defaults: one for the objective and each additional metric
};

struct AlgorithmSpec {
  std::string name;
  std::vector<Setting> settings;
};

enum class CollectorKind { kStdOut, kFile, kTensorFlowEvent, kPrometheusMetric, kPush, kCustom, kNone };
enum class FileFormat { kText, kJson };

struct MetricsCollectorSpec {
  CollectorKind kind = CollectorKind::kStdOut;
  std::string path;        // file, event folder or HTTP path
  bool directory = false;  // the path is a folder: TensorFlowEvent, and Custom when it says so
  int port = 0;            // PrometheusMetric
  FileFormat format = FileFormat::kText;
  std::vector<std::string> filters;  // RE2, two groups: name and value; empty: the default filter
  Node custom;                       // Custom: the container that collects, as it was written
};

// The space of a search for a network's architecture (ENAS, DARTS): a graph, and what its layers may be made of.
struct GraphConfig {
  int num_layers = 0;  // 0: not given
  std::vector<int> input_sizes, output_sizes;
};
struct NasOperation {
  std::string type;
  std::vector<ParameterSpec> parameters;
};
struct NasConfig {
  GraphConfig graph;
  std::vector<NasOperation> operations;
};

enum class ResumePolicy { kNever, kLongRunning, kFromVolume };

struct TrialParameterSpec {
  std::string name, description, reference;
};

struct TrialTemplate {
  bool retain = false;
  Node trial_spec;  // the manifest with its placeholders; null when it comes from a ConfigMap
  std::string config_map_name, config_map_namespace, template_path;
  std::string config_map_text;  // the YAML that the ConfigMap held when the Experiment was read
  std::vector<TrialParameterSpec> parameters;
  std::map<std::string, std::string> primary_pod_labels;
  std::string primary_container_name;
  std::string success_condition, failure_condition;  // GJSON
};

struct ExperimentSpec {
  std::string namespace_name = "default";
  std::string name;
  std::map<std::string, std::string> labels, annotations;

  std::vector<ParameterSpec> parameters;  // empty when there is a nas_config, and only then
  std::optional<NasConfig> nas_config;
  ObjectiveSpec objective;
  AlgorithmSpec algorithm;
  std::optional<AlgorithmSpec> early_stopping;
  int parallel_trial_count = 3;
  std::optional<int> max_trial_count;         // none: endless
  std::optional<int> max_failed_trial_count;  // none: unlimited
  ResumePolicy resume_policy = ResumePolicy::kNever;
  TrialTemplate trial_template;
  MetricsCollectorSpec metrics_collector;
};

// Kubernetes' condition. The last of a list is the current one.
struct Condition {
  std::string type, status = "True", reason, message;
  WallTime last_update{}, last_transition{};
};

enum class TrialState { kCreated, kRunning, kSucceeded, kKilled, kFailed, kMetricsUnavailable, kEarlyStopped };
inline bool IsFinal(TrialState state) { return state > TrialState::kRunning; }
std::string_view ToString(TrialState state);  // Katib's condition types: "Created", "MetricsUnavailable"
std::optional<TrialState> ParseTrialState(std::string_view text);

// Values are kept as the trial printed them; "unavailable" where there is none.
struct Metric {
  std::string name, min = "unavailable", max = "unavailable", latest = "unavailable";
};
struct Observation {
  std::vector<Metric> metrics;
  const Metric* Find(std::string_view name) const;
};

// A trial is stopped early once every one of its rules has been met. A rule is looked at with each report of its metric
// from the `start_step`-th on (0 is 1); for the objective it compares the best value so far, not the newest.
enum class Comparison { kEqual, kLess, kGreater };
std::string_view ToString(Comparison comparison);  // Katib's words: "equal", "less", "greater"
std::optional<Comparison> ParseComparison(std::string_view text);
struct EarlyStoppingRule {
  std::string name, value;  // a metric, and the number that it is compared with
  Comparison comparison = Comparison::kEqual;
  int start_step = 0;
  bool operator==(const EarlyStoppingRule&) const = default;
};

struct Trial {
  std::string name;  // <experiment>-<8 characters of hash(uid, ordinal)>: unique in the database
  std::int64_t experiment_id = 0;
  std::uint64_t ordinal = 0;  // number of the suggestion in its experiment, from 1: "#17" for people
  Assignments assignments;
  std::map<std::string, std::string> labels;            // those that the suggestion service gave
  std::vector<EarlyStoppingRule> early_stopping_rules;  // as they were when it was created
  TrialState state = TrialState::kCreated;
  std::vector<Condition> conditions;
  std::optional<Observation> observation;
  WallTime created{}, started{}, completed{};  // zero: not yet
  int attempt = 0;        // step attempts up to this number are history (cancelled by a pause); see Engine::Start
  bool stopping = false;  // a stop was committed: the engine is told (again, after a crash) until the run has ended
};

enum class ExperimentState { kCreated, kRunning, kRestarting, kSucceeded, kFailed };
std::string_view ToString(ExperimentState state);
std::optional<ExperimentState> ParseExperimentState(std::string_view text);
inline bool IsFinal(ExperimentState state) { return state >= ExperimentState::kSucceeded; }

struct TrialCounts {
  int total = 0, created = 0, running = 0, succeeded = 0, killed = 0, failed = 0, metrics_unavailable = 0,
      early_stopped = 0;
  int& Of(TrialState state);
  int Of(TrialState state) const { return const_cast<TrialCounts*>(this)->Of(state); }
  bool operator==(const TrialCounts&) const = default;
};

// An experiment as the store keeps it. The trials are rows of their own.
struct Experiment {
  std::int64_t id = 0;  // given by the controller: 1, 2, ...; never used again
  std::string namespace_name, name;
  std::string uid;       // tells it from a deleted one of the same name
  std::string manifest;  // the effective Experiment as one line of JSON; experiment/spec.h reads it again
  std::string source;    // the text as it was handed in
  ExperimentState state = ExperimentState::kCreated;
  std::vector<Condition> conditions;
  std::vector<Setting> algorithm_settings;  // what the suggestion service fed back (Katib's Suggestion.status)
  TrialCounts counts;
  std::string best_trial;  // name; empty: none yet
  bool paused = false;
  bool exhausted = false;  // the suggestion service has no more points
  WallTime created{}, started{}, completed{};
};

}  // namespace qalam
