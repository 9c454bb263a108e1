// SPDX-License-Identifier: Apache-2.0
// What the engine asks for: the command file of an attempt, in the form that execve takes.
#pragma once

#include <cstddef>

namespace qalam::shim {

// Pointers into one buffer that lives as long as the program.
struct Command {
  char** argv = nullptr;
  char** envp = nullptr;  // the shim's own environment, then the file's, then the marker
  const char* cwd = "";
  const char* marker = "";
  const char* hint = "";  // added to the message when the command fails
  const char* gpus = "";  // for the engine that adopts this attempt
  const char* bind_from = "";
  const char* bind_to = "";  // empty: no mount
  long long timeout_ms = 0;  // 0: none
  long long grace_ms = 0;
  long long memory = 0;      // bytes; 0: no limit
  long long open_files = 0;  // soft limit; 0: as it is
};

// 0, or an errno. EBADMSG: the file is not whole.
int ReadCommand(int folder, Command* command);

// The value of a variable in `envp`, or nullptr.
const char* FindVariable(char** envp, const char* name);

}  // namespace qalam::shim
