// SPDX-License-Identifier: Apache-2.0
// Metrics out of a trial's bytes, live: fed chunk by chunk, memory bounded whatever comes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/experiment.h"
#include "core/status.h"

namespace qalam {

struct MetricPoint {
  std::string name, value;           // value as printed; "nan" and other non-numbers are kept
  WallTime time{};                   // zero: the line has none
  std::optional<std::int64_t> step;  // when the line says one
};

class Collector {
 public:
  virtual ~Collector() = default;
  // After a restart, before the first bytes: reports of this attempt that are stored, in their order. One that is read
  // from the start again, or shows what is now, does not give them twice.
  virtual void Know(const MetricPoint& /*stored*/) {}
  // The next bytes are of this file, below the folder that is read; not called where there is one source.
  virtual void Select(std::string_view /*file*/) {}
  // Complete lines are parsed now, the rest when it is complete.
  virtual void Feed(std::string_view bytes, std::vector<MetricPoint>* points) = 0;
  // The output has ended: a last line without a newline counts too.
  virtual void Finish(std::vector<MetricPoint>* points) = 0;
  // Bytes up to the start of the line that is not complete yet: where to go on after a restart, with one source.
  virtual std::int64_t consumed() const = 0;
  virtual std::int64_t lines() const = 0;
  // Why the objective never came, for people (UX: lines read, the filter, the nearest lines, what to do).
  virtual std::string Diagnosis() const = 0;
};

// Reads the objective and the additional metrics as Katib's collectors do (TEXT with RE2 filters, JSON lines, event
// files, pages of Prometheus); of a Custom collector what it prints, as TEXT.
// `offset`, `lines`: what was consumed before a restart. INVALID_ARGUMENT: a filter that does not compile.
Result<std::unique_ptr<Collector>> MakeCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective,
                                                 std::int64_t offset = 0, std::int64_t lines = 0);

// Whether the trial, or a container beside it, may report by itself.
inline bool ReportsItself(CollectorKind kind) {
  return kind == CollectorKind::kPush || kind == CollectorKind::kNone || kind == CollectorKind::kCustom;
}

// Whether a filter is one that MakeCollector takes: compiles, and has two groups. OK or INVALID_ARGUMENT.
Status CheckFilter(const std::string& filter);

}  // namespace qalam
