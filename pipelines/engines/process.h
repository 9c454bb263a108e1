// SPDX-License-Identifier: Apache-2.0
// Processes of this machine: started cheaply, known for certain, signalled through a pidfd and never by number.
#pragma once

#include <optional>
#include <string>

#include "core/status.h"
#include "pipelines/engines/attempt_folder.h"
#include "pipelines/engines/fd.h"

namespace qalam {

// Starts `program argument` in a session of its own with nothing but /dev/null open and SIGTERM blocked, so that a stop
// that comes early waits for it. The pidfd becomes readable when it has ended.
Result<Fd> SpawnDetached(const std::string& program, const std::string& argument);

// Starts shims by a helper process that forks one for each folder: without the exec, which costs more than all that the
// shim then does. Like SpawnDetached in everything else, and in its place where the helper cannot be had.
class ShimSpawner {
 public:
  // `root`: where the folders are, made longest by what a run, a step and an attempt add to it.
  ShimSpawner(std::string shim, const std::string& root);
  ~ShimSpawner();
  ShimSpawner(const ShimSpawner&) = delete;
  ShimSpawner& operator=(const ShimSpawner&) = delete;

  Result<Fd> Spawn(const std::string& folder);

 private:
  bool Begin();
  void End();
  std::optional<pid_t> Ask(const std::string& folder);

  std::string shim_, argument_;
  Fd process_, socket_;
};

// The process, if it is still the one that is meant: same boot, same start time.
Fd OpenProcess(const std::string& boot, const ProcessId& id);
void Terminate(const Fd& process);  // SIGTERM

// Exit code of our own child (-n for signal n), reaping it; nullopt: it runs, or is not our child.
std::optional<int> Reap(const Fd& process);
int WaitAndReap(const Fd& process);  // the same for one that ends by itself soon

// Kills what an attempt whose shim is dead left behind: all of its cgroup or, where it had none, every process that
// carries its marker.
// True: nothing is left. False: ask again in a while, killed processes take a moment to go.
bool KillRemains(const StartedRecord& started);

// The soft limit of open files, raised to the hard one: thousands of steps need two each. Returns the old one.
long RaiseOpenFileLimit();

}  // namespace qalam
