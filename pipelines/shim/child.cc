// SPDX-License-Identifier: Apache-2.0
#include "pipelines/shim/child.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "pipelines/shim/text.h"

namespace qalam::shim {
namespace {

constexpr int kNotRun = 127;

[[noreturn]] void Fail(const ChildPlumbing& plumbing, Stage stage, int detail = 0) {
  const StartFault fault{stage, errno, detail};
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

// Those flags of a mount that a user namespace may not take away again.
unsigned long FlagsOf(const char* path) {
  struct statvfs status {};
  if (statvfs(path, &status) != 0) return 0;
  unsigned long flags = 0;
  if ((status.f_flag & ST_NOSUID) != 0) flags |= MS_NOSUID;
  if ((status.f_flag & ST_NODEV) != 0) flags |= MS_NODEV;
  if ((status.f_flag & ST_NOEXEC) != 0) flags |= MS_NOEXEC;
  if ((status.f_flag & ST_NOATIME) != 0) flags |= MS_NOATIME;
  if ((status.f_flag & ST_NODIRATIME) != 0) flags |= MS_NODIRATIME;
  if ((status.f_flag & ST_RELATIME) != 0) flags |= MS_RELATIME;
  return flags;
}

bool BindOne(int source, const Command::Bind& bind) {
  Text<64> from;  // by its descriptor: a mount made before may lie over its path
  from << "/proc/self/fd/" << source;
  if (mount(from.c_str(), bind.to, nullptr, MS_BIND | MS_REC, nullptr) != 0) return false;
  if (!bind.read_only) return true;
  return mount(nullptr, bind.to, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | FlagsOf(bind.to), nullptr) == 0;
}

void MountAll(const Command& command, const ChildPlumbing& plumbing) {
  if (command.bind_count == 0) return;
  if (!UnshareMounts()) Fail(plumbing, Stage::kMount);
  int* const sources = static_cast<int*>(std::calloc(command.bind_count, sizeof(int)));
  if (sources == nullptr) Fail(plumbing, Stage::kMount);
  for (std::size_t i = 0; i < command.bind_count; ++i) {
    sources[i] = open(command.binds[i].from, O_PATH | O_CLOEXEC);
    if (sources[i] < 0) Fail(plumbing, Stage::kMount, static_cast<int>(i));
  }
  for (std::size_t i = 0; i < command.bind_count; ++i) {
    if (!BindOne(sources[i], command.binds[i])) Fail(plumbing, Stage::kMount, static_cast<int>(i));
    close(sources[i]);
  }
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

  // It may lie below a mount, or be hidden by one.
  const int cwd = open(command.cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
  MountAll(command, plumbing);
  if (chdir(command.cwd) != 0) {
    const int error = errno;
    if (cwd < 0 || fchdir(cwd) != 0) {
      errno = error;
      Fail(plumbing, Stage::kFolder);
    }
  }
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
