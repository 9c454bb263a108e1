// SPDX-License-Identifier: Apache-2.0
#include "cli/target.h"

#include <algorithm>
#include <utility>

#include "cli/lookup.h"
#include "cli/verbs.h"

namespace qalam {
namespace {

bool IsOneOf(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

Result<Target> FindTarget(StoreReader& reader, const std::string& namespace_name, const Reference& reference,
                          Kinds kinds) {
  const std::string& name = reference.name;
  if (reference.kind == ObjectKind::kSuggestion)
    return InvalidArgument("a suggestion is its experiment's: say exp {}", name);
  const bool trial = reference.kind ? reference.kind == ObjectKind::kTrial : name.find('#') != std::string::npos;
  if (trial && kinds == Kinds::kExperiments) return InvalidArgument("an experiment is meant here, not a trial");
  if (reference.kind && !trial && kinds == Kinds::kTrials)
    return InvalidArgument("a trial is meant here, not an experiment");
  if (trial || kinds == Kinds::kTrials) {
    if (name.empty()) return InvalidArgument("which trial? trial NAME, or EXPERIMENT#17");
    Result<FoundTrial> found = LookUpTrial(reader, namespace_name, name);
    if (found.ok()) return Target{std::move(found->experiment), std::move(found->trial)};
    const bool of_an_experiment = found.status().code() == Code::kNotFound && name.find('#') == std::string::npos &&
                                  LookUpExperiment(reader, namespace_name, name).ok();
    if (!of_an_experiment) return found.status();
    return Error(Code::kNotFound, "'{}' is an experiment; its trials are '{}#1', '{}#2', ... (qalam get trials {})",
                 name, name, name, name);
  }
  Result<Experiment> experiment = LookUpExperiment(reader, namespace_name, name);
  if (!reference.kind && kinds == Kinds::kBoth) {
    QALAM_TRY(const std::optional<Trial> named, reader.FindTrial(name));
    if (experiment.ok() && named)
      return InvalidArgument("'{}' is an experiment and a trial: say exp {} or trial {}", name, name, name);
    if (named) return FindTarget(reader, namespace_name, Reference{ObjectKind::kTrial, name}, kinds);
  }
  if (!experiment.ok()) return experiment.status();
  return Target{*std::move(experiment), std::nullopt};
}

std::optional<ObjectKind> ParseObjectKind(std::string_view word) {
  constexpr std::string_view kGroup = ".kubeflow.org";
  if (word.ends_with(kGroup)) word.remove_suffix(kGroup.size());
  if (IsOneOf(kExperimentWords, word)) return ObjectKind::kExperiment;
  if (IsOneOf(kTrialWords, word)) return ObjectKind::kTrial;
  if (IsOneOf(kSuggestionWords, word)) return ObjectKind::kSuggestion;
  return std::nullopt;
}

Result<std::vector<Reference>> ReadReferences(const std::vector<std::string>& words) {
  std::vector<Reference> references;
  if (!words.empty()) {
    if (const auto kind = ParseObjectKind(words[0])) {
      for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i].find('/') != std::string::npos)
          return InvalidArgument("'{}' after '{}': either KIND NAME or KIND/NAME", words[i], words[0]);
        references.push_back({kind, words[i]});
      }
      if (references.empty()) references.push_back({kind, ""});
      return references;
    }
  }
  for (const std::string& word : words) {
    const std::size_t slash = word.find('/');
    if (slash == std::string::npos) {
      references.push_back({std::nullopt, word});
      continue;
    }
    const auto kind = ParseObjectKind(word.substr(0, slash));
    if (!kind) return InvalidArgument("'{}' is neither 'exp' nor 'trial'", word.substr(0, slash));
    if (slash + 1 == word.size()) return InvalidArgument("a name is missing after '{}'", word);
    references.push_back({kind, word.substr(slash + 1)});
  }
  return references;
}

Result<std::vector<Target>> FindTargets(StoreReader& reader, const std::string& namespace_name,
                                        const std::vector<std::string>& words, Kinds kinds) {
  QALAM_TRY(std::vector<Reference> references, ReadReferences(words));
  if (references.empty()) references.push_back({ObjectKind::kExperiment, ""});
  std::vector<Target> targets;
  for (const Reference& reference : references) {
    QALAM_TRY(Target target, FindTarget(reader, namespace_name, reference, kinds));
    const bool again = std::ranges::any_of(targets, [&](const Target& before) {
      return before.experiment.id == target.experiment.id && before.trial.has_value() == target.trial.has_value() &&
             (!target.trial || before.trial->name == target.trial->name);
    });
    if (!again) targets.push_back(std::move(target));
  }
  return targets;
}

Result<Target> FindTarget(StoreReader& reader, const std::string& namespace_name, const std::vector<std::string>& words,
                          Kinds kinds) {
  QALAM_TRY(const std::vector<Reference> references, ReadReferences(words));
  if (references.size() > 1) return InvalidArgument("name one thing here: exp NAME, trial NAME, or NAME alone");
  QALAM_TRY(std::vector<Target> targets, FindTargets(reader, namespace_name, words, kinds));
  return std::move(targets.front());
}

}  // namespace qalam
