// SPDX-License-Identifier: Apache-2.0
#include "experiment/short_words.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/decimal.h"
#include "experiment/fields.h"
#include "experiment/placeholders.h"

namespace qalam {
namespace {

constexpr std::size_t kLongestName = 40;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

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
constexpr std::array<RangeWord, 6> kRangeWords = {{
    {"real", ParameterType::kDouble, Distribution::kUniform, true},
    {"log", ParameterType::kDouble, Distribution::kLogUniform, false},
    {"int", ParameterType::kInt, Distribution::kUniform, true},
    {"logint", ParameterType::kInt, Distribution::kLogUniform, false},
    {"normal", ParameterType::kDouble, Distribution::kNormal, true},
    {"lognormal", ParameterType::kDouble, Distribution::kLogNormal, false},
}};

std::optional<std::string> ParseRange(std::string_view values, ParameterSpec* parameter) {
  const std::size_t open = values.find('(');
  const std::string word(Trim(values.substr(0, open)));
  const auto range = std::ranges::find(kRangeWords, word, &RangeWord::word);
  if (range == kRangeWords.end()) {
    std::vector<std::string> words;
    for (const RangeWord& known : kRangeWords) words.emplace_back(known.word);
    return fmt::format("'{}' is not one of: {}, or a list as in  opt=sgd,adam{}", word, JoinWords(words),
                       DidYouMean(word, words));
  }
  if (!values.ends_with(')')) return "the ')' at the end is missing";
  const std::vector<std::string> numbers = SplitAtCommas(values.substr(open + 1, values.size() - open - 2));
  const std::size_t most = range->takes_step ? 3 : 2;
  if (numbers.size() < 2 || numbers.size() > most) {
    return fmt::format("{} takes {}(MIN,MAX{}), found {} value{}", word, word, range->takes_step ? "[,STEP]" : "",
                       numbers.size(), numbers.size() == 1 ? "" : "s");
  }
  parameter->type = range->type;
  parameter->feasible.distribution = range->distribution;
  parameter->feasible.min = numbers[0];
  parameter->feasible.max = numbers[1];
  if (numbers.size() == 3) parameter->feasible.step = numbers[2];
  return std::nullopt;
}

std::string_view Base(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool RunsAScript(std::string_view program) {
  static constexpr std::array<std::string_view, 11> kInterpreters = {"sh",   "bash", "dash",    "zsh",   "node", "ruby",
                                                                     "perl", "php",  "Rscript", "julia", "lua"};
  return program.starts_with("python") || std::ranges::find(kInterpreters, program) != kInterpreters.end();
}

}  // namespace

bool IsParameterName(std::string_view name) {
  return !name.empty() && (IsLetter(name.front()) || name.front() == '_') && std::ranges::all_of(name, [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '_' || c == '-' || c == '.';
  });
}

std::optional<std::string> ParseSpace(std::string_view values, ParameterSpec* parameter) {
  if (values.find('(') != std::string_view::npos) return ParseRange(values, parameter);
  parameter->feasible.list = SplitAtCommas(values);
  const std::vector<std::string>& list = parameter->feasible.list;
  const bool numbers = std::ranges::all_of(list, [](const std::string& text) { return ParseNumber(text).has_value(); });
  parameter->type = numbers ? ParameterType::kDiscrete : ParameterType::kCategorical;
  if (std::ranges::find(list, "") == list.end()) return std::nullopt;
  return "a value is missing: write a list as in  opt=sgd,adam  or a range as in  lr=log(1e-5,1e-1)";
}

std::optional<std::string> SpaceWord(const ParameterSpec& parameter) {
  const FeasibleSpace& space = parameter.feasible;
  const auto range = std::ranges::find_if(kRangeWords, [&](const RangeWord& known) {
    return known.type == parameter.type && known.distribution == space.distribution;
  });
  if (range == kRangeWords.end() || (!space.step.empty() && !range->takes_step)) return std::nullopt;
  return fmt::format("{}({}, {}{})", range->word, space.min, space.max, space.step.empty() ? "" : ", " + space.step);
}

std::optional<std::string> ReplaceBraces(std::string_view text, const std::vector<std::string>& parameters,
                                         std::string* out, std::vector<std::string>* used) {
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
      *out += c;
      at += 2;
      if (out->ends_with("${") && text.substr(at).starts_with("trialParameters.")) {
        return fmt::format("'{}NAME}}' is the placeholder of Experiment files; here write '{{NAME}}'",
                           kPlaceholderStart);
      }
    } else if (c == '}') {
      return fmt::format("a '}}' without its '{{' in '{}'; write '}}}}' for a brace", text);
    } else if (c == '{') {
      const std::size_t close = std::min(text.find('}', at), text.size());
      const bool open = close == text.size();
      const std::string name(text.substr(at + 1, close - at - 1));
      if (std::ranges::find(parameters, name) == parameters.end() || open) {
        if (open || !IsParameterName(name)) {
          return fmt::format("'{{{}{}' is not the name of a parameter in braces; write '{{{{' and '}}}}' for braces",
                             name, open ? "" : "}");
        }
        return fmt::format("'{{{}}}' names no parameter{}", name, DidYouMean(name, parameters));
      }
      if (std::ranges::find(*used, name) == used->end()) used->push_back(name);
      *out += fmt::format("{}{}}}", kPlaceholderStart, name);
      at = close + 1;
    } else {
      *out += c;
      ++at;
    }
  }
  return std::nullopt;
}

std::string NameOfCommand(const std::vector<std::string>& command) {
  if (command.empty()) return "experiment";
  std::string_view base = Base(command[0]);
  if (RunsAScript(base)) {
    for (std::size_t i = 1; i < command.size(); ++i) {
      if (command[i].starts_with('-')) continue;
      if (command[i].find_first_of(" \t\n;") != std::string::npos) break;  // the text of a program: -c '...'
      base = Base(command[i]);
      if (command[i - 1] == "-m") break;  // a module: its dots are no extension
      if (const std::size_t dot = base.rfind('.'); dot != std::string_view::npos && dot > 0) base = base.substr(0, dot);
      break;
    }
  }
  return NameFrom(base);
}

std::string NameFrom(std::string_view text) {
  std::string name;
  for (const char c : text) {
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

Node JobOfCommand(Node command, const std::string& working_dir) {
  Node container = Node::Map();
  container.Set("name", Node::String(std::string(kCommandContainer)));
  container.Set("command", std::move(command));
  if (!working_dir.empty()) container.Set("workingDir", Node::String(working_dir));
  Node pod = Node::Map();
  pod.Set("containers", Node::Sequence()).Add(std::move(container));
  pod.Set("restartPolicy", Node::String("Never"));
  Node job = Node::Map();
  job.Set("apiVersion", Node::String("batch/v1"));
  job.Set("kind", Node::String("Job"));
  job.Set("spec", Node::Map()).Set("template", Node::Map()).Set("spec", std::move(pod));
  return job;
}

}  // namespace qalam
