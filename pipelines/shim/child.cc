// SPDX-License-Identifier: Apache-2.0
#include "pipelines/shim/child.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "pipelines/shim/text.h"

namespace qalam::shim {
namespace {

constexpr int kNotRun = 127;

[[noreturn]] void Fail(const ChildPlumbing& plumbing, Stage stage) {
  const StartFault fault{stage, errno};
  (void)!write(plumbing.fault, &fault, sizeof(fault));
  _exit(kNotRun);
}

bool WriteFile(const char* path, std::string_view text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return written;
}

bool BindMount(const char* from, const char* to) {
  return UnshareMounts() && mount(from, to, nullptr, MS_BIND, nullptr) == 0;
}

// By the bare call: the C library refuses its own two signals, which posix_spawn has left ignored.
void ResetSignals() {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } const standard{};
  for (int signal = 1; signal < NSIG; ++signal) {
    syscall(SYS_rt_sigaction, signal, &standard, nullptr, sizeof(standard.mask));
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// execvp looks into the caller's PATH; a container's entry is looked up in the container's. Sets errno.
void Execute(const Command& command) {
  const char* const program = command.argv[0];
  if (std::strchr(program, '/') != nullptr) {
    execve(program, command.argv, command.envp);
    return;
  }
  const char* path = FindVariable(command.envp, "PATH");
  if (path == nullptr) path = "/usr/local/bin:/usr/bin:/bin";
  int error = ENOENT;
  while (true) {
    const char* const end = strchrnul(path, ':');
    Text<4096> candidate;
    candidate << std::string_view(path, static_cast<std::size_t>(end - path));
    candidate << (end == path ? "." : "") << '/' << program;
    if (candidate.whole()) execve(candidate.c_str(), command.argv, command.envp);
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) return;
    // Found, though not to be run, and not merely a folder that we may not look into. Another one may follow.
    if (errno == EACCES && access(candidate.c_str(), F_OK) == 0) error = EACCES;
    if (*end == '\0') break;
    path = end + 1;
  }
  errno = error;
}

}  // namespace

// As root a mount namespace is enough; others get one inside a user namespace in which they are who they were.
bool UnshareMounts() {
  if (unshare(CLONE_NEWNS) == 0) return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  Text<64> users, groups;
  users << static_cast<long>(uid) << ' ' << static_cast<long>(uid) << " 1";
  groups << static_cast<long>(gid) << ' ' << static_cast<long>(gid) << " 1";
  WriteFile("/proc/self/setgroups", "deny");
  return WriteFile("/proc/self/uid_map", users.view()) && WriteFile("/proc/self/gid_map", groups.view()) &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

void RunChild(const Command& command, const ChildPlumbing& plumbing) {
  setsid();
  close(plumbing.folder);  // and with it our hold on the lock, which is to say that the shim lives
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0) Fail(plumbing, Stage::kOutput);
  if (dup2(plumbing.output, STDOUT_FILENO) < 0 || dup2(plumbing.output, STDERR_FILENO) < 0) {
    Fail(plumbing, Stage::kOutput);
  }
  char released = 0;
  ssize_t got = 0;
  do {
    got = read(plumbing.release, &released, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) _exit(kNotRun);  // the shim died before the start was on disk: it never happened

  if (*command.bind_to != '\0' && !BindMount(command.bind_from, command.bind_to)) Fail(plumbing, Stage::kMount);
  if (chdir(command.cwd) != 0) Fail(plumbing, Stage::kFolder);
  if (plumbing.limit_data) {
    const rlimit limit{static_cast<rlim_t>(command.memory), static_cast<rlim_t>(command.memory)};
    if (setrlimit(RLIMIT_DATA, &limit) != 0) Fail(plumbing, Stage::kLimit);
  }
  rlimit files{};
  if (command.open_files > 0 && getrlimit(RLIMIT_NOFILE, &files) == 0) {  // the engine raised it for itself
    files.rlim_cur = static_cast<rlim_t>(command.open_files);
    setrlimit(RLIMIT_NOFILE, &files);
  }
  // After the mount: a new user namespace clears it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plumbing.shim) _exit(kNotRun);
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  ResetSignals();
  Execute(command);
  Fail(plumbing, Stage::kExec);
}

}  // namespace qalam::shim
