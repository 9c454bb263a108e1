// SPDX-License-Identifier: Apache-2.0
// Which of four kinds of model, and its settings: measured learning curves of 288 random configurations a data set. A
// parameter of another model is of no effect; a point is answered by the nearest configuration of its model.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/problem.h"

namespace qalam::bench {

std::vector<std::string> CashNames();  // "cash/digits", ...
Result<std::unique_ptr<Problem>> MakeCash(std::string_view data_set, const std::string& data);

}  // namespace qalam::bench
