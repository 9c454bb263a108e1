// SPDX-License-Identifier: Apache-2.0
// Problems of YAHPO Gym's networks: "yahpo/lcbench/168868" is one data set of one scenario. Whole trials are of the
// highest fidelity; lcbench has a curve of 52 epochs. Parameters of another parent are of no effect.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "bench/problem.h"

namespace qalam::bench {

// `data`: the folder of the tables. NOT_FOUND: no such scenario or instance (the message lists them), or no such file.
Result<std::unique_ptr<Problem>> MakeYahpo(std::string_view scenario, std::string_view instance,
                                           const std::string& data);

}  // namespace qalam::bench
