// SPDX-License-Identifier: Apache-2.0
#include "cli/attend.h"

#include <unistd.h>

#include <chrono>
#include <optional>
#include <thread>

#include "cli/holder.h"
#include "cli/lookup.h"
#include "cli/remote.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "core/log.h"

namespace qalam {
namespace {

// Between a process that takes the database's lock and its socket, or between its end and the next one's begin.
constexpr std::chrono::milliseconds kNobodyAnswers{10'000}, kLookAgain{20};

using Begin = std::function<Status(Host&, Runner&)>;

// This process holds the database.
int RunHere(Holder& holder, const Begin& begin, Output& output, const RunnerOptions& options) {
  Runner runner(holder.loop(), holder, output, options);
  if (const Status begun = begin(holder, runner); !begun.ok()) return Complain(begun);
  holder.SetOnCommit([&runner] { runner.Wake(); });
  const Runner::Outcome outcome = runner.Run();
  holder.SetOnCommit(nullptr);
  // Whoever presses Ctrl-C a third time does not want to wait for services that do not answer: everything that was
  // told is committed, and the next start takes up the rest.
  if (outcome == Runner::Outcome::kLeft) _exit(runner.exit_code());
  return runner.exit_code();
}

// Another one does. nullopt: it is gone.
std::optional<int> RunThere(RemoteHost& host, const Begin& begin, Output& output, const RunnerOptions& options) {
  const SystemClock clock;
  EventLoop loop(clock);
  Runner runner(loop, host, output, options);
  output.Line(fmt::format("{} is held by another qalam: handed over to it, and followed from here", options.db));
  if (const Status begun = begin(host, runner); !begun.ok()) {
    if (host.gone()) return std::nullopt;
    return Complain(begun);
  }
  const Runner::Outcome outcome = runner.Run();
  if (outcome != Runner::Outcome::kHostGone || runner.interrupted()) return runner.exit_code();
  output.Line("the qalam that ran it is gone: going on here");
  return std::nullopt;
}

}  // namespace

int Attend(const AttendOptions& options, const Begin& begin) {
  Output output(STDOUT_FILENO);
  RunnerOptions runner;
  runner.db = options.db;
  runner.db_option = options.db == kDefaultDatabase ? "" : " --db " + ShellWord(options.db);
  runner.gpus_option = options.gpus_given.empty() ? "" : " --gpus " + ShellWord(options.gpus_given);
  runner.command_line = options.command_line;
  runner.redraw = !options.no_progress && CanRedraw(STDOUT_FILENO);
  // What the log would say is in the display, and is kept as events; a line of it in between would garble the picture.
  if (runner.redraw && isatty(STDERR_FILENO) != 0) SetLogLevel(LogLevel::kOff);
  std::optional<int> code;
  for (auto patience = kNobodyAnswers; !code;) {
    auto holder = Holder::Open(options.db, options.gpus);
    if (holder.ok()) {
      code = RunHere(**holder, begin, output, runner);
      break;
    }
    if (holder.status().code() != Code::kFailedPrecondition) return Complain(holder.status());
    auto remote = RemoteHost::Connect(options.db);
    if (remote.ok()) {
      patience = kNobodyAnswers;
      if (!options.gpus_given.empty()) output.Line("--gpus is left to the qalam that runs the trials");
      code = RunThere(**remote, begin, output, runner);
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

}  // namespace qalam
