// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <string_view>

#include "pipelines/shim/protocol.h"

namespace qalam {
namespace {

Fd OpenPid(pid_t pid) { return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

void Signal(const Fd& process, int signal) {
  if (process) syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0);
}

std::string ReadAll(const std::string& path) {
  std::string text;
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char block[4096];
  ssize_t n = 0;
  while (fd && (n = read(fd.get(), block, sizeof(block))) > 0) text.append(block, static_cast<std::size_t>(n));
  return text;
}

std::optional<long long> StartTicks(pid_t pid) {
  const std::string stat = ReadAll("/proc/" + std::to_string(pid) + "/stat");
  std::size_t at = stat.rfind(')');  // the name before it may hold anything
  for (int field = 2; at != std::string::npos && field < 22; ++field) at = stat.find(' ', at + 1);
  if (at == std::string::npos) return std::nullopt;
  long long ticks = 0;
  const auto [end, error] = std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), ticks);
  return error == std::errc() ? std::optional(ticks) : std::nullopt;
}

const std::string& BootId() {
  static const std::string boot = [] {
    std::string text = ReadAll("/proc/sys/kernel/random/boot_id");
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }();
  return boot;
}

// A record that a trial has tampered with must not make us write elsewhere.
bool IsOurGroup(const std::string& group) {
  return group.starts_with("/sys/fs/cgroup/") && group.find("/qalam-") != std::string::npos &&
         group.find("..") == std::string::npos;
}

bool WriteSmall(const std::string& path, std::string_view text) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Kills the members of a group that is there, and removes it. True: it is gone.
bool ClearGroup(const std::string& group) {
  if (!WriteSmall(group + "/cgroup.kill", "1")) {
    const std::string members = ReadAll(group + "/cgroup.procs");
    const std::string name = group.substr(group.rfind('/'));
    for (const char* at = members.data(); at < members.data() + members.size();) {
      pid_t pid = 0;
      const auto [end, error] = std::from_chars(at, members.data() + members.size(), pid);
      if (error != std::errc()) break;
      at = end + 1;
      const Fd process = OpenPid(pid);  // held: its number is not given to another now
      if (ReadAll("/proc/" + std::to_string(pid) + "/cgroup").find(name) != std::string::npos) Signal(process, SIGKILL);
    }
  }
  return rmdir(group.c_str()) == 0 || errno == ENOENT;
}

bool CarriesMarker(pid_t pid, const std::string& assignment) {
  const std::string environment = ReadAll("/proc/" + std::to_string(pid) + "/environ");
  for (std::size_t at = environment.find(assignment); at != std::string::npos;
       at = environment.find(assignment, at + 1)) {
    if (at == 0 || environment[at - 1] == '\0') return true;
  }
  return false;
}

// True: no process carries it.
bool KillMarked(const std::string& marker) {
  if (marker.empty()) return true;
  std::string assignment = std::string(shim::kMarkerVariable) + '=' + marker;
  assignment.push_back('\0');
  DIR* const proc = opendir("/proc");
  if (proc == nullptr) return true;
  bool none = true;
  while (const dirent* entry = readdir(proc)) {
    pid_t pid = 0;
    const std::string_view name = entry->d_name;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc() || pid <= 1) continue;
    if (!CarriesMarker(pid, assignment)) continue;
    const Fd process = OpenPid(pid);
    if (!CarriesMarker(pid, assignment)) continue;  // it went, and its number with it
    none = false;
    Signal(process, SIGKILL);
  }
  closedir(proc);
  return none;
}

