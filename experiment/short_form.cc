// SPDX-License-Identifier: Apache-2.0
// `qalam run -p lr=log(1e-5,1e-1) ... -- command {lr}` as an ordinary Experiment: its template is a Job with the
// command, so that everything behind it is one path.
#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "core/condition.h"
#include "core/decimal.h"
#include "experiment/short_words.h"
#include "experiment/spec_sections.h"

namespace qalam {
namespace {

constexpr int kDefaultTrials = 20;
constexpr std::string_view kWhen = " when ";

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

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
    WarnOfNothing();
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
        Fault(i + 1, field, fmt::format("'{}' {}", name, kParameterNameRule));
      } else if (std::ranges::find(spec_.parameters, name, &ParameterSpec::name) != spec_.parameters.end()) {
        Fault(i + 1, field, fmt::format("parameter '{}' is there twice", name));
      } else {
        ReadParameter(i + 1, field, name, Trim(std::string_view(text).substr(equals + 1)));
        arguments_.resize(spec_.parameters.size(), i);
      }
    }
    if (faults_.HasErrors()) return;
    for (const SearchSpace::ConditionFault& wrong : SearchSpace::FindConditionFaults(spec_.parameters)) {
      const std::size_t argument = arguments_[wrong.parameter];
      Fault(argument + 1, fmt::format("-p {}", form_.parameters[argument]), wrong.text);
    }
  }

  void ReadParameter(std::size_t argument, const std::string& field, const std::string& name, std::string_view values) {
    ParameterSpec parameter;
    parameter.name = name;
    std::optional<Result<ParameterCondition>> condition;
    if (const std::size_t when = values.find(kWhen); when != std::string_view::npos) {
      condition = ParseCondition(values.substr(when + kWhen.size()));
      values = Trim(values.substr(0, when));
      if (!condition->ok()) Fault(argument, field, condition->status().message());
    }
    // Kept even when it is wrong: the command may name it without a second fault.
    const std::optional<std::string> fault = ParseSpace(values, &parameter);
    if (fault) Fault(argument, field, *fault);
    spec_.parameters.push_back(parameter);
    if (fault) return;
    if (const auto space = SearchSpace::Create({parameter}); !space.ok())
      Fault(argument, field, space.status().message());
    if (condition && condition->ok()) spec_.parameters.back().condition = **condition;
    AdviseScale(argument, field, parameter);
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
      if (const auto fault = SettingFaultOf(form_.algorithm, spec_.algorithm.settings.back(), context_)) {
        Fault(0, fmt::format("--setting {}", text), fault->text);
      }
    }
  }

  void ReadBudget() {
    if (form_.trials < 0) Fault(0, "-n", fmt::format("{} must be greater than 0", form_.trials));
    if (form_.parallel < 0) Fault(0, "--parallel", fmt::format("{} must be greater than 0", form_.parallel));
    spec_.max_trial_count = form_.trials > 0 ? form_.trials : kDefaultTrials;
    if (form_.parallel > 0) spec_.parallel_trial_count = form_.parallel;
  }

  void ReadCommand() {
    spec_.name = form_.name.empty() ? NameOfCommand(form_.command) : form_.name;
    if (const auto fault = NameFault(spec_.name)) Fault(0, "--name", *fault);
    if (form_.command.empty())
      Fault(0, "--", "is missing: the command of a trial, as in  -- python3 train.py --lr {lr}");
    Node command = Node::Sequence();
    for (std::size_t i = 0; i < form_.command.size(); ++i) command.Add(Node::String(ReadArgument(i)));

    TrialTemplate& out = spec_.trial_template;
    out.trial_spec = JobOfCommand(std::move(command), form_.working_dir);
    out.primary_container_name = kCommandContainer;
    const KindDefaults& defaults = *FindKindDefaults("Job");
    out.success_condition = defaults.success;
    out.failure_condition = defaults.failure;
  }

  // A command that names what may not be there, and nothing said for that.
  void WarnOfNothing() {
    for (const TrialParameterSpec& told : spec_.trial_template.parameters) {
      for (std::size_t i = 0; i < arguments_.size(); ++i) {
        const ParameterSpec& parameter = spec_.parameters[i];
        if (parameter.name != told.reference || !parameter.condition || parameter.condition->otherwise) continue;
        const std::string& text = form_.parameters[arguments_[i]];
        faults_.Warning({0, static_cast<int>(arguments_[i] + 1)}, fmt::format("-p {}", text),
                        fmt::format("where {} is not so, {{{}}} becomes an empty text; say what the command is told "
                                    "instead:  {}, else VALUE",
                                    ConditionText(*parameter.condition), parameter.name, text));
      }
    }
  }

  // "{lr}" becomes the placeholder of a trial parameter; "{{" and "}}" are braces.
  std::string ReadArgument(std::size_t index) {
    std::vector<std::string> names, used;
    std::ranges::transform(spec_.parameters, std::back_inserter(names), &ParameterSpec::name);
    std::string out;
    if (const auto fault = ReplaceBraces(form_.command[index], names, &out, &used)) {
      Fault(form_.parameters.size() + index + 1, fmt::format("-- argument {}", index + 1), *fault);
    }
    std::vector<TrialParameterSpec>& known = spec_.trial_template.parameters;
    for (const std::string& name : used) {
      if (std::ranges::find(known, name, &TrialParameterSpec::name) == known.end()) known.push_back({name, "", name});
    }
    return out;
  }

  const ShortForm& form_;
  const SpecContext& context_;
  FaultList& faults_;
  ExperimentSpec spec_;
  std::vector<std::size_t> arguments_;  // by parameter: which -p it was
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
