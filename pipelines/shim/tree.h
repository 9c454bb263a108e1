// SPDX-License-Identifier: Apache-2.0
// Everything that a command starts: kept together in a cgroup where one can be made, and always by adoption (the shim
// is the subreaper), so that nothing outlives the attempt.
#pragma once

#include <sys/types.h>

#include "pipelines/shim/text.h"

namespace qalam::shim {

using Path = Text<4096>;

class Tree {
 public:
  // `marker` names the cgroups. Without cgroups, or without the right to make one, the rest works all the same.
  void Prepare(const char* marker, long long memory_limit);
  // As fork(), the child inside the tree.
  pid_t Fork();
  // A child that Fork made, before it is released. Limits its memory where a v1 cgroup does that.
  void Join(pid_t child);

  bool limits_memory() const { return limits_memory_; }
  bool RanOutOfMemory() const;
  const Path& cgroup() const { return unified_; }
  const Path& memory_cgroup() const { return memory_; }

  // Kills all that is left and reaps it. False: something could not be killed in ten seconds.
  bool Kill();
  void Remove();  // the cgroups, once empty

 private:
  void PrepareMemory(const Path& parent, std::string_view name, long long limit);

  Path unified_, memory_;  // empty: there is none
  int unified_fd_ = -1;
  bool limits_memory_ = false;
  bool unified_memory_ = false;
};

// "pid ticks" of a process, as /proc/PID/stat has it: no other process on this boot is called so.
bool StartTicks(pid_t pid, long long* ticks);

}  // namespace qalam::shim
