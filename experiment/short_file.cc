// SPDX-License-Identifier: Apache-2.0
// The short form as a file:
//   run: python3 train.py --lr {lr}
//   minimize: loss
//   parameters: {lr: "log(1e-5, 1e-1)", opt: [sgd, adam], momentum: {is: "real(0, 0.99)", when: opt == sgd, else: 0}}
#include <fmt/core.h>

#include <algorithm>

#include "core/condition.h"
#include "experiment/fields.h"
#include "experiment/rewrite.h"
#include "experiment/short_words.h"

namespace qalam {
namespace {

constexpr int kDefaultTrials = 20;

// A command line as words: blanks part them, quotes keep them together, a backslash keeps one sign. Nothing else has a
// meaning, because no shell comes; what people mean for one is a fault.
std::optional<std::string> SplitWords(std::string_view text, std::vector<std::string>* words) {
  std::string word;
  bool open = false;  // a word has begun
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n') {
      if (open) words->push_back(std::move(word));
      word.clear();
      open = false;
    } else if (c == '\'' || c == '"') {
      open = true;
      const char quote = c;
      for (++i; i < text.size() && text[i] != quote; ++i) {
        if (quote == '"' && text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
        word += text[i];
      }
      if (i >= text.size()) return fmt::format("a {} without its end", quote);
    } else if (c == '\\' && i + 1 < text.size()) {
      open = true;
      word += text[++i];
    } else if (std::string_view("|&;<>`$").find(c) != std::string_view::npos) {
      return fmt::format(
          "'{}' is for a shell, and no shell is between; put it in quotes if it is meant as it is, or "
          "write  run: [sh, -c, '...']",
          c);
    } else {
      open = true;
      word += c;
    }
  }
  if (open) words->push_back(std::move(word));
  return std::nullopt;
}

class ShortFileReader {
 public:
  ShortFileReader(const Node& document, FaultList* faults)
      : fields_(&document, "", document.position, faults), builder_(document.position) {}

  Rewritten Read() {
    ReadParameters();
    const std::vector<std::string> command = ReadCommand();
    if (const Node* name = fields_.Take("name"); name != nullptr) {
      builder_.Name(fields_.Text("name").value_or(""), name->position, "name");
    } else {
      builder_.Name(NameOfCommand(command), {}, "name");
    }
    ReadObjective();
    ReadAlgorithm();
    ReadBudget();
    for (const char* later : {"constraints", "require", "start_from"}) {
      if (fields_.Take(later) != nullptr) fields_.Error(later, "is not in this version");
    }
    fields_.Finish();
    return builder_.Take();
  }

 private:
  void ReadParameters() {
    const Node* node = fields_.Take("parameters");
    if (node == nullptr) {
      fields_.Error("parameters", "is missing: what is to be tuned, as in  parameters: {lr: log(1e-5, 1e-1)}");
      return;
    }
    if (node->kind != Node::Kind::kMap) {
      fields_.Error("parameters", fmt::format("must be a map from names to values, found {}", Describe(*node)));
      return;
    }
    for (const Node::Entry& entry : node->entries) {
      const std::string field = "parameters." + entry.key;
      if (!IsParameterName(entry.key)) {
        names_.push_back(entry.key);
        fields_.faults().Error(entry.key_position, field, fmt::format("'{}' {}", entry.key, kParameterNameRule));
      } else if (IsGroup(entry.value)) {
        ReadGroup(entry, field);
      } else {
        ReadParameter(entry, entry.key, field, nullptr);
      }
    }
  }

  // A map that is not one parameter.
  static bool IsGroup(const Node& value) {
    return value.kind == Node::Kind::kMap && !value.entries.empty() && value.Find("is") == nullptr &&
           value.Find("when") == nullptr && value.Find("else") == nullptr;
  }

  // opt: {kind: [sgd, adam], momentum: {when: kind == sgd, is: real(0, 0.99)}}: opt.kind and opt.momentum.
  void ReadGroup(const Node::Entry& group, const std::string& group_field) {
    for (const Node::Entry& entry : group.value.entries) {
      const std::string field = group_field + "." + entry.key, name = group.key + "." + entry.key;
      if (!IsParameterName(name)) {
        names_.push_back(name);
        fields_.faults().Error(entry.key_position, field, fmt::format("'{}' {}", name, kParameterNameRule));
      } else if (IsGroup(entry.value)) {
        fields_.faults().Error(entry.key_position, field, "a group of parameters cannot hold another one");
      } else {
        ReadParameter(entry, name, field, &group);
      }
    }
  }

