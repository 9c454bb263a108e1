// SPDX-License-Identifier: Apache-2.0
// `qalam run -p lr=log(1e-5,1e-1) ... -- command {lr}` as an ordinary Experiment: its template is a Job with the
// command, so that everything behind it is one path.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/decimal.h"
#include "experiment/placeholders.h"
#include "experiment/spec_sections.h"

namespace qalam {
namespace {

constexpr std::string_view kContainer = "trial";
constexpr int kDefaultTrials = 20;
constexpr std::size_t kLongestName = 40;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsParameterName(std::string_view name) {
  return !name.empty() && (IsLetter(name.front()) || name.front() == '_') && std::ranges::all_of(name, [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '_' || c == '-' || c == '.';
  });
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    parts.emplace_back(Trim(text.substr(start, end - start)));
    start = end + 1;
  }
  return parts;
}

// real(min,max[,step]) and its kin.
struct RangeWord {
  std::string_view word;
  ParameterType type;
  Distribution distribution;
  bool takes_step;
};
constexpr std::array<RangeWord, 4> kRangeWords = {{
    {"real", ParameterType::kDouble, Distribution::kUniform, true},
    {"log", ParameterType::kDouble, Distribution::kLogUniform, false},
    {"int", ParameterType::kInt, Distribution::kUniform, true},
    {"logint", ParameterType::kInt, Distribution::kLogUniform, false},
}};

class ShortFormReader {
 public:
  ShortFormReader(const ShortForm& form, const SpecContext& context, FaultList* faults)
      : form_(form), context_(context), faults_(*faults) {}

  ExperimentSpec Read() {
    ReadParameters();
    ReadObjective();
    ReadAlgorithm();
    ReadBudget();
    ReadCommand();
    spec_.resume_policy = ResumePolicy::kLongRunning;  // a greater -n goes on where the last run ended
    if (!faults_.HasErrors()) {
      if (const auto advice = GridAdvice(spec_)) faults_.Warning({}, "-n", *advice);
    }
    return std::move(spec_);
  }

 private:
  void Fault(std::size_t argument, std::string field, std::string message) {
    faults_.Error({0, static_cast<int>(argument)}, std::move(field), std::move(message));
  }

  void ReadParameters() {
    if (form_.parameters.empty()) Fault(0, "-p", "is missing: what is to be tuned, as in  -p 'lr=log(1e-5,1e-1)'");
    for (std::size_t i = 0; i < form_.parameters.size(); ++i) {
      const std::string& text = form_.parameters[i];
      const std::size_t equals = text.find('=');
      const std::string field = fmt::format("-p {}", text);
      const std::string name(Trim(std::string_view(text).substr(0, equals)));
      if (equals == std::string::npos) {
        Fault(i + 1, field, "has no '=': write NAME=VALUES, as in  lr=log(1e-5,1e-1)  or  opt=sgd,adam");
      } else if (!IsParameterName(name)) {
        Fault(i + 1, field,
              fmt::format("'{}' must be letters, digits, '_', '-' and '.', and begin with a letter or '_'", name));
      } else if (std::ranges::find(spec_.parameters, name, &ParameterSpec::name) != spec_.parameters.end()) {
        Fault(i + 1, field, fmt::format("parameter '{}' is there twice", name));
      } else {
        ReadParameter(i + 1, field, name, Trim(std::string_view(text).substr(equals + 1)));
      }
    }
  }

  void ReadParameter(std::size_t argument, const std::string& field, const std::string& name, std::string_view values) {
    ParameterSpec parameter;
    parameter.name = name;
    // Kept even when it is wrong: the command may name it without a second fault.
    const bool read = values.find('(') != std::string_view::npos ? ReadRange(argument, field, values, &parameter)
                                                                 : ReadList(argument, field, values, &parameter);
    spec_.parameters.push_back(parameter);
    if (!read) return;
    if (const auto space = SearchSpace::Create({parameter}); !space.ok())
      Fault(argument, field, space.status().message());
    AdviseScale(argument, field, parameter);
  }

  bool ReadRange(std::size_t argument, const std::string& field, std::string_view values, ParameterSpec* parameter) {
    const std::size_t open = values.find('(');
    const std::string word(Trim(values.substr(0, open)));
    const auto range = std::ranges::find(kRangeWords, word, &RangeWord::word);
    if (range == kRangeWords.end()) {
      std::vector<std::string> words;
      for (const RangeWord& known : kRangeWords) words.emplace_back(known.word);
      Fault(argument, field,
            fmt::format("'{}' is not one of: {}, or a list as in  opt=sgd,adam{}", word, JoinWords(words),
                        DidYouMean(word, words)));
      return false;
    }
    if (!values.ends_with(')')) {
      Fault(argument, field, "the ')' at the end is missing");
      return false;
    }
    const std::vector<std::string> numbers = SplitAtCommas(values.substr(open + 1, values.size() - open - 2));
    const std::size_t most = range->takes_step ? 3 : 2;
    if (numbers.size() < 2 || numbers.size() > most) {
      Fault(argument, field,
            fmt::format("{} takes {}(MIN,MAX{}), found {} value{}", word, word, range->takes_step ? "[,STEP]" : "",
                        numbers.size(), numbers.size() == 1 ? "" : "s"));
      return false;
    }
    parameter->type = range->type;
    parameter->feasible.distribution = range->distribution;
    parameter->feasible.min = numbers[0];
    parameter->feasible.max = numbers[1];
    if (numbers.size() == 3) parameter->feasible.step = numbers[2];
    return true;
  }

