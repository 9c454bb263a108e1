// SPDX-License-Identifier: Apache-2.0
// Made learning curves, of which it is known how far their ranks hold: an error rate falls from 1 to what the
// configuration is worth, at a speed that may depend on it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "bench/problem.h"

namespace qalam::bench {

// "none": all learn at one speed, so who is ahead stays ahead; "mild", "strong": the better a configuration is in the
// end, the slower it learns, up to 3 and 6 times; "noisy": as none, but what is reported scatters.
std::span<const std::string_view> LearningKinds();

// "curves/KIND/iINSTANCE": 4 parameters, 27 steps; the instance moves and turns everything. nullptr: no such kind.
std::unique_ptr<Problem> MakeLearning(std::string_view kind, std::uint64_t instance);

}  // namespace qalam::bench
