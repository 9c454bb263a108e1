// SPDX-License-Identifier: Apache-2.0
#include "store/rows.h"

#include <charconv>
#include <cstdint>
#include <utility>

#include "core/utf8.h"

namespace qalam {
namespace {

// JSON is written and read here by hand: a trial is written several times in its life, 100,000 of them are read at a
// start, and to build a tree of small strings costs more than the rest of the row.
class Printer {
 public:
  void Open(char bracket) { text_ += bracket; }
  void Close(char bracket) {
    if (text_.back() == ',') text_.pop_back();
    text_ += bracket;
    text_ += ',';
  }
  void Key(std::string_view key) {
    Quote(key);
    text_ += ':';
  }
  void Value(std::string_view value) {
    Quote(value);
    text_ += ',';
  }
  void Pair(std::string_view key, std::string_view value) {
    Key(key);
    Value(value);
  }
  void Pair(std::string_view key, int value) {
    Key(key);
    text_ += std::to_string(value);
    text_ += ',';
  }
  std::string Take() {
    text_.pop_back();  // the comma behind the outermost bracket
    return std::move(text_);
  }

 private:
  void Quote(std::string_view text) {
    text_ += '"';
    while (!text.empty()) {
      std::size_t plain = 0;
      while (plain < text.size() && IsPlain(text[plain])) ++plain;
      text_.append(text.substr(0, plain));
      text.remove_prefix(plain);
      if (!text.empty()) Escape(TakeCodePoint(text));
    }
    text_ += '"';
  }
  static bool IsPlain(char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }
  void Escape(char32_t c) {
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += static_cast<char>(c);
    } else if (c == '\n') {
      text_ += "\\n";
    } else if (c < 0x20) {
      fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      AppendCodePoint(c, &text_);
    }
  }
  std::string text_;
};

template <class Named>
std::string PrintNamed(const std::vector<Named>& list) {
  Printer json;
  json.Open('{');
  for (const Named& item : list) json.Pair(item.name, item.value);
  json.Close('}');
  return json.Take();
}

// Reads what Printer writes, and any other spelling of it: objects and lists of texts. Each function takes one value
// off the front; false: something else is there.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // `member(key)` takes the value off.
  template <class Member>
  bool Object(Member member) {
    if (!Take('{')) return false;
    if (Take('}')) return true;
    std::string key;
    do {
      if (!Text(&key) || !Take(':') || !member(key)) return false;
    } while (Take(','));
    return Take('}');
  }
  // `item()` takes one item off.
  template <class Item>
  bool List(Item item) {
    if (!Take('[')) return false;
    if (Take(']')) return true;
    do {
      if (!item()) return false;
    } while (Take(','));
    return Take(']');
  }
  bool Text(std::string* text) {
    text->clear();
    if (!Take('"')) return false;
    while (!rest_.empty()) {
      std::size_t plain = 0;
      while (plain < rest_.size() && rest_[plain] != '"' && rest_[plain] != '\\') ++plain;
      text->append(rest_.substr(0, plain));
      rest_.remove_prefix(plain);
      if (Front('"')) return true;
      if (!Front('\\') || !Escape(text)) return false;
    }
    return false;
  }
  bool Int(int* value) {
    SkipSpace();
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), *value);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return true;
  }
  bool AtEnd() {
    SkipSpace();
    return rest_.empty();
  }

 private:
  bool Front(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool Take(char c) {
    SkipSpace();
    return Front(c);
  }
  void SkipSpace() {
    while (!rest_.empty() &&
           (rest_.front() == ' ' || rest_.front() == '\n' || rest_.front() == '\t' || rest_.front() == '\r')) {
      rest_.remove_prefix(1);
    }
  }
  // What follows a backslash.
  bool Escape(std::string* text) {
    constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (Front('u')) {
      char32_t c = 0;
      return CodeUnit(&c) && Codepoint(c, text);
    }
    const std::size_t which = rest_.empty() ? kNames.npos : kNames.find(rest_.front());
    if (which == kNames.npos) return false;
    *text += kMeanings[which];
    rest_.remove_prefix(1);
    return true;
  }
  bool CodeUnit(char32_t* unit) {
    constexpr std::size_t kDigits = 4;
    std::uint32_t value = 0;
    if (rest_.size() < kDigits) return false;
    const char* const end = rest_.data() + kDigits;
    if (std::from_chars(rest_.data(), end, value, 16).ptr != end) return false;
    rest_.remove_prefix(kDigits);
    *unit = value;
    return true;
  }
  // `c` may be the first of a surrogate pair.
  bool Codepoint(char32_t c, std::string* text) {
    constexpr char32_t kHigh = 0xD800, kLow = 0xDC00, kLowEnd = 0xE000, kBeyond = 0x10000;
    if (c >= kHigh && c < kLow) {
      char32_t low = 0;
      if (!Front('\\') || !Front('u') || !CodeUnit(&low) || low < kLow || low >= kLowEnd) return false;
      c = kBeyond + ((c - kHigh) << 10) + (low - kLow);
    } else if (c >= kLow && c < kLowEnd) {
      return false;
    }
    AppendCodePoint(c, text);
    return true;
  }

  std::string_view rest_;
};

Status NotOurs(std::string_view json) {
  return Error(Code::kDataLoss, "a column holds {:.80}, which qalam did not write", json);
}

template <class Named>
Result<std::vector<Named>> ReadNamed(std::string_view json) {
  std::vector<Named> list;
  Scanner scanner(json);
  const bool read = scanner.Object([&](std::string& name) {
    Named& item = list.emplace_back();
    item.name = std::move(name);
    return scanner.Text(&item.value);
  });
  if (!read || !scanner.AtEnd()) return NotOurs(json);
  return list;
}

}  // namespace

