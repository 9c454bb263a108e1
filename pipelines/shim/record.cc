// SPDX-License-Identifier: Apache-2.0
#include "pipelines/shim/record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <ctime>

#include "pipelines/shim/protocol.h"

namespace qalam::shim {
namespace {

constexpr long long kSecond = 1'000'000'000;
constexpr unsigned kFirstPause = 20'000, kLongestPause = 5'000'000;  // microseconds

long long Read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

// Writes all of it and syncs; closes in any case. 0 or an errno.
int WriteDurably(int fd, std::string_view text) {
  if (fd < 0) return errno;
  int error = 0;
  while (error == 0 && !text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR) error = errno;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (error == 0 && fsync(fd) != 0) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  return error;
}

template <std::size_t kCapacity>
void PutString(Text<kCapacity>& out, std::string_view text) {
  out << '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out << '\\' << c;
    } else if (c == '\n') {
      out << "\\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out << '?';  // a name that is no plain text; the command file has it byte for byte
    } else {
      out << c;
    }
  }
  out << '"';
}

// Six decimals of a second.
template <std::size_t kCapacity>
void PutSeconds(Text<kCapacity>& out, long long microseconds) {
  char digits[8];
  long long fraction = microseconds % 1'000'000;
  for (int i = 5; i >= 0; --i, fraction /= 10) digits[i] = static_cast<char>('0' + fraction % 10);
  out << microseconds / 1'000'000 << '.' << std::string_view(digits, 6);
}

int TryWriteExit(int folder, std::string_view text) {
  constexpr int kFlags = O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
  if (const int error = WriteDurably(openat(folder, kExitDraft, kFlags, 0600), text)) return error;
  if (renameat(folder, kExitDraft, folder, kExitFile) != 0) return errno;
  return fsync(folder) == 0 ? 0 : errno;
}

// The command may have done something to its own folder: it can be written again, and nothing is in the record's way.
void MakeWay(int folder) {
  fchmod(folder, 0700);
  for (const char* name : {kExitDraft, kExitFile}) {
    struct stat status {};
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || S_ISREG(status.st_mode)) continue;
    Text<64> aside;
    aside << name << ".not-ours";
    if (unlinkat(folder, name, S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0) != 0) {
      renameat(folder, name, folder, aside.c_str());
    }
  }
}

}  // namespace

Moment Now() { return {Read(CLOCK_REALTIME), Read(CLOCK_MONOTONIC)}; }

int CheckNotStarted(int folder) {
  const int fd = openat(folder, kStartedFile, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno == ENOENT ? 0 : errno;
  struct stat status {};
  char tail[sizeof(kStartedEnd) - 1] = {};
  const bool whole = fstat(fd, &status) == 0 && status.st_size >= static_cast<off_t>(sizeof(tail)) &&
                     pread(fd, tail, sizeof(tail), status.st_size - static_cast<off_t>(sizeof(tail))) ==
                         static_cast<ssize_t>(sizeof(tail)) &&
                     std::string_view(tail, sizeof(tail)) == kStartedEnd;
  close(fd);
  if (whole) return EEXIST;
  // Torn: its shim died before it released the command, so the command never ran.
  return unlinkat(folder, kStartedFile, 0) == 0 ? 0 : errno;
}

int WriteStarted(int folder, pid_t child, const Tree& tree, const Moment& begun, const char* gpus, const char* marker) {
  char boot[64] = {};
  const int boot_fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  const ssize_t got = boot_fd < 0 ? -1 : read(boot_fd, boot, sizeof(boot) - 1);
  if (boot_fd >= 0) close(boot_fd);
  if (got <= 0) return ENOSYS;
  long long own_ticks = 0, child_ticks = 0;
  if (!StartTicks(getpid(), &own_ticks) || !StartTicks(child, &child_ticks)) return ESRCH;

  static Text<16'384> text;
  text << "boot=" << std::string_view(boot, boot[got - 1] == '\n' ? got - 1 : got) << '\n';
  text << "shim=" << getpid() << ' ' << own_ticks << '\n' << "child=" << child << ' ' << child_ticks << '\n';
  text << "started=" << begun.wall << '\n';
  text << "cgroup=" << tree.cgroup().view() << '\n' << "memory-cgroup=" << tree.memory_cgroup().view() << '\n';
  text << "gpus=" << gpus << '\n' << "marker=" << marker << kStartedEnd;
  if (!text.whole()) return ENAMETOOLONG;

  constexpr int kFlags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
  int error = WriteDurably(openat(folder, kStartedFile, kFlags, 0600), text.view());
  if (error == 0 && fsync(folder) != 0) error = errno;
  if (error != 0 && error != EEXIST) unlinkat(folder, kStartedFile, 0);
  return error;
}

void WriteExit(int folder, const Exit& exit) {
  static Text<20'000> text;  // twice the message, should each character need an escape
  text << "{\"reason\":";
  PutString(text, exit.reason);
  text << ",\"message\":";
  PutString(text, exit.message.view());
  text << ",\"exit_code\":";
  if (exit.code < 0) {
    text << "null";
  } else {
    text << exit.code;
  }
  const long long lasted = exit.ended.monotonic - exit.begun.monotonic;  // the wall clock may have jumped
  text << ",\"signal\":" << exit.signal << ",\"started_ns\":" << exit.begun.wall;
  text << ",\"ended_ns\":" << exit.begun.wall + lasted << ",\"cpu_seconds\":";
  PutSeconds(text, exit.cpu_microseconds);
  text << ",\"max_rss\":" << exit.max_rss;
  if (exit.output >= 0) text << ",\"output_bytes\":" << exit.output;
  if (!exit.warning.view().empty()) {
    text << ",\"warning\":";
    PutString(text, exit.warning.view());
  }
  text << "}\n";
  struct stat status {};
  for (unsigned pause = kFirstPause; TryWriteExit(folder, text.view()) != 0;) {
    if (fstat(folder, &status) == 0 && status.st_nlink == 0) return;
    MakeWay(folder);
    usleep(pause);
    pause = pause * 2 < kLongestPause ? pause * 2 : kLongestPause;
  }
}

}  // namespace qalam::shim
