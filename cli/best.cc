// SPDX-License-Identifier: Apache-2.0
// qalam best: the best trial, as a person, a shell or a program wants its parameters.
#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "cli/launch.h"
#include "cli/listing.h"
#include "cli/lookup.h"
#include "cli/target.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "experiment/spec.h"

namespace qalam {
namespace {

struct BestOptions : ViewOptions {
  std::vector<std::string> target;  // empty: the only one there is
};

Node Typed(const ParameterSpec& parameter, const std::string& value) {
  switch (parameter.type) {
    case ParameterType::kInt: return Node::Int(std::atoll(value.c_str()));
    case ParameterType::kDouble:
    case ParameterType::kDiscrete: {
      char* end = nullptr;
      const double number = std::strtod(value.c_str(), &end);
      return *end == '\0' && !value.empty() ? Node::Float(number) : Node::String(value);
    }
    case ParameterType::kCategorical: break;
  }
  return Node::String(value);
}

// QALAM_PARAM_LEARNING_RATE for learning-rate.
std::string Variable(const std::string& name) {
  std::string out = "QALAM_PARAM_";
  for (const char c : name) {
    out += std::isalnum(static_cast<unsigned char>(c)) != 0
               ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
               : '_';
  }
  return out;
}

Result<std::string> Show(const Experiment& experiment, const ExperimentSpec& spec, const Trial& trial,
                         const std::string& output) {
  const std::string metric = spec.objective.metric_name;
  const std::string words = ObjectiveWords(spec.objective, *trial.observation);
  const std::string value = words.empty() ? StrategyValue(spec.objective, metric, *trial.observation) : words;
  std::string out;
  // What a command is told is more than what was tuned: it wants to know of what is not active too.
  const Assignments told = ToldAssignments(spec, trial.assignments);
  if (output == "flags") {
    for (const Assignment& a : told) {
      out += fmt::format("{}{}", out.empty() ? "" : " ",
                         ShellWord((a.name.starts_with('-') ? "" : "--") + a.name + "=" + a.value));
    }
    return out + "\n";
  }
  if (output == "env") {
    for (const Assignment& a : told) out += fmt::format("{}={}\n", Variable(a.name), ShellWord(a.value));
    return out;
  }
  if (output == "table") {
    out = fmt::format("{}   best {} {}   #{} {}\n", experiment.name, Printable(metric), Printable(value), trial.ordinal,
                      trial.name);
    int width = 0;
    for (const Assignment& a : trial.assignments) width = std::max(width, DisplayWidth(Printable(a.name)));
    for (const Assignment& a : trial.assignments) {
      out += fmt::format("  {}  {}\n", Pad(Printable(a.name), width), Printable(a.value));
    }
    return out;
  }
  Node document = Node::Map();
  document.Set("experiment", Node::String(experiment.name));
  document.Set("trial", Node::String(trial.name));
  document.Set("number", Node::Int(static_cast<long long>(trial.ordinal)));
  Node& objective = document.Set("objective", Node::Map());
  objective.Set("type", Node::String(spec.objective.type == ObjectiveType::kMinimize ? "minimize" : "maximize"));
  objective.Set("metric", Node::String(metric));
  const std::optional<double> number = ObjectiveValue(spec.objective, *trial.observation);
  objective.Set("value", number ? Node::Float(*number) : Node::String(words));
  Node& parameters = document.Set("parameters", Node::Map());
  for (const Assignment& a : trial.assignments) {
    const auto parameter = std::ranges::find(spec.parameters, a.name, &ParameterSpec::name);
    parameters.Set(a.name, parameter == spec.parameters.end() ? Node::String(a.value) : Typed(*parameter, a.value));
  }
  return PrintDocument(document, output);
}

Result<std::string> Best(StoreReader& reader, const BestOptions& options) {
  QALAM_TRY(const Target target, FindTarget(reader, options.namespace_name, options.target, Kinds::kExperiments));
  const Experiment& experiment = target.experiment;
  QALAM_TRY(const ExperimentSpec spec, ReadStored(experiment));
  QALAM_TRY(const std::optional<Trial> trial, reader.FindTrial(experiment.best_trial));
  if (!trial || !trial->observation) {
    return Error(Code::kNotFound, "experiment '{}' has no best trial: none has reported '{}'", experiment.name,
                 spec.objective.metric_name);
  }
  return Show(experiment, spec, *trial, options.output);
}

int BestVerb(const BestOptions& options) {
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  const Result<std::string> text = Best(**reader, options);
  if (!text.ok()) return Complain(text.status());
  Print(*text);
  return kDone;
}

}  // namespace

Verb MakeBestVerb() {
  const auto o = std::make_shared<BestOptions>();
  Verb best{"best", "the best trial's parameters"};
  best.footer =
      "Examples:\n  python3 train.py $(qalam best digits -o flags)\n  eval \"$(qalam best digits -o env)\"; echo "
      "$QALAM_PARAM_LR";
  best.Option("TARGET", &o->target, "exp NAME, or NAME (default: the only one there is)");
  AddOutput(&best, &o->output, {"table", "json", "yaml", "env", "flags", "jsonpath="});
  AddNamespace(&best, &o->namespace_name);
  AddDatabase(&best, &o->db);
  best.run = [o](const Invocation&) { return BestVerb(*o); };
  return best;
}

}  // namespace qalam
