// SPDX-License-Identifier: Apache-2.0
// A page shows what a metric is now, again and again: a report is a value, or a step, that is not the last one of its
// series. A metric that is asked for without labels may have several series.
#include "experiment/metrics/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace qalam {
namespace {

constexpr std::size_t kMaxSeries = 1'000;  // remembered

// name{label="value",...} value [milliseconds since 1970]
struct Sample {
  std::string_view series, name, value;
  WallTime time{};
};

std::string_view TakeWord(std::string_view* rest) {
  const std::size_t begin = std::min(rest->find_first_not_of(" \t"), rest->size());
  const std::size_t end = std::min(rest->find_first_of(" \t", begin), rest->size());
  const std::string_view word = rest->substr(begin, end - begin);
  rest->remove_prefix(end);
  return word;
}

// The end of "{...}" at the beginning of `text`; a label's value may hold anything in its quotes.
std::size_t LabelsEnd(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == '}' && !quoted) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::optional<Sample> ReadSample(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  if (line.empty() || line[0] == '#') return std::nullopt;
  Sample sample;
  std::size_t end = std::min(line.find_first_of("{ \t"), line.size());
  sample.name = line.substr(0, end);
  if (const std::size_t brace = line.find_first_not_of(" \t", end); brace != line.npos && line[brace] == '{') {
    const std::size_t length = LabelsEnd(line.substr(brace));
    if (length == line.npos) return std::nullopt;
    end = brace + length;
  }
  sample.series = line.substr(0, end);
  line.remove_prefix(end);
  sample.value = TakeWord(&line);
  const std::string_view stamp = TakeWord(&line);
  std::int64_t milliseconds = 0;
  const auto [at, error] = std::from_chars(stamp.data(), stamp.data() + stamp.size(), milliseconds);
  constexpr std::int64_t kLast = 9'000'000'000'000;  // 2255
  if (error == std::errc() && at == stamp.data() + stamp.size() && std::abs(milliseconds) < kLast)
    sample.time = WallTime(std::chrono::milliseconds(milliseconds));
  if (sample.name.empty() || sample.value.empty()) return std::nullopt;
  return sample;
}

std::optional<std::int64_t> WholeNumber(std::string_view text) {
  double value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at != text.data() + text.size() || !(value >= 0 && value < 1e15)) return std::nullopt;
  return value == std::floor(value) ? std::optional(static_cast<std::int64_t>(value)) : std::nullopt;
}

class PrometheusCollector final : public Collector {
 public:
  PrometheusCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective)
      : path_(spec.path), names_{objective.metric_name} {
    names_.insert(names_.end(), objective.additional_metric_names.begin(), objective.additional_metric_names.end());
  }

  void Know(const MetricPoint& stored) override { stored_[stored.name] = stored.value; }

  void Feed(std::string_view page, std::vector<MetricPoint>* points) override {
    ++pages_;
    consumed_ += std::ssize(page);
    std::vector<Sample> samples;
    while (!page.empty()) {
      std::string_view line = page.substr(0, page.find('\n'));
      page.remove_prefix(std::min(line.size() + 1, page.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (const auto sample = ReadSample(line)) samples.push_back(*sample);
    }
    const std::optional<std::int64_t> step = StepOf(samples);
    std::map<std::string_view, const Sample*> newest;  // of a series that a page shows twice, which it should not
    for (const Sample& sample : samples) newest[sample.series] = &sample;
    for (const Sample& sample : samples) {
      if (newest.at(sample.series) != &sample) continue;
      if (series_.size() < kMaxSeries) series_.emplace(sample.series);
      for (const std::string& name : names_) {
        if (name == sample.series || name == sample.name) Take(name, sample, step, points);
      }
    }
    if (last_.size() > kMaxSeries) std::erase_if(last_, [](const auto& entry) { return entry.second.age > 0; });
    for (auto& [key, last] : last_) ++last.age;
  }
  void Finish(std::vector<MetricPoint>*) override {}

  std::int64_t consumed() const override { return consumed_; }
  std::int64_t lines() const override { return pages_; }

  std::string Diagnosis() const override {
    if (pages_ == 0) {
      return fmt::format(
          "the objective '{}' was never served: no page {} came from the trial's port.\n"
          "  fix: let it listen on the port in $QALAM_METRICS_PORT until a second after its last value",
          names_[0], path_);
    }
    std::string why = fmt::format("the objective '{}' was never served.\n  read {} {} of {}", names_[0], pages_,
                                  pages_ == 1 ? "page" : "pages", path_);
    if (series_.empty()) {
      return why +
             fmt::format(", and nothing in Prometheus' text format\n  fix: serve a line \"{} <number>\"", names_[0]);
    }
    why += "; metrics there:";
    int told = 0;
    for (const std::string& series : series_) {
      if (++told <= 5) why += fmt::format("{} {}", told > 1 ? "," : "", series);
    }
    if (told > 5) why += fmt::format(" and {} more", told - 5);
    return why + "\n  fix: set objectiveMetricName to one of them";
  }

 private:
  struct Last {
    std::string value;
    std::optional<std::int64_t> step;
    int age = 0;  // in pages
  };

  static std::optional<std::int64_t> StepOf(const std::vector<Sample>& samples) {
    for (const std::string_view key : {"step", "global_step", "epoch"}) {
      const auto found = std::ranges::find(samples, key, &Sample::name);
      if (found != samples.end()) return WholeNumber(found->value);
    }
    return std::nullopt;
  }

  void Take(const std::string& name, const Sample& sample, std::optional<std::int64_t> step,
            std::vector<MetricPoint>* points) {
    const auto [known, unseen] = last_.try_emplace({name, std::string(sample.series)});
    Last now{std::string(sample.value), step};
    // Of what was stored before a restart only the value is sure.
    const auto stored = unseen ? stored_.find(name) : stored_.end();
    const bool again = unseen ? stored != stored_.end() && stored->second == now.value
                              : known->second.value == now.value && known->second.step == now.step;
    known->second = std::move(now);
    if (!again) points->push_back({name, std::string(sample.value), sample.time, step});
  }

  std::string path_;
  std::vector<std::string> names_;                            // the objective first
  std::map<std::string, std::string> stored_;                 // values before a restart
  std::map<std::pair<std::string, std::string>, Last> last_;  // by name and series
  std::set<std::string> series_;
  std::int64_t consumed_ = 0, pages_ = 0;
};

}  // namespace

std::unique_ptr<Collector> MakePrometheusCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective) {
  return std::make_unique<PrometheusCollector>(spec, objective);
}

}  // namespace qalam
