// SPDX-License-Identifier: Apache-2.0
// Numbers as decimal text, exactly and without noise: 0.3, 1e-05, 5; never 0.30000000000000004 for 3 * 0.1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qalam {

// A finite number of at most 1e300 in size, all of the text; nullopt for anything else.
std::optional<double> ParseNumber(std::string_view text);

double Decimal(std::int64_t n, int decimals);  // the double nearest to n * 10^-decimals
int DecimalsOf(double value);                  // digits after the point in its shortest form; 0 for whole numbers

// The shortest text that reads back as the number: plain from 0.0001 to 1e16, else as 1.5e-05.
void SetDouble(double value, std::string* text);
// The same for n * 10^-decimals, |n| < 10^15, without a detour through binary.
void SetDecimal(std::int64_t n, int decimals, std::string* text);

}  // namespace qalam
