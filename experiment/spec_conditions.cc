// SPDX-License-Identifier: Apache-2.0
// The annotation qalam.dev/conditions: a line a conditional parameter,
//   momentum: optimizer == sgd, else 0
// Katib keeps annotations and reads none of ours: the Experiment stays one of its own.
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "core/condition.h"
#include "experiment/spec_sections.h"

namespace qalam {
namespace {

struct Line {
  std::string name, text;
  Position position;
  std::string path;
};

std::string PathOf(std::string_view parameter) {
  return fmt::format("metadata.annotations.{}{}{}", kConditionsAnnotation, parameter.empty() ? "" : ".", parameter);
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Where the first line of a text of several stands: below its "|". In JSON, and in quotes, they all stand in one.
std::optional<Position> BlockOf(const Node::Entry& entry) {
  const int after_key = entry.key_position.column + static_cast<int>(entry.key.size()) + 2;
  const bool block = entry.value.text.find('\n') != std::string::npos && entry.value.position.column == after_key &&
                     entry.value.position.line == entry.key_position.line && entry.key_position.line > 0;
  if (!block) return std::nullopt;
  return Position{entry.key_position.line + 1, entry.key_position.column + 2};
}

// In quotes where the name holds a colon.
std::optional<std::string> SplitName(std::string_view line, Line* out) {
  if (line.starts_with('"') || line.starts_with('\'')) {
    std::size_t end = 1;
    for (; end < line.size() && line[end] != line[0]; ++end) {
      if (line[end] == '\\' && end + 1 < line.size()) ++end;
      out->name += line[end];
    }
    if (end >= line.size()) return fmt::format("a {} without its end", line[0]);
    line = Trim(line.substr(end + 1));
    if (!line.starts_with(':')) return fmt::format("has no ':' after \"{}\"", out->name);
    out->text = Trim(line.substr(1));
    return std::nullopt;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return fmt::format("'{}' has no ':'; write  PARAMETER: PARENT == VALUE, else VALUE", line);
  }
  out->name = Trim(line.substr(0, colon));
  out->text = Trim(line.substr(colon + 1));
  return std::nullopt;
}

std::vector<Line> LinesOf(const Node::Entry& entry, FaultList* faults) {
  std::vector<Line> lines;
  if (entry.value.kind == Node::Kind::kMap && entry.value.position.line == 0) {  // of another form: a place for each
    for (const Node::Entry& one : entry.value.entries)
      lines.push_back({one.key, one.value.text, one.value.position, PathOf(one.key)});
    return lines;
  }
  if (!entry.value.IsScalar()) {
    faults->Error(entry.value.position, PathOf(""),
                  fmt::format("must be a text with a line for each parameter, found {}; write  {}: |",
                              Describe(entry.value), kConditionsAnnotation));
    return lines;
  }
  const std::optional<Position> block = BlockOf(entry);
  std::string_view rest = entry.value.text;
  for (int number = 0; !rest.empty(); ++number) {
    const std::string_view text = Trim(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    if (text.empty() || text.starts_with('#')) continue;
    Line line{"", "", entry.value.position, PathOf("")};
    if (block) line.position = {block->line + number, block->column};
    if (const auto fault = SplitName(text, &line)) {
      faults->Error(line.position, line.path, *fault);
      continue;
    }
    line.path = PathOf(line.name);
    lines.push_back(std::move(line));
  }
  return lines;
}

// A template that names what may not be there, and nothing said for that.
void WarnOfNothing(const ExperimentSpec& experiment, const std::map<std::string, const Line*>& lines,
                   FaultList* faults) {
  for (const TrialParameterSpec& told : experiment.trial_template.parameters) {
    const auto parameter = std::ranges::find(experiment.parameters, told.reference, &ParameterSpec::name);
    if (parameter == experiment.parameters.end() || !parameter->condition || parameter->condition->otherwise) continue;
    const Line& line = *lines.at(parameter->name);
    faults->Warning(line.position, line.path,
                    fmt::format("where {} is not so, the template's ${{trialParameters.{}}} becomes an empty text; say "
                                "what the trial is told instead:  {}, else VALUE",
                                ConditionText(*parameter->condition), told.name, line.text));
  }
}

}  // namespace

void ReadConditions(const Node& document, ExperimentSpec* experiment, FaultList* faults) {
  const Node* annotations = document.FindPath({"metadata", "annotations"});
  if (annotations == nullptr) return;
  const auto entry = std::ranges::find(annotations->entries, kConditionsAnnotation, &Node::Entry::key);
  if (entry == annotations->entries.end()) return;
  const std::vector<Line> lines = LinesOf(*entry, faults);
  std::vector<std::string> names;
  for (const ParameterSpec& parameter : experiment->parameters) names.push_back(parameter.name);
  std::map<std::string, const Line*> by_name;
  bool clean = true;
  const auto fault = [&](const Line& line, const std::string& text) {
    clean = false;
    faults->Error(line.position, line.path, text);
  };
  for (const Line& line : lines) {
    const auto parameter = std::ranges::find(experiment->parameters, line.name, &ParameterSpec::name);
    if (experiment->nas_config) {
      fault(line, "an architecture has no conditional parameters: nasConfig has operations instead");
    } else if (parameter == experiment->parameters.end()) {
      if (!names.empty())
        fault(line, fmt::format("there is no parameter '{}'{}", line.name, DidYouMean(line.name, names)));
    } else if (const auto [first, fresh] = by_name.emplace(line.name, &line); !fresh) {
      fault(line, fmt::format("parameter '{}' has a condition already (line {}); put what it depends on into one: a "
                              "parent may have a condition of its own",
                              line.name, first->second->position.line));
    } else if (Result<ParameterCondition> condition = ParseCondition(line.text); !condition.ok()) {
      fault(line, condition.status().message());
    } else {
      parameter->condition = *std::move(condition);
    }
  }
  if (clean) {
    for (const SearchSpace::ConditionFault& wrong : SearchSpace::FindConditionFaults(experiment->parameters)) {
      const Line& line = *by_name.at(experiment->parameters[wrong.parameter].name);
      fault(line, wrong.text);
    }
  }
  if (clean) WarnOfNothing(*experiment, by_name, faults);
}

std::string ConditionsText(const std::vector<ParameterSpec>& parameters) {
  std::string out;
  for (const ParameterSpec& parameter : parameters) {
    if (!parameter.condition) continue;
    const bool plain =
        parameter.name.find_first_of(":\"'#") == std::string::npos && Trim(parameter.name) == parameter.name;
    if (plain) {
      out += parameter.name;
    } else {
      out += '"';
      for (const char c : parameter.name) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
      }
      out += '"';
    }
    out += fmt::format(": {}\n", ToString(*parameter.condition));
  }
  return out;
}

}  // namespace qalam
