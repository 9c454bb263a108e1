// SPDX-License-Identifier: Apache-2.0
#include "core/clock.h"

#include <gtest/gtest.h>

namespace qalam {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::year;

const WallTime kTime = sys_days{year{2026} / 1 / 2} + 15h + 4min + 5s;

TEST(Time, IsWrittenAsKatibWritesIt) {
  EXPECT_EQ(FormatTime(kTime), "2026-01-02T15:04:05Z");
  EXPECT_EQ(FormatTime(kTime + 999'999'999ns), "2026-01-02T15:04:05Z");
  EXPECT_EQ(FormatTimePrecise(kTime + 123ns), "2026-01-02T15:04:05.000000123Z");
  EXPECT_EQ(FormatTime(WallTime{}), "");
  EXPECT_EQ(FormatTimePrecise(WallTime{}), "");
  EXPECT_EQ(FormatTimePrecise(WallTime{} - 1ns), "1969-12-31T23:59:59.999999999Z");
}

TEST(Time, IsReadWithOrWithoutFractionAndOffset) {
  const struct {
    const char* text;
    WallTime time;
  } kTable[] = {
      {"2026-01-02T15:04:05Z", kTime},
      {"2026-01-02t15:04:05z", kTime},
      {"2026-01-02T15:04:05.5Z", kTime + 500ms},
      {"2026-01-02T15:04:05.123456789Z", kTime + 123'456'789ns},
      {"2026-01-02T15:04:05.1234567899Z", kTime + 123'456'789ns},
      {"2026-01-02T17:34:05+02:30", kTime},
      {"2026-01-01T20:04:05-19:00", kTime},
      {"2026-01-02T15:04:05-00:00", kTime},
      {"2024-02-29T00:00:00Z", sys_days{year{2024} / 2 / 29}},
      {"2016-12-31T23:59:60Z", sys_days{year{2017} / 1 / 1}},
      {"1970-01-01T00:00:00Z", WallTime{}},
      {"1969-12-31T23:59:59.25Z", WallTime{} - 750ms},
  };
  for (const auto& [text, time] : kTable) {
    const Result<WallTime> read = ParseTime(text);
    ASSERT_TRUE(read.ok()) << text << ": " << read.status().ToString();
    EXPECT_EQ(*read, time) << text;
  }
}

TEST(Time, WhatIsWrittenIsReadBack) {
  for (WallTime time = sys_days{year{1700} / 1 / 1}; time < sys_days{year{2260} / 1 / 1};
       time += 12'345'678'901'234'567ns)
    EXPECT_EQ(*ParseTime(FormatTimePrecise(time)), time);
}

TEST(Time, WhatIsNoTimeIsRefused) {
  for (const char* text : {"",
                           "2026",
                           "2026-01-02",
                           "2026-01-02T15:04:05",
                           "2026-01-02 15:04:05Z",
                           "2026-1-02T15:04:05Z",
                           "2026-13-02T15:04:05Z",
                           "2026-02-30T15:04:05Z",
                           "2025-02-29T00:00:00Z",
                           "2026-01-02T24:04:05Z",
                           "2026-01-02T15:60:05Z",
                           "2026-01-02T15:04:61Z",
                           "2026-01-02T15:04:05.Z",
                           "2026-01-02T15:04:05+0230",
                           "2026-01-02T15:04:05+24:00",
                           "2026-01-02T15:04:05Zjunk",
                           "+026-01-02T15:04:05Z",
                           "0001-01-01T00:00:00Z",
                           "9999-12-31T23:59:59Z",
                           "2026-01-02T15:04:05,5Z",
                           " 2026-01-02T15:04:05Z"}) {
    const Result<WallTime> read = ParseTime(text);
    EXPECT_FALSE(read.ok()) << text;
    EXPECT_NE(read.status().message().find(text), std::string::npos);
  }
}

TEST(SystemClock, DoesNotStepBackAndKnowsTheDate) {
  const SystemClock clock;
  Duration last = clock.Monotonic();
  for (int i = 0; i < 1000; ++i) {
    const Duration now = clock.Monotonic();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(clock.Wall(), WallTime(sys_days{year{2024} / 1 / 1}));
}

TEST(ManualClock, AJumpOfTheWallDoesNotTouchTheMonotonicTime) {
  ManualClock clock;
  const WallTime wall = clock.Wall();
  clock.Advance(5s);
  clock.JumpWall(-1h);
  EXPECT_EQ(clock.Monotonic(), 5s);
  EXPECT_EQ(clock.Wall(), wall + 5s - 1h);
}

}  // namespace
}  // namespace qalam
