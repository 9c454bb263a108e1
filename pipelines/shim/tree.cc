// SPDX-License-Identifier: Apache-2.0
// clone3 puts the child straight into its cgroup: moving it there afterwards takes a lock of the whole machine and
// costs milliseconds. Where memory is only in cgroup v1 that price is paid, and only by commands with a limit.
#include "pipelines/shim/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace qalam::shim {
namespace {

constexpr long kKillSeconds = 10;

// Up to kSize - 1 bytes of a small file, NUL-terminated. False: it cannot be read.
template <std::size_t kSize>
bool ReadSmall(const char* path, char (&data)[kSize]) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  std::size_t have = 0;
  ssize_t n = 0;
  while (have < kSize - 1 && (n = read(fd, data + have, kSize - 1 - have)) > 0) have += static_cast<std::size_t>(n);
  close(fd);
  data[have] = '\0';
  return n >= 0;
}

bool WriteSmall(const Path& folder, const char* name, std::string_view text) {
  Path path = folder;
  path << '/' << name;
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return written;
}

bool IsFolder(const Path& path) {
  struct stat status {};
  return path.whole() && stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool Exists(const Path& folder, const char* name) {
  Path path = folder;
  path << '/' << name;
  return access(path.c_str(), F_OK) == 0;
}

// The number after `key ` in a file of such lines; 0 when there is none.
long long NumberIn(const Path& folder, const char* file, const char* key) {
  Path path = folder;
  path << '/' << file;
  char data[1024];
  if (!ReadSmall(path.c_str(), data)) return 0;
  const std::string_view text(data);
  std::size_t at = 0;
  while ((at = text.find(key, at)) != std::string_view::npos) {
    const std::size_t after = at + std::strlen(key);
    if ((at == 0 || text[at - 1] == '\n') && text[after] == ' ') return std::strtoll(data + after + 1, nullptr, 10);
    at = after;
  }
  return 0;
}

bool HasController(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (list.substr(0, comma) == name) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// A line of /proc/self/cgroup is "id:controllers:path"; v2's has an empty list.
void OwnGroups(std::string_view text, std::string_view* unified, std::string_view* memory) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty()) *unified = line.substr(second + 1);
    if (HasController(controllers, "memory")) *memory = line.substr(second + 1);
  }
}

// Where the hierarchy is mounted, then our own group in it; the mount alone when a container shows us only a part.
Path OwnFolder(const char* mount_point, std::string_view own) {
  Path whole;
  whole << mount_point << (own == "/" ? std::string_view() : own);
  if (IsFolder(whole)) return whole;
  Path mounted;
  mounted << mount_point;
  return mounted;
}

Path MakeGroup(const Path& parent, std::string_view name) {
  Path path = parent;
  path << '/' << name;
  if (path.whole() && (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST)) return path;
  return {};
}

