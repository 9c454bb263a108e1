// SPDX-License-Identifier: Apache-2.0
#include "tests/store/child_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>

#include "core/status.h"

namespace qalam {

Child::Child(const std::function<void(int to_parent)>& body) {
  std::array<int, 2> ends{};
  QALAM_CHECK(pipe(ends.data()) == 0, "a pipe can be made");
  std::fflush(nullptr);  // or the child would print it again
  pid_ = fork();
  QALAM_CHECK(pid_ >= 0, "a process can be made");
  if (pid_ == 0) {
    close(ends[0]);
    body(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  from_ = ends[0];
}

Child::~Child() {
  Kill();
  close(from_);
}

bool Child::Read(void* into, std::size_t size) {
  auto* at = static_cast<char*>(into);
  while (size > 0) {
    const ssize_t got = read(from_, at, size);
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

std::string Child::ReadAll() {
  std::string text;
  char c = 0;
  while (Read(&c, 1)) text += c;
  return text;
}

void Child::Kill() {
  if (exit_ < 0) kill(pid_, SIGKILL);
  Wait();
}

int Child::Wait() {
  if (exit_ < 0) {
    int status = 0;
    QALAM_CHECK(waitpid(pid_, &status, 0) == pid_, "a child can be waited for");
    exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return exit_;
}

}  // namespace qalam
