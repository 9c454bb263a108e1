// SPDX-License-Identifier: Apache-2.0
// Preloaded into qalam: its n-th write, sync or making of a file below a folder fails, once or until it is healed.
//   FAIL_BELOW=FOLDER  FAIL_AT=N  FAIL_ERRNO=28|5  FAIL_UNTIL=FILE (is there: well again; not set: it fails once)
//   FAIL_MET=FILE (made when it fails first)
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

std::atomic<long> operations{0};

// Trials inherit the preloading, and have to be left alone.
bool IsQalam() {
  static const bool is = [] {
    char name[4096] = {};
    const ssize_t size = readlink("/proc/self/exe", name, sizeof name - 1);
    const char* slash = size > 0 ? std::strrchr(name, '/') : nullptr;
    return slash != nullptr && std::strcmp(slash, "/qalam") == 0;
  }();
  return is;
}

bool IsBelow(const char* path) {
  static const char* const folder = std::getenv("FAIL_BELOW");
  return folder != nullptr && std::strncmp(path, folder, std::strlen(folder)) == 0;
}

bool FailsAt(const char* path) {
  if (!IsQalam() || !IsBelow(path)) return false;
  static const long at = std::atol(std::getenv("FAIL_AT"));
  static const char* const until = std::getenv("FAIL_UNTIL");
  const long number = ++operations;
  if (number < at || (until == nullptr && number > at)) return false;
  if (until != nullptr && access(until, F_OK) == 0) return false;
  const long met = syscall(SYS_openat, AT_FDCWD, std::getenv("FAIL_MET"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (met >= 0) syscall(SYS_close, met);
  errno = std::atoi(std::getenv("FAIL_ERRNO"));
  return true;
}

bool FailsOn(int fd) {
  if (!IsQalam()) return false;
  char link[64], path[4096] = {};
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  return readlink(link, path, sizeof path - 1) > 0 && FailsAt(path);
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
  return FailsOn(fd) ? -1 : static_cast<ssize_t>(syscall(SYS_write, fd, data, size));
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  return FailsOn(fd) ? -1 : static_cast<ssize_t>(syscall(SYS_pwrite64, fd, data, size, at));
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  return FailsOn(fd) ? -1 : static_cast<ssize_t>(syscall(SYS_pwrite64, fd, data, size, at));
}
int fsync(int fd) { return FailsOn(fd) ? -1 : static_cast<int>(syscall(SYS_fsync, fd)); }
int fdatasync(int fd) { return FailsOn(fd) ? -1 : static_cast<int>(syscall(SYS_fdatasync, fd)); }
int ftruncate(int fd, off_t size) { return FailsOn(fd) ? -1 : static_cast<int>(syscall(SYS_ftruncate, fd, size)); }
int ftruncate64(int fd, off64_t size) { return FailsOn(fd) ? -1 : static_cast<int>(syscall(SYS_ftruncate, fd, size)); }
int rename(const char* from, const char* to) {
  return FailsAt(to) ? -1 : static_cast<int>(syscall(SYS_rename, from, to));
}
int mkdir(const char* path, mode_t mode) {
  return FailsAt(path) ? -1 : static_cast<int>(syscall(SYS_mkdir, path, mode));
}

int open(const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if ((flags & O_CREAT) != 0 && FailsAt(path)) return -1;
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
int open64(const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if ((flags & O_CREAT) != 0 && FailsAt(path)) return -1;
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

}  // extern "C"
