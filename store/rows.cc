// SPDX-License-Identifier: Apache-2.0
#include "store/rows.h"

#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

namespace qalam {
namespace {

using Json = nlohmann::ordered_json;

std::string Print(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// An object whose entries keep their order. Appending skips the search for an equal key.
template <class Pairs, class NameOf, class ValueOf>
std::string PrintPairs(const Pairs& pairs, NameOf name, ValueOf value) {
  Json::object_t object;
  object.reserve(pairs.size());
  for (const auto& pair : pairs) object.emplace_back(name(pair), value(pair));
  return Print(Json(std::move(object)));
}

// Reads without building a tree, since 100,000 trials are read at a start. The columns hold objects of texts, at most
// one inside another, perhaps in a list: each text arrives with the keys that lead to it.
class Texts : public nlohmann::json_sax<Json> {
 public:
  std::function<void(int depth)> on_object = [](int) {};
  std::function<void(int depth, const std::string& outer, std::string& key, std::string& text)> on_text;

  static constexpr int kDepth = 2;
  bool start_object(std::size_t) override {
    if (++depth_ > kDepth) return false;
    on_object(depth_);
    return true;
  }
  bool end_object() override { return --depth_, true; }
  bool key(std::string& key) override { return keys_[static_cast<std::size_t>(depth_ - 1)].swap(key), true; }
  bool string(std::string& text) override {
    if (depth_ == 0) return false;
    on_text(depth_, keys_[0], keys_[static_cast<std::size_t>(depth_ - 1)], text);
    return true;
  }
  bool start_array(std::size_t) override { return depth_ == 0; }
  bool end_array() override { return true; }
  bool null() override { return false; }
  bool boolean(bool) override { return false; }
  bool number_integer(std::int64_t) override { return false; }
  bool number_unsigned(std::uint64_t) override { return false; }
  bool number_float(double, const std::string&) override { return false; }
  bool binary(Json::binary_t&) override { return false; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  int depth_ = 0;
  std::array<std::string, kDepth> keys_;
};

Status Read(std::string_view json, Texts* texts) {
  if (Json::sax_parse(json.begin(), json.end(), texts)) return OkStatus();
  return Error(Code::kDataLoss, "a column holds {:.80}, which qalam did not write", json);
}

Result<std::vector<std::pair<std::string, std::string>>> ReadPairs(std::string_view json) {
  std::vector<std::pair<std::string, std::string>> pairs;
  Texts texts;
  texts.on_text = [&](int, const std::string&, std::string& key, std::string& text) {
    pairs.emplace_back(std::move(key), std::move(text));
  };
  QALAM_RETURN_IF_ERROR(Read(json, &texts));
  return pairs;
}

template <class NameAndValue>
Result<std::vector<NameAndValue>> ReadNamed(std::string_view json) {
  QALAM_TRY(auto pairs, ReadPairs(json));
  std::vector<NameAndValue> named;
  named.reserve(pairs.size());
  for (auto& [name, value] : pairs) named.push_back({std::move(name), std::move(value)});
  return named;
}

const auto kName = [](const auto& pair) -> const std::string& { return pair.name; };
const auto kValue = [](const auto& pair) -> const std::string& { return pair.value; };

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

std::string AssignmentsJson(const Assignments& assignments) { return PrintPairs(assignments, kName, kValue); }
std::string SettingsJson(const std::vector<Setting>& settings) { return PrintPairs(settings, kName, kValue); }
std::string LabelsJson(const std::map<std::string, std::string>& labels) {
  return PrintPairs(
      labels, [](const auto& pair) { return pair.first; }, [](const auto& pair) { return pair.second; });
}

std::string ConditionsJson(const std::vector<Condition>& conditions) {
  Json list = Json::array();
  for (const Condition& condition : conditions) {
    Json::object_t object;
    object.emplace_back("type", condition.type);
    object.emplace_back("status", condition.status);
    object.emplace_back("reason", condition.reason);
    object.emplace_back("message", condition.message);
    if (auto time = TimeText(condition.last_update)) object.emplace_back("lastUpdateTime", *time);
    if (auto time = TimeText(condition.last_transition)) object.emplace_back("lastTransitionTime", *time);
    list.push_back(std::move(object));
  }
  return Print(list);
}

std::optional<std::string> ObservationJson(const std::optional<Observation>& observation) {
  if (!observation) return std::nullopt;
  return PrintPairs(observation->metrics, kName, [](const Metric& metric) {
    return Json{{"min", metric.min}, {"max", metric.max}, {"latest", metric.latest}};
  });
}

Result<Assignments> AssignmentsOf(std::string_view json) { return ReadNamed<Assignment>(json); }
Result<std::vector<Setting>> SettingsOf(std::string_view json) { return ReadNamed<Setting>(json); }
Result<std::map<std::string, std::string>> LabelsOf(std::string_view json) {
  QALAM_TRY(auto pairs, ReadPairs(json));
  return std::map<std::string, std::string>(std::make_move_iterator(pairs.begin()),
                                            std::make_move_iterator(pairs.end()));
}

Result<std::vector<Condition>> ConditionsOf(std::string_view json) {
  std::vector<Condition> conditions;
  Status fault;
  const auto read_time = [&](std::string_view text, WallTime* time) {
    if (auto parsed = TimeOf(text); parsed.ok()) {
      *time = *parsed;
    } else {
      fault = parsed.status();
    }
  };
  Texts texts;
  texts.on_object = [&](int) { conditions.emplace_back(); };
  texts.on_text = [&](int, const std::string&, std::string& key, std::string& text) {
    Condition& condition = conditions.back();
    if (key == "type")
      condition.type = std::move(text);
    else if (key == "status")
      condition.status = std::move(text);
    else if (key == "reason")
      condition.reason = std::move(text);
    else if (key == "message")
      condition.message = std::move(text);
    else if (key == "lastUpdateTime")
      read_time(text, &condition.last_update);
    else if (key == "lastTransitionTime")
      read_time(text, &condition.last_transition);
  };
  QALAM_RETURN_IF_ERROR(Read(json, &texts));
  QALAM_RETURN_IF_ERROR(fault);
  return conditions;
}

Result<std::optional<Observation>> ObservationOf(std::optional<std::string_view> json) {
  if (!json) return std::optional<Observation>();
  Observation observation;
  constexpr int kMetricDepth = 2;
  bool named = false;
  Texts texts;
  texts.on_object = [&](int depth) {
    if (depth == kMetricDepth) observation.metrics.emplace_back(), named = false;
  };
  texts.on_text = [&](int depth, const std::string& outer, std::string& key, std::string& text) {
    if (depth != kMetricDepth) return;
    Metric& metric = observation.metrics.back();
    if (!named) metric.name = outer, named = true;
    if (key == "min")
      metric.min = std::move(text);
    else if (key == "max")
      metric.max = std::move(text);
    else if (key == "latest")
      metric.latest = std::move(text);
  };
  QALAM_RETURN_IF_ERROR(Read(*json, &texts));
  return std::optional<Observation>(std::move(observation));
}

}  // namespace qalam
