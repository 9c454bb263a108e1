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
// Which parameters are there only while another one has certain values; the spec has them in its parameters.
inline constexpr std::string_view kConditionsAnnotation = "qalam.dev/conditions";

// In the order of the enumerators.
inline constexpr std::array<std::string_view, 2> kObjectiveTypes = {"minimize", "maximize"};
inline constexpr std::array<std::string_view, 3> kStrategies = {"min", "max", "latest"};
inline constexpr std::array<std::string_view, 3> kResumePolicies = {"Never", "LongRunning", "FromVolume"};
inline constexpr std::array<std::string_view, 7> kCollectorKinds = {
    "StdOut", "File", "TensorFlowEvent", "PrometheusMetric", "Push", "Custom", "None"};
inline constexpr std::array<std::string_view, 2> kFileFormats = {"TEXT", "JSON"};
inline constexpr std::array<std::string_view, 2> kPathKinds = {"File", "Directory"};
inline constexpr std::array<std::string_view, 4> kParameterTypes = {"double", "int", "discrete", "categorical"};
inline constexpr std::array<std::string_view, 4> kDistributions = {"uniform", "logUniform", "normal", "logNormal"};

template <class Words>
std::vector<std::string> WordList(const Words& words) {
  return {words.begin(), words.end()};
}

std::vector<ParameterSpec> ReadParameters(Fields* owner);  // from its field "parameters"
std::optional<NasConfig> ReadNasConfig(Fields* spec);
// Once parameters and template have been read: from the annotation.
void ReadConditions(const Node& document, ExperimentSpec* experiment, FaultList* faults);
std::string ConditionsText(const std::vector<ParameterSpec>& parameters);  // of that annotation; empty: there are none
MetricsCollectorSpec ReadMetricsCollector(Fields* spec);
// After the parameters. `stored_text`: the template that a ConfigMap gave when the Experiment was handed in.
void ReadTrialTemplate(Fields* spec, const SpecContext& context, const std::string& stored_text,
                       ExperimentSpec* experiment);

// Why a name cannot be an experiment's, or an algorithm cannot be used; nullopt when it can.
std::optional<std::string> NameFault(std::string_view name);
bool IsKatibs(std::string_view algorithm);  // one of Katib's own, whether it exists here or not
std::optional<std::string> AlgorithmFault(const std::string& name, const SpecContext& context);
std::optional<SettingFault> SettingFaultOf(const std::string& algorithm, const Setting& setting,
                                           const SpecContext& context);

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
