// SPDX-License-Identifier: Apache-2.0
// The parts of an Experiment, each read and checked in a file of its own, and the words that reading and writing share.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/experiment.h"
#include "experiment/fields.h"
#include "experiment/spec.h"

namespace qalam {

inline constexpr std::string_view kApiVersion = "kubeflow.org/v1beta1";
inline constexpr std::string_view kExperimentKind = "Experiment";
// Where the effective Experiment keeps the text of a trial template that came from a ConfigMap.
inline constexpr std::string_view kTemplateAnnotation = "qalam.dev/trial-template";

// In the order of the enumerators.
inline constexpr std::array<std::string_view, 2> kObjectiveTypes = {"minimize", "maximize"};
inline constexpr std::array<std::string_view, 3> kStrategies = {"min", "max", "latest"};
inline constexpr std::array<std::string_view, 3> kResumePolicies = {"Never", "LongRunning", "FromVolume"};
inline constexpr std::array<std::string_view, 7> kCollectorKinds = {
    "StdOut", "File", "TensorFlowEvent", "PrometheusMetric", "Push", "Custom", "None"};
inline constexpr std::array<std::string_view, 2> kFileFormats = {"TEXT", "JSON"};

template <class Words>
std::vector<std::string> WordList(const Words& words) {
  return {words.begin(), words.end()};
}

std::vector<ParameterSpec> ReadParameters(Fields* spec);
MetricsCollectorSpec ReadMetricsCollector(Fields* spec);
// After the parameters. `stored_text`: the template that a ConfigMap gave when the Experiment was handed in.
void ReadTrialTemplate(Fields* spec, const SpecContext& context, const std::string& stored_text,
                       ExperimentSpec* experiment);

// Why a name cannot be an experiment's, or an algorithm cannot be used; nullopt when it can.
std::optional<std::string> NameFault(std::string_view name);
std::optional<std::string> AlgorithmFault(const std::string& name, const SpecContext& context);

// Each metric that has no strategy gets the direction of the objective.
void FillStrategies(ObjectiveSpec* objective);
// "the grid has 1000 points, maxTrialCount is 12: ...", when that is so.
std::optional<std::string> GridAdvice(const ExperimentSpec& experiment);

// Katib's defaults by the kind of trialSpec; nullptr for kinds it has none for.
struct KindDefaults {
  std::string_view kind, success, failure;
  std::map<std::string, std::string> pod_labels;
};
const KindDefaults* FindKindDefaults(std::string_view kind);

}  // namespace qalam
