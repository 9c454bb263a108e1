// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <string>

#include "core/document.h"
#include "core/utf8.h"

namespace qalam {
namespace {

std::atomic<LogLevel> level_now{LogLevel::kWarning};

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
    case LogLevel::kOff: break;
  }
  return spdlog::level::off;
}

constexpr const char* kTextPattern = "time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v";
constexpr const char* kJsonPattern = R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)";

LogFormat format_now = LogFormat::kText;

// Never destroyed: threads may log while the program ends.
spdlog::logger& Logger() {
  static spdlog::logger& logger = *[] {
    auto made = std::make_unique<spdlog::logger>("qalam", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_level(spdlog::level::trace);
    made->set_pattern(kTextPattern, spdlog::pattern_time_type::utc);
    made->set_error_handler([](const std::string&) {});  // standard error is gone: there is nobody to tell
    return made.release();
  }();
  return logger;
}

// As it is when nobody could take it for something else, otherwise in quotes. It cannot move a terminal's cursor.
std::string TextValue(const std::string& value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  escaped = EscapeControls(escaped);
  const bool plain = !value.empty() && escaped == value && value.find_first_of(" =") == std::string::npos;
  return plain ? value : '"' + escaped + '"';
}

std::string TextLine(std::string_view event, std::initializer_list<LogField> fields) {
  std::string line = "event=" + std::string(event);
  for (const LogField& field : fields) (line += ' ').append(field.key) += '=' + TextValue(field.value);
  return line;
}

// Without its brace: the pattern has begun the object.
std::string JsonLine(std::string_view event, std::initializer_list<LogField> fields) {
  Node line = Node::Map();
  line.Set("msg", Node::String(std::string(event)));
  for (const LogField& field : fields)
    line.Set(std::string(field.key),
             Node::Scalar(field.is_number ? Node::Kind::kInt : Node::Kind::kString, field.value));
  return ToJson(line).substr(1);
}

}  // namespace

void SetLogLevel(LogLevel level) { level_now.store(level, std::memory_order_relaxed); }

bool LogEnabled(LogLevel level) {
  return level != LogLevel::kOff && level >= level_now.load(std::memory_order_relaxed);
}

void SetLogFormat(LogFormat format) {
  format_now = format;
  Logger().set_pattern(format == LogFormat::kJson ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc);
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  const std::string line = format_now == LogFormat::kJson ? JsonLine(event, fields) : TextLine(event, fields);
  Logger().log(ToSpdlog(level), spdlog::string_view_t(line));
}

}  // namespace qalam
