// SPDX-License-Identifier: Apache-2.0
// Signals as events of a loop.
#pragma once

#include <signal.h>

#include <functional>
#include <vector>

#include "core/loop.h"

namespace qalam {

// While it lives, SIGINT, SIGTERM, SIGHUP and SIGWINCH arrive as calls on the loop's thread, and SIGPIPE does nothing.
// Handlers, not a blocked mask: programs that are started inherit neither. One at a time.
class Signals {
 public:
  Signals(EventLoop& loop, std::function<void(int signal)> heard);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  EventLoop& loop_;
  int pipe_[2] = {-1, -1};
  std::vector<std::pair<int, struct sigaction>> before_;
};

}  // namespace qalam
