// SPDX-License-Identifier: Apache-2.0
// The command's own process, between fork and exec.
#pragma once

#include <sys/types.h>

#include "pipelines/shim/command.h"

namespace qalam::shim {

enum class Stage : int { kOutput = 1, kFolder, kMount, kLimit, kExec };
struct StartFault {
  Stage stage = Stage::kExec;
  int error = 0;
  int detail = 0;  // kMount: which
};

struct ChildPlumbing {
  int release = -1;  // the command is not run before a byte comes out of this
  int fault = -1;    // close-on-exec: a StartFault goes in when the command cannot be started
  int output = -1;
  int folder = -1;
  pid_t shim = 0;
  bool limit_data = false;  // no memory cgroup: RLIMIT_DATA instead
};

// Leaves the mounts of this machine for a private copy of them: by right, or in a user namespace. Sets errno.
bool UnshareMounts();

[[noreturn]] void RunChild(const Command& command, const ChildPlumbing& plumbing);

}  // namespace qalam::shim
