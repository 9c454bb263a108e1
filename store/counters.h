// SPDX-License-Identifier: Apache-2.0
// How often things have happened, under Katib's names, and how many there are now. What happened is counted by the
// database itself, in the transaction that makes it happen: a restart or a crash sets nothing back, and what has been
// deleted stays counted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"

namespace qalam {

struct Sample {
  std::string name;            // "katib_trial_succeeded_total"
  std::string namespace_name;  // its label
  std::string status;          // the label of what ends with _current; else empty
  std::int64_t value = 0;
};

// By name, then namespace; every counter for every namespace that ever had an experiment, as 0 if need be. One
// snapshot, beside whoever writes.
Result<std::vector<Sample>> ReadCounters(const std::string& file);

}  // namespace qalam
