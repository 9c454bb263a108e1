// SPDX-License-Identifier: Apache-2.0
// What a suggestion costs when there are many observations: processor time and memory, each measurement in a process
// of its own.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "bench/contender.h"

namespace qalam::bench {

struct LatencyKey {
  ContenderSpec contender;
  int dimension = 0;     // doubles
  int observations = 0;  // told of before the first suggestion
};

// Processor seconds of this process and of those that work for it, for one suggestion and for being told its value.
struct Latency {
  double first = 0;   // of the first one: all that is learnt from the observations at once
  double median = 0;  // of those that follow, each after one more observation
  double worst = 0;   // of those that follow
  double memory = 0;  // bytes, the largest resident size of the process that suggests; 0: not known
  int suggestions = 0;
};

struct LatencyOptions {
  int suggestions = 20;             // after the first one
  std::chrono::seconds limit{120};  // of one measurement; fewer suggestions are made where the time is short
  ContenderMaker make;              // called in the process that measures
};

// Observations are points drawn evenly in the box, worth what BBOB's Rosenbrock function (f8) says of them; who cannot
// be told of points of others proposes them all. Forks: call it where there are no threads. DEADLINE_EXCEEDED: the
// limit was passed before the second suggestion.
Result<Latency> MeasureLatency(const LatencyKey& key, const LatencyOptions& options);

// One measurement as reports show it.
struct LatencyRow {
  LatencyKey key;
  std::optional<Latency> latency;
  std::string fault;  // where there is none
};
std::string LatencyCsv(const std::vector<LatencyRow>& rows);
std::string LatencyHtml(const std::vector<LatencyRow>& rows);

}  // namespace qalam::bench
