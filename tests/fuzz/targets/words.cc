// SPDX-License-Identifier: Apache-2.0
// The words of the command line: spaces ("log(1e-5,1e-1)"), braces, names made from commands, and words quoted for a
// shell, which a reader of POSIX's rules takes apart again.
#include <algorithm>

#include "cli/text.h"
#include "experiment/short_words.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {
namespace {

// Blanks, '...', "..." and \ as POSIX has them. nullopt: something that a shell would act on stands unquoted.
std::optional<std::vector<std::string>> ShellWords(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    if (c == '\'') {
      const std::size_t end = text.find('\'', i + 1);
      if (end == std::string_view::npos) return std::nullopt;
      words.back() += text.substr(i + 1, end - i - 1);
      i = end;
    } else if (c == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '$' || text[i] == '`') return std::nullopt;
        if (text[i] == '\\' && i + 1 < text.size() &&
            std::string_view("$`\"\\\n").find(text[i + 1]) != std::string_view::npos)
          ++i;
        words.back() += text[i];
      }
      if (i == text.size()) return std::nullopt;
    } else if (c == '\\') {
      if (++i == text.size()) return std::nullopt;
      words.back() += text[i];
    } else if (std::string_view("|&;<>()$`\t\n*?[#~!{}").find(c) != std::string_view::npos) {
      return std::nullopt;
    } else {
      words.back() += c;
    }
  }
  return words;
}

}  // namespace

Status TryWords(std::string_view input) {
  std::vector<std::string> words;
  for (std::string_view rest = input; words.size() < 8;) {
    const std::string_view word = rest.substr(0, rest.find('\n'));
    words.emplace_back(word.substr(0, word.find('\0')));  // no argument holds a NUL
    if (word.size() == rest.size()) break;
    rest.remove_prefix(word.size() + 1);
  }
  words.emplace_back(input.substr(0, input.find('\0')));  // with its newlines
  const std::string command = ShellCommand(words);
  const auto read = ShellWords(command);
  if (!read) return Broken("a shell would act on what is quoted", command, input);
  if (*read != words) return Broken("a shell reads other words", command, input);
  if (const std::string shown = Printable(input); DisplayWidth(Fit(shown, 20)) > 20)
    return Broken("wider than asked for", Fit(shown, 20), shown);

  for (const std::string& name : {NameOfCommand(words), NameFrom(input)}) {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    if (!std::ranges::all_of(name, fits)) return Broken("no name", name, input);
  }
  std::string out;
  std::vector<std::string> used;
  (void)ReplaceBraces(input, {"lr", "opt"}, &out, &used);

  ParameterSpec parameter;
  parameter.name = "p";
  if (ParseSpace(input, &parameter)) return OkStatus();
  if (const std::optional<std::string> word = SpaceWord(parameter)) {
    ParameterSpec again;
    if (const auto fault = ParseSpace(*word, &again)) return Broken("a space is not read again", *fault, *word);
    if (SpaceWord(again) != word || again.type != parameter.type || again.feasible.min != parameter.feasible.min ||
        again.feasible.max != parameter.feasible.max || again.feasible.step != parameter.feasible.step ||
        again.feasible.distribution != parameter.feasible.distribution)
      return Broken("a space reads back as another", *word, input);
  }
  (void)SearchSpace::Create({parameter});
  return OkStatus();
}

}  // namespace qalam::fuzz
