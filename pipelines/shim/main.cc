// SPDX-License-Identifier: Apache-2.0
// qalam-shim FOLDER: runs one attempt at one step, exactly once, and outlives the controller that started it.
// It owns the folder's lock, says on disk that the attempt started before the command may run, keeps the command's
// whole tree of processes together, and leaves an exit record that is on disk before it goes.
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <ctime>

#include "pipelines/shim/child.h"
#include "pipelines/shim/command.h"
#include "pipelines/shim/output.h"
#include "pipelines/shim/protocol.h"
#include "pipelines/shim/record.h"
#include "pipelines/shim/spawner.h"
#include "pipelines/shim/tree.h"

namespace qalam::shim {
namespace {

constexpr long long kMillisecond = 1'000'000, kNever = LLONG_MAX;

// How the command was doing when something ended it.
enum class Ending { kByItself, kStopped, kDeadline };

struct Attempt {
  int folder = -1;
  int signals = -1;  // a signalfd of those that are watched
  Command command;
  Tree tree;
  Output output;
  Moment begun;
  pid_t child = -1;
  StartFault fault;  // error 0: the command runs
  int status = 0;    // of the command, as wait() tells it
  bool out_of_memory = false;
  long long max_rss = 0;
  Ending ending = Ending::kByItself;
};

sigset_t WatchedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGPIPE}) sigaddset(&set, signal);
  return set;
}

// Forks the command's process, puts the start on disk, lets go. 0, or an errno: then nothing was started.
int Launch(Attempt* attempt) {
  int release[2], fault[2];
  if (pipe2(release, O_CLOEXEC) != 0 || pipe2(fault, O_CLOEXEC) != 0) return errno;
  ChildPlumbing plumbing;
  if (const int error = attempt->output.Open(attempt->folder, &plumbing.output)) return error;
  plumbing.release = release[0];
  plumbing.fault = fault[1];
  plumbing.folder = attempt->folder;
  plumbing.shim = getpid();
  attempt->tree.Prepare(attempt->command.marker, attempt->command.memory);
  plumbing.limit_data = attempt->command.memory > 0 && !attempt->tree.limits_memory();

  attempt->begun = Now();
  attempt->child = attempt->tree.Fork();
  if (attempt->child < 0) {
    const int error = errno;
    attempt->tree.Remove();
    return error;
  }
  if (attempt->child == 0) {
    close(release[1]);
    RunChild(attempt->command, plumbing);
  }
  close(release[0]), close(fault[1]), close(plumbing.output);
  attempt->tree.Join(attempt->child);
  const int error = WriteStarted(attempt->folder, attempt->child, attempt->tree, attempt->begun, attempt->command.gpus,
                                 attempt->command.marker);
  if (error != 0) {
    close(release[1]);  // the child sees the end of the pipe and leaves
    attempt->tree.Kill();
    attempt->tree.Remove();
    return error;
  }
  unlinkat(attempt->folder, kSecretsFile, 0);  // it has been read, and nobody starts this attempt again
  (void)!write(release[1], "g", 1);
  close(release[1]);
  if (read(fault[0], &attempt->fault, sizeof(attempt->fault)) != sizeof(attempt->fault)) attempt->fault.error = 0;
  close(fault[0]);
  return 0;
}

// Reaps what has ended. True: the command itself has.
bool Reap(Attempt* attempt) {
  while (true) {
    int status = 0;
    rusage usage{};
    const pid_t pid = wait4(-1, &status, WNOHANG, &usage);
    if (pid <= 0) return false;
    if (usage.ru_maxrss * 1024 > attempt->max_rss) attempt->max_rss = usage.ru_maxrss * 1024;
    if (pid == attempt->child) {
      attempt->status = status;
      return true;
    }
  }
}

