// SPDX-License-Identifier: Apache-2.0
// Runs qalam under ptrace and kills one of its processes (SIGKILL) just before its n-th failpoint: a system call by
// which it changes anything outside itself. Nothing in the program has to name them, so none can be forgotten, and
// qalam-shim, which is static, has them too.
//   failpoints [--role controller|spawner|shim --at N [--and-controller]] [--trace FILE] -- qalam run ...
// Counted in each process by itself: the first of that role that comes to its n-th is killed, all others go on, and
// are let go of when the controller has ended. Exits as the controller did, with 137 when it was killed.
// FILE gets a line for each failpoint, "role number kind target", and "killed ROLE NUMBER" where it happened.
#include <fcntl.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {

using Call = __ptrace_syscall_info;

constexpr const char* kStarting = "starting";

struct Process {
  std::string role;
  long count = 0;
};

struct Options {
  std::string role;
  long at = 0;
  bool and_controller = false;
  FILE* trace = nullptr;
  char** command = nullptr;
};

std::string Link(const std::string& path) {
  char target[4096];
  const ssize_t size = readlink(path.c_str(), target, sizeof target - 1);
  return size > 0 ? std::string(target, static_cast<std::size_t>(size)) : "";
}

std::string Base(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string Program(pid_t pid) { return Base(Link("/proc/" + std::to_string(pid) + "/exe")); }

pid_t StatusNumber(pid_t pid, const char* key) {
  FILE* const file = std::fopen(("/proc/" + std::to_string(pid) + "/status").c_str(), "re");
  if (file == nullptr) return 0;
  char line[256];
  pid_t number = 0;
  while (std::fgets(line, sizeof line, file) != nullptr)
    if (std::strncmp(line, key, std::strlen(key)) == 0) number = std::atoi(line + std::strlen(key));
  std::fclose(file);
  return number;
}

bool Read(pid_t pid, std::uint64_t address, void* to, std::size_t size) {
  iovec here{to, size}, there{reinterpret_cast<void*>(address), size};
  return process_vm_readv(pid, &here, 1, &there, 1, 0) == static_cast<ssize_t>(size);
}

std::string PathAt(pid_t pid, std::uint64_t address) {
  std::string path;
  for (char c = 0; path.size() < 4096 && Read(pid, address + path.size(), &c, 1) && c != '\0';) path += c;
  return Base(path);
}

struct Failpoint {
  const char* kind = nullptr;  // nullptr: this call is none
  std::string target;
};

// Bytes that go to a file, to whoever listens, or (an eventfd) only to ourselves.
Failpoint Output(pid_t pid, std::uint64_t fd, const char* to_a_file) {
  const std::string target = Link("/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd));
  if (target.rfind("anon_inode:", 0) == 0) return {};
  if (target.empty() || target[0] != '/' || target.rfind("/dev/", 0) == 0)
    return {"reply", target.substr(0, target.find(':'))};
  const std::string name = Base(target);
  const bool database = name.rfind("qalam.db", 0) == 0;
  return {std::strcmp(to_a_file, "sync") == 0 && database ? "commit" : to_a_file, name};
}

Failpoint Fork(std::uint64_t flags) { return (flags & CLONE_THREAD) != 0 ? Failpoint{} : Failpoint{"fork", ""}; }

Failpoint Classify(pid_t pid, const Call& call) {
  const auto& a = call.entry.args;
  switch (call.entry.nr) {
    case SYS_write:
    case SYS_pwrite64:
    case SYS_writev:
    case SYS_pwritev:
    case SYS_ftruncate: return Output(pid, a[0], "write");
    case SYS_sendto:
    case SYS_sendmsg: return Output(pid, a[0], "reply");
    case SYS_fsync:
    case SYS_fdatasync: return Output(pid, a[0], "sync");
    case SYS_openat: return (a[2] & O_CREAT) != 0 ? Failpoint{"create", PathAt(pid, a[1])} : Failpoint{};
    case SYS_mkdirat: return {"create", PathAt(pid, a[1])};
    case SYS_renameat:
    case SYS_renameat2: return {"rename", PathAt(pid, a[3])};
    case SYS_unlinkat: return {"remove", PathAt(pid, a[1])};
#ifdef SYS_open
    case SYS_open: return (a[1] & O_CREAT) != 0 ? Failpoint{"create", PathAt(pid, a[0])} : Failpoint{};
    case SYS_mkdir: return {"create", PathAt(pid, a[0])};
    case SYS_rename: return {"rename", PathAt(pid, a[1])};
    case SYS_rmdir:
    case SYS_unlink: return {"remove", PathAt(pid, a[0])};
    case SYS_fork:
    case SYS_vfork: return {"fork", ""};
#endif
    case SYS_clone: return Fork(a[0]);
    case SYS_clone3: {
      std::uint64_t flags = 0;
      return Read(pid, a[0], &flags, sizeof flags) ? Fork(flags) : Failpoint{};
    }
    case SYS_execve:
    case SYS_execveat: return {"exec", call.entry.nr == SYS_execve ? PathAt(pid, a[0]) : ""};
    case SYS_kill:
    case SYS_pidfd_send_signal: return {"signal", ""};
    case SYS_exit_group: return {"exit", ""};
    default: return {};
  }
}

class Tracer {
 public:
  explicit Tracer(const Options& options) : options_(options) {}

  int Run() {
    controller_ = Begin();
    processes_[controller_].role = "controller";
    while (true) {
      int status = 0;
      const pid_t task = waitpid(-1, &status, __WALL);
      if (task < 0) return 1;
      if (WIFSTOPPED(status)) {
        Stopped(task, status);
        continue;
      }
      processes_.erase(task);
      if (task == controller_) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }

 private:
  // The command, traced from before its first instruction on.
  pid_t Begin() {
    int gate[2];
    if (pipe2(gate, O_CLOEXEC) != 0) std::exit(1);
    const pid_t pid = fork();
    if (pid == 0) {
      char go = 0;
      if (read(gate[0], &go, 1) != 1) _exit(1);
      execv(options_.command[0], options_.command);
      _exit(127);
    }
    constexpr long kOptions =
        PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SEIZE, pid, 0, kOptions) != 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0) {
      std::perror("failpoints: cannot trace");
      kill(pid, SIGKILL);
      std::exit(77);
    }
    (void)!write(gate[1], "g", 1);
    close(gate[0]), close(gate[1]);
    return pid;
  }

  // The process that a task belongs to, or nullptr: not one of ours, let go of.
  Process* Find(pid_t task) {
    const pid_t group = StatusNumber(task, "Tgid:");
    if (const auto known = processes_.find(group); known != processes_.end()) return &known->second;
    if (group != task) return nullptr;
    const auto parent = processes_.find(StatusNumber(task, "PPid:"));
    if (parent == processes_.end() || parent->second.role != "controller") return nullptr;
    // The spawner makes shims that are the controller's children; whatever else is not known before its exec.
    Process& made = processes_[task];
    made.role = Program(task) == "qalam-shim" ? "shim" : kStarting;
    return &made;
  }

  void Stopped(pid_t task, int status) {
    const int signal = WSTOPSIG(status), event = status >> 16;
    Process* process = Find(task);
    if (process != nullptr && event == PTRACE_EVENT_EXEC && process->role == kStarting) {
      if (Program(task) == "qalam-shim") {
        process->role = "spawner";
      } else {
        process = nullptr;  // git, say
      }
    }
    if (process == nullptr) {
      processes_.erase(task);
      ptrace(PTRACE_DETACH, task, 0, event == 0 && signal != (SIGTRAP | 0x80) ? signal : 0);
      return;
    }
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
      ptrace(PTRACE_LISTEN, task, 0, 0);
      return;
    }
    if (signal == (SIGTRAP | 0x80)) Called(task, process);
    ptrace(PTRACE_SYSCALL, task, 0, event == 0 && signal != (SIGTRAP | 0x80) ? signal : 0);
  }

  void Called(pid_t task, Process* process) {
    Call call{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, task, sizeof call, &call) <= 0 || call.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    const Failpoint point = Classify(task, call);
    if (point.kind == nullptr || process->role == kStarting) return;
    ++process->count;
    if (options_.trace != nullptr)
      std::fprintf(options_.trace, "%s %ld %s %s\n", process->role.c_str(), process->count, point.kind,
                   point.target.c_str());
    if (done_ || process->role != options_.role || process->count != options_.at) return;
    done_ = true;
    if (options_.trace != nullptr)
      std::fprintf(options_.trace, "killed %s %ld\n", process->role.c_str(), process->count);
    kill(StatusNumber(task, "Tgid:"), SIGKILL);
    if (options_.and_controller) kill(controller_, SIGKILL);
  }

  Options options_;
  pid_t controller_ = 0;
  std::map<pid_t, Process> processes_;
  bool done_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") {
      options.command = argv + i + 1;
      break;
    }
    if (word == "--and-controller") {
      options.and_controller = true;
    } else if (i + 1 < argc && word == "--role") {
      options.role = argv[++i];
    } else if (i + 1 < argc && word == "--at") {
      options.at = std::atol(argv[++i]);
    } else if (i + 1 < argc && word == "--trace") {
      options.trace = std::fopen(argv[++i], "ae");
    }
  }
  if (options.command == nullptr || *options.command == nullptr) {
    std::fprintf(stderr, "usage: failpoints [--role ROLE --at N [--and-controller]] [--trace FILE] -- qalam run ...\n");
    return 2;
  }
  const int code = Tracer(options).Run();
  if (options.trace != nullptr) std::fclose(options.trace);
  return code;
}
