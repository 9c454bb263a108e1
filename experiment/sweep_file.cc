// SPDX-License-Identifier: Apache-2.0
// A sweep configuration of Weights & Biases as an Experiment. What the words mean: docs.wandb.ai, "Sweep configuration
// options". The agent's command line is made as it makes it; metrics are read from what the program prints.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/decimal.h"
#include "experiment/fields.h"
#include "experiment/placeholders.h"
#include "experiment/rewrite.h"
#include "experiment/short_words.h"

namespace qalam {
namespace {

// The agent's own interpreter is "python", which Debian does not have.
constexpr const char* kInterpreter = "python3";

// Twelve digits: exp() of what somebody wrote as log(0.1) is 0.1 again.
std::string Text(double value) {
  std::string text;
  SetDouble(ParseNumber(fmt::format("{:.12g}", value)).value_or(value), &text);
  return text;
}

bool IsNumber(const Node& node) { return node.kind == Node::Kind::kInt || node.kind == Node::Kind::kFloat; }

// As the agent's Python prints it.
Node Spelled(const Node& node) {
  if (node.kind != Node::Kind::kBool) return node;
  return TextAt(node.text.starts_with('t') || node.text.starts_with('T') ? "True" : "False", node.position);
}

// How a distribution of theirs is one of ours.
struct Known {
  std::string_view name;
  ParameterType type;
  Distribution distribution;
  bool exponents;  // min and max are natural logarithms
  bool step;       // q
};
constexpr std::array<Known, 7> kKnown = {{
    {"int_uniform", ParameterType::kInt, Distribution::kUniform, false, false},
    {"uniform", ParameterType::kDouble, Distribution::kUniform, false, false},
    {"q_uniform", ParameterType::kDouble, Distribution::kUniform, false, true},
    {"log_uniform", ParameterType::kDouble, Distribution::kLogUniform, true, false},
    {"log_uniform_values", ParameterType::kDouble, Distribution::kLogUniform, false, false},
    {"q_log_uniform", ParameterType::kInt, Distribution::kLogUniform, true, true},
    {"q_log_uniform_values", ParameterType::kInt, Distribution::kLogUniform, false, true},
}};

class SweepReader {
 public:
  SweepReader(const Node& document, FaultList* faults)
      : fields_(&document, "", document.position, faults), builder_(document.position) {}

  Rewritten Read() {
    fields_.Take("program");
    ReadParameters();
    ReadCommand();
    ReadName();
    ReadMetric();
    ReadMethod();
    if (const Node* cap = fields_.Take("run_cap")) {
      builder_.Spec("maxTrialCount", *cap, "run_cap");
    } else if (method_ != "grid") {
      fields_.faults().Warning({}, "run_cap", "is missing: the sweep goes on until it is stopped (or --trials N)");
    }
    builder_.Spec("parallelTrialCount", Node::Int(1), "run_cap");  // as one agent does
    builder_.Spec("resumePolicy", Node::String("LongRunning"), "run_cap");
    if (fields_.Take("early_terminate") != nullptr) {
      fields_.Warning("early_terminate", "is not carried over: nothing is stopped early");
    }
    fields_.Finish({"description", "project", "entity", "$schema"});
    return builder_.Take();
  }

 private:
  FaultList& faults() { return fields_.faults(); }

  void ReadParameters() {
    const Node* node = fields_.Take("parameters");
    if (node == nullptr || node->kind != Node::Kind::kMap) {
      fields_.Error("parameters", node == nullptr ? "is missing: what is to be tuned"
                                                  : fmt::format("must be a map, found {}", Describe(*node)));
      return;
    }
    for (const Node::Entry& entry : node->entries) {
      const std::string path = "parameters." + entry.key;
      if (!IsParameterName(entry.key)) {
        faults().Error(entry.key_position, path, fmt::format("'{}' {}", entry.key, kParameterNameRule));
        continue;
      }
      ReadParameter(entry, path);
    }
  }

