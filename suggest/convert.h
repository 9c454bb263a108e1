// SPDX-License-Identifier: Apache-2.0
// Between the project's words and Katib's messages, both ways. Katib's meaning of each field is kept: one value a
// metric, chosen by its strategy; trials without a value of the objective stand apart (see api.proto).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/experiment.h"
#include "core/history.h"
#include "core/status.h"
#include "proto/api.pb.h"

namespace grpc {
class Status;
}

namespace qalam {

namespace wire = ::api::v1::beta1;

// The label that carries an algorithm's own note on a trial there and back (Trial.model_label on the wire).
inline constexpr std::string_view kModelLabel = "qalam.dev/model";

// "qalam.dev/inactive.NAME": what a service that knows no conditions had for a parameter that is not active. It gets
// that back with the trial, which it may know by all its values; the trial itself has it nowhere.
inline constexpr std::string_view kInactiveLabelStart = "qalam.dev/inactive.";

// Katib's labels of a trial in a population: its generation, and the trial whose checkpoint it was given.
inline constexpr std::string_view kGenerationLabel = "pbt.suggestion.katib.kubeflow.org/generation";
inline constexpr std::string_view kParentLabel = "pbt.suggestion.katib.kubeflow.org/parent";

// ---- what a client sends

// `settings` instead of those of the spec: the service may have fed some back.
void ToWire(const ExperimentSpec& spec, const std::vector<Setting>& settings, wire::Experiment* out);
void ToWire(const Trial& trial, const ObjectiveSpec& objective, wire::Trial* out);
// Whether Katib's controller would send this trial: not when it ended without a value of the objective.
bool IsSentByKatib(const Trial& trial, const ObjectiveSpec& objective);

// ---- what a server reads

// As much of an experiment as suggestions depend on.
struct AskedExperiment {
  std::string name;
  std::vector<ParameterSpec> parameters;
  std::optional<NasConfig> nas;
  ObjectiveType direction = ObjectiveType::kMinimize;
  std::string metric;
  AlgorithmSpec algorithm;
  std::optional<int> max_trials, parallel;
};
// INVALID_ARGUMENT: a parameter, or one of an operation, without a type. Bounds and steps of int parameters that are no
// integers are moved to the nearest that are inside: Katib's services take such spaces. Everything else is
// SearchSpace's to judge.
Result<AskedExperiment> FromWire(const wire::Experiment& experiment);

struct AskedTrial {
  enum class Phase { kPending, kFinished, kIgnored };
  Phase phase = Phase::kPending;
  Outcome outcome = Outcome::kFailed;  // when finished
  double y = 0;                        // when finished: minimised, NaN without a finite value
};
// Never fails: a trial that is said to have succeeded and has no number for the objective counts as failed.
AskedTrial FromWire(const wire::Trial& trial, const std::string& metric, ObjectiveType direction);
Assignments AssignmentsOf(const wire::Trial& trial);

// ---- faults

grpc::Status ToGrpc(const Status& status);

}  // namespace qalam
