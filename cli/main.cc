// SPDX-License-Identifier: Apache-2.0
// The command line of qalam: CLI11's parser made from the table of verbs (cli/verb.h), each of which has its own file.
#include <fcntl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "cli/text.h"
#include "cli/verbs.h"
#include "core/diagnostic.h"

namespace qalam {
namespace {

constexpr const char* kAbout = "Hyperparameter tuning: Katib's experiments, run anywhere from one program.";
constexpr const char* kExamples = R"(Examples:
  qalam run experiment.yaml                       tune; Ctrl-C pauses, the same command resumes
  qalam run -p 'lr=log(1e-5,1e-1)' --minimize loss -n 40 -- python3 train.py --lr {lr}
  qalam get trials digits --sort objective        all trials, the best first
  qalam logs -f 'digits#17'                       what trial 17 prints
  qalam best digits -o flags                      --lr=0.0027 --width=64
Exit codes: 0 done, 1 the experiment failed, 2 bad input, 3 not found, 5 timed out in wait, 130 interrupted (paused; resumable).)";

// One of these words, or what begins with one that ends with '=' ("jsonpath=").
CLI::Validator Choice(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ",") + word;
  const auto fault = [words, list](const std::string& found) -> std::string {
    const bool known = std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return found == word || (word.ends_with('=') && found.starts_with(word));
    });
    if (known) return "";
    const std::string nearest = NearestWord(found, words);
    return "'" + found + "' is not one of: " + list + (nearest.empty() ? "" : "; did you mean '" + nearest + "'?");
  };
  return CLI::Validator(fault, "{" + list + "}");
}

// CLI11's own word for a number out of range shows the largest double.
template <class T>
CLI::Validator Number(std::optional<int> least) {
  const auto fault = [least](const std::string& text) -> std::string {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool read =
        error == std::errc() && end == text.data() + text.size() && std::isfinite(static_cast<double>(value));
    const std::string kind = std::is_integral_v<T> ? "a whole number" : "a number";
    if (error == std::errc::result_out_of_range) return "'" + text + "' is too large";
    if (!read) return "'" + text + "' is not " + kind;
    if (least && value < static_cast<T>(*least)) return text + " is too small: the least is " + std::to_string(*least);
    return "";
  };
  return CLI::Validator(fault, "");
}

void AddOption(CLI::App* app, const VerbOption& option) {
  CLI::Option* made = std::visit(
      [&]<class T>(T* target) -> CLI::Option* {
        if constexpr (std::is_same_v<T, bool>) {
          return app->add_flag(option.names, *target, option.help);
        } else {
          CLI::Option* added = app->add_option(option.names, *target, option.help);
          if constexpr (std::is_same_v<T, std::string>) {
            if (!target->empty()) added->capture_default_str();
          } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            if (option.names.starts_with('-')) added->allow_extra_args(false);
          } else if constexpr (std::is_same_v<T, std::optional<int>> ||
                               std::is_same_v<T, std::optional<std::int64_t>> ||
                               std::is_same_v<T, std::optional<double>>) {
            added->check(Number<typename T::value_type>(option.min));
          }
          return added;
        }
      },
      option.target);
  if (!option.type_name.empty()) made->type_name(option.type_name);
  if (!option.choices.empty()) made->check(Choice(option.choices));
  if (!option.group.empty()) made->group(option.group);
  made->required(option.required);
}

// `chosen` becomes the verb that was named; `run` is that of the innermost one that has any.
void AddVerb(CLI::App* app, const Verb& verb, const std::function<int(const Invocation&)>& run, const Invocation& how,
             std::function<int()>* chosen) {
  CLI::App* sub = app->add_subcommand(verb.name, verb.help);
  if (!verb.footer.empty()) sub->footer(verb.footer);
  if (verb.hidden) sub->group("");
  for (const std::string& alias : verb.aliases) sub->alias(alias);
  for (const VerbOption& option : verb.options) AddOption(sub, option);
  const auto& action = verb.run ? verb.run : run;
  for (const Verb& inner : verb.verbs) AddVerb(sub, inner, action, how, chosen);
  sub->callback([&verb, &action, &how, chosen] {  // of inner verbs first
    if (*chosen) return;
    if (const std::string fault = verb.check ? verb.check(how) : ""; !fault.empty())
      throw CLI::ValidationError(verb.name, fault);
    *chosen = [&action, &how] { return action(how); };
  });
}

