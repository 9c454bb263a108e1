// SPDX-License-Identifier: Apache-2.0
// What the calling thread has worked so far.
#pragma once

#include <ctime>

namespace qalam::bench {

// Processor seconds.
inline double ThreadSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace qalam::bench
