// SPDX-License-Identifier: Apache-2.0
// A program that lives no longer than this process: a keeper between the two ends it and everything that it has
// started when this process says so or is gone, however it went, and writes what it prints into a log of bounded size.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/status.h"

namespace qalam {

struct KeptCommand {
  std::vector<std::string> argv;                         // [0] is looked up in PATH
  std::vector<std::pair<std::string, std::string>> env;  // added to our own
  std::string working_dir;                               // empty: ours
  std::string log;                                       // appended to; FILE.1 is the older half
};

class KeptProcess {
 public:
  // Returns once the program runs. NOT_FOUND, PERMISSION_DENIED, ...: it cannot be started, and why.
  static Result<std::unique_ptr<KeptProcess>> Start(const KeptCommand& command);
  ~KeptProcess();  // End, without waiting
  KeptProcess(const KeptProcess&) = delete;
  KeptProcess& operator=(const KeptProcess&) = delete;

  int fd() const { return pidfd_; }  // readable when all of it is gone
  void End();                        // SIGTERM, two seconds, SIGKILL
  // The program's exit code, 128 + n for signal n, once fd() is readable.
  std::optional<int> Reap();

 private:
  KeptProcess(pid_t keeper, int pidfd, int control) : keeper_(keeper), pidfd_(pidfd), control_(control) {}
  const pid_t keeper_;
  int pidfd_, control_;  // closing `control_` is the word to end
  std::optional<int> exit_code_;
};

}  // namespace qalam
