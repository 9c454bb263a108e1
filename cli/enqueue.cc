// SPDX-License-Identifier: Apache-2.0
// qalam enqueue: trials with assignments of one's own, before what the algorithm proposes.
#include "cli/control.h"
#include "cli/text.h"

namespace qalam {
namespace {

struct EnqueueOptions : ControlOptions {
  std::optional<int> count;
};

Status Enqueue(const EnqueueOptions& options) {
  Node assignments = Node::Sequence();
  ControlOptions names = options;
  names.target.clear();
  for (const std::string& word : options.target) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      names.target.push_back(word);
      continue;
    }
    Node& item = assignments.Add(Node::Map());
    item.Set("name", Node::String(word.substr(0, equals)));
    item.Set("value", Node::String(word.substr(equals + 1)));
  }
  QALAM_TRY(const auto control, Control::Open(options.db));
  if (names.target.empty()) return InvalidArgument("which experiment? Say exp NAME before the values");
  QALAM_TRY(const Target target, control->FindOne(names, Kinds::kExperiments));
  Node command = CommandFor("enqueue", target.experiment.id);
  command.Set("assignments", std::move(assignments));
  command.Set("count", Node::Int(options.count.value_or(1)));
  QALAM_TRY(const Node answer, control->Do(command));
  if (const Node* trials = answer.Find("trials")) {
    for (const Node& trial : trials->items) {
      QALAM_TRY(const auto stored, control->reader().FindTrial(trial.text));
      Print(fmt::format("trial/{}{} enqueued\n", trial.text, stored ? fmt::format(" (#{})", stored->ordinal) : ""));
    }
  }
  Print(control->GoesOn(target.experiment.name));
  return OkStatus();
}

}  // namespace

Verb MakeEnqueueVerb() {
  const auto o = std::make_shared<EnqueueOptions>();
  Verb enqueue{"enqueue", "have assignments of your own tried next"};
  enqueue.footer =
      "Examples:\n  qalam enqueue exp digits lr=0.01 opt=adam\n  qalam enqueue digits lr=0.01 opt=adam --count 3";
  AddControl(&enqueue, o.get(), "exp NAME, or NAME, and NAME=VALUE for each parameter");
  enqueue.Option("--count", &o->count, "so many trials of it").AtLeast(1);
  enqueue.run = [o](const Invocation&) {
    const Status done = Enqueue(*o);
    return done.ok() ? static_cast<int>(kDone) : Complain(done);
  };
  return enqueue;
}

}  // namespace qalam
