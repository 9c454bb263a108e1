// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

namespace qalam {

// How often: as the environment says (`./dev torture` does), else what the ordinary test run has time for.
inline int LongForm(const char* variable, int otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoi(text);
}

}  // namespace qalam
