// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "core/status.h"

namespace qalam {
namespace {

std::atomic<int> write_end{-1};

void Heard(int signal) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(signal);
  // A full pipe holds more Ctrl-Cs than anyone means.
  if (signal != SIGPIPE) [[maybe_unused]]
    const ssize_t written = write(write_end.load(), &byte, 1);
  errno = saved;
}

}  // namespace

Signals::Signals(EventLoop& loop, std::function<void(int signal)> heard) : loop_(loop) {
  QALAM_CHECK(pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) == 0, "a pipe for signals can be made");
  write_end = pipe_[1];
  loop_.Watch(pipe_[0], EPOLLIN, [this, heard = std::move(heard)](std::uint32_t) {
    unsigned char signal = 0;
    while (read(pipe_[0], &signal, 1) == 1) heard(signal);
  });
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGPIPE}) {
    struct sigaction action {};
    action.sa_handler = Heard;
    action.sa_flags = SA_RESTART;
    struct sigaction before {};
    sigaction(signal, nullptr, &before);
    if (signal == SIGHUP && before.sa_handler == SIG_IGN) continue;  // nohup
    sigaction(signal, &action, nullptr);
    before_.emplace_back(signal, before);
  }
}

Signals::~Signals() {
  for (const auto& [signal, action] : before_) sigaction(signal, &action, nullptr);
  loop_.Unwatch(pipe_[0]);
  write_end = -1;
  close(pipe_[0]);
  close(pipe_[1]);
}

}  // namespace qalam
