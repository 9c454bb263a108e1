// SPDX-License-Identifier: Apache-2.0
#include "cli/dry_run.h"

#include <fmt/core.h>

#include <algorithm>

#include "algorithms/suggester.h"
#include "cli/lookup.h"
#include "cli/router.h"
#include "cli/verbs.h"
#include "core/loop.h"
#include "core/utf8.h"
#include "experiment/spec.h"
#include "suggest/propose.h"

namespace qalam {
namespace {

constexpr const char* kUid = "dry-run";  // trials that never are have the same names each time

// What the trials would be made of, and what a person has to know about it.
struct Draft {
  std::vector<Suggestion> suggestions;
  std::string remark;
};

Result<Draft> ProposeTrials(const ExperimentSpec& spec, int count, bool served, EventLoop& loop,
                            SuggestionRouter& router) {
  Draft draft;
  if (!served && FindAlgorithm(spec.algorithm.name) == nullptr) {
    draft.remark = fmt::format("algorithm '{}' is not in this version of Qalam, so this is ", spec.algorithm.name);
    draft.remark += spec.nas_config ? "a trial without its values" : "one trial from the middle of the space";
    draft.suggestions.push_back({MiddleOf(spec), "", {}});
    return draft;
  }
  const int most = std::min(count, spec.max_trial_count.value_or(count));
  QALAM_TRY(Proposals proposals, Propose(loop, router, spec, "", {}, most));
  draft.suggestions = std::move(proposals.suggestions);
  if (proposals.exhausted) draft.remark = fmt::format("the space has no more than {} points", draft.suggestions.size());
  if (most < count) draft.remark = fmt::format("maxTrialCount is {}", most);
  return draft;
}

std::string TextOf(const Assignments& assignments) {
  std::string text;
  for (const Assignment& a : assignments) text += fmt::format(" {}={}", a.name, EscapeControls(a.value));
  return text;
}

// The labels that the Trial has, and that its pods get.
std::string LabelsOf(const ExperimentSpec& spec, const Suggestion& suggestion) {
  std::map<std::string, std::string> labels = spec.labels;
  labels["katib.kubeflow.org/experiment"] = spec.name;
  for (const auto& [key, value] : suggestion.labels) {
    if (!key.starts_with("qalam.dev/")) labels[key] = value;
  }
  std::string text;
  for (const auto& [key, value] : labels) text += fmt::format(" {}={}", EscapeControls(key), EscapeControls(value));
  return text;
}

}  // namespace

int DryRun(const Input& input, std::optional<int> count) {
  const SystemClock clock;
  EventLoop loop(clock);
  SuggestionRouter router(loop);
  std::string out;
  for (const Request& request : input.requests) {
    const ExperimentSpec& spec = request.spec;
    const bool served = spec.annotations.contains(kSuggestServiceAnnotation);
    const auto draft = ProposeTrials(spec, count.value_or(spec.parallel_trial_count), served, loop, router);
    if (!draft.ok()) return Complain(draft.status().Within(fmt::format("experiment '{}'", spec.name)));
    if (!draft->remark.empty()) out += fmt::format("# {}\n", draft->remark);
    std::uint64_t ordinal = 0;
    for (const Suggestion& suggestion : draft->suggestions) {
      const std::string name =
          suggestion.trial_name.empty() ? TrialName(spec.name, kUid, ++ordinal, 0) : suggestion.trial_name;
      const auto manifest = RenderTrial(spec, name, suggestion.assignments, Unfilled::kKeep);
      if (!manifest.ok()) return Complain(manifest.status().Within(fmt::format("experiment '{}'", spec.name)));
      out += fmt::format("# trial {}:{}\n# labels:{}\n{}---\n", name, TextOf(suggestion.assignments),
                         LabelsOf(spec, suggestion), ToYaml(*manifest));
    }
  }
  Print(out);
  return kDone;
}

}  // namespace qalam
