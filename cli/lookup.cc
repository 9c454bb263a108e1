// SPDX-License-Identifier: Apache-2.0
#include "cli/lookup.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "cli/text.h"
#include "cli/verbs.h"
#include "experiment/status.h"
#include "store/sqlite_store.h"

namespace qalam {

int Complain(const Status& status) {
  std::fflush(stdout);
  std::fprintf(stderr, "qalam: %s\n", status.message().c_str());
  switch (status.code()) {
    case Code::kInvalidArgument:
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition:
    case Code::kDataLoss: return kBadInput;
    case Code::kNotFound: return kNotFound;
    default: return kExperimentFailed;
  }
}

void Print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

Result<std::unique_ptr<StoreReader>> OpenView(const std::string& db) {
  auto reader = OpenSqliteReader(db);
  if (!reader.ok() && reader.status().code() == Code::kNotFound) {
    return Error(Code::kNotFound, "there is no database {}: qalam run makes one, --db FILE names another", db);
  }
  return reader;
}

Result<Experiment> LookUpExperiment(StoreReader& reader, const std::string& namespace_name, const std::string& name) {
  QALAM_TRY(std::vector<Experiment> experiments, reader.Experiments());
  std::vector<const Experiment*> found;
  std::string there_are;
  for (const Experiment& experiment : experiments) {
    if (!namespace_name.empty() && experiment.namespace_name != namespace_name) continue;
    if (name.empty() || experiment.name == name) found.push_back(&experiment);
    there_are += (there_are.empty() ? "" : ", ") + experiment.name;
  }
  if (found.size() == 1) return *found[0];
  if (found.empty() && there_are.empty()) return Error(Code::kNotFound, "there are no experiments here");
  if (found.empty()) return Error(Code::kNotFound, "there is no experiment '{}'; there are: {}", name, there_are);
  if (name.empty()) return InvalidArgument("which experiment? There are: {}", there_are);
  return InvalidArgument("experiment '{}' exists in several namespaces: say which (-n NAMESPACE)", name);
}

Result<FoundTrial> LookUpTrial(StoreReader& reader, const std::string& namespace_name, const std::string& reference) {
  FoundTrial found;
  const std::size_t hash = reference.rfind('#');
  if (hash == std::string::npos) {
    QALAM_TRY(const std::optional<Trial> trial, reader.FindTrial(reference));
    if (!trial) return Error(Code::kNotFound, "there is no trial '{}' (qalam get trials lists them)", reference);
    found.trial = *trial;
    QALAM_TRY(const std::vector<Experiment> experiments, reader.Experiments());
    for (const Experiment& e : experiments) {
      if (e.id == trial->experiment_id) found.experiment = e;
    }
    return found;
  }
  if (hash > 0) {
    QALAM_TRY(found.experiment, LookUpExperiment(reader, namespace_name, reference.substr(0, hash)));
  } else {
    QALAM_TRY(const std::vector<Experiment> experiments, reader.Experiments());
    if (experiments.empty()) return Error(Code::kNotFound, "there are no experiments here");
    found.experiment = experiments.back();
  }
  std::uint64_t ordinal = 0;
  const char* end = reference.data() + reference.size();
  if (std::from_chars(reference.data() + hash + 1, end, ordinal).ptr != end) {
    return InvalidArgument("'{}' names no trial: #17 or EXPERIMENT#17", reference);
  }
  QALAM_TRY(std::optional<Trial> trial, reader.FindNumbered(found.experiment.id, ordinal));
  if (!trial) {
    return Error(Code::kNotFound, "experiment '{}' has no trial #{}: it has {}", found.experiment.name, ordinal,
                 found.experiment.counts.total);
  }
  found.trial = *std::move(trial);
  return found;
}

Result<Node> ExperimentDocument(StoreReader& reader, const Experiment& experiment) {
  QALAM_TRY(std::vector<Trial> trials, reader.FindTrials(experiment.id, {.parts = TrialQuery::kNothing}));
  if (const auto best = std::ranges::find(trials, experiment.best_trial, &Trial::name); best != trials.end()) {
    QALAM_TRY(std::optional<Trial> whole, reader.FindTrial(best->name));
    if (whole) *best = *std::move(whole);
  }
  return ExperimentToDocument(experiment, trials);
}

std::string StatusWord(const Experiment& experiment) {
  if (IsBeingDeleted(experiment)) return "Deleting";
  if (experiment.paused && !IsFinal(experiment.state)) return "Paused";
  return std::string(ToString(experiment.state));
}

std::string ObjectiveText(const ObjectiveSpec& objective, const Trial& trial) {
  if (!trial.observation) return "-";
  const auto value = ObjectiveValue(objective, *trial.observation);
  if (value) return ShortNumber(*value);
  const std::string words = ObjectiveWords(objective, *trial.observation);
  return words.empty() ? "-" : ShortValue(words);
}

}  // namespace qalam
