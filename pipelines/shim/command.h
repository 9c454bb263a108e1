// SPDX-License-Identifier: Apache-2.0
// What the engine asks for: the command file of an attempt, in the form that execve takes.
#pragma once

#include <cstddef>

namespace qalam::shim {

// Pointers into buffers that live as long as the program, or until Free.
struct Command {
  char** argv = nullptr;
  char** envp = nullptr;  // the shim's own environment, then the file's, the secrets and the marker
  const char* cwd = "";
  const char* marker = "";
  const char* hint = "";  // added to the message when the command fails
  const char* gpus = "";  // for the engine that adopts this attempt
  struct Bind {
    const char* from;
    const char* to;
    bool read_only;
  };
  Bind* binds = nullptr;  // in the order in which they are made
  std::size_t bind_count = 0;
  const char* shown_program = "";  // argv[0], or what stands for it where a secret is in it
  long long timeout_ms = 0;        // 0: none
  long long grace_ms = 0;
  long long memory = 0;      // bytes; 0: no limit
  long long open_files = 0;  // soft limit; 0: as it is

  char *data = nullptr, *secrets = nullptr, *marker_variable = nullptr;  // what the pointers above point into
};

// 0, or an errno. EBADMSG: the file is not whole. Whatever comes back, Free takes it.
int ReadCommand(int folder, Command* command);
// For a program that reads more than one: the shim never does.
void Free(Command* command);

// The value of a variable in `envp`, or nullptr.
const char* FindVariable(char** envp, const char* name);

}  // namespace qalam::shim
