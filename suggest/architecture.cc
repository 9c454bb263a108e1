// SPDX-License-Identifier: Apache-2.0
#include "suggest/architecture.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/nas_space.h"
#include "suggest/nas_text.h"

namespace qalam {
namespace {

constexpr std::string_view kManifestReference = "${trialSpec.";  // answered by the manifest, not by a suggestion

// Whether a text begins and ends as a list or a map does, blanks aside.
bool IsWithin(std::string_view text, char open, char close) {
  const std::size_t first = text.find_first_not_of(" \t\n"), last = text.find_last_not_of(" \t\n");
  return first != text.npos && first < last && text[first] == open && text[last] == close;
}

Status CheckEnas(const NasConfig& nas, const std::string& architecture, const std::string& config) {
  if (!IsWithin(config, '{', '}')) return InvalidArgument("{} is no map", kNnConfig);
  QALAM_TRY(const std::vector<int> choices,
            ParseArchitecture(architecture, nas.graph.num_layers, LayerOperations(nas).size()));
  std::size_t at = 0;
  for (std::size_t layer = 0; at < choices.size(); at += ++layer) {
    const std::string single = fmt::format("'{}'", choices[at]), twice = fmt::format("\"{}\"", choices[at]);
    if (config.find(single) == config.npos && config.find(twice) == config.npos)
      return InvalidArgument("{} says nothing of operation {} of layer {}", kNnConfig, choices[at], layer);
  }
  return OkStatus();
}

}  // namespace

Status CheckArchitecture(const ExperimentSpec& spec, const Assignments& told) {
  for (const TrialParameterSpec& parameter : spec.trial_template.parameters) {
    if (!parameter.reference.starts_with(kManifestReference) && FindValue(told, parameter.reference) == nullptr)
      return InvalidArgument("'{}' is missing, which the trial template refers to", parameter.reference);
  }
  const std::string& algorithm = spec.algorithm.name;
  for (const std::string& name : NasAssignmentNames(algorithm)) {
    if (FindValue(told, name) == nullptr) return InvalidArgument("'{}' is missing", name);
  }
  // What else it means is for who serves it to say, where it is none that we would take.
  if (!CheckNasConfig(*spec.nas_config, algorithm).empty()) return OkStatus();
  if (algorithm == "enas")
    return CheckEnas(*spec.nas_config, *FindValue(told, kArchitecture), *FindValue(told, kNnConfig));
  if (algorithm != "darts") return OkStatus();
  if (!IsWithin(*FindValue(told, kAlgorithmSettings), '{', '}'))
    return InvalidArgument("{} is no map", kAlgorithmSettings);
  if (!IsWithin(*FindValue(told, kSearchSpace), '[', ']')) return InvalidArgument("{} is no list", kSearchSpace);
  if (*FindValue(told, kNumLayers) != std::to_string(spec.nas_config->graph.num_layers))
    return InvalidArgument("{} is not {}, as the nasConfig has it", kNumLayers, spec.nas_config->graph.num_layers);
  return OkStatus();
}

}  // namespace qalam