// What is wrong with words that nobody expected, after the words before them were understood.
std::string Explain(const CLI::App& app) {
  const CLI::App* at = &app;
  std::string verb = "qalam";
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    verb += " " + at->get_name();
  }
  const std::vector<std::string> left = at->remaining(true);
  if (left.empty()) return verb + " wants a verb after it";
  const std::string word = left.front().substr(0, left.front().find('='));
  std::vector<std::string> known;
  const bool option = word.size() > 1 && word.front() == '-';
  for (const CLI::Option* each : at->get_options()) {
    for (const std::string& name : each->get_lnames()) {
      if (option) known.push_back("--" + name);
    }
  }
  for (const CLI::App* each : at->get_subcommands(nullptr)) {
    if (!option && !each->get_name().empty()) known.push_back(each->get_name());
  }
  // What people who come from kubectl type.
  const bool known_elsewhere = !option && at == &app && (word == "apply" || word == "create" || word == "list");
  const std::string nearest = !known_elsewhere ? NearestWord(word, known) : word == "list" ? "get" : "run";
  const std::string hint = nearest.empty() ? "" : "; did you mean '" + nearest + "'?";
  if (option) return verb + " has no option '" + word + "'" + hint;
  if (known.empty()) return verb + " takes no further word: '" + left.front() + "'";
  return "'" + word + "' is no verb of " + verb + hint;
}

int Misunderstood(const CLI::App& app) {
  std::fprintf(stderr, "qalam: %s\nRun with --help for more information.\n", Explain(app).c_str());
  return kBadInput;
}

// `qalam help run` is `qalam run --help`.
std::vector<std::string> AsHelp(std::vector<std::string> words) {
  if (words.size() > 1 && words[1] == "help") {
    words.erase(words.begin() + 1);
    words.emplace_back("--help");
  }
  return words;
}

// Started without standard input, output or error: the next file to be opened would be taken for it.
void FillStandardStreams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) (void)!open("/dev/null", O_RDWR);
  }
}

int Main(int argc, char** argv) {
  // What follows -- is the command to tune: none of it is ours to read.
  char** const end = argv + argc;
  char** const dashes = std::find(argv, end, std::string_view("--"));
  std::vector<std::string> words(argv, end);
  words[0] = "qalam";
  const Invocation how{{dashes == end ? end : dashes + 1, end}, ShellCommand(words)};

  CLI::App app(kAbout, "qalam");
  app.footer(kExamples);
  app.set_version_flag("--version", "qalam " QALAM_VERSION);
  app.require_subcommand(1);
  const std::vector<Verb> verbs = Verbs();
  std::function<int()> chosen;
  for (const Verb& verb : verbs) AddVerb(&app, verb, verb.run, how, &chosen);
  try {
    std::vector<std::string> given = AsHelp({argv, dashes});
    std::vector<std::string> backwards(given.rbegin(), given.rend() - 1);
    app.parse(backwards);
  } catch (const CLI::ExtrasError&) {
    return Misunderstood(app);
  } catch (const CLI::RequiredError& fault) {
    if (!app.remaining(true).empty()) return Misunderstood(app);
    return app.exit(fault) == 0 ? kDone : kBadInput;
  } catch (const CLI::ParseError& fault) {
    return app.exit(fault) == 0 ? kDone : kBadInput;
  }
  const int code = chosen();
  return std::fflush(stdout) == 0 || code != kDone ? code : kExperimentFailed;
}

}  // namespace
}  // namespace qalam

int main(int argc, char** argv) {
  qalam::FillStandardStreams();
  try {
    return qalam::Main(argc, argv);
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "qalam: %s\n", fault.what());
    return qalam::kExperimentFailed;
  }
}
