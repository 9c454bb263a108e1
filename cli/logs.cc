// SPDX-License-Identifier: Apache-2.0
// qalam logs: what a trial printed, and what it still prints.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "cli/launch.h"
#include "cli/lookup.h"
#include "cli/tail.h"
#include "cli/target.h"
#include "cli/tracker.h"
#include "cli/verbs.h"
#include "pipelines/engines/local_engine.h"

namespace qalam {
namespace {

struct LogsOptions : ViewOptions {
  std::vector<std::string> target;
  std::string step;
  std::optional<std::int64_t> tail;
  bool follow = false;
};

constexpr std::chrono::milliseconds kLookAgain{100};

// Copies what is there from the descriptor's position on. false: nobody reads any more.
bool Copy(int fd) {
  std::array<char, 65'536> buffer;
  ssize_t n = 0;
  while ((n = read(fd, buffer.data(), buffer.size())) > 0) {
    if (std::fwrite(buffer.data(), 1, static_cast<std::size_t>(n), stdout) != static_cast<std::size_t>(n)) return false;
  }
  return std::fflush(stdout) == 0;
}

struct Source {
  std::string path;
  bool over = false;  // nothing more will be written to it
};

Result<std::optional<Source>> Find(StoreReader& reader, const std::string& trial_name, const LogsOptions& options) {
  QALAM_TRY(const std::vector<StepRecord> steps, reader.Steps(trial_name));
  const StepRecord* step = ChooseStep(steps, options.step);
  if (step == nullptr) {
    if (!options.step.empty() && !steps.empty()) {
      return Error(Code::kNotFound, "trial '{}' has no step '{}' that has started", trial_name, options.step);
    }
    return std::optional<Source>();
  }
  return std::optional(
      Source{StepOutputPath(RunsFolder(options.db), step->run, step->step, step->attempt), IsFinal(step->state)});
}

Status Show(StoreReader& reader, const std::string& trial_name, const LogsOptions& options) {
  std::string shown;  // the attempt whose output is being copied
  int fd = -1;
  for (;;) {
    QALAM_TRY(const std::optional<Trial> trial, reader.FindTrial(trial_name));
    QALAM_TRY(const std::optional<Source> source, Find(reader, trial_name, options));
    const bool over = !trial || IsFinal(trial->state);
    if (!source && (over || !options.follow)) {
      return Error(Code::kNotFound, "trial '{}' has printed nothing: {}", trial_name,
                   over && trial ? TrialMessage(*trial) : "it has not been started yet (-f waits for it)");
    }
    if (source && source->path != shown) {
      const int next = open(source->path.c_str(), O_RDONLY | O_CLOEXEC);
      if (next < 0 && (over || !options.follow))
        return Error(Code::kNotFound, "{}: {}", source->path, std::strerror(errno));
      if (next >= 0) {
        if (fd >= 0) {
          (void)Copy(fd);  // the end of the attempt before
          close(fd);
        }
        fd = next;
        shown = source->path;
        if (options.tail) {
          QALAM_TRY(const std::int64_t start, *options.tail > 0 ? StartOfLastLines(fd, *options.tail)
                                                                : Result<std::int64_t>(lseek(fd, 0, SEEK_END)));
          lseek(fd, start, SEEK_SET);
        }
      }
    }
    if (fd >= 0 && !Copy(fd)) break;
    if (over || !options.follow) break;
    std::this_thread::sleep_for(kLookAgain);
  }
  if (fd >= 0) close(fd);
  return OkStatus();
}

int LogsVerb(const LogsOptions& options) {
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  const auto found = FindTarget(**reader, options.namespace_name, options.target, Kinds::kTrials);
  if (!found.ok()) return Complain(found.status());
  const Status shown = Show(**reader, found->trial->name, options);
  return shown.ok() ? kDone : Complain(shown);
}

}  // namespace

Verb MakeLogsVerb() {
  const auto o = std::make_shared<LogsOptions>();
  Verb logs{"logs", "what a trial printed"};
  logs.Option("TARGET", &o->target, "trial NAME, NAME, EXPERIMENT#17, or #17 in the newest experiment").Required();
  logs.Option("-f,--follow", &o->follow, "and what it prints from now on, to its end");
  logs.Option("--step", &o->step, "of this step");
  logs.Option("--tail", &o->tail, "only the last lines").AtLeast(0).Type("LINES");
  AddNamespace(&logs, &o->namespace_name);
  AddDatabase(&logs, &o->db);
  logs.run = [o](const Invocation&) { return LogsVerb(*o); };
  return logs;
}

}  // namespace qalam