std::uint64_t Fnv1a(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

pid_t ParentOf(pid_t pid) {
  Text<64> path;
  path << "/proc/" << pid << "/stat";
  char data[512];
  if (!ReadSmall(path.c_str(), data)) return 0;
  const char* after = std::strrchr(data, ')');
  return after == nullptr ? 0 : static_cast<pid_t>(std::strtol(after + 4, nullptr, 10));
}

// Every process whose chain of parents leads here. A child that appears meanwhile is found the next time.
void KillDescendants() {
  DIR* const proc = opendir("/proc");
  if (proc == nullptr) return;
  const pid_t self = getpid();
  while (const dirent* entry = readdir(proc)) {
    const pid_t pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (pid <= 1 || pid == self) continue;
    pid_t ancestor = pid;
    for (int depth = 0; depth < 4096 && ancestor > 1 && ancestor != self; ++depth) ancestor = ParentOf(ancestor);
    if (ancestor == self) kill(pid, SIGKILL);
  }
  closedir(proc);
}

void KillGroup(const Path& group) {
  if (group.view().empty() || WriteSmall(group, "cgroup.kill", "1")) return;
  Path path = group;
  path << "/cgroup.procs";
  char data[4096];
  if (!ReadSmall(path.c_str(), data)) return;
  for (char* at = data; *at != '\0';) {
    const pid_t pid = static_cast<pid_t>(std::strtol(at, &at, 10));
    if (pid > 1) kill(pid, SIGKILL);
    while (*at == '\n') ++at;
  }
}

bool ReapAll() {
  while (true) {
    const pid_t pid = waitpid(-1, nullptr, WNOHANG);
    if (pid < 0 && errno == ECHILD) return true;
    if (pid == 0) return false;
  }
}

void RemoveGroup(const Path& group) {
  if (group.view().empty()) return;
  for (int attempt = 0; attempt < 50 && rmdir(group.c_str()) != 0 && errno == EBUSY; ++attempt) usleep(2'000);
}

}  // namespace

void Tree::Prepare(const char* marker, long long memory_limit) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  char own[4096];
  if (!ReadSmall("/proc/self/cgroup", own)) return;
  std::string_view own_unified, own_memory;
  OwnGroups(own, &own_unified, &own_memory);
  Text<64> name;
  name << "qalam-";
  std::uint64_t hash = Fnv1a(marker);
  for (int digit = 0; digit < 16; ++digit, hash >>= 4) name << "0123456789abcdef"[hash & 15];

  if (!own_unified.empty()) {
    Path hybrid;
    hybrid << "/sys/fs/cgroup/unified";
    const Path parent = OwnFolder(IsFolder(hybrid) ? hybrid.c_str() : "/sys/fs/cgroup", own_unified);
    if (Exists(parent, "cgroup.procs")) unified_ = MakeGroup(parent, name.view());
  }
  if (!unified_.view().empty()) unified_fd_ = open(unified_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (memory_limit <= 0) return;
  Text<32> limit;
  limit << memory_limit;
  if (!unified_.view().empty() && WriteSmall(unified_, "memory.max", limit.view())) {
    WriteSmall(unified_, "memory.swap.max", "0");
    WriteSmall(unified_, "memory.oom.group", "1");
    limits_memory_ = unified_memory_ = true;
  } else if (!own_memory.empty()) {
    PrepareMemory(OwnFolder("/sys/fs/cgroup/memory", own_memory), name.view(), memory_limit);
  }
}

void Tree::PrepareMemory(const Path& parent, std::string_view name, long long limit) {
  if (!Exists(parent, "memory.limit_in_bytes")) return;
  memory_ = MakeGroup(parent, name);
  if (memory_.view().empty()) return;
  Text<32> bytes;
  bytes << limit;
  limits_memory_ = WriteSmall(memory_, "memory.limit_in_bytes", bytes.view());
  WriteSmall(memory_, "memory.memsw.limit_in_bytes", bytes.view());  // absent without swap accounting
}

pid_t Tree::Fork() {
  if (unified_fd_ >= 0) {
    clone_args args{};
    args.flags = CLONE_INTO_CGROUP;
    args.exit_signal = SIGCHLD;
    args.cgroup = static_cast<std::uint64_t>(unified_fd_);
    const long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid >= 0) return static_cast<pid_t>(pid);
  }
  const pid_t pid = fork();
  if (pid > 0 && unified_fd_ >= 0) {
    Text<24> number;
    number << pid;
    WriteSmall(unified_, "cgroup.procs", number.view());
  }
  return pid;
}

void Tree::Join(pid_t child) {
  if (memory_.view().empty()) return;
  Text<24> number;
  number << child;
  if (!WriteSmall(memory_, "cgroup.procs", number.view())) limits_memory_ = false;
}

bool Tree::RanOutOfMemory() const {
  if (unified_memory_) return NumberIn(unified_, "memory.events", "oom_kill") > 0;
  return limits_memory_ && NumberIn(memory_, "memory.oom_control", "oom_kill") > 0;
}

bool Tree::Kill() {
  if (ReapAll()) return true;
  sigset_t child_ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  timespec begun{}, now{};
  clock_gettime(CLOCK_MONOTONIC, &begun);
  bool first = true;
  do {
    KillGroup(unified_);
    if (!first || unified_.view().empty()) KillDescendants();  // and those that left the group
    first = false;
    const timespec patience{0, 20'000'000};
    do {
      if (ReapAll()) return true;
    } while (sigtimedwait(&child_ended, nullptr, &patience) == SIGCHLD);
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec - begun.tv_sec < kKillSeconds);
  return ReapAll();
}

void Tree::Remove() {
  RemoveGroup(unified_);
  RemoveGroup(memory_);
}

bool StartTicks(pid_t pid, long long* ticks) {
  Text<64> path;
  path << "/proc/" << pid << "/stat";
  char data[1024];
  if (!ReadSmall(path.c_str(), data)) return false;
  const char* at = std::strrchr(data, ')');
  for (int field = 2; at != nullptr && field < 22; ++field) at = std::strchr(at + 1, ' ');
  if (at == nullptr) return false;
  *ticks = std::strtoll(at + 1, nullptr, 10);
  return true;
}

}  // namespace qalam::shim
