// SPDX-License-Identifier: Apache-2.0
#include "core/status.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace qalam {

std::string_view CodeName(Code code) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "UNKNOWN";
}

Status Status::Within(std::string_view context) const {
  return ok() ? *this : Status(code_, fmt::format("{}: {}", context, message_));
}

std::string Status::ToString() const { return ok() ? "OK" : fmt::format("{}: {}", CodeName(code_), message_); }

void CheckFailed(const char* file, int line, const char* condition, std::string_view promise) {
  std::fprintf(stderr, "qalam: %s:%d: broken promise: %.*s (%s)\n", file, line, static_cast<int>(promise.size()),
               promise.data(), condition);
  std::abort();
}

}  // namespace qalam