  void ReadParameter(const Node::Entry& entry, const std::string& path) {
    Fields fields(&entry.value, path, entry.key_position, &faults());
    if (!fields.present()) return;
    const std::string distribution = fields.Text("distribution").value_or("");
    const Node *value = fields.Take("value"), *values = fields.Take("values");
    const Node *min = fields.Take("min"), *max = fields.Take("max"), *q = fields.Take("q");
    const Node *mu = fields.Take("mu"), *sigma = fields.Take("sigma"), *odds = fields.Take("probabilities");
    if (fields.Take("parameters") != nullptr) {
      fields.Error("parameters", "parameters below another one cannot be carried over: give each a line of its own");
      return;
    }
    fields.Finish();
    if (value != nullptr) {
      if (!value->IsScalar()) {
        faults().Error(value->position, path + ".value", "a list or a map is no argument of a command");
        return;
      }
      fixed_.push_back({entry.key, Spelled(*value)});
      return;
    }
    if (values != nullptr) {
      if (odds != nullptr) {
        faults().Warning(odds->position, path + ".probabilities", "are not carried over: each value is as likely");
      }
      AddList(entry, *values, path);
      return;
    }
    const bool stepped = distribution.starts_with("q_");
    if (const std::string shape = stepped ? distribution.substr(2) : distribution;
        shape == "normal" || shape == "log_normal") {
      if (stepped && q != nullptr && q->text != "1") {
        faults().Error(q->position, path + ".q",
                       "a normal distribution with steps other than 1 cannot be carried over");
      } else {
        AddNormal(entry, shape == "log_normal", stepped, mu, sigma, path);
      }
      return;
    }
    const bool whole =
        min != nullptr && max != nullptr && min->kind == Node::Kind::kInt && max->kind == Node::Kind::kInt;
    const std::string name = !distribution.empty() ? distribution : whole ? "int_uniform" : "uniform";
    const auto known = std::ranges::find(kKnown, name, &Known::name);
    if (known == kKnown.end()) {
      std::vector<std::string> names = {"categorical", "constant", "normal", "log_normal", "q_normal", "q_log_normal"};
      for (const Known& k : kKnown) names.emplace_back(k.name);
      faults().Error(
          fields.At("distribution"), path + ".distribution",
          fmt::format("'{}' cannot be carried over{}; these can: {}", name, DidYouMean(name, names), JoinWords(names)));
      return;
    }
    for (const auto& [key, bound] : {std::pair{"min", min}, {"max", max}}) {
      if (bound == nullptr || !IsNumber(*bound)) {
        faults().Error(fields.At(key), path + "." + key, "must be a number, as there are no values");
        return;
      }
    }
    AddRange(entry, *known, *min, *max, q, path);
  }

  void AddRange(const Node::Entry& entry, const Known& known, const Node& min, const Node& max, const Node* q,
                const std::string& path) {
    Node space = Node::Map();
    ParameterType type = known.type;
    const auto bound = [&](const Node& node) {
      if (!known.exponents) return TextAt(node.text, node.position);
      const double e = std::exp(ParseNumber(node.text).value_or(0));
      return TextAt(type == ParameterType::kInt ? Text(std::round(e)) : Text(e), node.position);
    };
    if (known.step && known.distribution == Distribution::kUniform) {
      const std::string step = q == nullptr ? "1" : q->text;
      const bool whole = step.find_first_not_of("0123456789") == std::string::npos && min.kind == Node::Kind::kInt &&
                         max.kind == Node::Kind::kInt;
      if (whole) type = ParameterType::kInt;
      space.Set("step", TextAt(step, q == nullptr ? min.position : q->position));
    } else if (known.step && q != nullptr && q->text != "1") {
      faults().Error(q->position, path + ".q", "a logarithmic scale with steps other than 1 cannot be carried over");
      return;
    }
    space.Set("min", bound(min));
    space.Set("max", bound(max));
    if (known.distribution != Distribution::kUniform) {
      space.Set("distribution", Node::String(std::string(ToString(known.distribution))));
    } else if (type == ParameterType::kDouble) {
      space.Set("distribution", Node::String("uniform"));  // they said so: no advice about scales
    }
    Add(entry, std::string(ToString(type)), std::move(space), path);
  }

