// SPDX-License-Identifier: Apache-2.0
#include "experiment/verdict.h"

#include <fmt/core.h>

#include <utility>

#include "experiment/placeholders.h"
#include "experiment/spec_sections.h"

namespace qalam {
namespace {

Node ConditionNode(std::string_view type, const RunEnd& end) {
  Node condition = Node::Map();
  condition.Set("type", Node::String(std::string(type)));
  condition.Set("status", Node::String("True"));
  condition.Set("reason", Node::String(end.reason));
  condition.Set("message", Node::String(end.message));
  return condition;
}

std::string KindOf(const Node& manifest) {
  const Node* kind = manifest.Find("kind");
  return kind == nullptr ? "" : kind->text;
}

// nullopt: Katib's defaults, which say what the processes say, or nothing that can be asked.
std::optional<std::string> KindToJudge(const TrialTemplate& trial_template) {
  std::string kind = KindOf(trial_template.trial_spec);
  if (kind.empty() && !trial_template.config_map_text.empty()) {
    if (const Result<Node> manifest = ReadTextTemplate(trial_template.config_map_text); manifest.ok())
      kind = KindOf(*manifest);
  }
  const KindDefaults* defaults = FindKindDefaults(kind);
  if (defaults != nullptr && trial_template.success_condition == defaults->success &&
      trial_template.failure_condition == defaults->failure)
    return std::nullopt;
  return kind;
}

bool IsMet(const std::string& condition, const Node& object) {
  const Result<GjsonPath> path = GjsonPath::Parse(condition);
  return path.ok() && path->IsMet(object);
}

}  // namespace

std::optional<Node> EndedObject(std::string_view kind, bool succeeded, const RunEnd& end) {
  Node status = Node::Map();
  if (kind == "Pod") {
    status.Set("phase", Node::String(succeeded ? "Succeeded" : "Failed"));
  } else if (const KindDefaults* defaults = FindKindDefaults(kind)) {
    // The word of success is the one that Katib's default looks for.
    const bool complete = defaults->success.find("Complete") != std::string_view::npos;
    Node& conditions = status.Set("conditions", Node::Sequence());
    conditions.Add(ConditionNode(!succeeded ? "Failed" : complete ? "Complete" : "Succeeded", end));
    if (kind == "Job") status.Set(succeeded ? "succeeded" : "failed", Node::Int(1));
  } else {
    return std::nullopt;
  }
  Node object = Node::Map();
  object.Set("kind", Node::String(std::string(kind)));
  object.Set("status", std::move(status));
  return object;
}

RunEnd JudgeEnd(const ExperimentSpec& spec, RunEnd end) {
  if (end.state != StepState::kSucceeded && end.state != StepState::kFailed) return end;
  const std::optional<std::string> kind = KindToJudge(spec.trial_template);
  if (!kind) return end;
  const bool well = end.state == StepState::kSucceeded;
  const std::optional<Node> object = EndedObject(*kind, well, end);
  if (!object) return end;
  const TrialTemplate& trial_template = spec.trial_template;
  if (IsMet(trial_template.failure_condition, *object)) {
    if (!well) return end;
    return {
        StepState::kFailed, "FailureCondition",
        fmt::format("its processes ended well, but the failureCondition is met: {}", trial_template.failure_condition)};
  }
  if (!well && IsMet(trial_template.success_condition, *object)) {
    return {StepState::kSucceeded, "SuccessCondition",
            fmt::format("its processes failed ({}), but the successCondition is met", end.message)};
  }
  return end;
}

std::string OddCondition(const Node& manifest, std::string_view key, const GjsonPath& condition) {
  const std::string kind = KindOf(manifest);
  const std::optional<Node> well = EndedObject(kind, true, {}), badly = EndedObject(kind, false, {});
  if (!well || !badly) return "";
  const bool success = key == "successCondition";
  const bool met_well = condition.IsMet(*well), met_badly = condition.IsMet(*badly);
  if (success && met_badly)
    return fmt::format("is met by a {} that has failed: its trials would count as succeeded", kind);
  if (!success && met_well)
    return fmt::format("is met by a {} that has succeeded: its trials would count as failed", kind);
  if (success && !met_well)
    return fmt::format("is not met by a {} that has succeeded: Katib would wait for ever", kind);
  return "";
}

}  // namespace qalam