  bool ReadList(std::size_t argument, const std::string& field, std::string_view values, ParameterSpec* parameter) {
    parameter->feasible.list = SplitAtCommas(values);
    const std::vector<std::string>& list = parameter->feasible.list;
    const bool numbers =
        std::ranges::all_of(list, [](const std::string& text) { return ParseNumber(text).has_value(); });
    parameter->type = numbers ? ParameterType::kDiscrete : ParameterType::kCategorical;
    if (std::ranges::find(list, "") == list.end()) return true;
    Fault(argument, field, "a value is missing: write a list as in  opt=sgd,adam  or a range as in  lr=log(1e-5,1e-1)");
    return false;
  }

  void AdviseScale(std::size_t argument, const std::string& field, const ParameterSpec& parameter) {
    const FeasibleSpace& space = parameter.feasible;
    if (parameter.type != ParameterType::kDouble || space.distribution != Distribution::kUniform || !space.step.empty())
      return;
    const std::optional<double> min = ParseNumber(space.min), max = ParseNumber(space.max);
    if (!min || !max || *min <= 0 || *max < *min * 1000) return;
    faults_.Warning(
        {0, static_cast<int>(argument)}, field,
        fmt::format("'{}' spans three decades or more but is sampled linearly; for small values as often as large "
                    "ones write  {}=log({},{})",
                    parameter.name, parameter.name, space.min, space.max));
  }

  void ReadObjective() {
    ObjectiveSpec& objective = spec_.objective;
    if (form_.minimize.empty() == form_.maximize.empty()) {
      Fault(0, "--minimize",
            form_.minimize.empty() ? "is missing: the metric, as in  --minimize loss  (or --maximize accuracy)"
                                   : "and --maximize exclude each other");
    }
    objective.type = form_.maximize.empty() ? ObjectiveType::kMinimize : ObjectiveType::kMaximize;
    objective.metric_name = form_.maximize.empty() ? form_.minimize : form_.maximize;
    objective.goal = form_.goal;
    FillStrategies(&objective);
  }

