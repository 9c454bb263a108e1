// SPDX-License-Identifier: Apache-2.0
// A trial's manifest from the template and the trial's values.
#include <algorithm>

#include "core/rng.h"
#include "experiment/placeholders.h"
#include "experiment/spec.h"

namespace qalam {
namespace {

// What a reference to the template itself means for this trial. The template is read as it was written.
Result<std::string> MetaValue(const MetaReference& meta, const Node& manifest, const std::string& trial_name,
                              const std::string& namespace_name) {
  const auto text = [&](std::initializer_list<std::string_view> path) -> Result<std::string> {
    const Node* node = manifest.FindPath(path);
    if (node != nullptr && node->IsScalar() && node->kind != Node::Kind::kNull) return node->text;
    return InvalidArgument("the template's metadata has no '{}'", meta.key);
  };
  switch (meta.kind) {
    case MetaReference::Kind::kName: return trial_name;
    case MetaReference::Kind::kNamespace: return namespace_name;
    case MetaReference::Kind::kKind: return text({"kind"});
    case MetaReference::Kind::kApiVersion: return text({"apiVersion"});
    case MetaReference::Kind::kAnnotations: return text({"metadata", "annotations", meta.key});
    case MetaReference::Kind::kLabels: return text({"metadata", "labels", meta.key});
  }
  return InvalidArgument("no such field of the template");
}

}  // namespace

std::string TrialName(const std::string& experiment, const std::string& uid, std::uint64_t ordinal,
                      std::uint64_t salt) {
  static constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::uint64_t hash = MixHash(MixHash(StableHash(uid), ordinal), salt);
  std::string name = experiment + "-";
  for (int i = 0; i < 8; ++i, hash /= kAlphabet.size()) name += kAlphabet[hash % kAlphabet.size()];
  return name;
}

Assignments ToldAssignments(const ExperimentSpec& spec, const Assignments& assignments) {
  Assignments told;
  for (const ParameterSpec& parameter : spec.parameters) {
    if (const std::string* assigned = FindValue(assignments, parameter.name)) {
      told.push_back({parameter.name, *assigned});
    } else if (parameter.condition && parameter.condition->otherwise) {
      told.push_back({parameter.name, *parameter.condition->otherwise});
    }
  }
  return spec.parameters.empty() ? assignments : told;  // a network is told in words of its own
}

Result<Node> RenderTrial(const ExperimentSpec& spec, const std::string& trial_name, const Assignments& assignments,
                         Unfilled unfilled) {
  const TrialTemplate& trial_template = spec.trial_template;
  Node manifest = trial_template.trial_spec;
  if (manifest.kind == Node::Kind::kNull) {
    if (trial_template.config_map_text.empty()) {
      return InvalidArgument("ConfigMap {}/{}, which holds the trial template, is not there; hand it in with -f FILE",
                             trial_template.config_map_namespace, trial_template.config_map_name);
    }
    QALAM_TRY(manifest, ReadTextTemplate(trial_template.config_map_text));
  }
  if (manifest.kind != Node::Kind::kMap) return InvalidArgument("the trial template is not a manifest");

  std::map<std::string, std::string, std::less<>> values;
  for (const TrialParameterSpec& parameter : trial_template.parameters) {
    if (const auto meta = ParseMetaReference(parameter.reference)) {
      QALAM_TRY(values[parameter.name], MetaValue(*meta, manifest, trial_name, spec.namespace_name));
      continue;
    }
    const auto tuned = std::ranges::find(spec.parameters, parameter.reference, &ParameterSpec::name);
    if (const std::string* assigned = FindValue(assignments, parameter.reference)) {
      values[parameter.name] = *assigned;
    } else if (tuned != spec.parameters.end() && tuned->condition) {
      values[parameter.name] = tuned->condition->otherwise.value_or("");
    }
  }
  QALAM_RETURN_IF_ERROR(SubstituteAll(&manifest, [&](std::string_view name) -> Result<std::string> {
    const auto value = values.find(name);
    if (value != values.end()) return value->second;
    if (unfilled == Unfilled::kKeep) return fmt::format("{}{}}}", kPlaceholderStart, name);
    return InvalidArgument("{}{}}} has no value: the trial has no parameter for it", kPlaceholderStart, name);
  }));

  auto metadata = std::ranges::find(manifest.entries, "metadata", &Node::Entry::key);
  if (metadata == manifest.entries.end()) {  // where people look for it: below apiVersion and kind
    const auto place = manifest.entries.begin() + std::min<std::ptrdiff_t>(2, std::ssize(manifest.entries));
    metadata = manifest.entries.insert(place, {"metadata", {}, Node::Map()});
  }
  if (metadata->value.kind != Node::Kind::kMap) metadata->value = Node::Map();
  metadata->value.Set("name", Node::String(trial_name));
  metadata->value.Set("namespace", Node::String(spec.namespace_name));
  return manifest;
}

}  // namespace qalam
