// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

#include <charconv>
#include <utility>
#include <vector>

#include "cli/socket.h"

namespace qalam {
namespace {

std::string TextOf(const Node& command, std::string_view key) {
  const Node* node = command.Find(key);
  return node != nullptr && node->IsScalar() ? node->text : "";
}

Result<std::optional<int>> CountOf(const Node& command, std::string_view key) {
  const std::string text = TextOf(command, key);
  if (text.empty()) return std::optional<int>();
  int count = 0;
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data(), end, count).ptr != end) return InvalidArgument("{}: '{}' is no count", key, text);
  return std::optional(count);
}

Result<TrialState> StateOf(const std::string& word) {
  const std::optional<TrialState> state = ParseTrialState(word);
  if (!state) return InvalidArgument("'{}' is no state of a trial", word);
  return *state;
}

Result<Node> Retry(Controller& controller, std::int64_t id, const Node& command) {
  Node answer = OkAnswer();
  if (const std::string trial = TextOf(command, "trial"); !trial.empty()) {
    QALAM_RETURN_IF_ERROR(controller.RetryTrial(trial));
    answer.Set("trials", Node::Int(1));
    return answer;
  }
  std::vector<TrialState> states;
  if (const Node* given = command.Find("states")) {
    for (const Node& item : given->items) {
      QALAM_TRY(const TrialState state, StateOf(item.text));
      states.push_back(state);
    }
  }
  QALAM_TRY(const int retried, controller.Retry(id, states));
  answer.Set("trials", Node::Int(retried));
  return answer;
}

Result<Node> Enqueue(Controller& controller, std::int64_t id, const Node& command) {
  Assignments assignments;
  if (const Node* given = command.Find("assignments")) {
    for (const Node& item : given->items) assignments.push_back({TextOf(item, "name"), TextOf(item, "value")});
  }
  QALAM_TRY(const std::optional<int> count, CountOf(command, "count"));
  QALAM_TRY(const std::vector<std::string> names, controller.Enqueue(id, assignments, count.value_or(1)));
  Node answer = OkAnswer();
  Node& trials = answer.Set("trials", Node::Sequence());
  for (const std::string& name : names) trials.Add(Node::String(name));
  return answer;
}

}  // namespace

Node CommandFor(const std::string& verb, std::int64_t experiment_id) {
  Node command = Node::Map();
  command.Set("verb", Node::String(verb));
  command.Set("experiment", Node::Int(experiment_id));
  return command;
}

Result<Node> DoCommand(Controller& controller, const Node& command) {
  const std::string verb = TextOf(command, "verb");
  const std::int64_t id = std::atoll(TextOf(command, "experiment").c_str());
  const auto done = [](const Status& status) -> Result<Node> {
    if (!status.ok()) return status;
    return OkAnswer();
  };
  if (verb == "pause") return done(controller.Pause(id));
  if (verb == "stop") return done(controller.StopTrials(id));
  if (verb == "resume") return done(controller.Resume(id));
  if (verb == "end") return done(controller.StopExperiment(id));
  if (verb == "delete") return done(controller.Delete(id));
  if (verb == "retry") return Retry(controller, id, command);
  if (verb == "enqueue") return Enqueue(controller, id, command);
  if (verb == "edit") {
    BudgetEdit edit;
    QALAM_TRY(edit.parallel, CountOf(command, "parallelTrialCount"));
    QALAM_TRY(edit.max_trials, CountOf(command, "maxTrialCount"));
    QALAM_TRY(edit.max_failed, CountOf(command, "maxFailedTrialCount"));
    return done(controller.Edit(id, edit));
  }
  if (verb == "stop-trial") {
    QALAM_TRY(const TrialState as, StateOf(TextOf(command, "as")));
    return done(controller.StopTrial(TextOf(command, "trial"), as));
  }
  if (verb == "why") {
    if (controller.Find(id) == nullptr)
      return Error(Code::kNotFound, "there is no unfinished experiment with id {}", id);
    Node answer = OkAnswer();
    answer.Set("why", Node::String(controller.WhyWaiting(id)));
    answer.Set("settled", Node::Bool(controller.Settled(id)));
    return answer;
  }
  return InvalidArgument(
      "'{}' is not a verb: submit, pause, stop, resume, end, delete, retry, enqueue, edit, stop-trial, why", verb);
}

}  // namespace qalam