  void ReadAlgorithm() {
    spec_.algorithm.name = form_.algorithm;
    if (const auto fault = AlgorithmFault(form_.algorithm, context_)) Fault(0, "--algorithm", *fault);
    for (const std::string& text : form_.settings) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos || equals == 0) {
        Fault(0, fmt::format("--setting {}", text), "write NAME=VALUE, as in  random_state=7");
        continue;
      }
      const std::string name = text.substr(0, equals);
      if (std::ranges::find(spec_.algorithm.settings, name, &Setting::name) != spec_.algorithm.settings.end()) {
        Fault(0, fmt::format("--setting {}", text), fmt::format("setting '{}' is there twice", name));
      }
      spec_.algorithm.settings.push_back({name, text.substr(equals + 1)});
    }
  }

  void ReadBudget() {
    if (form_.trials < 0) Fault(0, "-n", fmt::format("{} must be greater than 0", form_.trials));
    if (form_.parallel < 0) Fault(0, "--parallel", fmt::format("{} must be greater than 0", form_.parallel));
    spec_.max_trial_count = form_.trials > 0 ? form_.trials : kDefaultTrials;
    if (form_.parallel > 0) spec_.parallel_trial_count = form_.parallel;
  }

  void ReadCommand() {
    spec_.name = form_.name.empty() ? NameOf(form_.command) : form_.name;
    if (const auto fault = NameFault(spec_.name)) Fault(0, "--name", *fault);
    if (form_.command.empty())
      Fault(0, "--", "is missing: the command of a trial, as in  -- python3 train.py --lr {lr}");
    Node command = Node::Sequence();
    for (std::size_t i = 0; i < form_.command.size(); ++i) command.Add(Node::String(ReadArgument(i)));

    Node container = Node::Map();
    container.Set("name", Node::String(std::string(kContainer)));
    container.Set("command", std::move(command));
    if (!form_.working_dir.empty()) container.Set("workingDir", Node::String(form_.working_dir));
    Node pod = Node::Map();
    pod.Set("containers", Node::Sequence()).Add(std::move(container));
    pod.Set("restartPolicy", Node::String("Never"));
    TrialTemplate& out = spec_.trial_template;
    out.trial_spec = Node::Map();
    out.trial_spec.Set("apiVersion", Node::String("batch/v1"));
    out.trial_spec.Set("kind", Node::String("Job"));
    out.trial_spec.Set("spec", Node::Map()).Set("template", Node::Map()).Set("spec", std::move(pod));
    out.primary_container_name = kContainer;
    const KindDefaults& defaults = *FindKindDefaults("Job");
    out.success_condition = defaults.success;
    out.failure_condition = defaults.failure;
  }

  // "{lr}" becomes the placeholder of a trial parameter; "{{" and "}}" are braces.
  std::string ReadArgument(std::size_t index) {
    const std::string_view text = form_.command[index];
    const std::size_t argument = form_.parameters.size() + index + 1;
    const std::string field = fmt::format("-- argument {}", index + 1);
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const char c = text[at];
      if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
        out += c;
        at += 2;
        if (out.ends_with("${") && text.substr(at).starts_with("trialParameters.")) {
          Fault(argument, field,
                fmt::format("'{}NAME}}' is the placeholder of Experiment files; here write '{{NAME}}'",
                            kPlaceholderStart));
          return out;
        }
      } else if (c == '}') {
        Fault(argument, field, fmt::format("a '}}' without its '{{' in '{}'; write '}}}}' for a brace", text));
        return out;
      } else if (c == '{') {
        const std::size_t close = std::min(text.find('}', at), text.size());
        const std::string name(text.substr(at + 1, close - at - 1));
        if (!UseParameter(argument, field, name, close == text.size())) return out;
        out += fmt::format("{}{}}}", kPlaceholderStart, name);
        at = close + 1;
      } else {
        out += c;
        ++at;
      }
    }
    return out;
  }

  bool UseParameter(std::size_t argument, const std::string& field, const std::string& name, bool open) {
    const auto parameter = std::ranges::find(spec_.parameters, name, &ParameterSpec::name);
    if (parameter != spec_.parameters.end() && !open) {
      std::vector<TrialParameterSpec>& used = spec_.trial_template.parameters;
      if (std::ranges::find(used, name, &TrialParameterSpec::name) == used.end()) used.push_back({name, "", name});
      return true;
    }
    std::vector<std::string> names;
    std::ranges::transform(spec_.parameters, std::back_inserter(names), &ParameterSpec::name);
    if (open || !IsParameterName(name)) {
      Fault(argument, field,
            fmt::format("'{{{}{}' is not the name of a parameter in braces; write '{{{{' and '}}}}' for braces", name,
                        open ? "" : "}"));
    } else {
      Fault(argument, field, fmt::format("'{{{}}}' names no parameter{}", name, DidYouMean(name, names)));
    }
    return false;
  }

  // "python3 -u models/Train_Net.py" is called train-net.
  static std::string NameOf(const std::vector<std::string>& command) {
    if (command.empty()) return "experiment";
    std::string_view base = Base(command[0]);
    if (RunsAScript(base)) {
      for (std::size_t i = 1; i < command.size(); ++i) {
        if (command[i].starts_with('-')) continue;
        if (command[i].find_first_of(" \t\n;") != std::string::npos) break;  // the text of a program: -c '...'
        base = Base(command[i]);
        if (command[i - 1] == "-m") break;  // a module: its dots are no extension
        if (const std::size_t dot = base.rfind('.'); dot != std::string_view::npos && dot > 0)
          base = base.substr(0, dot);
        break;
      }
    }
    std::string name;
    for (const char c : base) {
      const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if ((lower >= 'a' && lower <= 'z') || IsDigit(lower)) {
        name += lower;
      } else if (!name.empty() && name.back() != '-') {
        name += '-';
      }
    }
    if (name.empty() || IsDigit(name.front())) name.insert(0, "run-");
    name.resize(std::min(name.size(), kLongestName));
    while (name.back() == '-') name.pop_back();
    return name;
  }

  static std::string_view Base(std::string_view path) { return path.substr(path.rfind('/') + 1); }

  static bool RunsAScript(std::string_view program) {
    static constexpr std::array<std::string_view, 11> kInterpreters = {
        "sh", "bash", "dash", "zsh", "node", "ruby", "perl", "php", "Rscript", "julia", "lua"};
    return program.starts_with("python") || std::ranges::find(kInterpreters, program) != kInterpreters.end();
  }

  const ShortForm& form_;
  const SpecContext& context_;
  FaultList& faults_;
  ExperimentSpec spec_;
};

}  // namespace

std::optional<ExperimentSpec> ReadShortForm(const ShortForm& form, const SpecContext& context, Diagnostics* faults) {
  FaultList list(context.strict);
  ExperimentSpec spec = ShortFormReader(form, context, &list).Read();
  const bool bad = list.HasErrors();
  list.MoveTo(faults);
  if (bad) return std::nullopt;
  return spec;
}

}  // namespace qalam
