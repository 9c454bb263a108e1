// SPDX-License-Identifier: Apache-2.0
// qalam run: experiments from files or from the command line, run here or by the process that holds the database.
#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>

#include "cli/attend.h"
#include "cli/dry_run.h"
#include "cli/input.h"
#include "cli/lookup.h"
#include "cli/objects.h"
#include "cli/origin.h"
#include "cli/verbs.h"
#include "pipelines/engines/admission.h"
#include "pipelines/engines/gpus.h"
#include "store/sqlite_store.h"

namespace qalam {
namespace {

constexpr const char* kExamples = R"(Examples:
  qalam run experiment.yaml --parallel 4
  qalam run katib.yaml --image-map images.yaml -f configmaps.yaml
  qalam run -p 'lr=log(1e-5,1e-1)' -p 'opt=sgd,adam' -p 'layers=int(1,8)' \
            --minimize loss -n 40 -- python3 train.py --lr {lr} --opt {opt} --layers {layers}
Parameters: NAME=real(MIN,MAX), log(MIN,MAX), int(MIN,MAX), or a list of values A,B,C.)";

struct RunOptions : FileOptions {
  ShortForm form;  // without a file: a command and its parameters
  std::string db = kDefaultDatabase;
  std::optional<int> trials, parallel;
  bool no_progress = false;
  bool dry_run = false;
  LogOptions log;
  std::string command_line;  // as it was typed: what resumes a paused experiment
};

constexpr const char* kDefaultAlgorithm = "auto";  // of a command; a file says its own

// The first option that was given and that a file has no use for.
std::string OfACommand(const ShortForm& form) {
  if (!form.parameters.empty()) return "-p";
  if (!form.minimize.empty()) return "--minimize";
  if (!form.maximize.empty()) return "--maximize";
  if (form.goal) return "--goal";
  if (!form.name.empty()) return "--name";
  if (!form.settings.empty()) return "--setting";
  return form.algorithm == kDefaultAlgorithm ? "" : "--algorithm";
}

Input ReadInput(const RunOptions& options, StoreReader* reader) {
  InputOptions input = InputOf(options);
  input.reader = reader;
  if (!options.dry_run) input.trials = options.trials;  // else: how many to show
  input.to_run = !options.dry_run;
  input.parallel = options.parallel;
  if (input.files.empty()) return ReadCommand(options.form, options.command_line, input);
  return ReadFiles(input);
}

int DryRunVerb(const RunOptions& options) {
  const Input input = ReadInput(options, nullptr);
  fmt::print(stderr, "{}", input.Render());
  if (input.ok() && !input.requests.empty()) return DryRun(input, options.trials);
  if (input.ok()) fmt::print(stderr, "qalam: there is no Experiment in what was given\n");
  fmt::print(stderr, "{}\n", FaultCounts(input));
  return kBadInput;
}

int RunVerb(const RunOptions& options) {
  std::unique_ptr<StoreReader> reader;
  if (access(options.db.c_str(), F_OK) == 0) {
    if (auto opened = OpenSqliteReader(options.db); opened.ok()) reader = *std::move(opened);
  }
  Input input = ReadInput(options, reader.get());
  if (input.ok() && reader != nullptr) Recall(*reader, &input);
  reader.reset();
  if (input.ok()) RecallObjects(options.db, &input);
  std::vector<std::string> gpus = VisibleGpus();
  if (!options.gpus.empty()) {
    auto given = ParseGpus(options.gpus, gpus);
    if (!given.ok()) return Complain(given.status());
    gpus = *std::move(given);
  }
  Resources capacity = Admission::ThisMachine();
  capacity.gpu = static_cast<int>(gpus.size());
  if (input.ok()) TryTemplates(&input, &capacity);
  fmt::print(stderr, "{}", input.Render());
  if (!input.ok() || input.requests.empty()) {
    if (input.ok()) fmt::print(stderr, "qalam: there is no Experiment in what was given\n");
    fmt::print(stderr, "{}. Nothing was started.\n", FaultCounts(input));
    return kBadInput;
  }

  const AttendOptions attend{.db = options.db,
                             .gpus = gpus,
                             .gpus_given = options.gpus,
                             .no_progress = options.no_progress,
                             .command_line = options.command_line};
  RecordOrigin(options.command_line, &input);
  return Attend(attend, [&input, &options](Host& host, Runner& runner) -> Status {
    for (const Request& request : input.requests) {
      QALAM_RETURN_IF_ERROR(KeepObjects(options.db, request.spec.namespace_name, request.spec.name, request.objects));
      QALAM_TRY(const Submitted submitted, host.Submit(request.spec, request.source));
      QALAM_RETURN_IF_ERROR(runner.Follow(request.spec, submitted));
    }
    return OkStatus();
  });
}

}  // namespace

Verb MakeRunVerb() {
  const auto o = std::make_shared<RunOptions>();
  Verb run{"run", "tune an experiment to its end"};
  run.footer = kExamples;
  run.Option("FILE", &o->files, "Experiments; - is standard input");
  AddInput(&run, o.get());
  AddDatabase(&run, &o->db);
  run.Option("-n,--trials", &o->trials, "how many trials (maxTrialCount)").AtLeast(1);
  run.Option("--parallel", &o->parallel, "how many at once (parallelTrialCount)").AtLeast(1);
  run.Option("--gpus", &o->gpus, "devices that trials share out (default: those that are visible here)")
      .Type("N|0,1,3");
  run.Option("--dry-run", &o->dry_run, "print the trials it would begin with (-n of them); start and write nothing");
  run.Option("--no-progress", &o->no_progress, "lines instead of the display");
  AddLogging(&run, &o->log);
  const std::string group = "Without a file: a command after --";
  run.Option("-p,--parameter", &o->form.parameters, "a parameter and its values").Type("NAME=SPACE").In(group);
  run.Option("--minimize", &o->form.minimize, "the metric to make small").In(group);
  run.Option("--maximize", &o->form.maximize, "the metric to make large").In(group);
  run.Option("--goal", &o->form.goal, "a value that is good enough").In(group);
  run.Option("--name", &o->form.name, "the experiment's name (default: the program's)").In(group);
  o->form.algorithm = kDefaultAlgorithm;
  run.Option("--algorithm", &o->form.algorithm, "who proposes").In(group);
  run.Option("--setting", &o->form.settings, "a setting of the algorithm").Type("NAME=VALUE").In(group);
  run.check = [o](const Invocation& how) -> std::string {
    const bool files = !o->more.empty() || !o->files.empty();
    if (files && !how.command.empty()) return "either files or a command after --";
    if (const std::string option = OfACommand(o->form); files && !option.empty())
      return option + " goes with a command after --; an Experiment says it in its file";
    if (!files && how.command.empty()) return "an Experiment file is needed, or a command after -- (qalam run --help)";
    return "";
  };
  run.run = [o](const Invocation& how) {
    o->form.command = how.command;
    o->form.trials = o->trials.value_or(0);
    o->form.parallel = o->parallel.value_or(0);
    o->command_line = how.typed;
    UseLogging(o->log);
    return o->dry_run ? DryRunVerb(*o) : RunVerb(*o);
  };
  return run;
}

}  // namespace qalam
