// SPDX-License-Identifier: Apache-2.0
// An experiment as a short form or a sweep, and a word about each thing that these cannot say.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/decimal.h"
#include "core/words.h"
#include "experiment/forms.h"
#include "experiment/placeholders.h"
#include "experiment/short_words.h"
#include "experiment/spec_sections.h"

namespace qalam {
namespace {

// What a trial's template comes down to: a command.
struct Command {
  std::vector<std::string> argv;  // with ${trialParameters.NAME}
  std::vector<std::pair<std::string, std::string>> env;
  std::string working_dir;
};

class Writer {
 public:
  Writer(const ExperimentSpec& spec, Diagnostics* faults) : spec_(spec), faults_(*faults) {}

 protected:
  void NotCarried(const std::string& field, const std::string& why, const Position& at = {}) {
    faults_.Warning(at, field, fmt::format("is not carried over{}{}", why.empty() ? "" : ": ", why));
  }
  void Impossible(const std::string& field, const std::string& why, const Position& at = {}) {
    failed_ = true;
    faults_.Error(at, field, why);
  }

  // What neither form has a word for.
  void TellWhatIsLost() {
    if (spec_.parameters.empty()) {
      Impossible("spec.nasConfig", "a search for an architecture has no parameters, which this form is made of");
    }
    if (!spec_.labels.empty()) NotCarried("metadata.labels", "");
    if (spec_.namespace_name != "default") NotCarried("metadata.namespace", "");
    for (const auto& [name, value] : spec_.annotations) NotCarried("metadata.annotations." + name, "");
    for (const auto& [metric, strategy] : spec_.objective.strategies) {
      const bool minimize = spec_.objective.type == ObjectiveType::kMinimize;
      if (strategy == (minimize ? MetricStrategy::kMin : MetricStrategy::kMax)) continue;
      NotCarried("spec.objective.metricStrategies",
                 fmt::format("of '{}' the {} value counts", metric, minimize ? "smallest" : "largest"));
    }
    if (spec_.resume_policy == ResumePolicy::kFromVolume) NotCarried("spec.resumePolicy", "FromVolume");
    if (spec_.metrics_collector.kind != CollectorKind::kStdOut || !spec_.metrics_collector.filters.empty()) {
      NotCarried("spec.metricsCollectorSpec", "metrics are read from standard output, as NAME=VALUE");
    }
    const TrialTemplate& t = spec_.trial_template;
    if (t.retain) NotCarried("spec.trialTemplate.retain", "");
    if (const KindDefaults* job = FindKindDefaults("Job");
        t.success_condition != job->success || t.failure_condition != job->failure) {
      NotCarried("spec.trialTemplate.successCondition", "a trial succeeds when its command ends with 0");
    }
  }

  std::optional<Command> ReadCommand() {
    const Node& manifest = spec_.trial_template.trial_spec;
    const std::string path = "spec.trialTemplate.trialSpec";
    if (manifest.kind != Node::Kind::kMap) {
      Impossible("spec.trialTemplate.configMap", "a template that stands in a ConfigMap cannot be made a command");
      return std::nullopt;
    }
    const Node* kind = manifest.Find("kind");
    const bool job = kind != nullptr && kind->text == "Job";
    if (!job && (kind == nullptr || kind->text != "Pod")) {
      Impossible(path + ".kind",
                 fmt::format("'{}' cannot be made a command: a Job or a Pod can", kind == nullptr ? "" : kind->text),
                 manifest.position);
      return std::nullopt;
    }
    const Node* pod = job ? manifest.FindPath({"spec", "template", "spec"}) : manifest.Find("spec");
    const std::string pod_path = path + (job ? ".spec.template.spec" : ".spec");
    const Node* containers = pod == nullptr ? nullptr : pod->Find("containers");
    if (containers == nullptr) {
      Impossible(pod_path + ".containers", "are missing", manifest.position);
      return std::nullopt;
    }
    OnlyThese(manifest, path, {"apiVersion", "kind", "spec"});
    if (job) {
      OnlyThese(*manifest.Find("spec"), path + ".spec", {"template"});
      OnlyThese(*manifest.FindPath({"spec", "template"}), path + ".spec.template", {"spec"});
    }
    OnlyThese(*pod, pod_path, {"containers", "restartPolicy"});
    for (std::size_t i = 0; i < containers->items.size(); ++i) {
      const Node& container = containers->items[i];
      const std::string at = fmt::format("{}.containers[{}]", pod_path, i);
      const Node* name = container.Find("name");
      if (name != nullptr && name->text == spec_.trial_template.primary_container_name) {
        return CommandOf(container, at);
      }
      NotCarried(at, "one command is run", container.position);
    }
    Impossible(pod_path + ".containers", "none is the primary container", containers->position);
    return std::nullopt;
  }

