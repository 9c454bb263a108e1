// SPDX-License-Identifier: Apache-2.0
#include "bench/roster.h"

#include <fmt/core.h>

#include <utility>

#include "algorithms/suggester.h"
#include "core/diagnostic.h"

namespace qalam::bench {
namespace {

std::string Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
  return first == text.npos ? "" : std::string(text.substr(first, last - first + 1));
}

Status Unknown(const std::string& name) {
  std::vector<std::string> known;
  for (const AlgorithmInfo& info : Algorithms()) known.emplace_back(info.name);
  const std::string nearest = NearestWord(name, known);
  return Error(Code::kNotFound, "'{}' is no algorithm; {}", name,
               nearest.empty() ? "'qalam bench list' shows all" : fmt::format("did you mean '{}'?", nearest));
}

}  // namespace

std::vector<std::string> SplitNames(std::string_view list) {
  std::vector<std::string> names(1);
  int depth = 0;
  for (const char c : list) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0) {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  std::vector<std::string> trimmed;
  for (const std::string& name : names) {
    if (std::string word = Trimmed(name); !word.empty()) trimmed.push_back(std::move(word));
  }
  return trimmed;
}

Result<ContenderSpec> ParseContender(std::string_view text) {
  ContenderSpec spec;
  const std::size_t open = text.find('(');
  spec.algorithm = spec.name = Trimmed(text.substr(0, open));
  if (open != text.npos) {
    if (text.back() != ')') return InvalidArgument("'{}' opens a parenthesis that does not end it", text);
    for (const std::string& setting : SplitNames(text.substr(open + 1, text.size() - open - 2))) {
      const std::size_t equals = setting.find('=');
      if (equals == 0 || equals == setting.npos)
        return InvalidArgument("'{}' in '{}' is no SETTING=VALUE", setting, text);
      spec.settings.push_back({Trimmed(setting.substr(0, equals)), Trimmed(setting.substr(equals + 1))});
      spec.name += fmt::format("{}{}={}", spec.settings.size() == 1 ? "(" : " ", spec.settings.back().name,
                               spec.settings.back().value);
    }
    if (!spec.settings.empty()) spec.name += ")";
  }
  if (FindAlgorithm(spec.algorithm) == nullptr) return Unknown(spec.algorithm);
  return spec;
}

}  // namespace qalam::bench