std::optional<int> ReapWith(const Fd& process, int options) {
  siginfo_t info{};
  if (waitid(P_PIDFD, static_cast<id_t>(process.get()), &info, options) != 0 || info.si_pid == 0) return std::nullopt;
  return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

class SpawnAttributes {
 public:
  // `socket`: what the process gets as its kSpawnerSocket; -1: nothing.
  explicit SpawnAttributes(int socket = -1) {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    sigset_t set;
    sigfillset(&set);
    posix_spawnattr_setsigdefault(&attributes_, &set);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    posix_spawnattr_setsigmask(&attributes_, &set);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_RDWR, 0);
    }
    if (socket >= 0) posix_spawn_file_actions_adddup2(&actions_, socket, shim::kSpawnerSocket);
  }
  ~SpawnAttributes() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  const posix_spawnattr_t* attributes() const { return &attributes_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

// A process of our own, not reaped yet: the number is certain.
Result<Fd> WatchOwn(const std::string& program, pid_t pid) {
  Fd process = OpenPid(pid);
  if (process) return process;
  const int error = errno;
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return Error(Code::kUnavailable, "cannot watch {}: {}", program, std::strerror(error));
}

Result<Fd> SpawnAs(const SpawnAttributes& how, const std::string& program, const std::string& argument) {
  char* const argv[] = {const_cast<char*>(program.c_str()), const_cast<char*>(argument.c_str()), nullptr};
  pid_t pid = 0;
  if (const int error = posix_spawn(&pid, program.c_str(), how.actions(), how.attributes(), argv, environ)) {
    return Error(Code::kUnavailable, "cannot start {}: {}", program, std::strerror(error));
  }
  return WatchOwn(program, pid);
}

}  // namespace

Result<Fd> SpawnDetached(const std::string& program, const std::string& argument) {
  static const SpawnAttributes how;
  return SpawnAs(how, program, argument);
}

ShimSpawner::ShimSpawner(std::string shim, const std::string& root)
    : shim_(std::move(shim)), argument_(shim::kSpawner) {
  constexpr std::size_t kBelowRoot = 256;  // names of a run, a step and an attempt
  argument_.append(root.size() + kBelowRoot, ' ');
}

ShimSpawner::~ShimSpawner() { End(); }

bool ShimSpawner::Begin() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return false;
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  constexpr timeval kPatience{10, 0};  // a helper that somebody has stopped must not stop us
  setsockopt(ours.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  auto process = SpawnAs(SpawnAttributes(theirs.get()), shim_, argument_);
  if (!process.ok()) return false;
  process_ = *std::move(process);
  socket_ = std::move(ours);
  return true;
}

void ShimSpawner::End() {
  socket_.Reset();
  if (!process_) return;
  Signal(process_, SIGKILL);  // it holds nothing
  WaitAndReap(process_);
  process_.Reset();
}

// nullopt: no answer. A negative errno: it could not.
std::optional<pid_t> ShimSpawner::Ask(const std::string& folder) {
  if (send(socket_.get(), folder.data(), folder.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(folder.size())) {
    return std::nullopt;
  }
  std::int32_t answer = 0;
  ssize_t got = 0;
  do {
    got = recv(socket_.get(), &answer, sizeof(answer), 0);
  } while (got < 0 && errno == EINTR);
  return got == sizeof(answer) ? std::optional<pid_t>(answer) : std::nullopt;
}

// A second helper where the first was killed; without any, or without an answer, the shim is started alone. Should a
// helper that was slow start one too, the folder's lock lets only one of them run the command.
Result<Fd> ShimSpawner::Spawn(const std::string& folder) {
  for (int tries = 0; tries < 2; ++tries) {
    if (!socket_ && !Begin()) break;
    const auto pid = Ask(folder);
    if (pid && *pid > 0) return WatchOwn(shim_, *pid);
    if (pid) return Error(Code::kUnavailable, "cannot start {}: {}", shim_, std::strerror(-*pid));
    End();
  }
  return SpawnDetached(shim_, folder);
}

Fd OpenProcess(const std::string& boot, const ProcessId& id) {
  if (boot != BootId()) return Fd();
  Fd process = OpenPid(id.pid);
  if (process && StartTicks(id.pid) != id.ticks) process.Reset();
  return process;
}

void Terminate(const Fd& process) { Signal(process, SIGTERM); }

std::optional<int> Reap(const Fd& process) { return ReapWith(process, WEXITED | WNOHANG); }

int WaitAndReap(const Fd& process) { return ReapWith(process, WEXITED).value_or(-1); }

bool KillRemains(const StartedRecord& started) {
  if (started.boot != BootId()) return true;
  const auto there = [](const std::string& group) { return IsOurGroup(group) && access(group.c_str(), F_OK) == 0; };
  const bool memory = !there(started.memory_cgroup) || ClearGroup(started.memory_cgroup);
  // A v2 group knows all of them, at once; otherwise every process of the machine is asked for its marker.
  const bool all = there(started.cgroup) ? ClearGroup(started.cgroup) : KillMarked(started.marker);
  return memory && all;
}

long RaiseOpenFileLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<long>(before);
}

}  // namespace qalam
