// SPDX-License-Identifier: Apache-2.0
// Which learner, from measured learning curves over the number of samples (LCDB; bench/data/lcdb).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bench/problem.h"

namespace qalam::bench {

// OpenML's data sets of the suite, on which every learner was measured at every size.
std::span<const std::string_view> LcdbIds(bool tuning);

// "lcdb/ID": one of 20 learners; a step is a sample size, half as large again as the one before; value 1 - validation
// accuracy; cost the seconds of training at all sizes so far. NOT_FOUND, or DATA_LOSS: some curves are shorter than
// others.
Result<std::unique_ptr<Problem>> MakeLcdb(std::string_view id, const std::string& data);

}  // namespace qalam::bench
