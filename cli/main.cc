// SPDX-License-Identifier: Apache-2.0
// The command line of qalam: which verb, with which options. What a verb does is in its own file.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "cli/text.h"
#include "cli/verbs.h"

namespace qalam {
namespace {

constexpr const char* kAbout = "Hyperparameter tuning: Katib's experiments, run anywhere from one program.";
constexpr const char* kExamples = R"(Examples:
  qalam run experiment.yaml                       tune; Ctrl-C pauses, the same command resumes
  qalam run -p 'lr=log(1e-5,1e-1)' --minimize loss -n 40 -- python3 train.py --lr {lr}
  qalam get trials digits --sort objective        all trials, the best first
  qalam logs -f 'digits#17'                       what trial 17 prints
  qalam best digits -o flags                      --lr=0.0027 --width=64
Exit codes: 0 done, 1 the experiment failed, 2 bad input, 3 not found, 130 interrupted (paused; resumable).)";
constexpr const char* kRunExamples = R"(Examples:
  qalam run experiment.yaml --parallel 4
  qalam run katib.yaml --image-map images.yaml -f configmaps.yaml
  qalam run -p 'lr=log(1e-5,1e-1)' -p 'opt=sgd,adam' -p 'layers=int(1,8)' \
            --minimize loss -n 40 -- python3 train.py --lr {lr} --opt {opt} --layers {layers}
Parameters: NAME=real(MIN,MAX), log(MIN,MAX), int(MIN,MAX), or a list of values A,B,C.)";

using Verb = std::function<int()>;
using Chosen = Verb*;  // the verb of the subcommand that was named

void AddDatabase(CLI::App* app, std::string* db) {
  app->add_option("--db", *db, "the database; what belongs to it is in FILE.d beside it")
      ->capture_default_str()
      ->type_name("FILE");
}
void AddNamespace(CLI::App* app, ViewOptions* options) {
  app->add_option("-n,--namespace", options->namespace_name, "only this namespace (default: all)");
}
void AddOutput(CLI::App* app, std::string* output, const std::vector<std::string>& forms) {
  app->add_option("-o,--output", *output, "how to print it")->check(CLI::IsMember(forms))->capture_default_str();
}
void AddInput(CLI::App* app, std::vector<std::string>* more, std::string* image_map, std::vector<std::string>* services,
              bool* strict) {
  app->add_option("-f,--file", *more, "further documents: ConfigMaps that hold trial templates")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app->add_option("--image-map", *image_map, "what stands for the container images here")->type_name("FILE");
  app->add_option("--suggest-service", *services, "a suggestion service by address, for this algorithm")
      ->type_name("ALGORITHM=HOST:PORT")
      ->allow_extra_args(false);
  app->add_flag("--strict", *strict, "unknown fields are errors");
}

void AddRun(CLI::App& app, Chosen chosen, RunOptions* o, const std::vector<std::string>& command,
            const std::string& typed) {
  CLI::App* run = app.add_subcommand("run", "tune an experiment to its end");
  run->footer(kRunExamples);
  run->add_option("FILE", o->files, "Experiments; - is standard input");
  AddInput(run, &o->more, &o->image_map, &o->services, &o->strict);
  AddDatabase(run, &o->db);
  run->add_option("-n,--trials", o->trials, "how many trials (maxTrialCount)")->check(CLI::PositiveNumber);
  run->add_option("--parallel", o->parallel, "how many at once (parallelTrialCount)")->check(CLI::PositiveNumber);
  run->add_flag("--no-progress", o->no_progress, "lines instead of the display");
  const std::string group = "Without a file: a command after --";
  run->add_option("-p,--parameter", o->form.parameters, "a parameter and its values")
      ->type_name("NAME=SPACE")
      ->allow_extra_args(false)
      ->group(group);
  run->add_option("--minimize", o->form.minimize, "the metric to make small")->group(group);
  run->add_option("--maximize", o->form.maximize, "the metric to make large")->group(group);
  run->add_option("--goal", o->form.goal, "a value that is good enough")->group(group);
  run->add_option("--name", o->form.name, "the experiment's name (default: the program's)")->group(group);
  run->add_option("--algorithm", o->form.algorithm, "who proposes")->capture_default_str()->group(group);
  run->add_option("--setting", o->form.settings, "a setting of the algorithm")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->group(group);
  run->callback([=, &command] {
    if (!o->more.empty() || !o->files.empty()) {
      if (!command.empty()) throw CLI::ValidationError("run", "either files or a command after --");
    } else if (command.empty()) {
      throw CLI::ValidationError("run", "an Experiment file is needed, or a command after -- (qalam run --help)");
    }
    o->form.command = command;
    o->form.trials = o->trials.value_or(0);
    o->form.parallel = o->parallel.value_or(0);
    o->command_line = typed;
    *chosen = [o] { return RunVerb(*o); };
  });
}

