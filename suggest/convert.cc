// SPDX-License-Identifier: Apache-2.0
#include "suggest/convert.h"

#include <fmt/core.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "core/objective.h"

namespace qalam {
namespace {

wire::ParameterType ToWire(ParameterType type) {
  switch (type) {
    case ParameterType::kDouble: return wire::DOUBLE;
    case ParameterType::kInt: return wire::INT;
    case ParameterType::kDiscrete: return wire::DISCRETE;
    case ParameterType::kCategorical: return wire::CATEGORICAL;
  }
  return wire::UNKNOWN_TYPE;
}

wire::Distribution ToWire(Distribution distribution) {
  switch (distribution) {
    case Distribution::kUniform: return wire::UNIFORM;
    case Distribution::kLogUniform: return wire::LOG_UNIFORM;
    case Distribution::kNormal: return wire::NORMAL;
    case Distribution::kLogNormal: return wire::LOG_NORMAL;
  }
  return wire::DISTRIBUTION_UNSPECIFIED;
}

wire::TrialStatus::TrialConditionType ToWire(TrialState state) {
  switch (state) {
    case TrialState::kCreated: return wire::TrialStatus::CREATED;
    case TrialState::kRunning: return wire::TrialStatus::RUNNING;
    case TrialState::kSucceeded: return wire::TrialStatus::SUCCEEDED;
    case TrialState::kKilled: return wire::TrialStatus::KILLED;
    case TrialState::kFailed: return wire::TrialStatus::FAILED;
    case TrialState::kMetricsUnavailable: return wire::TrialStatus::METRICSUNAVAILABLE;
    case TrialState::kEarlyStopped: return wire::TrialStatus::EARLYSTOPPED;
  }
  return wire::TrialStatus::UNKNOWN;
}

void ToWire(const ObjectiveSpec& objective, wire::ObjectiveSpec* out) {
  out->set_type(objective.type == ObjectiveType::kMaximize ? wire::MAXIMIZE : wire::MINIMIZE);
  out->set_goal(objective.goal.value_or(0));
  out->set_objective_metric_name(objective.metric_name);
  for (const std::string& name : objective.additional_metric_names) out->add_additional_metric_names(name);
}

void ToWire(const ParameterSpec& parameter, wire::ParameterSpec* out) {
  out->set_name(parameter.name);
  out->set_parameter_type(ToWire(parameter.type));
  wire::FeasibleSpace& space = *out->mutable_feasible_space();
  space.set_min(parameter.feasible.min);
  space.set_max(parameter.feasible.max);
  space.set_step(parameter.feasible.step);
  for (const std::string& item : parameter.feasible.list) space.add_list(item);
  space.set_distribution(ToWire(parameter.feasible.distribution));
  if (!parameter.condition) return;
  wire::ParameterCondition& condition = *out->mutable_condition();
  condition.set_parent(parameter.condition->parent);
  condition.set_relation(static_cast<wire::ParameterCondition::Relation>(parameter.condition->relation));  // one order
  for (const std::string& value : parameter.condition->values) condition.add_values(value);
}

void ToWire(const NasConfig& nas, wire::NasConfig* out) {
  wire::GraphConfig& graph = *out->mutable_graph_config();
  graph.set_num_layers(nas.graph.num_layers);
  for (const int size : nas.graph.input_sizes) graph.add_input_sizes(size);
  for (const int size : nas.graph.output_sizes) graph.add_output_sizes(size);
  for (const NasOperation& operation : nas.operations) {
    wire::Operation& to = *out->mutable_operations()->add_operation();
    to.set_operation_type(operation.type);
    for (const ParameterSpec& parameter : operation.parameters) {
      wire::ParameterSpec& p = *to.mutable_parameter_specs()->add_parameters();
      ToWire(parameter, &p);
      // Katib fills the default of top-level parameters only.
      if (parameter.feasible.distribution == Distribution::kUniform)
        p.mutable_feasible_space()->set_distribution(wire::DISTRIBUTION_UNSPECIFIED);
    }
  }
}

std::optional<ParameterType> FromWire(wire::ParameterType type) {
  switch (type) {
    case wire::DOUBLE: return ParameterType::kDouble;
    case wire::INT: return ParameterType::kInt;
    case wire::DISCRETE: return ParameterType::kDiscrete;
    case wire::CATEGORICAL: return ParameterType::kCategorical;
    default: return std::nullopt;
  }
}

Distribution FromWire(wire::Distribution distribution) {
  switch (distribution) {
    case wire::LOG_UNIFORM: return Distribution::kLogUniform;
    case wire::NORMAL: return Distribution::kNormal;
    case wire::LOG_NORMAL: return Distribution::kLogNormal;
    default: return Distribution::kUniform;
  }
}

// Rewrites `text` when it is a number that is no integer, and then only.
template <class Round>
void MakeInteger(std::string* text, Round round) {
  const std::optional<double> value = ParseMetricValue(*text);
  if (value && *value != std::nearbyint(*value)) *text = fmt::format("{:.0f}", round(*value));
}

Result<std::optional<ParameterCondition>> FromWire(const wire::ParameterCondition& from, const std::string& parameter) {
  if (from.relation() < wire::ParameterCondition::IN || from.relation() > wire::ParameterCondition::BELOW) {
    return InvalidArgument("parameter '{}': its condition has the relation {}, it must be IN, NOT_IN or an order",
                           parameter, static_cast<int>(from.relation()));
  }
  ParameterCondition out{from.parent(), static_cast<Relation>(from.relation()), {}, std::nullopt};
  out.values.assign(from.values().begin(), from.values().end());
  if (out.values.empty() || (IsOrder(out.relation) && out.values.size() > 1)) {
    return InvalidArgument("parameter '{}': its condition has {} values, it must have {}", parameter, out.values.size(),
                           IsOrder(out.relation) ? "one" : "one or more");
  }
  return std::optional(std::move(out));
}

Result<ParameterSpec> FromWire(const wire::ParameterSpec& p) {
  ParameterSpec parameter;
  parameter.name = p.name();
  const std::optional<ParameterType> type = FromWire(p.parameter_type());
  if (!type) {
    return InvalidArgument("parameter '{}': its type is {}, it must be DOUBLE, INT, DISCRETE or CATEGORICAL", p.name(),
                           static_cast<int>(p.parameter_type()));
  }
  parameter.type = *type;
  const wire::FeasibleSpace& space = p.feasible_space();
  parameter.feasible.min = space.min();
  parameter.feasible.max = space.max();
  parameter.feasible.step = space.step();
  parameter.feasible.list.assign(space.list().begin(), space.list().end());
  parameter.feasible.distribution = FromWire(space.distribution());
  if (p.has_condition()) {
    QALAM_TRY(parameter.condition, FromWire(p.condition(), p.name()));
  }
  if (parameter.type == ParameterType::kInt) {
    MakeInteger(&parameter.feasible.min, [](double x) { return std::ceil(x); });
    MakeInteger(&parameter.feasible.max, [](double x) { return std::floor(x); });
    MakeInteger(&parameter.feasible.step, [](double x) { return std::max(1.0, std::nearbyint(x)); });
  }
  return parameter;
}

Result<NasConfig> FromWire(const wire::NasConfig& nas) {
  NasConfig out;
  const wire::GraphConfig& graph = nas.graph_config();
  out.graph.num_layers = graph.num_layers();
  out.graph.input_sizes.assign(graph.input_sizes().begin(), graph.input_sizes().end());
  out.graph.output_sizes.assign(graph.output_sizes().begin(), graph.output_sizes().end());
  for (const wire::Operation& from : nas.operations().operation()) {
    const std::string path = fmt::format("nasConfig.operations[{}]", out.operations.size());
    NasOperation& operation = out.operations.emplace_back();
    operation.type = from.operation_type();
    for (const wire::ParameterSpec& p : from.parameter_specs().parameters()) {
      Result<ParameterSpec> parameter = FromWire(p);
      if (!parameter.ok())
        return parameter.status().Within(fmt::format("{}.parameters[{}]", path, operation.parameters.size()));
      operation.parameters.push_back(*std::move(parameter));
    }
  }
  return out;
}

}  // namespace

void ToWire(const ExperimentSpec& spec, const std::vector<Setting>& settings, wire::Experiment* out) {
  out->set_name(spec.name);
  wire::ExperimentSpec& to = *out->mutable_spec();
  for (const ParameterSpec& parameter : spec.parameters) {
    ToWire(parameter, to.mutable_parameter_specs()->add_parameters());
  }
  if (spec.nas_config) ToWire(*spec.nas_config, to.mutable_nas_config());
  ToWire(spec.objective, to.mutable_objective());
  to.mutable_algorithm()->set_algorithm_name(spec.algorithm.name);
  for (const Setting& setting : settings) {
    wire::AlgorithmSetting& s = *to.mutable_algorithm()->add_algorithm_settings();
    s.set_name(setting.name);
    s.set_value(setting.value);
  }
  if (spec.early_stopping) {
    to.mutable_early_stopping()->set_algorithm_name(spec.early_stopping->name);
    for (const Setting& setting : spec.early_stopping->settings) {
      wire::EarlyStoppingSetting& s = *to.mutable_early_stopping()->add_algorithm_settings();
      s.set_name(setting.name);
      s.set_value(setting.value);
    }
  }
  to.set_parallel_trial_count(spec.parallel_trial_count);
  to.set_max_trial_count(spec.max_trial_count.value_or(0));
}

void ToWire(const Trial& trial, const ObjectiveSpec& objective, wire::Trial* out) {
  out->set_name(trial.name);
  wire::TrialSpec& spec = *out->mutable_spec();
  ToWire(objective, spec.mutable_objective());
  for (const Assignment& assignment : trial.assignments) {
    wire::ParameterAssignment& a = *spec.mutable_parameter_assignments()->add_assignments();
    a.set_name(assignment.name);
    a.set_value(assignment.value);
  }
  for (const auto& [key, value] : trial.labels) {
    if (key.starts_with(kInactiveLabelStart)) {
      wire::ParameterAssignment& a = *spec.mutable_parameter_assignments()->add_assignments();
      a.set_name(key.substr(kInactiveLabelStart.size()));
      a.set_value(value);
    } else if (key == kModelLabel) {
      out->set_model_label(value);
    } else {
      (*spec.mutable_labels())[key] = value;
    }
  }
  wire::TrialStatus& status = *out->mutable_status();
  status.set_start_time(FormatTime(trial.started));
  status.set_completion_time(FormatTime(trial.completed));
  status.set_condition(ToWire(trial.state));
  if (trial.observation) {
    for (const Metric& metric : trial.observation->metrics) {
      const std::string value = StrategyValue(objective, metric.name, *trial.observation);
      if (value == "unavailable") continue;  // Katib's services read every value as a number
      wire::Metric& m = *status.mutable_observation()->add_metrics();
      m.set_name(metric.name);
      m.set_value(value);
    }
  }
  out->set_ordinal(trial.ordinal);
  if (trial.started != WallTime{} && trial.completed > trial.started) {
    out->set_cost(std::chrono::duration<double>(trial.completed - trial.started).count());
  }
}

bool IsSentByKatib(const Trial& trial, const ObjectiveSpec& objective) {
  switch (trial.state) {
    case TrialState::kCreated:
    case TrialState::kRunning:
    case TrialState::kFailed: return true;
    case TrialState::kSucceeded:
    case TrialState::kEarlyStopped: return trial.observation && ObjectiveValue(objective, *trial.observation);
    case TrialState::kKilled:
    case TrialState::kMetricsUnavailable: return false;
  }
  return false;
}

Result<AskedExperiment> FromWire(const wire::Experiment& experiment) {
  AskedExperiment asked;
  asked.name = experiment.name();
  const wire::ExperimentSpec& spec = experiment.spec();
  for (const wire::ParameterSpec& p : spec.parameter_specs().parameters()) {
    QALAM_TRY(asked.parameters.emplace_back(), FromWire(p));
  }
  if (spec.has_nas_config()) {
    QALAM_TRY(asked.nas, FromWire(spec.nas_config()));
  }
  asked.direction = spec.objective().type() == wire::MAXIMIZE ? ObjectiveType::kMaximize : ObjectiveType::kMinimize;
  asked.metric = spec.objective().objective_metric_name();
  asked.algorithm.name = spec.algorithm().algorithm_name();
  for (const wire::AlgorithmSetting& setting : spec.algorithm().algorithm_settings()) {
    asked.algorithm.settings.push_back({setting.name(), setting.value()});
  }
  if (spec.max_trial_count() > 0) asked.max_trials = spec.max_trial_count();
  if (spec.parallel_trial_count() > 0) asked.parallel = spec.parallel_trial_count();
  return asked;
}

AskedTrial FromWire(const wire::Trial& trial, const std::string& metric, ObjectiveType direction) {
  using Phase = AskedTrial::Phase;
  const auto finished = [](Outcome outcome, std::optional<double> y) {
    return AskedTrial{Phase::kFinished, outcome, y.value_or(std::numeric_limits<double>::quiet_NaN())};
  };
  std::optional<double> y;
  for (const wire::Metric& m : trial.status().observation().metrics()) {
    if (m.name() == metric) y = ParseMetricValue(m.value());
  }
  if (y && direction == ObjectiveType::kMaximize) y = -*y;
  switch (trial.status().condition()) {
    case wire::TrialStatus::SUCCEEDED: return finished(y ? Outcome::kSucceeded : Outcome::kFailed, y);
    case wire::TrialStatus::EARLYSTOPPED: return finished(Outcome::kEarlyStopped, y);
    case wire::TrialStatus::FAILED:
    case wire::TrialStatus::METRICSUNAVAILABLE: return finished(Outcome::kFailed, std::nullopt);
    case wire::TrialStatus::KILLED: return {Phase::kIgnored};
    case wire::TrialStatus::UNKNOWN:
      // Katib says so of metrics that did not come, and of a trial that it has only just made.
      if (trial.status().completion_time().empty()) return {Phase::kPending};
      return finished(Outcome::kFailed, std::nullopt);
    default: return {Phase::kPending};  // CREATED, RUNNING, and words of a later version
  }
}

Assignments AssignmentsOf(const wire::Trial& trial) {
  Assignments out;
  const auto& from = trial.spec().parameter_assignments().assignments();
  out.reserve(static_cast<std::size_t>(from.size()));
  for (const wire::ParameterAssignment& a : from) out.push_back({a.name(), a.value()});
  return out;
}

grpc::Status ToGrpc(const Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), status.message()};  // the same numbers on purpose
}

}  // namespace qalam