  void ReadParameter(const Node::Entry& entry, const std::string& name, const std::string& field,
                     const Node::Entry* group) {
    names_.push_back(name);
    const Node& value = entry.value;
    if (value.kind != Node::Kind::kMap) return ReadSpace(value, name, value.position, field);
    Fields parts(&value, field, entry.key_position, &fields_.faults());
    const Node* space = parts.Take("is");
    if (space == nullptr) {
      parts.Error("is", "is missing: the parameter's values, as in  is: real(0, 0.99)");
    } else if (space->kind == Node::Kind::kMap) {
      parts.Error("is", fmt::format("must be a list or a range as in  real(0, 0.99), found {}", Describe(*space)));
    } else {
      ReadSpace(*space, name, value.position, field);
    }
    ReadCondition(&parts, name, group);
    parts.Finish();
  }

  // A parent without a dot may be one of the same group.
  void ReadCondition(Fields* parts, const std::string& name, const Node::Entry* group) {
    const Node *otherwise = parts->Take("else"), *when = parts->Take("when");
    if (when == nullptr && otherwise != nullptr) {
      parts->Error("else", "says what counts where the parameter is not there, and it always is: when is missing");
    }
    const std::optional<std::string> text = parts->Text("when");
    if (!text) return;
    Result<ParameterCondition> condition = ParseCondition(*text);
    if (!condition.ok()) return parts->Error("when", condition.status().message());
    if (otherwise != nullptr && condition->otherwise) {
      return parts->Error("else", "is said twice: after the condition too");
    }
    if (otherwise != nullptr) {
      condition->otherwise = TextOf(*otherwise, parts->Path("else"), &parts->faults());
      if (!condition->otherwise) return;
    }
    if (group != nullptr && group->value.Find(condition->parent) != nullptr)
      condition->parent = group->key + "." + condition->parent;
    builder_.Condition(name, ToString(*condition), when->position, parts->Path("when"));
  }

  // `at`: where faults of the whole are shown.
  void ReadSpace(const Node& value, const std::string& name, const Position& at, const std::string& field) {
    Node space = Node::Map();
    if (value.kind == Node::Kind::kSequence) {
      const auto is_number = [](const Node& item) {
        return item.kind == Node::Kind::kInt || item.kind == Node::Kind::kFloat;
      };
      const bool numbers = std::ranges::all_of(value.items, is_number);
      space.Set("list", value);
      builder_.Parameter(name, numbers && !value.items.empty() ? "discrete" : "categorical", std::move(space), at,
                         field);
      return;
    }
    ParameterSpec parameter;
    const std::optional<std::string> text = TextOf(value, field, &fields_.faults());
    if (!text) return;
    if (const auto fault = ParseSpace(*text, &parameter)) {
      fields_.faults().Error(value.position, field, *fault);
      return;
    }
    const FeasibleSpace& feasible = parameter.feasible;
    const std::pair<const char*, const std::string*> bounds[] = {
        {"min", &feasible.min}, {"max", &feasible.max}, {"step", &feasible.step}};
    for (const auto& [key, bound] : bounds) {
      if (!bound->empty()) space.Set(key, TextAt(*bound, value.position));
    }
    if (!feasible.list.empty()) {
      Node& list = space.Set("list", Placed(Node::Sequence(), value.position));
      for (const std::string& item : feasible.list) list.Add(TextAt(item, value.position));
    } else if (feasible.distribution != Distribution::kUniform) {
      space.Set("distribution", TextAt(std::string(ToString(feasible.distribution)), value.position));
    }
    builder_.Parameter(name, std::string(ToString(parameter.type)), std::move(space), at, field);
  }