  // Ours is cut off at three standard deviations.
  void AddNormal(const Node::Entry& entry, bool logarithmic, bool whole, const Node* mu, const Node* sigma,
                 const std::string& path) {
    const double mean = mu == nullptr ? 0 : ParseNumber(mu->text).value_or(std::nan(""));
    const double deviation = sigma == nullptr ? 1 : ParseNumber(sigma->text).value_or(std::nan(""));
    if (!std::isfinite(mean) || !(deviation > 0)) {
      faults().Error(entry.key_position, path, "mu must be a number, sigma one above 0");
      return;
    }
    double low = mean - 3 * deviation, high = mean + 3 * deviation;
    if (logarithmic) low = std::exp(low), high = std::exp(high);
    if (whole) low = std::round(low), high = std::round(high);
    Node space = Node::Map();
    space.Set("min", TextAt(Text(low), entry.key_position));
    space.Set("max", TextAt(Text(high), entry.key_position));
    space.Set("distribution", Node::String(logarithmic ? "logNormal" : "normal"));
    faults().Warning(entry.key_position, path,
                     fmt::format("is cut off at three standard deviations: from {} to {}", Text(low), Text(high)));
    Add(entry, whole ? "int" : "double", std::move(space), path);
  }

  void AddList(const Node::Entry& entry, const Node& values, const std::string& path) {
    if (values.kind != Node::Kind::kSequence) {
      faults().Error(values.position, path + ".values", fmt::format("must be a list, found {}", Describe(values)));
      return;
    }
    bool numbers = !values.items.empty();
    Node list = Placed(Node::Sequence(), values.position);
    for (const Node& item : values.items) {
      if (!item.IsScalar() || item.kind == Node::Kind::kNull) {
        faults().Error(item.position, path + ".values", fmt::format("{} is no argument of a command", Describe(item)));
        return;
      }
      numbers = numbers && IsNumber(item);
      list.Add(Spelled(item));
    }
    Node space = Node::Map();
    space.Set("list", std::move(list));
    Add(entry, numbers ? "discrete" : "categorical", std::move(space), path);
  }

  void Add(const Node::Entry& entry, const std::string& type, Node space, const std::string& path) {
    builder_.Parameter(entry.key, type, std::move(space), entry.key_position, path);
    tuned_.push_back({entry.key, type != "categorical"});
  }

  void ReadCommand() {
    const Node* program = fields_.Take("program");
    const Node* node = fields_.Take("command");
    const Position at = node != nullptr ? node->position : program != nullptr ? program->position : Position{};
    if (program == nullptr && node == nullptr) {
      fields_.Error("program", "is missing: what is run for each trial");
      return;
    }
    std::vector<std::string> words = {"${interpreter}", "${program}", "${args}"};
    if (node != nullptr) words = fields_.Texts("command");
    Node command = Placed(Node::Sequence(), at);
    const auto add = [&](std::string word) { command.Add(TextAt(std::move(word), at)); };
    for (const std::string& word : words) {
      if (word == "${env}") {
        add("/usr/bin/env");
      } else if (word == "${interpreter}") {
        add(kInterpreter);
      } else if (word == "${program}") {
        if (program == nullptr)
          fields_.Error("program", "is missing, and ${program} stands in the command");
        else
          add(program->text);
      } else if (word == "${args}" || word == "${args_no_hyphens}") {
        for (const auto& [name, value] : fixed_) add((word == "${args}" ? "--" : "") + name + "=" + value.text);
        for (const auto& [name, number] : tuned_) add((word == "${args}" ? "--" : "") + name + "=" + Placeholder(name));
      } else if (word == "${args_json}") {
        add(JsonArgument());
      } else if (word.find("${") != std::string::npos) {
        fields_.Error("command", fmt::format("'{}' cannot be carried over; these can: ${{env}}, ${{interpreter}}, "
                                             "${{program}}, ${{args}}, ${{args_no_hyphens}}, ${{args_json}}. A trial "
                                             "also finds each parameter in its environment, as QALAM_PARAM_<NAME>",
                                             word));
      } else {
        add(word);
      }
    }
    for (const Node& word : command.items) command_.push_back(word.text);
    builder_.Template(JobOfCommand(std::move(command), ""), used_, std::string(kCommandContainer), at,
                      node != nullptr ? "command" : "program");
  }