  // The parameter that a placeholder stands for; a fault when it is none.
  std::string ReferenceOf(std::string_view placeholder) {
    for (const TrialParameterSpec& p : spec_.trial_template.parameters) {
      if (p.name != placeholder) continue;
      const bool tuned =
          std::ranges::find(spec_.parameters, p.reference, &ParameterSpec::name) != spec_.parameters.end();
      if (tuned) return p.reference;
      Impossible("spec.trialTemplate.trialParameters",
                 fmt::format("'{}' is {}, which a command cannot name", p.name, p.reference));
    }
    return std::string(placeholder);
  }

  const ExperimentSpec& spec_;
  Diagnostics& faults_;
  bool failed_ = false;

 private:
  void OnlyThese(const Node& map, const std::string& path, std::initializer_list<std::string_view> known) {
    for (const Node::Entry& entry : map.entries) {
      if (std::ranges::find(known, entry.key) != known.end()) continue;
      NotCarried(path + "." + entry.key, "", entry.key_position);
    }
  }

  std::optional<Command> CommandOf(const Node& container, const std::string& path) {
    Command out;
    for (const char* key : {"command", "args"}) {
      const Node* words = container.Find(key);
      if (words == nullptr) continue;
      for (const Node& word : words->items) out.argv.push_back(word.text);
    }
    if (out.argv.empty() || container.Find("command") == nullptr) {
      Impossible(path + ".command", "is missing: what the image runs by itself is not known here", container.position);
      return std::nullopt;
    }
    if (const Node* image = container.Find("image"); image != nullptr && image->text != "none") {
      NotCarried(path + ".image", "the command is one of this machine", image->position);
    }
    if (const Node* folder = container.Find("workingDir")) out.working_dir = folder->text;
    if (const Node* env = container.Find("env")) {
      for (std::size_t i = 0; i < env->items.size(); ++i) {
        const Node *name = env->items[i].Find("name"), *value = env->items[i].Find("value");
        if (name != nullptr && value != nullptr) {
          out.env.emplace_back(name->text, value->text);
        } else {
          NotCarried(fmt::format("{}.env[{}]", path, i), "only plain values are", env->items[i].position);
        }
      }
    }
    OnlyThese(container, path, {"name", "image", "command", "args", "workingDir", "env"});
    return out;
  }
};

Node TextList(const std::vector<std::string>& texts) {
  Node list = Node::Sequence();
  for (const std::string& text : texts) list.Add(Node::String(text));
  return list;
}

Node Number(const std::string& text) {
  const bool whole = text.find_first_not_of("+-0123456789") == std::string::npos;
  return Node::Scalar(whole ? Node::Kind::kInt : Node::Kind::kFloat, text);
}

Node ListOf(const ParameterSpec& parameter) {
  if (parameter.type != ParameterType::kDiscrete) return TextList(parameter.feasible.list);
  Node list = Node::Sequence();
  for (const std::string& text : parameter.feasible.list) list.Add(Number(text));
  return list;
}

// ---------------------------------------------------------------- the short form

class ShortWriter : private Writer {
 public:
  using Writer::Writer;

