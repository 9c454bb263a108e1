// SPDX-License-Identifier: Apache-2.0
#include "pipelines/shim/output.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>

#include "pipelines/shim/protocol.h"

namespace qalam::shim {
namespace {

constexpr unsigned kFirstPause = 20'000, kLongestPause = 1'000'000;  // microseconds

}  // namespace

int Output::Open(int folder, int* writer) {
  folder_ = folder;
  log_ = openat(folder, kOutputFile, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (log_ < 0) return errno;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  pipe_ = ends[0];
  *writer = ends[1];
  // The command's end stays as programs expect it: only ours must never wait.
  if (fcntl(pipe_, F_SETFL, O_NONBLOCK) != 0) return errno;
  signal(SIGXFSZ, SIG_IGN);  // so that write() says EFBIG; the command gets it as it was
  return 0;
}

// False: there was nothing.
bool Output::Read() {
  const ssize_t n = read(pipe_, buffer_, sizeof(buffer_));
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) closed_ = true;
  begin_ = 0;
  end_ = n > 0 ? static_cast<std::size_t>(n) : 0;
  return n > 0;
}

// False: not all of it could be.
bool Output::Write() {
  full_ = false;
  while (begin_ < end_ && !cut_) {
    const ssize_t n = write(log_, buffer_ + begin_, end_ - begin_);
    if (n > 0) begin_ += static_cast<std::size_t>(n);
    if (n >= 0 || errno == EINTR) continue;
    if (errno != EFBIG) {  // a disk without room, or one that stumbles: both may end
      full_ = true;
      return false;
    }
    cut_ = true;
  }
  return true;
}

long long Output::size() const {
  struct stat status {};
  return fstat(log_, &status) == 0 ? status.st_size : -1;
}

void Output::Pump() {
  if (Write() && !closed_ && Read()) (void)Write();
}

void Output::Finish() {
  // As much as there is now: should a stranger hold the other end, it cannot keep us here.
  int left = 0;
  if (ioctl(pipe_, FIONREAD, &left) != 0) left = 0;
  unsigned pause = kFirstPause;
  while (true) {
    if (!Write()) {
      struct stat status {};
      if (fstat(folder_, &status) == 0 && status.st_nlink == 0) return;
      usleep(pause);
      pause = pause * 2 < kLongestPause ? pause * 2 : kLongestPause;
    } else if (left <= 0 || !Read()) {
      return;
    } else {
      left -= static_cast<int>(end_);
    }
  }
}

}  // namespace qalam::shim
