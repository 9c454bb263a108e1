// SPDX-License-Identifier: Apache-2.0
// Time, handed in rather than asked of the system, so that a test can say what time it is.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/status.h"

namespace qalam {

using Duration = std::chrono::nanoseconds;
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;

// Durations, timeouts and order come from Monotonic(); Wall() is only shown and stored.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Duration Monotonic() const = 0;  // since an arbitrary start; never steps back
  virtual WallTime Wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  Duration Monotonic() const override;
  WallTime Wall() const override;
};

// Stands still until told. Not thread-safe.
class ManualClock final : public Clock {
 public:
  Duration Monotonic() const override { return monotonic_; }
  WallTime Wall() const override { return wall_; }
  void Advance(Duration by) { monotonic_ += by, wall_ += by; }
  void JumpWall(Duration by) { wall_ += by; }  // as ntpd or a person would

 private:
  Duration monotonic_{0};
  WallTime wall_{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
};

std::string FormatTime(WallTime time);              // "2026-01-02T15:04:05Z", as Katib writes it; the zero time is ""
std::string FormatTimePrecise(WallTime time);       // "2026-01-02T15:04:05.123456789Z"
Result<WallTime> ParseTime(std::string_view text);  // RFC 3339, with or without a fraction and an offset

}  // namespace qalam