  std::optional<Node> Write() {
    TellWhatIsLost();
    Node out = Node::Map();
    out.Set("name", Node::String(spec_.name));
    const std::optional<Command> command = ReadCommand();
    if (!command) return std::nullopt;
    out.Set("run", Words(command->argv));
    const bool minimize = spec_.objective.type == ObjectiveType::kMinimize;
    out.Set(minimize ? "minimize" : "maximize", Node::String(spec_.objective.metric_name));
    if (spec_.objective.goal) out.Set("goal", Node::Float(*spec_.objective.goal));
    if (!spec_.objective.additional_metric_names.empty())
      out.Set("metrics", TextList(spec_.objective.additional_metric_names));
    Node& parameters = out.Set("parameters", Node::Map());
    for (const ParameterSpec& parameter : spec_.parameters) parameters.Set(parameter.name, Whole(parameter));
    out.Set("trials", spec_.max_trial_count ? Node::Int(*spec_.max_trial_count) : Node::String("endless"));
    out.Set("parallel", Node::Int(spec_.parallel_trial_count));
    if (spec_.max_failed_trial_count) out.Set("max_failed", Node::Int(*spec_.max_failed_trial_count));
    out.Set("algorithm", Node::String(spec_.algorithm.name));
    if (!spec_.algorithm.settings.empty()) {
      Node& settings = out.Set("settings", Node::Map());
      for (const Setting& setting : spec_.algorithm.settings) settings.Set(setting.name, Node::String(setting.value));
    }
    if (spec_.early_stopping) {
      const bool median = spec_.early_stopping->name == "medianstop";
      out.Set("stop_early", Node::String(median ? "median" : spec_.early_stopping->name));
      if (!spec_.early_stopping->settings.empty()) NotCarried("spec.earlyStopping.algorithmSettings", "");
    }
    if (!command->env.empty()) {
      Node& env = out.Set("env", Node::Map());
      for (const auto& [name, value] : command->env) {
        if (!PlaceholdersIn(value).empty()) {
          NotCarried("env " + name, "a parameter reaches the command by QALAM_PARAM_<NAME> in any case");
        } else {
          env.Set(name, Node::String(value));
        }
      }
    }
    if (!command->working_dir.empty()) out.Set("working_dir", Node::String(command->working_dir));
    if (failed_) return std::nullopt;
    return out;
  }

 private:
  // One line when nothing in it needs quotes, else a list.
  Node Words(const std::vector<std::string>& argv) {
    std::vector<std::string> words;
    std::string line;
    bool plain = true;
    for (const std::string& argument : argv) {
      words.push_back(Braces(argument));
      plain = plain && !words.back().empty() && words.back().find_first_of(" \t\n'\"\\|&;<>`$#") == std::string::npos;
      line += (line.empty() ? "" : " ") + words.back();
    }
    return plain ? Node::String(line) : TextList(words);
  }

  std::string Braces(std::string_view text) {
    std::string out;
    while (!text.empty()) {
      if (text.starts_with(kPlaceholderStart)) {
        const std::size_t end = text.find('}');
        if (end == std::string_view::npos) {
          Impossible("command", fmt::format("'{}' is not closed by '}}': it stands for nothing, and this form has no "
                                            "way to say it",
                                            text));
          return out;
        }
        out += "{" + ReferenceOf(text.substr(kPlaceholderStart.size(), end - kPlaceholderStart.size())) + "}";
        text.remove_prefix(end + 1);
        continue;
      }
      if (text[0] == '{' || text[0] == '}') out += text[0];
      out += text[0];
      text.remove_prefix(1);
    }
    return out;
  }

  Node Whole(const ParameterSpec& parameter) {
    if (!parameter.condition) return Space(parameter);
    Node out = Node::Map();
    out.Set("is", Space(parameter));
    out.Set("when", Node::String(ConditionText(*parameter.condition)));
    if (const std::optional<std::string>& otherwise = parameter.condition->otherwise)
      out.Set("else", ParseNumber(*otherwise) ? Number(*otherwise) : Node::String(*otherwise));
    return out;
  }

  Node Space(const ParameterSpec& parameter) {
    const std::string field = fmt::format("parameter '{}'", parameter.name);
    if (!IsParameterName(parameter.name)) Impossible(field, fmt::format("its name {}", kParameterNameRule));
    if (!parameter.feasible.list.empty()) return ListOf(parameter);
    if (const auto word = SpaceWord(parameter)) return Node::String(*word);
    ParameterSpec simpler = parameter;
    simpler.feasible.step.clear();
    if (const auto word = SpaceWord(simpler)) {
      NotCarried(field, fmt::format("step {}", parameter.feasible.step));
      return Node::String(*word);
    }
    Impossible(field, fmt::format("the short form has no word for {} {}", ToString(parameter.feasible.distribution),
                                  ToString(parameter.type)));
    return {};
  }
};

// ---------------------------------------------------------------- the sweep

class SweepWriter : private Writer {
 public:
  using Writer::Writer;