  std::vector<std::string> ReadCommand() {
    const Node* node = fields_.Take("run");
    std::vector<std::string> words;
    if (node == nullptr) {
      fields_.Error("run", "is missing: the command of a trial, as in  run: python3 train.py --lr {lr}");
      return words;
    }
    if (node->kind == Node::Kind::kSequence) {
      words = fields_.Texts("run");
    } else if (const auto text = fields_.Text("run")) {
      if (const auto fault = SplitWords(*text, &words)) fields_.Error("run", *fault);
    }
    if (words.empty() && !fields_.faults().HasErrors()) fields_.Error("run", "is empty: the command of a trial");
    std::vector<std::string> used;
    Node command = Placed(Node::Sequence(), node->position);
    for (const std::string& word : words) {
      std::string argument;
      if (const auto fault = ReplaceBraces(word, names_, &argument, &used)) fields_.Error("run", *fault);
      command.Add(TextAt(std::move(argument), node->position));
    }
    const std::string folder = fields_.Text("working_dir").value_or("");
    Node job = JobOfCommand(std::move(command), folder);
    if (const std::map<std::string, std::string> environment = fields_.TextMap("env"); !environment.empty()) {
      Node env = Node::Sequence();
      for (const auto& [name, value] : environment) {
        Node& item = env.Add(Node::Map());
        item.Set("name", Node::String(name));
        item.Set("value", Node::String(value));
      }
      SetOfContainer(&job, "env", std::move(env));
    }
    builder_.Template(std::move(job), used, std::string(kCommandContainer), node->position, "run");
    return words;
  }

  static void SetOfContainer(Node* job, const char* key, Node value) {
    Node* at = job;
    for (const char* step : {"spec", "template", "spec", "containers"}) {
      at = &std::ranges::find(at->entries, step, &Node::Entry::key)->value;
    }
    at->items[0].Set(key, std::move(value));
  }

  void ReadObjective() {
    const Node *minimize = fields_.Take("minimize"), *maximize = fields_.Take("maximize");
    if ((minimize == nullptr) == (maximize == nullptr)) {
      fields_.Error("minimize", minimize == nullptr
                                    ? "is missing: the metric, as in  minimize: loss  (or maximize: accuracy)"
                                    : "and maximize exclude each other: one metric decides, others are recorded under "
                                      "metrics: [...]");
      return;
    }
    const char* word = minimize != nullptr ? "minimize" : "maximize";
    const Node& metric = minimize != nullptr ? *minimize : *maximize;
    if (!metric.IsScalar()) {
      fields_.Error(word, "one metric decides in this version; further ones are recorded under  metrics: [...]");
      return;
    }
    builder_.Objective("type", TextAt(word, metric.position), word);
    builder_.Objective("objectiveMetricName", metric, word);
    if (const Node* goal = fields_.Take("goal")) builder_.Objective("goal", *goal, "goal");
    if (const Node* metrics = fields_.Take("metrics")) builder_.Objective("additionalMetricNames", *metrics, "metrics");
  }

  void ReadAlgorithm() {
    const Node* algorithm = fields_.Take("algorithm");
    builder_.Algorithm("algorithmName", algorithm == nullptr ? Node::String("auto") : *algorithm, "algorithm");
    const Node* settings = fields_.Take("settings");
    if (settings != nullptr && settings->kind != Node::Kind::kMap) {
      fields_.Error("settings", fmt::format("must be a map from names to values, found {}", Describe(*settings)));
    } else if (settings != nullptr) {
      for (const Node::Entry& entry : settings->entries)
        builder_.Setting(entry.key, entry.value, "settings." + entry.key);
    }
    const Node* stop = fields_.Take("stop_early");
    if (stop == nullptr || stop->text == "none") return;
    Node rule = Placed(Node::Map(), stop->position);
    rule.Set("algorithmName", stop->text == "median" ? TextAt("medianstop", stop->position) : *stop);
    builder_.Spec("earlyStopping", std::move(rule), "stop_early");
  }

  void ReadBudget() {
    const Node* parallel = fields_.Take("parallel");
    if (parallel != nullptr) builder_.Spec("parallelTrialCount", *parallel, "parallel");
    const Node* trials = fields_.Take("trials");
    if (trials == nullptr || trials->text != "endless") {
      builder_.Spec("maxTrialCount", trials == nullptr ? Node::Int(kDefaultTrials) : *trials, "trials");
    }
    if (const Node* failed = fields_.Take("max_failed")) builder_.Spec("maxFailedTrialCount", *failed, "max_failed");
    builder_.Spec("resumePolicy", Node::String("LongRunning"), "trials");  // more trials go on where it ended
  }

  Fields fields_;
  ExperimentBuilder builder_;
  std::vector<std::string> names_;
};

}  // namespace

Rewritten RewriteShortFile(const Node& document, bool strict, Diagnostics* faults) {
  FaultList list(strict);
  Rewritten rewritten = ShortFileReader(document, &list).Read();
  list.MoveTo(faults);
  return rewritten;
}

}  // namespace qalam
