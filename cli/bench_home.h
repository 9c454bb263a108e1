// SPDX-License-Identifier: Apache-2.0
// Where the tables and peers of qalam bench are.
#pragma once

#include <string>

namespace qalam {

// The folder bench/ of the sources: `chosen` if it is not empty, else the one here, or that of the build that the
// program stands in.
std::string BenchHome(const std::string& chosen);

}  // namespace qalam