  std::optional<Node> Write() {
    TellWhatIsLost();
    if (spec_.max_failed_trial_count) NotCarried("spec.maxFailedTrialCount", "");
    if (spec_.early_stopping) NotCarried("spec.earlyStopping", "");
    if (!spec_.algorithm.settings.empty()) NotCarried("spec.algorithm.algorithmSettings", "");
    if (!spec_.objective.additional_metric_names.empty()) NotCarried("spec.objective.additionalMetricNames", "");
    if (spec_.parallel_trial_count > 1) {
      NotCarried("spec.parallelTrialCount", fmt::format("start {} agents", spec_.parallel_trial_count));
    }
    const std::optional<Command> command = ReadCommand();
    if (!command) return std::nullopt;
    if (!command->env.empty()) NotCarried("env", "");
    if (!command->working_dir.empty()) NotCarried("workingDir", "start the agent there");
    Node out = Node::Map();
    out.Set("name", Node::String(spec_.name));
    out.Set("program", Node::String(ProgramOf(command->argv)));
    out.Set("method", Node::String(Method()));
    Node& metric = out.Set("metric", Node::Map());
    metric.Set("name", Node::String(spec_.objective.metric_name));
    metric.Set("goal", Node::String(std::string(WordOf(kObjectiveTypes, spec_.objective.type))));
    if (spec_.objective.goal) metric.Set("target", Node::Float(*spec_.objective.goal));
    const std::vector<std::string> words = Words(command->argv);
    Node& parameters = out.Set("parameters", Node::Map());
    for (const ParameterSpec& parameter : spec_.parameters) parameters.Set(OptionOf(parameter.name), Space(parameter));
    out.Set("command", TextList(words));
    if (spec_.max_trial_count) out.Set("run_cap", Node::Int(*spec_.max_trial_count));
    if (failed_) return std::nullopt;
    return out;
  }

 private:
  // The script of an interpreter, or the program itself.
  static std::string ProgramOf(const std::vector<std::string>& argv) {
    for (const std::string& argument : argv) {
      if (argument.ends_with(".py") || argument.ends_with(".sh")) return argument;
    }
    return argv[0];
  }

  std::string Method() {
    const std::string& name = spec_.algorithm.name;
    if (name == "random" || name == "grid") return name;
    std::string method = name == "sobol" ? "random" : "bayes";
    if (name != "bayesianoptimization") {
      NotCarried("spec.algorithm.algorithmName", fmt::format("'{}' becomes '{}'", name, method));
    }
    return method;
  }

  // The agent hands over all parameters in one place: --NAME=VALUE each.
  std::vector<std::string> Words(const std::vector<std::string>& argv) {
    std::vector<std::string> out, named;
    for (std::size_t i = 0; i < argv.size(); ++i) {
      const std::string& argument = argv[i];
      const std::vector<std::string_view> names = PlaceholdersIn(argument);
      std::string option;
      if (names.size() == 1) {
        const std::string placeholder = fmt::format("{}{}}}", kPlaceholderStart, names[0]);
        const std::string reference = ReferenceOf(names[0]);
        const std::size_t equals = argument.find('=');
        if (argument.starts_with("--") && argument.substr(std::min(equals, argument.size() - 1) + 1) == placeholder) {
          option = argument.substr(2, equals - 2);
        } else if (argument == placeholder && !out.empty() && out.back().starts_with("--")) {
          option = out.back().substr(2);
          out.pop_back();
          two_words_ = true;
        }
        if (!option.empty()) options_[reference] = option;
      }
      if (!option.empty()) {
        if (named.empty()) out.emplace_back("${args}");
        named.push_back(option);
      } else if (!names.empty()) {
        Impossible("command",
                   fmt::format("a sweep hands parameters over as --NAME=VALUE, and '{}' is not that", argument));
      } else {
        out.push_back(argument);
      }
    }
    if (two_words_) NotCarried("command", "the agent writes --NAME=VALUE as one word, where this has two");
    for (const ParameterSpec& parameter : spec_.parameters) {
      const std::string option = OptionOf(parameter.name);
      if (!options_.contains(parameter.name)) {
        faults_.Warning({}, "command",
                        fmt::format("the agent also hands over --{}, which this command did not take", option));
      } else if (option != parameter.name) {
        faults_.Warning({}, fmt::format("parameter '{}'", parameter.name),
                        fmt::format("is called '{}' there, as its option is", option));
      }
    }
    if (named.empty()) out.emplace_back("${args}");
    return out;
  }