std::optional<std::string> TimeText(WallTime time) {
  if (time == WallTime{}) return std::nullopt;
  return FormatTimePrecise(time);
}

Result<WallTime> TimeOf(std::string_view text) {
  if (text.empty()) return WallTime{};
  auto time = ParseTime(text);
  if (!time.ok()) return Error(Code::kDataLoss, "a column holds {:.80}, which is not a time", text);
  return time;
}

std::string AssignmentsJson(const Assignments& assignments) { return PrintNamed(assignments); }
std::string SettingsJson(const std::vector<Setting>& settings) { return PrintNamed(settings); }
std::string LabelsJson(const std::map<std::string, std::string>& labels) {
  Printer json;
  json.Open('{');
  for (const auto& [name, value] : labels) json.Pair(name, value);
  json.Close('}');
  return json.Take();
}

std::string ConditionsJson(const std::vector<Condition>& conditions) {
  Printer json;
  json.Open('[');
  for (const Condition& condition : conditions) {
    json.Open('{');
    json.Pair("type", condition.type);
    json.Pair("status", condition.status);
    json.Pair("reason", condition.reason);
    json.Pair("message", condition.message);
    const auto update = TimeText(condition.last_update);
    if (update) json.Pair("lastUpdateTime", *update);
    if (condition.last_transition == condition.last_update && update) {
      json.Pair("lastTransitionTime", *update);
    } else if (const auto transition = TimeText(condition.last_transition)) {
      json.Pair("lastTransitionTime", *transition);
    }
    json.Close('}');
  }
  json.Close(']');
  return json.Take();
}

std::string RulesJson(const std::vector<EarlyStoppingRule>& rules) {
  Printer json;
  json.Open('[');
  for (const EarlyStoppingRule& rule : rules) {
    json.Open('{');
    json.Pair("name", rule.name);
    json.Pair("value", rule.value);
    json.Pair("comparison", ToString(rule.comparison));
    json.Pair("startStep", rule.start_step);
    json.Close('}');
  }
  json.Close(']');
  return json.Take();
}

std::optional<std::string> ObservationJson(const std::optional<Observation>& observation) {
  if (!observation) return std::nullopt;
  Printer json;
  json.Open('{');
  for (const Metric& metric : observation->metrics) {
    json.Key(metric.name);
    json.Open('{');
    json.Pair("min", metric.min);
    json.Pair("max", metric.max);
    json.Pair("latest", metric.latest);
    json.Close('}');
  }
  json.Close('}');
  return json.Take();
}

Result<Assignments> AssignmentsOf(std::string_view json) { return ReadNamed<Assignment>(json); }
Result<std::vector<Setting>> SettingsOf(std::string_view json) { return ReadNamed<Setting>(json); }
Result<std::map<std::string, std::string>> LabelsOf(std::string_view json) {
  std::map<std::string, std::string> labels;
  Scanner scanner(json);
  const bool read = scanner.Object([&](std::string& name) { return scanner.Text(&labels[name]); });
  if (!read || !scanner.AtEnd()) return NotOurs(json);
  return labels;
}

Result<std::vector<Condition>> ConditionsOf(std::string_view json) {
  std::vector<Condition> conditions;
  std::string time;
  Scanner scanner(json);
  const auto read_time = [&](WallTime* into) {
    if (!scanner.Text(&time)) return false;
    const auto parsed = TimeOf(time);
    if (parsed.ok()) *into = *parsed;
    return parsed.ok();
  };
  const bool read = scanner.List([&] {
    Condition& condition = conditions.emplace_back();
    return scanner.Object([&](const std::string& key) {
      if (key == "type") return scanner.Text(&condition.type);
      if (key == "status") return scanner.Text(&condition.status);
      if (key == "reason") return scanner.Text(&condition.reason);
      if (key == "message") return scanner.Text(&condition.message);
      if (key == "lastUpdateTime") return read_time(&condition.last_update);
      return key == "lastTransitionTime" && read_time(&condition.last_transition);
    });
  });
  if (!read || !scanner.AtEnd()) return NotOurs(json);
  return conditions;
}

Result<std::vector<EarlyStoppingRule>> RulesOf(std::string_view json) {
  std::vector<EarlyStoppingRule> rules;
  std::string word;
  Scanner scanner(json);
  const bool read = scanner.List([&] {
    EarlyStoppingRule& rule = rules.emplace_back();
    return scanner.Object([&](const std::string& key) {
      if (key == "name") return scanner.Text(&rule.name);
      if (key == "value") return scanner.Text(&rule.value);
      if (key == "startStep") return scanner.Int(&rule.start_step);
      if (key != "comparison" || !scanner.Text(&word)) return false;
      const std::optional<Comparison> comparison = ParseComparison(word);
      if (comparison) rule.comparison = *comparison;
      return comparison.has_value();
    });
  });
  if (!read || !scanner.AtEnd()) return NotOurs(json);
  return rules;
}

Result<std::optional<Observation>> ObservationOf(std::optional<std::string_view> json) {
  if (!json) return std::optional<Observation>();
  Observation observation;
  Scanner scanner(*json);
  const bool read = scanner.Object([&](std::string& name) {
    Metric& metric = observation.metrics.emplace_back();
    metric.name = std::move(name);
    return scanner.Object([&](const std::string& key) {
      if (key == "min") return scanner.Text(&metric.min);
      if (key == "max") return scanner.Text(&metric.max);
      return key == "latest" && scanner.Text(&metric.latest);
    });
  });
  if (!read || !scanner.AtEnd()) return NotOurs(*json);
  return std::optional<Observation>(std::move(observation));
}

}  // namespace qalam
