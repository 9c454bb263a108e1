// SPDX-License-Identifier: Apache-2.0
// Problems that are tables of measured trials: complete grids, constrained grids where what is not listed fails, and
// random samples that are answered by the nearest row. bench/data/README.md tells where each comes from.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/problem.h"

namespace qalam::bench {

// "hpobench/australian", "gpu/dedispersion_milo_A100", "deepar/m4-Daily", ... : all that the data folder has.
std::vector<std::string> TableNames();
// `data`: the folder of the tables. NOT_FOUND: no such problem, or no such file; DATA_LOSS: a damaged one.
Result<std::unique_ptr<Problem>> MakeTable(std::string_view name, const std::string& data);

}  // namespace qalam::bench
