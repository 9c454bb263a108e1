// SPDX-License-Identifier: Apache-2.0
// qalam run: experiments from files or from the command line, run here or by the process that holds the database.
#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "cli/holder.h"
#include "cli/input.h"
#include "cli/lookup.h"
#include "cli/objects.h"
#include "cli/remote.h"
#include "cli/runner.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "core/log.h"
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
  std::string command_line;  // as it was typed: what resumes a paused experiment
};

// Between a process that takes the database's lock and its socket, or between its end and the next one's begin.
constexpr std::chrono::milliseconds kNobodyAnswers{10'000}, kLookAgain{20};

Input ReadInput(const RunOptions& options) {
  InputOptions input;
  input.files = options.files;
  input.files.insert(input.files.end(), options.more.begin(), options.more.end());
  input.image_map = options.image_map;
  input.services = options.services;
  input.trials = options.trials;
  input.parallel = options.parallel;
  input.strict = options.strict;
  if (input.files.empty()) return ReadCommand(options.form, options.command_line, input);
  return ReadFiles(input);
}

// Submits everything to whoever runs it and stays until it has ended.
class Attendance {
 public:
  Attendance(EventLoop& loop, Host& host, Output& output, const RunnerOptions& options)
      : runner_(loop, host, output, options), host_(host), db_(options.db) {}
  Status Begin(const std::vector<Request>& requests) {
    for (const Request& request : requests) {
      QALAM_RETURN_IF_ERROR(KeepObjects(db_, request.spec.namespace_name, request.spec.name, request.objects));
      QALAM_TRY(const Submitted submitted, host_.Submit(request.spec, request.source));
      QALAM_RETURN_IF_ERROR(runner_.Follow(request.spec, submitted));
    }
    return OkStatus();
  }
  Runner& runner() { return runner_; }

 private:
  Runner runner_;
  Host& host_;
  std::string db_;
};

// This process holds the database.
int RunHere(Holder& holder, const Input& input, Output& output, const RunnerOptions& options) {
  Attendance attendance(holder.loop(), holder, output, options);
  if (const Status begun = attendance.Begin(input.requests); !begun.ok()) return Complain(begun);
  holder.SetOnCommit([&attendance] { attendance.runner().Wake(); });
  const Runner::Outcome outcome = attendance.runner().Run();
  holder.SetOnCommit(nullptr);
  // Whoever presses Ctrl-C a third time does not want to wait for services that do not answer: everything that was
  // told is committed, and the next start takes up the rest.
  if (outcome == Runner::Outcome::kLeft) _exit(attendance.runner().exit_code());
  return attendance.runner().exit_code();
}

// Another one does. nullopt: it is gone.
std::optional<int> RunThere(RemoteHost& host, const Input& input, Output& output, const RunnerOptions& options) {
  const SystemClock clock;
  EventLoop loop(clock);
  Attendance attendance(loop, host, output, options);
  output.Line(fmt::format("{} is held by another qalam: handed over to it, and followed from here", options.db));
  if (const Status begun = attendance.Begin(input.requests); !begun.ok()) {
    if (host.gone()) return std::nullopt;
    return Complain(begun);
  }
  const Runner::Outcome outcome = attendance.runner().Run();
  if (outcome != Runner::Outcome::kHostGone || attendance.runner().interrupted())
    return attendance.runner().exit_code();
  output.Line("the qalam that ran it is gone: going on here");
  return std::nullopt;
}

int RunVerb(const RunOptions& options) {
  Input input = ReadInput(options);
  const bool exists = access(options.db.c_str(), F_OK) == 0;
  if (input.ok() && exists) {
    if (const auto reader = OpenSqliteReader(options.db); reader.ok()) Recall(**reader, &input);
  }
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

  Output output(STDOUT_FILENO);
  RunnerOptions runner;
  runner.db = options.db;
  runner.db_option = options.db == kDefaultDatabase ? "" : " --db " + ShellWord(options.db);
  runner.command_line = options.command_line;
  runner.redraw = !options.no_progress && CanRedraw(STDOUT_FILENO);
  // What the log would say is in the display, and is kept as events; a line of it in between would garble the picture.
  if (runner.redraw && isatty(STDERR_FILENO) != 0) SetLogLevel(LogLevel::kOff);
  std::optional<int> code;
  for (auto patience = kNobodyAnswers; !code;) {
    auto holder = Holder::Open(options.db, options.services, gpus);
    if (holder.ok()) {
      code = RunHere(**holder, input, output, runner);
      break;
    }
    if (holder.status().code() != Code::kFailedPrecondition) return Complain(holder.status());
    auto remote = RemoteHost::Connect(options.db);
    if (remote.ok()) {
      patience = kNobodyAnswers;
      if (!options.gpus.empty()) output.Line("--gpus is left to the qalam that runs the trials");
      code = RunThere(**remote, input, output, runner);
    } else if (patience <= patience.zero()) {
      return Complain(holder.status().Within("nobody answers at its socket"));
    } else {
      std::this_thread::sleep_for(kLookAgain);
      patience -= kLookAgain;
    }
  }
  if (*code != kInterrupted) output.FlushAll();
  return *code;
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
  run.Option("--no-progress", &o->no_progress, "lines instead of the display");
  const std::string group = "Without a file: a command after --";
  run.Option("-p,--parameter", &o->form.parameters, "a parameter and its values").Type("NAME=SPACE").In(group);
  run.Option("--minimize", &o->form.minimize, "the metric to make small").In(group);
  run.Option("--maximize", &o->form.maximize, "the metric to make large").In(group);
  run.Option("--goal", &o->form.goal, "a value that is good enough").In(group);
  run.Option("--name", &o->form.name, "the experiment's name (default: the program's)").In(group);
  run.Option("--algorithm", &o->form.algorithm, "who proposes").In(group);
  run.Option("--setting", &o->form.settings, "a setting of the algorithm").Type("NAME=VALUE").In(group);
  run.check = [o](const Invocation& how) -> std::string {
    const bool files = !o->more.empty() || !o->files.empty();
    if (files && !how.command.empty()) return "either files or a command after --";
    if (!files && how.command.empty()) return "an Experiment file is needed, or a command after -- (qalam run --help)";
    return "";
  };
  run.run = [o](const Invocation& how) {
    o->form.command = how.command;
    o->form.trials = o->trials.value_or(0);
    o->form.parallel = o->parallel.value_or(0);
    o->command_line = how.typed;
    return RunVerb(*o);
  };
  return run;
}

}  // namespace qalam
