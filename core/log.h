// SPDX-License-Identifier: Apache-2.0
// Log lines for the person at three in the morning, and for what collects them: one event a line, to standard error.
//   Log(LogLevel::kWarning, "lost", {{"trial", name}, {"attempt", attempt}, {"reason", why}});
//   time=2026-11-30T03:00:00.123Z level=warning event=lost trial=mnist-7 attempt=1 reason="no exit record"
//   {"ts":"2026-11-30T03:00:00.123Z","level":"warning","msg":"lost","trial":"mnist-7","attempt":1,"reason":"..."}
// A value from outside stays one value, whatever it holds.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace qalam {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat { kText, kJson };

struct LogField {
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, std::integral auto number)
      : key(name), value(std::to_string(number)), is_number(true) {}

  std::string_view key;
  std::string value;
  bool is_number = false;
};

void SetLogLevel(LogLevel level);  // default kWarning: quiet on success
bool LogEnabled(LogLevel level);
void SetLogFormat(LogFormat format);  // before there are threads
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

}  // namespace qalam
