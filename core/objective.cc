// SPDX-License-Identifier: Apache-2.0
#include "core/objective.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace qalam {
namespace {

constexpr std::string_view kUnavailable = "unavailable";
constexpr std::string_view kSpaces = " \t\r\n\f\v";

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

MetricStrategy StrategyOf(const ObjectiveSpec& objective, const std::string& metric) {
  if (const auto found = objective.strategies.find(metric); found != objective.strategies.end()) return found->second;
  return objective.type == ObjectiveType::kMinimize ? MetricStrategy::kMin : MetricStrategy::kMax;
}

// The text that counts: min or max, and where there is none, or the strategy says so, the latest.
const std::string& Counting(const ObjectiveSpec& objective, const Metric& metric) {
  switch (StrategyOf(objective, metric.name)) {
    case MetricStrategy::kMin: return metric.min != kUnavailable ? metric.min : metric.latest;
    case MetricStrategy::kMax: return metric.max != kUnavailable ? metric.max : metric.latest;
    case MetricStrategy::kLatest: break;
  }
  return metric.latest;
}

}  // namespace

std::optional<double> ParseMetricValue(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {  // 1e-400 is a zero that was printed well; 1e400 is no number
    const auto exponent = text.find_first_of("eE");
    const bool tiny = exponent != std::string_view::npos ? text.substr(exponent + 1).starts_with('-')
                                                         : text.find_first_of("123456789") > text.find('.');
    return tiny ? std::optional(0.0) : std::nullopt;
  }
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  return value;
}

void Fold(const std::string& name, const std::string& value, Observation* observation) {
  const auto metric = std::ranges::find(observation->metrics, name, &Metric::name);
  if (metric == observation->metrics.end()) return;
  metric->latest = Trim(value).empty() ? kUnavailable : value;
  const std::optional<double> number = ParseMetricValue(value);
  if (!number) return;
  const std::optional<double> min = ParseMetricValue(metric->min), max = ParseMetricValue(metric->max);
  if (!min || *number < *min) metric->min = value;
  if (!max || *number > *max) metric->max = value;
}

Observation EmptyObservation(const ObjectiveSpec& objective) {
  Observation out;
  const auto add = [&out](const std::string& name) { out.metrics.emplace_back().name = name; };
  add(objective.metric_name);
  std::ranges::for_each(objective.additional_metric_names, add);
  return out;
}

std::optional<double> ObjectiveValue(const ObjectiveSpec& objective, const Observation& observation) {
  const Metric* metric = observation.Find(objective.metric_name);
  return metric != nullptr ? ParseMetricValue(Counting(objective, *metric)) : std::nullopt;
}

std::string ObjectiveWords(const ObjectiveSpec& objective, const Observation& observation) {
  const Metric* metric = observation.Find(objective.metric_name);
  if (metric == nullptr || ObjectiveValue(objective, observation) || metric->latest == kUnavailable) return "";
  const std::string_view text = Trim(metric->latest);
  const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const std::string_view word =
      text.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(text, is_word) - text.begin()));
  const bool opens = std::string_view("[({").find(text.front()) != std::string_view::npos;
  const auto is = [&](std::string_view name) {
    return std::ranges::equal(word, name, {}, [](char c) { return static_cast<char>(c | 0x20); });
  };
  return opens || (!word.empty() && !is("nan") && !is("inf") && !is("infinity") && !is("none")) ? std::string(text)
                                                                                                : "";
}

std::string StrategyValue(const ObjectiveSpec& objective, const std::string& name, const Observation& observation) {
  const Metric* metric = observation.Find(name);
  if (metric == nullptr) return std::string(kUnavailable);
  const std::string& text = Counting(objective, *metric);
  return ParseMetricValue(text) ? text : std::string(kUnavailable);
}

bool IsBetter(ObjectiveType type, double a, double b) { return type == ObjectiveType::kMinimize ? a < b : a > b; }

bool ReachesGoal(const ObjectiveSpec& objective, double value) {
  if (!objective.goal) return false;
  return objective.type == ObjectiveType::kMinimize ? value <= *objective.goal : value >= *objective.goal;
}

}  // namespace qalam