void AddLint(CLI::App& app, Chosen chosen, LintOptions* o) {
  CLI::App* lint = app.add_subcommand("lint", "show every fault of these files; nothing is started")->alias("validate");
  lint->add_option("FILE", o->files, "Experiments and what they name; - is standard input")->required();
  AddInput(lint, &o->more, &o->image_map, &o->services, &o->strict);
  lint->callback([=] { *chosen = [o] { return LintVerb(*o); }; });
}

const std::vector<std::string> kExperimentWords = {"experiments", "experiment", "exps", "exp"};
const std::vector<std::string> kTrialWords = {"trials", "trial"};

void AddGet(CLI::App& app, Chosen chosen, GetOptions* o) {
  CLI::App* get = app.add_subcommand("get", "list experiments, trials or suggestions");
  get->footer(
      "Examples:\n  qalam get experiments\n  qalam get trials digits --sort objective\n  qalam get experiment digits "
      "-o yaml");
  std::vector<std::string> kinds = {"suggestions", "suggestion"};
  kinds.insert(kinds.end(), kExperimentWords.begin(), kExperimentWords.end());
  kinds.insert(kinds.end(), kTrialWords.begin(), kTrialWords.end());
  get->add_option("KIND", o->kind, "experiments, trials or suggestions")->required()->check(CLI::IsMember(kinds));
  get->add_option("NAME", o->name, "an experiment, or a trial");
  get->add_option_function<std::string>(
         "--sort", [o](const std::string&) { o->sort_by_objective = true; }, "objective: the best first")
      ->check(CLI::IsMember({"objective"}));
  AddOutput(get, &o->output, {"table", "wide", "json", "yaml", "name", "csv"});
  AddNamespace(get, o);
  AddDatabase(get, &o->db);
  get->callback([=] { *chosen = [o] { return GetVerb(*o); }; });
}

void AddDescribe(CLI::App& app, Chosen chosen, DescribeOptions* o) {
  CLI::App* describe =
      app.add_subcommand("describe", "everything about one experiment or trial, and why nothing happens");
  std::vector<std::string> kinds = kExperimentWords;
  kinds.insert(kinds.end(), kTrialWords.begin(), kTrialWords.end());
  describe->add_option("KIND", o->kind, "experiment or trial")->required()->check(CLI::IsMember(kinds));
  describe->add_option("NAME", o->name, "its name; trials also as EXPERIMENT#17")->required();
  AddOutput(describe, &o->output, {"table", "json", "yaml"});
  AddNamespace(describe, o);
  AddDatabase(describe, &o->db);
  describe->callback([=] { *chosen = [o] { return DescribeVerb(*o); }; });
}

void AddLogs(CLI::App& app, Chosen chosen, LogsOptions* o) {
  CLI::App* logs = app.add_subcommand("logs", "what a trial printed");
  logs->add_option("TRIAL", o->trial, "its name, EXPERIMENT#17, or #17 in the newest experiment")->required();
  logs->add_flag("-f,--follow", o->follow, "and what it prints from now on, to its end");
  logs->add_option("--step", o->step, "of this step");
  logs->add_option("--tail", o->tail, "only the last lines")->check(CLI::NonNegativeNumber)->type_name("LINES");
  AddNamespace(logs, o);
  AddDatabase(logs, &o->db);
  logs->callback([=] { *chosen = [o] { return LogsVerb(*o); }; });
}

