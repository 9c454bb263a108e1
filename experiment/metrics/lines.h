// SPDX-License-Identifier: Apache-2.0
// From a trial's bytes to lines worth parsing, in bounded memory: what the text and the JSON collector share.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "experiment/metrics/collector.h"
#include "experiment/metrics/sightings.h"

namespace qalam {

// Looks for the metrics' names, in capitals or not, with one pass over a line: most lines have none and cost no more.
class NameScanner {
 public:
  explicit NameScanner(const std::vector<std::string>& names);
  enum class Found { kNothing, kName, kDirt };  // dirt: bytes to be cleaned away before the line can be judged
  Found Scan(std::string_view line) const;

 private:
  std::vector<std::string> names_;  // in small letters
  std::array<std::uint8_t, 256> kind_{};
};

// Without NUL bytes and terminal control sequences (colours, cursor, titles); bytes that are no UTF-8 become U+FFFD.
std::string Cleaned(std::string_view line);

// A line ends with a newline or a carriage return (progress bars redraw theirs); lines() counts newlines. What is
// longer than kMaxLine is cut at a space before it: a number cut in two would be another number.
class LineCollector : public Collector {
 public:
  static constexpr std::size_t kMaxLine = 64 << 10;

  LineCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective, std::int64_t offset,
                std::int64_t lines);
  void Feed(std::string_view bytes, std::vector<MetricPoint>* points) final;
  void Finish(std::vector<MetricPoint>* points) final;
  std::int64_t consumed() const final { return consumed_; }
  std::int64_t lines() const final { return lines_; }
  std::string Diagnosis() const final;

 protected:
  // A clean line that has the exact name of a metric in it.
  virtual void Parse(std::string_view line, std::vector<MetricPoint>* points) = 0;
  // Any line as it came, before anything else is done with it.
  virtual void Glance(std::string_view) {}
  // For people: "with the filter  ..." after "read 212 lines of stdout"; what to print for a metric; what else would
  // help (", or set objectiveMetricName: Loss"), `nearest` is null when no line was near.
  virtual std::string Manner() const = 0;
  virtual std::string Example(const std::string& name, const std::string& value) const = 0;
  virtual std::string OtherFixes(const Sighting* nearest) const = 0;

  const std::vector<std::string>& names() const { return names_; }  // the objective first

 private:
  void Keep(std::string_view part);
  void Complete(std::string_view line, std::vector<MetricPoint>* points);
  std::string Fix() const;

  std::vector<std::string> names_;
  NameScanner scanner_;
  std::string source_;  // "stdout", or the file
  bool is_file_;
  bool from_start_;  // not restarted: the sightings are of the whole output

  std::int64_t fed_, consumed_, lines_;
  std::string partial_;  // of the line that is not complete yet: at most kMaxLine + 1 bytes

  Sightings sightings_;
  std::int64_t objective_points_ = 0, last_line_ = 0;
  std::string last_value_;
};

}  // namespace qalam