  std::string Placeholder(const std::string& name) {
    if (std::ranges::find(used_, name) == used_.end()) used_.push_back(name);
    return fmt::format("{}{}}}", kPlaceholderStart, name);
  }

  std::string JsonArgument() {
    std::string out;
    const auto quoted = [](const std::string& text) { return ToJson(Node::String(text)); };
    for (const auto& [name, value] : fixed_) {
      out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", quoted(name),
                         IsNumber(value) ? value.text : quoted(value.text));
    }
    for (const auto& [name, number] : tuned_) {
      const std::string value = Placeholder(name);
      out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", quoted(name), number ? value : '"' + value + '"');
    }
    return "{" + out + "}";
  }

  void ReadName() {
    const Node* name = fields_.Take("name");
    if (name == nullptr) {
      builder_.Name(NameOfCommand(command_), {}, "name");
      return;
    }
    const std::string legal = NameFrom(name->text);
    if (legal != name->text) fields_.Warning("name", fmt::format("'{}' is called '{}' here", name->text, legal));
    builder_.Name(legal, name->position, "name");
  }

  void ReadMetric() {
    Fields metric = fields_.Map("metric");
    if (!metric.present()) {
      if (fields_.Take("metric") == nullptr) {
        fields_.Error("metric", "is missing: here it is always needed, as in  metric: {name: loss, goal: minimize}");
      }
      return;
    }
    if (const Node* name = metric.Take("name")) builder_.Objective("objectiveMetricName", *name, "metric.name");
    const Node* goal = metric.Take("goal");
    builder_.Objective("type", goal == nullptr ? Node::String("minimize") : *goal, "metric.goal");
    if (const Node* target = metric.Take("target")) builder_.Objective("goal", *target, "metric.target");
    if (metric.Take("impute") != nullptr || metric.Take("impute_while_running") != nullptr) {
      metric.Warning("impute", "is not carried over: a trial without its metric has no value");
    }
    metric.Finish();
  }

  void ReadMethod() {
    const Node* method = fields_.Take("method");
    method_ = method == nullptr ? "" : method->text;
    const std::vector<std::string> methods = {"random", "grid", "bayes"};
    if (method == nullptr) {
      fields_.Error("method", "is missing: one of random, grid, bayes");
    } else if (std::ranges::find(methods, method_) == methods.end()) {
      fields_.NotOneOf("method", method_, methods);
    } else {
      builder_.Algorithm("algorithmName",
                         TextAt(method_ == "bayes" ? "bayesianoptimization" : method_, method->position), "method");
    }
  }

  Fields fields_;
  ExperimentBuilder builder_;
  std::vector<std::pair<std::string, Node>> fixed_;  // constants
  std::vector<std::pair<std::string, bool>> tuned_;  // and whether it is a number
  std::vector<std::string> used_, command_;
  std::string method_;
};

}  // namespace

Rewritten RewriteSweep(const Node& document, bool strict, Diagnostics* faults) {
  FaultList list(strict);
  Rewritten rewritten = SweepReader(document, &list).Read();
  list.MoveTo(faults);
  return rewritten;
}

}  // namespace qalam
