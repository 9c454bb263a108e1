// SPDX-License-Identifier: Apache-2.0
// What a verb of `qalam` is, as data: its words, its options and where their values go. main.cc makes CLI11's parser of
// it, and whatever else tells people about verbs (completion, the man page) reads the same table.
//
// To add one: a file cli/NAME.cc with `Verb MakeNameVerb()`, a line in cli/verbs.h and one in cli/verbs.cc, a section
// in docs/cli.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace qalam {

// What the program was called with, beside the options.
struct Invocation {
  std::vector<std::string> command;  // what follows --
  std::string typed;                 // the whole line, quoted for a shell
};

struct VerbOption {
  // Where the value goes: it must live as long as the verb (a shared_ptr that `run` holds).
  using Target = std::variant<bool*, std::string*, std::optional<std::string>*, std::optional<int>*,
                              std::optional<std::int64_t>*, std::optional<double>*, std::vector<std::string>*>;

  std::string names;  // "-n,--trials"; without dashes a positional: "FILE"
  Target target;
  std::string help;
  std::string type_name;             // in the help: "FILE"; empty: of the target's type
  std::vector<std::string> choices;  // nothing else is allowed
  std::optional<int> min;            // of a number
  bool required = false;
  std::string group;  // a heading in the help

  VerbOption& Type(std::string name) { return type_name = std::move(name), *this; }
  VerbOption& OneOf(std::vector<std::string> words) { return choices = std::move(words), *this; }
  VerbOption& AtLeast(int least) { return min = least, *this; }
  VerbOption& Required() { return required = true, *this; }
  VerbOption& In(std::string heading) { return group = std::move(heading), *this; }
};

struct Verb {
  std::string name, help;
  std::string footer = {};  // examples
  std::vector<std::string> aliases = {};
  std::vector<VerbOption> options = {};
  bool hidden = false;           // not for people
  std::vector<Verb> verbs = {};  // "algorithms describe": they share the options' targets, and the outer one's `run`
  std::function<std::string(const Invocation&)> check = {};  // a fault of the command line as a whole; empty: none
  std::function<int(const Invocation&)> run = {};            // the exit code

  VerbOption& Option(std::string names, VerbOption::Target target, std::string help_text) {
    return options.emplace_back(VerbOption{std::move(names), target, std::move(help_text), {}, {}, {}, false, {}});
  }
};

}  // namespace qalam