// Waits for a signal or for output until `until`, at most.
void Await(Attempt* attempt, long long now, long long until) {
  constexpr long long kSecond = 1000 * kMillisecond;
  if (attempt->output.full() && until > now + kSecond) until = now + kSecond;
  const long long left = until > now ? until - now : 0;
  const timespec patience{left / kSecond, left % kSecond};
  pollfd ready[] = {{attempt->signals, POLLIN, 0}, {attempt->output.wanted(), POLLIN, 0}};
  const int count = ppoll(ready, 2, until >= kNever - 1 ? nullptr : &patience, nullptr);
  if (attempt->output.full() || (count > 0 && ready[1].revents != 0)) attempt->output.Pump();
  signalfd_siginfo info{};
  while (read(attempt->signals, &info, sizeof(info)) == sizeof(info)) {
    if (info.ssi_signo == SIGTERM && attempt->ending == Ending::kByItself) attempt->ending = Ending::kStopped;
  }
}

// Until the command has ended, by itself or because it was told to or ran out of time.
void Supervise(Attempt* attempt) {
  const long long timeout = attempt->command.timeout_ms;
  const long long deadline = timeout > 0 ? attempt->begun.monotonic + timeout * kMillisecond : kNever;
  long long kill_at = kNever;
  while (!Reap(attempt)) {
    const long long now = Now().monotonic;
    if (attempt->ending == Ending::kByItself && now >= deadline) attempt->ending = Ending::kDeadline;
    if (attempt->ending != Ending::kByItself && kill_at == kNever) {
      kill_at = now + attempt->command.grace_ms * kMillisecond;
      kill(-attempt->child, SIGTERM);  // the group of its session, made before it was released
    }
    if (now >= kill_at) {
      kill(attempt->child, SIGKILL);
      kill_at = kNever - 1;
    }
    Await(attempt, now, attempt->ending == Ending::kByItself ? deadline : kill_at);
  }
}

void ExplainStartFault(const Attempt& attempt, Exit* exit) {
  const char* const program = attempt.command.shown_program;
  const char* const error = strerrordesc_np(attempt.fault.error);
  exit->reason = "StartError";
  exit->code = -1;
  const std::string_view shown(program, strnlen(program, 1024));
  switch (attempt.fault.stage) {
    case Stage::kFolder: exit->message << "working directory " << attempt.command.cwd << ": " << error; return;
    case Stage::kMount: {
      const auto index = static_cast<std::size_t>(attempt.fault.detail);
      const Command::Bind& bind = attempt.command.binds[index < attempt.command.bind_count ? index : 0];
      exit->message << "could not mount " << bind.from << " on " << bind.to << ": " << error;
      return;
    }
    case Stage::kOutput: exit->message << "could not open the output: " << error; return;
    case Stage::kLimit: exit->message << "could not limit the memory: " << error; return;
    case Stage::kExec: break;
  }
  exit->message << shown << ": " << error;
  if (attempt.fault.error == ENOEXEC) exit->message << "; does it begin with #! and the name of its interpreter?";
  if (attempt.fault.error == ENOENT) {
    if (std::strchr(program, '/') == nullptr) {
      exit->message << "; is it in PATH?";
    } else if (access(program, F_OK) == 0) {
      exit->message << "; the file is there, the interpreter that its first line names is not";
    }
  }
  if (*attempt.command.hint != '\0') exit->message << ". " << attempt.command.hint;
}

void ExplainMemory(const Attempt& attempt, Exit* exit) {
  exit->reason = "OOMKilled";
  exit->message << "the command used more than its memory limit of " << attempt.command.memory / (1 << 20) << " MiB";
}

