// SPDX-License-Identifier: Apache-2.0
// Contenders by the names that people give them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/contender.h"

namespace qalam::bench {

// "random,tpe(gamma=0.1,n=24),sobol": commas outside of parentheses.
std::vector<std::string> SplitNames(std::string_view list);

// "NAME" or "NAME(SETTING=VALUE,...)" of an algorithm of ours. INVALID_ARGUMENT: it is not written so; NOT_FOUND, with
// what was perhaps meant.
Result<ContenderSpec> ParseContender(std::string_view text);

}  // namespace qalam::bench
