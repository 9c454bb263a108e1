// SPDX-License-Identifier: Apache-2.0
// As Katib reads JSON lines, and where it gives up: numbers count as strings do, Python's NaN and Infinity are kept as
// text, a bad line is skipped and counted.
#include "experiment/metrics/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "experiment/metrics/lines.h"

namespace qalam {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool IsNumberOrNaN(std::string_view token) {
  if (token.starts_with('-') || token.starts_with('+')) token.remove_prefix(1);
  return (!token.empty() && ((token[0] >= '0' && token[0] <= '9') || token[0] == '.')) || token == "NaN" ||
         token == "nan" || token == "Infinity" || token == "inf" || token == "Inf";
}

// Bare numbers, NaN and Infinity in quotes: so a value stays as it was printed, and what JSON has no word for is legal.
std::string QuoteNumbers(std::string_view line) {
  std::string out;
  out.reserve(line.size() + 32);
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] == '"') {
      std::size_t end = i + 1;
      while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, line.size());
      out += line.substr(i, end - i);
      i = end;
      continue;
    }
    const std::size_t end = std::min(line.find_first_of(",:{}[]\" \t", i), line.size());
    if (end == i) {
      out += line[i++];
      continue;
    }
    const std::string_view token = line.substr(i, end - i);
    const bool quote = IsNumberOrNaN(token);
    if (quote) out += '"';
    out += token;
    if (quote) out += '"';
    i = end;
  }
  return out;
}

// The texts of one object, and nothing of what is nested in it: no tree is built, so no depth of nesting matters.
class FlatObject final : public nlohmann::json::json_sax_t {
 public:
  // Whether `line` is one object of JSON.
  bool Read(std::string_view line) { return nlohmann::json::sax_parse(QuoteNumbers(line), this) && is_object_; }
  const std::string* Find(std::string_view key) const {  // the last of equal keys
    const auto found = std::find_if(texts_.rbegin(), texts_.rend(), [key](const auto& t) { return t.first == key; });
    return found != texts_.rend() ? &found->second : nullptr;
  }

  bool string(string_t& text) override {
    if (depth_ == 1 && is_object_) texts_.emplace_back(std::move(key_), std::move(text));
    return true;
  }
  bool key(string_t& key) override {
    if (depth_ == 1) key_ = std::move(key);
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_++ == 0) is_object_ = true;
    return true;
  }
  bool start_array(std::size_t) override { return ++depth_, true; }
  bool end_object() override { return --depth_, true; }
  bool end_array() override { return --depth_, true; }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

 private:
  int depth_ = 0;
  bool is_object_ = false;
  std::string key_;
  std::vector<std::pair<std::string, std::string>> texts_;
};

// RFC 3339, or seconds since 1970.
WallTime TimeOf(const FlatObject& object) {
  const std::string* text = object.Find("timestamp");
  if (text == nullptr) return {};
  if (const Result<WallTime> time = ParseTime(*text); time.ok()) return *time;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  constexpr double kLastSecond = 9'000'000'000;  // 2255: 64 bits of nanoseconds end soon after
  if (error != std::errc() || end != text->data() + text->size() || !(std::abs(seconds) < kLastSecond)) return {};
  return WallTime(std::chrono::microseconds(std::llround(seconds * 1e6)));
}

std::optional<std::int64_t> StepOf(const FlatObject& object) {
  for (const char* key : {"step", "global_step", "epoch"}) {
    const std::string* text = object.Find(key);
    std::int64_t number = 0;
    if (text == nullptr) continue;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error == std::errc() && end == text->data() + text->size()) return number;
  }
  return std::nullopt;
}

class JsonCollector final : public LineCollector {
 public:
  using LineCollector::LineCollector;

 private:
  void Glance(std::string_view line) override {
    while (!line.empty() && IsSpace(line.front())) line.remove_prefix(1);
    while (!line.empty() && IsSpace(line.back())) line.remove_suffix(1);
    if (!line.empty() && (line.front() != '{' || line.back() != '}')) ++bad_;
  }

  void Parse(std::string_view line, std::vector<MetricPoint>* points) override {
    FlatObject object;
    if (!object.Read(line)) {
      const std::size_t first = line.find_first_not_of(" \t"), last = line.find_last_not_of(" \t");
      if (line[first] == '{' && line[last] == '}') ++bad_;  // else it was counted at a glance
      return;
    }
    for (const std::string& name : names()) {
      const std::string* value = object.Find(name);
      if (value == nullptr || value->find_first_not_of(" \t\r\n") == std::string::npos) continue;
      points->push_back({name, *value, TimeOf(object), StepOf(object)});
    }
  }

  std::string Manner() const override {
    if (bad_ == 0) return "as JSON";
    return fmt::format("as JSON, {} of them no JSON {}", bad_, bad_ == 1 ? "object" : "objects");
  }
  std::string Example(const std::string& name, const std::string& value) const override {
    return fmt::format("{{\"{}\": \"{}\"}}", name, value);
  }
  std::string OtherFixes(const Sighting* nearest) const override {
    FlatObject object;
    if (nearest != nullptr && nearest->word != names()[0] && object.Read(nearest->text) &&
        object.Find(nearest->word) != nullptr) {
      return fmt::format(", or set objectiveMetricName: {}", nearest->word);
    }
    return bad_ == 0 ? "" : ", one object a line, or set metricsCollectorSpec.source.fileSystemPath.format: TEXT";
  }

  std::int64_t bad_ = 0;
};

}  // namespace

std::unique_ptr<Collector> MakeJsonCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective,
                                             std::int64_t offset, std::int64_t lines) {
  return std::make_unique<JsonCollector>(spec, objective, offset, lines);
}

}  // namespace qalam
