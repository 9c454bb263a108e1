// SPDX-License-Identifier: Apache-2.0
// Whole small files.
#pragma once

#include <string>

#include "core/status.h"

namespace qalam::bench {

// NOT_FOUND, or whatever the system says.
Result<std::string> ReadWhole(const std::string& path);
// Whole or not at all; folders that are missing are made. UNAVAILABLE: no space, no right.
Status WriteWhole(const std::string& path, const std::string& text);
// The same, packed by gzip without time or name: the same text gives the same bytes.
Status WriteCompressed(const std::string& path, const std::string& text);

// A problem's or contender's name as one word of a path. Different names give different words.
std::string PathWord(const std::string& name);

}  // namespace qalam::bench
