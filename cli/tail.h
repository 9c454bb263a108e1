// SPDX-License-Identifier: Apache-2.0
// The end of a file, however long it is.
#pragma once

#include <cstdint>
#include <string>

#include "core/status.h"

namespace qalam {

// Where the last `lines` lines of an open file begin; what follows the last newline is a line too.
Result<std::int64_t> StartOfLastLines(int fd, std::int64_t lines);
// Those lines, of at most 64 KiB. Empty when there are none or the file cannot be read.
std::string LastLines(const std::string& path, std::int64_t lines);

}  // namespace qalam
