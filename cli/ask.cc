// SPDX-License-Identifier: Apache-2.0
// qalam ask: what the algorithm would try next, without running it.
#include <unistd.h>

#include <algorithm>

#include "cli/input.h"
#include "cli/launch.h"
#include "cli/lookup.h"
#include "cli/router.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "store/sqlite_store.h"
#include "suggest/propose.h"

namespace qalam {
namespace {

struct AskOptions : FileOptions {
  std::string db = kDefaultDatabase;
  std::string output = "table";
  std::optional<int> count;
};

// What is known of it: with its uid and trials the answer is what its run would be given.
Status Remembered(const std::string& db, const ExperimentSpec& spec, std::string* uid, std::vector<Trial>* trials) {
  if (access(db.c_str(), F_OK) != 0) return OkStatus();
  QALAM_TRY(const auto reader, OpenView(db));
  QALAM_TRY(const auto stored, reader->FindExperiment(spec.namespace_name, spec.name));
  if (!stored) return OkStatus();
  *uid = stored->uid;
  QALAM_TRY(*trials, reader->Trials(stored->id));
  return OkStatus();
}

// Empty where the parameter is not active.
std::string ValueOf(const Assignments& assignments, const std::string& name) {
  const std::string* value = FindValue(assignments, name);
  return value == nullptr ? "" : Printable(*value);
}

Result<std::string> Ask(const ExperimentSpec& spec, const AskOptions& options) {
  std::string uid;
  std::vector<Trial> trials;
  QALAM_RETURN_IF_ERROR(Remembered(options.db, spec, &uid, &trials));
  const std::uint64_t first = trials.size() + 1;
  const SystemClock clock;
  EventLoop loop(clock);
  SuggestionRouter router(loop);
  QALAM_TRY(const Proposals proposals, Propose(loop, router, spec, uid, std::move(trials), options.count.value_or(1)));
  if (options.output == "table") {
    std::vector<std::string> header = {"TRIAL"};
    for (const ParameterSpec& p : spec.parameters) header.push_back(Printable(p.name));
    Table table(header);
    for (std::size_t i = 0; i < proposals.suggestions.size(); ++i) {
      std::vector<std::string> row = {fmt::format("#{}", first + i)};
      for (const ParameterSpec& p : spec.parameters)
        row.push_back(ValueOf(proposals.suggestions[i].assignments, p.name));
      table.Row(std::move(row));
    }
    return table.Text() + (proposals.exhausted ? "there are no more\n" : "");
  }
  Node out = Node::Map();
  out.Set("experiment", Node::String(spec.name));
  Node& list = out.Set("suggestions", Node::Sequence());
  for (std::size_t i = 0; i < proposals.suggestions.size(); ++i) {
    Node& item = list.Add(Node::Map());
    item.Set("number", Node::Int(static_cast<std::int64_t>(first + i)));
    Node& assignments = item.Set("parameterAssignments", Node::Sequence());
    for (const Assignment& a : proposals.suggestions[i].assignments) {
      Node& assignment = assignments.Add(Node::Map());
      assignment.Set("name", Node::String(a.name));
      assignment.Set("value", Node::String(a.value));
    }
  }
  out.Set("exhausted", Node::Bool(proposals.exhausted));
  return options.output == "json" ? ToJson(out, 2) + "\n" : ToYaml(out);
}

int AskVerb(const AskOptions& options) {
  InputOptions files = InputOf(options);
  std::unique_ptr<StoreReader> reader;
  if (access(options.db.c_str(), F_OK) == 0) {
    if (auto opened = OpenSqliteReader(options.db); opened.ok()) reader = *std::move(opened);
  }
  files.reader = reader.get();
  Input input = ReadFiles(files);
  if (input.ok() && reader != nullptr) Recall(*reader, &input);
  fmt::print(stderr, "{}", input.Render());
  if (!input.ok() || input.requests.empty()) return kBadInput;
  for (const Request& request : input.requests) {
    const Result<std::string> text = Ask(request.spec, options);
    if (!text.ok()) return Complain(text.status());
    Print(*text);
  }
  return kDone;
}

}  // namespace

Verb MakeAskVerb() {
  const auto o = std::make_shared<AskOptions>();
  Verb ask{"ask", "what the algorithm would try next; nothing is run or recorded"};
  ask.Option("FILE", &o->files, "Experiments; - is standard input").Required();
  ask.Option("-n,--count", &o->count, "how many suggestions (default: 1)").AtLeast(1);
  AddInput(&ask, o.get());
  AddOutput(&ask, &o->output, {"table", "json", "yaml"});
  AddDatabase(&ask, &o->db);
  ask.run = [o](const Invocation&) { return AskVerb(*o); };
  return ask;
}

}  // namespace qalam
