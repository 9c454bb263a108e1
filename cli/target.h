// SPDX-License-Identifier: Apache-2.0
// Naming experiments and trials as kubectl does, the same way for every verb.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/experiment.h"
#include "store/store.h"

namespace qalam {

// What a word may mean: "exp", "experiments", "experiments.kubeflow.org", "trial", "sugg".
enum class ObjectKind { kExperiment, kTrial, kSuggestion };
std::optional<ObjectKind> ParseObjectKind(std::string_view word);

struct Reference {
  std::optional<ObjectKind> kind;  // none was written
  std::string name;                // empty: a kind alone
};
// "exp NAME NAME", "exp/NAME trial/NAME", "NAME NAME". INVALID_ARGUMENT for a kind that is none and one without a name
// before a slash.
Result<std::vector<Reference>> ReadReferences(const std::vector<std::string>& words);

struct Target {
  Experiment experiment;
  std::optional<Trial> trial;  // none: the experiment itself is meant
};
enum class Kinds { kExperiments, kTrials, kBoth };
// What one reference names.
Result<Target> FindTarget(StoreReader& reader, const std::string& namespace_name, const Reference& reference,
                          Kinds kinds);
// A kind alone, or no word at all, is the only experiment there is; a name may be an experiment's or a trial's where
// both may stand; trials also as "EXPERIMENT#17". Each once.
Result<std::vector<Target>> FindTargets(StoreReader& reader, const std::string& namespace_name,
                                        const std::vector<std::string>& words, Kinds kinds);
// The same, where one thing is meant.
Result<Target> FindTarget(StoreReader& reader, const std::string& namespace_name, const std::vector<std::string>& words,
                          Kinds kinds);

}  // namespace qalam
