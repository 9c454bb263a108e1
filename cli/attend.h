// SPDX-License-Identifier: Apache-2.0
// Stays with experiments until they have ended, in front of a person: in this process, or following the one that holds
// the database, and taking over when that one goes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/runner.h"

namespace qalam {

struct AttendOptions {
  std::string db;
  std::vector<std::string> gpus;  // the devices that trials share out
  std::string gpus_given;         // as --gpus said it; empty: it did not
  bool no_progress = false;
  std::string command_line;  // what resumes several experiments at once
};

// `begin` submits or resumes on whoever runs it, and hands the runner what to follow; called again when that one goes.
// The exit code.
int Attend(const AttendOptions& options, const std::function<Status(Host&, Runner&)>& begin);

}  // namespace qalam
