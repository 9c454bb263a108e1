// SPDX-License-Identifier: Apache-2.0
#include "cli/verb_words.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace qalam {
namespace {

std::string Joined(const std::vector<std::string>& words, std::string_view between, std::string_view around = "") {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : std::string(between)) + std::string(around) + word + std::string(around);
  }
  return out;
}

std::string Sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + ".";
}

// Calls `visit` for each verb and for those inside, in order.
template <class Visit>
void ForEach(const std::vector<Verb>& verbs, const std::string& before, const Visit& visit) {
  for (const Verb& verb : verbs) {
    if (verb.hidden) continue;
    visit(verb, before);
    ForEach(verb.verbs, before + verb.name + " ", visit);
  }
}

// ---------------------------------------------------------------- roff

// A backslash begins a request, a minus is a hyphen, and a line must not begin with a dot or an apostrophe.
std::string Roff(std::string_view text) {
  std::string out;
  bool start = true;
  for (const char c : text) {
    if (start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    start = c == '\n';
  }
  return out;
}

std::string RoffOption(const VerbOption& option) {
  std::string head;
  for (const std::string& word : OptionWords(option))
    head += (head.empty() ? "" : ", ") + ("\\fB" + Roff(word) + "\\fR");
  if (IsPositional(option)) head = "\\fI" + Roff(option.names) + "\\fR";
  if (!IsPositional(option) && !IsFlag(option)) head += " \\fI" + Roff(ValueWord(option)) + "\\fR";
  std::string text = Sentence(option.help);
  if (!option.choices.empty()) text += " One of: " + Joined(option.choices, ", ") + ".";
  if (const std::string preset = DefaultOf(option); !preset.empty()) text += " Default: " + preset + ".";
  return ".TP\n" + head + "\n" + Roff(text) + "\n";
}

}  // namespace

bool IsPositional(const VerbOption& option) { return !option.names.starts_with('-'); }
bool IsFlag(const VerbOption& option) { return std::holds_alternative<bool*>(option.target); }
bool TakesMany(const VerbOption& option) { return std::holds_alternative<std::vector<std::string>*>(option.target); }

std::vector<std::string> OptionWords(const VerbOption& option) {
  std::vector<std::string> words;
  if (IsPositional(option)) return words;
  for (std::size_t start = 0; start <= option.names.size();) {
    const std::size_t end = std::min(option.names.find(',', start), option.names.size());
    words.push_back(option.names.substr(start, end - start));
    start = end + 1;
  }
  return words;
}

std::string ValueWord(const VerbOption& option) {
  if (IsFlag(option)) return "";
  if (!option.type_name.empty()) return option.type_name;
  if (IsPositional(option)) return option.names;
  const bool number = std::holds_alternative<std::optional<int>*>(option.target) ||
                      std::holds_alternative<std::optional<std::int64_t>*>(option.target) ||
                      std::holds_alternative<std::optional<double>*>(option.target);
  if (number) return "N";
  std::string word = OptionWords(option).back().substr(2);
  std::ranges::transform(word, word.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return word;
}

std::string DefaultOf(const VerbOption& option) {
  const auto* text = std::get_if<std::string*>(&option.target);
  return text == nullptr ? "" : **text;
}

std::string Usage(const Verb& verb, const std::string& before) {
  std::string usage = before + verb.name;
  for (const VerbOption& option : verb.options) {
    if (!IsPositional(option)) continue;
    const std::string name = option.names + (TakesMany(option) ? "..." : "");
    usage += option.required ? " " + name : " [" + name + "]";
  }
  return usage;
}

std::string ManPage(const std::vector<Verb>& verbs) {
  std::string out =
      ".TH QALAM 1 \"\" \"qalam " QALAM_VERSION
      "\" \"User Commands\"\n.SH NAME\nqalam \\- hyperparameter tuning: Katib's experiments, run anywhere "
      "from one program\n.SH SYNOPSIS\n.B qalam\n.I VERB\n[options]\n.SH VERBS\n";
  ForEach(verbs, "", [&](const Verb& verb, const std::string& before) {
    out += ".SS \"" + Roff(Usage(verb, before)) + "\"\n" + Roff(Sentence(verb.help)) + "\n";
    if (!verb.aliases.empty()) out += "Also: " + Roff(Joined(verb.aliases, ", ")) + ".\n";
    std::string group;
    for (const VerbOption& option : verb.options) {
      if (option.group != group) out += ".P\n" + Roff(option.group) + ":\n";
      group = option.group;
      out += RoffOption(option);
    }
    if (!verb.footer.empty()) out += ".P\n.nf\n" + Roff(verb.footer) + "\n.fi\n";
  });
  out +=
      ".SH EXIT STATUS\n"
      ".TP\n0\nDone.\n.TP\n1\nThe experiment failed, or the machine would not let us.\n.TP\n2\nBad input: nothing was "
      "started, nothing written.\n.TP\n3\nWhat was asked for is not there.\n.TP\n4\nNobody who could do it is "
      "running.\n.TP\n5\nThe time to wait was over.\n.TP\n130\nInterrupted: paused, and the same command resumes.\n"
      ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nNo colours.\n.TP\n.BR CI=1 \", \" TERM=dumb\nLines instead of the display.\n"
      ".TP\n.B QALAM_SHIM\nThe path of qalam\\-shim, if it is not beside qalam.\n"
      ".SH FILES\n.TP\n.I qalam.db\nThe database, or what \\-\\-db says.\n.TP\n.I qalam.db.d/\nWhat the trials "
      "left: output, files, exit codes.\n";
  return out;
}

std::string MarkdownReference(const std::vector<Verb>& verbs) {
  const auto cell = [](const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
    return out;
  };
  std::string out;
  ForEach(verbs, "", [&](const Verb& verb, const std::string& before) {
    out += fmt::format("### `qalam {}`\n{}", Usage(verb, before), Sentence(verb.help));
    if (!verb.aliases.empty()) out += fmt::format(" Also {}.", Joined(verb.aliases, ", ", "`"));
    out += "\n\n";
    if (verb.options.empty()) return;
    out += "| | |\n|---|---|\n";
    for (const VerbOption& option : verb.options) {
      std::string head = IsPositional(option) ? "`" + option.names + "`" : Joined(OptionWords(option), ", ", "`");
      if (!IsPositional(option) && !IsFlag(option)) {
        head.insert(head.size() - 1, " " + ValueWord(option));
      }
      std::string text = option.help;
      if (!option.choices.empty()) text += ": " + Joined(option.choices, ", ", "`");
      if (const std::string preset = DefaultOf(option); !preset.empty()) text += " (`" + preset + "`)";
      out += fmt::format("| {} | {} |\n", cell(head), cell(text));
    }
    out += "\n";
  });
  return out;
}

}  // namespace qalam
