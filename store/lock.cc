// SPDX-License-Identifier: Apache-2.0
#include "store/lock.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

namespace qalam {
namespace {

// The number in the file, if a process has it. The holder writes it just after it has the lock.
pid_t ReadHolder(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t size = pread(descriptor, text.data(), text.size(), 0);
  pid_t pid = 0;
  if (size > 0) std::from_chars(text.data(), text.data() + size, pid);
  return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM) ? pid : 0;
}

Status HeldBy(int descriptor, const std::string& protects) {
  // The holder may have died, or be between taking the lock and writing its number: look a few times.
  for (int look = 0; look < 40; ++look) {
    if (const pid_t pid = ReadHolder(descriptor); pid != 0) {
      return Error(Code::kFailedPrecondition, "{} is in use by process {}", protects, pid);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return Error(Code::kFailedPrecondition, "{} is in use by another process (find it with: fuser '{}.lock')", protects,
               protects);
}

}  // namespace

Result<FileLock> FileLock::Take(const std::string& lock_file, const std::string& protects) {
  FileLock lock(open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.descriptor_ < 0) {
    return Error(errno == EACCES || errno == EROFS ? Code::kPermissionDenied : Code::kUnavailable,
                 "{} cannot be made: {}", lock_file, std::strerror(errno));
  }
  if (flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      const int descriptor = std::exchange(lock.descriptor_, -1);
      const Status held = HeldBy(descriptor, protects);
      close(descriptor);
      return held;
    }
    return Error(Code::kUnavailable, "{} cannot be locked: {}", lock_file, std::strerror(errno));
  }
  // The number is only for people: a disk too full to write it is no reason to stop.
  const std::string pid = fmt::format("{}\n", getpid());
  [[maybe_unused]] const int emptied = ftruncate(lock.descriptor_, 0);
  [[maybe_unused]] const ssize_t written = pwrite(lock.descriptor_, pid.data(), pid.size(), 0);
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ < 0) return;
  [[maybe_unused]] const int emptied = ftruncate(descriptor_, 0);
  close(descriptor_);
}

Status CheckFilesystemType(long magic, const std::string& file) {
  constexpr long kCifsMagic = 0xFF534D42;
  if (magic != NFS_SUPER_MAGIC && magic != SMB_SUPER_MAGIC && magic != SMB2_SUPER_MAGIC && magic != kCifsMagic) {
    return OkStatus();
  }
  const char* allowed = std::getenv("QALAM_ALLOW_NFS");
  if (allowed != nullptr && std::strcmp(allowed, "1") == 0) return OkStatus();
  return Error(Code::kFailedPrecondition,
               "{} is on a network file system ({}), where SQLite's locks cannot be trusted and the database may be "
               "damaged: put it on a local disk (--db FILE), or set QALAM_ALLOW_NFS=1 if one machine alone uses it",
               file, magic == NFS_SUPER_MAGIC ? "NFS" : "SMB");
}

Status CheckFilesystem(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  struct statfs filesystem {};
  if (statfs(folder.c_str(), &filesystem) != 0) {
    return Error(errno == ENOENT ? Code::kNotFound : Code::kUnavailable, "the folder of {} cannot be used: {}", file,
                 std::strerror(errno));
  }
  return CheckFilesystemType(filesystem.f_type, file);
}

}  // namespace qalam
