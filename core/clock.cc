// SPDX-License-Identifier: Apache-2.0
#include "core/clock.h"

#include <charconv>

namespace qalam {
namespace {

using std::chrono::floor;
using std::chrono::seconds;

// Appends the digits at the front of `text` to a number, and takes them off; false unless there are exactly `count`.
bool TakeDigits(std::string_view& text, std::size_t count, int& number) {
  if (text.size() < count) return false;
  for (char c : text.substr(0, count))
    if (c < '0' || c > '9') return false;
  std::from_chars(text.data(), text.data() + count, number);
  text.remove_prefix(count);
  return true;
}

bool TakeOneOf(std::string_view& text, std::string_view allowed) {
  if (text.empty() || allowed.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".123": nanoseconds; digits after the ninth are cut off.
bool TakeFraction(std::string_view& text, std::int64_t& nanoseconds) {
  if (!TakeOneOf(text, ".")) return true;
  std::int64_t unit = 100'000'000;
  bool any = false;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), unit /= 10, any = true)
    nanoseconds += unit * (text.front() - '0');
  return any;
}

// "Z" or "+02:00".
bool TakeOffset(std::string_view& text, std::chrono::minutes& offset) {
  if (TakeOneOf(text, "Zz")) return true;
  const bool west = !text.empty() && text.front() == '-';
  int hours = 0, minutes = 0;
  if (!TakeOneOf(text, "+-") || !TakeDigits(text, 2, hours) || !TakeOneOf(text, ":") || !TakeDigits(text, 2, minutes))
    return false;
  if (hours > 23 || minutes > 59) return false;
  offset = std::chrono::minutes((west ? -1 : 1) * (hours * 60 + minutes));
  return true;
}

struct Broken {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::nanoseconds> time;
};

Broken Break(WallTime time) {
  const auto day = floor<std::chrono::days>(time);
  return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss<std::chrono::nanoseconds>(time - day)};
}

std::string FormatToSeconds(const Broken& b) {
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(b.date.year()),
                     static_cast<unsigned>(b.date.month()), static_cast<unsigned>(b.date.day()), b.time.hours().count(),
                     b.time.minutes().count(), b.time.seconds().count());
}

}  // namespace

Duration SystemClock::Monotonic() const { return std::chrono::steady_clock::now().time_since_epoch(); }

WallTime SystemClock::Wall() const { return std::chrono::system_clock::now(); }

std::string FormatTime(WallTime time) { return time == WallTime{} ? "" : FormatToSeconds(Break(time)) + "Z"; }

std::string FormatTimePrecise(WallTime time) {
  if (time == WallTime{}) return "";
  const Broken b = Break(time);
  return fmt::format("{}.{:09}Z", FormatToSeconds(b), b.time.subseconds().count());
}

Result<WallTime> ParseTime(std::string_view text) {
  const auto fault = [text] {
    return InvalidArgument("'{}' is not a time; write it as 2026-01-02T15:04:05Z or 2026-01-02T15:04:05.25+02:00",
                           text);
  };
  std::string_view rest = text;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  std::int64_t nanoseconds = 0;
  std::chrono::minutes offset{0};
  if (!TakeDigits(rest, 4, year) || !TakeOneOf(rest, "-") || !TakeDigits(rest, 2, month) || !TakeOneOf(rest, "-") ||
      !TakeDigits(rest, 2, day) || !TakeOneOf(rest, "Tt") || !TakeDigits(rest, 2, hour) || !TakeOneOf(rest, ":") ||
      !TakeDigits(rest, 2, minute) || !TakeOneOf(rest, ":") || !TakeDigits(rest, 2, second) ||
      !TakeFraction(rest, nanoseconds) || !TakeOffset(rest, offset) || !rest.empty())
    return fault();
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60)
    return fault();  // 60: a leap second is the next minute's 0
  // 64 bits of nanoseconds end in 1677 and 2262.
  if (year < 1678 || year > 2261) return Error(Code::kOutOfRange, "time '{}' is outside the years 1678 to 2261", text);
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         seconds(second) + std::chrono::nanoseconds(nanoseconds) - offset;
}

}  // namespace qalam
