// SPDX-License-Identifier: Apache-2.0
// The two records that make an attempt: that it started, and how it ended. On disk before anyone acts on them.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "pipelines/shim/tree.h"

namespace qalam::shim {

struct Moment {
  long long wall = 0;       // ns since 1970, shown
  long long monotonic = 0;  // ns, for durations
};
Moment Now();

// 0: an attempt may start here. EEXIST: one has. Else an errno.
int CheckNotStarted(int folder);

// Durable when it returns 0; otherwise nothing is left behind, and the errno says why.
int WriteStarted(int folder, pid_t child, const Tree& tree, const Moment& begun, const char* gpus, const char* marker);

struct Exit {
  const char* reason = "Completed";
  Text<8192> message;
  Text<512> warning;
  int code = -1;  // -1: it did not exit by itself
  int signal = 0;
  Moment begun, ended;
  long long cpu_microseconds = 0;
  long long max_rss = 0;  // bytes
  long long output = -1;  // bytes of its log; -1: not known
};
// Tries until it is on disk: a full disk only delays it. Gives up when the folder has been removed.
void WriteExit(int folder, const Exit& exit);

}  // namespace qalam::shim