void Explain(const Attempt& attempt, Exit* exit) {
  if (WIFEXITED(attempt.status)) exit->code = WEXITSTATUS(attempt.status);
  if (WIFSIGNALED(attempt.status)) exit->signal = WTERMSIG(attempt.status);
  if (attempt.fault.error != 0) return ExplainStartFault(attempt, exit);
  if (attempt.ending == Ending::kStopped) {
    exit->reason = "Stopped";
    exit->message << "stopped as asked";
  } else if (attempt.ending == Ending::kDeadline) {
    exit->reason = "DeadlineExceeded";
    exit->message << "the command ran past its deadline of " << (attempt.command.timeout_ms + 500) / 1000 << " s";
  } else if (attempt.status != 0 && attempt.out_of_memory) {
    ExplainMemory(attempt, exit);
  } else if (exit->signal != 0) {
    exit->reason = "Error";
    exit->message << "the command was ended by signal " << exit->signal << " (SIG" << sigabbrev_np(exit->signal) << ")";
  } else if (exit->code != 0) {
    exit->reason = "Error";
    exit->message << "the command exited with code " << exit->code;
    if (*attempt.command.hint != '\0') exit->message << ". " << attempt.command.hint;
  }
}

void Record(Attempt* attempt, bool tree_is_gone) {
  static Exit exit;
  exit.begun = attempt->begun;
  exit.ended = Now();
  Explain(*attempt, &exit);
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  exit.cpu_microseconds =
      (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000LL + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  exit.max_rss = attempt->max_rss;
  exit.output = attempt->output.size();
  if (attempt->command.memory > 0 && !attempt->tree.limits_memory()) {
    exit.warning << "no memory cgroup could be made here: the limit was put on the size of each process (RLIMIT_DATA)";
  }
  if (!tree_is_gone) exit.warning << "some of its processes could not be killed";
  if (attempt->output.cut()) {
    exit.warning << (exit.warning.view().empty() ? "" : "; ")
                 << "its output was cut off: it reached the limit on a file's size (ulimit -f)";
  }
  WriteExit(attempt->folder, exit);
}

int RunAttempt(const char* path) {
  if (getsid(0) != getpid()) setsid();
  const sigset_t watched = WatchedSignals();
  sigprocmask(SIG_BLOCK, &watched, nullptr);
  close_range(STDERR_FILENO + 1, ~0U, 0);

  static Attempt attempt;
  attempt.signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  if (attempt.signals < 0) return kSetupFailed + errno;
  attempt.folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (attempt.folder < 0) return kSetupFailed + errno;
  if (flock(attempt.folder, LOCK_EX | LOCK_NB) != 0) return errno == EWOULDBLOCK ? kLockHeld : kSetupFailed + errno;
  if (const int error = CheckNotStarted(attempt.folder)) {
    return error == EEXIST ? kAlreadyStarted : kSetupFailed + error;
  }
  if (const int error = ReadCommand(attempt.folder, &attempt.command)) return kSetupFailed + error;
  if (const int error = Launch(&attempt)) return kSetupFailed + error;
  Supervise(&attempt);
  // All before the record: what is recorded has ended, its output too, and nobody looks for its remains again.
  const bool gone = attempt.tree.Kill();
  attempt.output.Finish();
  attempt.out_of_memory = attempt.tree.RanOutOfMemory();
  attempt.tree.Remove();
  Record(&attempt, gone);
  return kDone;
}

}  // namespace
}  // namespace qalam::shim

int main(int argc, char** argv) {
  if (argc != 2) {
    constexpr std::string_view kUse = "qalam-shim is started by qalam: qalam-shim FOLDER\n";
    (void)!write(STDERR_FILENO, kUse.data(), kUse.size());
    return qalam::shim::kUsage;
  }
  if (std::strcmp(argv[1], qalam::shim::kProbeMounts) == 0) {
    return qalam::shim::UnshareMounts() ? qalam::shim::kDone : qalam::shim::kSetupFailed + errno;
  }
  if (std::strncmp(argv[1], qalam::shim::kSpawner, sizeof(qalam::shim::kSpawner) - 1) == 0) {
    return qalam::shim::Spawn(argv[1], qalam::shim::RunAttempt);
  }
  return qalam::shim::RunAttempt(argv[1]);
}