void AddBest(CLI::App& app, Chosen chosen, BestOptions* o) {
  CLI::App* best = app.add_subcommand("best", "the best trial's parameters");
  best->footer(
      "Examples:\n  python3 train.py $(qalam best digits -o flags)\n  eval \"$(qalam best digits -o env)\"; echo "
      "$QALAM_PARAM_LR");
  best->add_option("EXPERIMENT", o->experiment, "its name (default: the only one there is)");
  AddOutput(best, &o->output, {"table", "json", "yaml", "env", "flags"});
  AddNamespace(best, o);
  AddDatabase(best, &o->db);
  best->callback([=] { *chosen = [o] { return BestVerb(*o); }; });
}

void AddOthers(CLI::App& app, Chosen chosen, SuggestOptions* suggest, AlgorithmsOptions* algorithms,
               VersionOptions* version) {
  CLI::App* serve = app.add_subcommand("suggest", "serve the suggestion services alone, by Katib's protocol");
  serve->add_option("--listen", suggest->listen, "address; port 0 takes a free one")
      ->capture_default_str()
      ->type_name("HOST:PORT");
  serve->add_flag("--insecure", suggest->insecure, "allow an address that others can reach");
  serve->callback([=] { *chosen = [suggest] { return SuggestVerb(*suggest); }; });

  CLI::App* list = app.add_subcommand("algorithms", "who can propose trials, and their settings");
  AddOutput(list, &algorithms->output, {"table", "json"});
  CLI::App* describe = list->add_subcommand("describe", "the settings of one");
  describe->add_option("NAME", algorithms->describe, "an algorithm")->required();
  AddOutput(describe, &algorithms->output, {"table", "json"});
  list->callback([=] { *chosen = [algorithms] { return AlgorithmsVerb(*algorithms); }; });

  CLI::App* about = app.add_subcommand("version", "which qalam this is");
  AddOutput(about, &version->output, {"table", "json"});
  about->callback([=] { *chosen = [version] { return VersionVerb(*version); }; });
}

int Main(int argc, char** argv) {
  // What follows -- is the command to tune: none of it is ours to read.
  char** const end = argv + argc;
  char** const dashes = std::find(argv, end, std::string_view("--"));
  const std::vector<std::string> command(dashes == end ? end : dashes + 1, end);
  std::vector<std::string> words(argv, end);
  words[0] = "qalam";
  const std::string typed = ShellCommand(words);

  CLI::App app(kAbout, "qalam");
  app.footer(kExamples);
  app.set_version_flag("--version", "qalam " QALAM_VERSION);
  app.require_subcommand(1);
  Verb verb;
  RunOptions run;
  LintOptions lint;
  GetOptions get;
  DescribeOptions describe;
  LogsOptions logs;
  BestOptions best;
  SuggestOptions suggest;
  AlgorithmsOptions algorithms;
  VersionOptions version;
  AddRun(app, &verb, &run, command, typed);
  AddLint(app, &verb, &lint);
  AddGet(app, &verb, &get);
  AddDescribe(app, &verb, &describe);
  AddLogs(app, &verb, &logs);
  AddBest(app, &verb, &best);
  AddOthers(app, &verb, &suggest, &algorithms, &version);
  try {
    app.parse(static_cast<int>(dashes - argv), argv);
  } catch (const CLI::ParseError& fault) {
    return app.exit(fault) == 0 ? kDone : kBadInput;
  }
  const int code = verb();
  return std::fflush(stdout) == 0 || code != kDone ? code : kExperimentFailed;
}

}  // namespace
}  // namespace qalam

int main(int argc, char** argv) {
  try {
    return qalam::Main(argc, argv);
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "qalam: %s\n", fault.what());
    return qalam::kExperimentFailed;
  }
}
