// SPDX-License-Identifier: Apache-2.0
// The devices that trials share out. They have the names that CUDA_VISIBLE_DEVICES takes: numbers, "GPU-..." or
// "MIG-...".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace qalam {

// Those that this process may use: the caller's CUDA_VISIBLE_DEVICES if it is set, else what the machine has.
std::vector<std::string> VisibleGpus();

// What --gpus says. "2": the first two of `visible`, or 0 and 1 where nothing is visible; "0,1,3" and "GPU-6ef2...":
// these, and "3,": number 3 alone; "0": none.
Result<std::vector<std::string>> ParseGpus(std::string_view text, const std::vector<std::string>& visible);

std::string JoinGpus(const std::vector<std::string>& gpus);  // "0,1"
std::vector<std::string> SplitGpus(std::string_view list);

}  // namespace qalam