  Node Space(const ParameterSpec& parameter) {
    const FeasibleSpace& space = parameter.feasible;
    Node out = Node::Map();
    if (parameter.condition) {
      NotCarried(fmt::format("parameter '{}'", parameter.name),
                 fmt::format("that it is there only if {}: a sweep gives all parameters to every run",
                             ConditionText(*parameter.condition)));
    }
    if (!space.list.empty()) {
      out.Set("values", ListOf(parameter));
      return out;
    }
    const std::string field = fmt::format("parameter '{}'", parameter.name);
    const bool whole = parameter.type == ParameterType::kInt;
    const bool stepped = !space.step.empty() && !(whole && space.step == "1");
    if (space.distribution == Distribution::kNormal || space.distribution == Distribution::kLogNormal) {
      Normal(parameter, field, &out);
      return out;
    }
    const bool logarithmic = space.distribution == Distribution::kLogUniform;
    if (stepped && logarithmic) NotCarried(field, fmt::format("step {}", space.step));
    if (stepped && !logarithmic) {
      out.Set("distribution", Node::String("q_uniform"));
      out.Set("q", Number(space.step));
      const double min = ParseNumber(space.min).value_or(0), step = ParseNumber(space.step).value_or(1);
      if (std::abs(std::remainder(min, step)) > 1e-9 * step) {
        faults_.Warning({}, field,
                        fmt::format("a sweep's values are multiples of {}, not steps from {}", space.step, space.min));
      }
    } else if (logarithmic) {
      out.Set("distribution", Node::String(whole ? "q_log_uniform_values" : "log_uniform_values"));
      if (whole) out.Set("q", Node::Int(1));
    } else {
      out.Set("distribution", Node::String(whole ? "int_uniform" : "uniform"));
    }
    out.Set("min", Number(space.min));
    out.Set("max", Number(space.max));
    return out;
  }

  void Normal(const ParameterSpec& parameter, const std::string& field, Node* out) {
    const bool logarithmic = parameter.feasible.distribution == Distribution::kLogNormal;
    double low = ParseNumber(parameter.feasible.min).value_or(0),
           high = ParseNumber(parameter.feasible.max).value_or(1);
    if (logarithmic) low = std::log(low), high = std::log(high);
    const bool whole = parameter.type == ParameterType::kInt;
    out->Set("distribution", Node::String(std::string(whole ? "q_" : "") + (logarithmic ? "log_normal" : "normal")));
    out->Set("mu", Node::Float((low + high) / 2));
    out->Set("sigma", Node::Float((high - low) / 6));
    NotCarried(field, fmt::format("the ends {} and {}: a sweep's normal distribution has none", parameter.feasible.min,
                                  parameter.feasible.max));
  }

  std::string OptionOf(const std::string& parameter) const {
    const auto option = options_.find(parameter);
    return option == options_.end() ? parameter : option->second;
  }

  std::map<std::string, std::string> options_;  // by parameter: what the command calls it
  bool two_words_ = false;
};

}  // namespace

std::optional<Node> WriteShortFile(const ExperimentSpec& spec, Diagnostics* faults) {
  return ShortWriter(spec, faults).Write();
}

std::optional<Node> WriteSweep(const ExperimentSpec& spec, Diagnostics* faults) {
  return SweepWriter(spec, faults).Write();
}

}  // namespace qalam
