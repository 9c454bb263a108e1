// SPDX-License-Identifier: Apache-2.0
// qalam algorithms: what there is to choose from, out of the tables that also parse and check the settings.
#include "algorithms/suggester.h"
#include "cli/listing.h"
#include "cli/lookup.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "core/diagnostic.h"

namespace qalam {
namespace {

struct AlgorithmsOptions {
  std::string describe;  // empty: list them
  std::string output = "table";
};

Node ToNode(const AlgorithmInfo& algorithm) {
  Node out = Node::Map();
  out.Set("name", Node::String(std::string(algorithm.name)));
  out.Set("summary", Node::String(std::string(algorithm.summary)));
  Node& settings = out.Set("settings", Node::Sequence());
  for (const SettingHelp& help : algorithm.settings->Describe()) {
    Node& setting = settings.Add(Node::Map());
    setting.Set("name", Node::String(help.name));
    setting.Set("type", Node::String(help.type));
    setting.Set("range", Node::String(help.range));
    setting.Set("default", Node::String(help.preset));
    setting.Set("doc", Node::String(help.doc));
  }
  return out;
}

Result<std::string> List(const std::string& output) {
  const auto& all = Algorithms();
  if (WantsDocument(output)) {
    Node list = Node::Sequence();
    for (const AlgorithmInfo& algorithm : all) list.Add(ToNode(algorithm));
    return PrintDocument(list, output);
  }
  if (output == "name") {
    std::string names;
    for (const AlgorithmInfo& algorithm : all) names += fmt::format("algorithm/{}\n", algorithm.name);
    return names;
  }
  const Listing listing(
      all.size(),
      {{"name", "NAME", Column::kAll, [&](std::size_t row) { return std::string(all[row].name); }, {}},
       {"summary", "SUMMARY", Column::kAll, [&](std::size_t row) { return std::string(all[row].summary); }, {}}});
  return output == "csv" ? listing.Csv() : listing.Table(false);
}

Result<std::string> Describe(const AlgorithmInfo& algorithm, const std::string& output) {
  if (WantsDocument(output)) return PrintDocument(ToNode(algorithm), output);
  Table table({"SETTING", "TYPE", "RANGE", "DEFAULT", "WHAT IT IS"});
  for (const SettingHelp& help : algorithm.settings->Describe()) {
    table.Row({help.name, help.type, help.range, help.preset, help.doc});
  }
  return fmt::format("{}: {}\n{}", algorithm.name, algorithm.summary, table.empty() ? "no settings\n" : table.Text());
}

int Show(const Result<std::string>& text) {
  if (!text.ok()) return Complain(text.status());
  Print(*text);
  return kDone;
}

int AlgorithmsVerb(const AlgorithmsOptions& options) {
  if (options.describe.empty()) {
    return Show(List(options.output));
  }
  const AlgorithmInfo* algorithm = FindAlgorithm(options.describe);
  if (algorithm == nullptr) {
    std::vector<std::string> known;
    for (const AlgorithmInfo& info : Algorithms()) known.emplace_back(info.name);
    const std::string nearest = NearestWord(options.describe, known);
    return Complain(Error(Code::kNotFound, "algorithm '{}' is not known{}", options.describe,
                          nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest)));
  }
  return Show(Describe(*algorithm, options.output));
}

}  // namespace

Verb MakeAlgorithmsVerb() {
  const auto o = std::make_shared<AlgorithmsOptions>();
  Verb algorithms{"algorithms", "who can propose trials, and their settings"};
  AddOutput(&algorithms, &o->output, {"table", "json", "yaml", "name", "csv", "jsonpath="});
  Verb& describe = algorithms.verbs.emplace_back(Verb{"describe", "the settings of one"});
  describe.Option("NAME", &o->describe, "an algorithm").Required();
  AddOutput(&describe, &o->output, {"table", "json", "yaml", "jsonpath="});
  algorithms.run = [o](const Invocation&) { return AlgorithmsVerb(*o); };
  return algorithms;
}

}  // namespace qalam
