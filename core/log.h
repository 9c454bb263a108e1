// SPDX-License-Identifier: Apache-2.0
// Log lines for the person at three in the morning: key=value pairs, one event a line, to standard error.
//   Log(LogLevel::kWarning, "trial={} event=lost attempt={} reason=\"{}\"", name, attempt, reason);
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace qalam {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

void SetLogLevel(LogLevel level);  // default kWarning: quiet on success
bool LogEnabled(LogLevel level);
void LogLine(LogLevel level, std::string_view line);

template <class... Args>
void Log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (LogEnabled(level)) LogLine(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace qalam
