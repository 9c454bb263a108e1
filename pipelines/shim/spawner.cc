// SPDX-License-Identifier: Apache-2.0
#include "pipelines/shim/spawner.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "pipelines/shim/protocol.h"

namespace qalam::shim {
namespace {

// What ps shows of a shim is its folder, as if it had been started with it. The room was made by our own starter.
void ShowFolder(char* name, std::size_t room, const char* folder) {
  const std::size_t length = strnlen(folder, room);
  std::memcpy(name, folder, length);
  std::memset(name + length, 0, room - length);
  // Without the privilege the padding stays, which nobody sees.
  prctl(PR_SET_MM, PR_SET_MM_ARG_END, reinterpret_cast<std::uintptr_t>(name) + length + 1, 0, 0);
}

}  // namespace

int Spawn(char* name, int (*run_attempt)(const char* folder)) {
  const std::size_t room = std::strlen(name);
  char folder[PATH_MAX + 1];
  while (true) {
    const ssize_t got = recv(kSpawnerSocket, folder, PATH_MAX, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return kDone;
    folder[got] = '\0';
    const long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
      ShowFolder(name, room, folder);
      return run_attempt(folder);
    }
    const std::int32_t answer = pid < 0 ? -errno : static_cast<std::int32_t>(pid);
    if (send(kSpawnerSocket, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer)) return kDone;
  }
}

}  // namespace qalam::shim
