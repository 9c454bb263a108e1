// SPDX-License-Identifier: Apache-2.0
// libFuzzer's entry for one target; QALAM_FUZZ_TARGET is the name of its function.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {
Status QALAM_FUZZ_TARGET(std::string_view input);
}

// The linker finds it by this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const qalam::Status status = qalam::fuzz::QALAM_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.message().c_str());
    std::abort();
  }
  return 0;
}
