// SPDX-License-Identifier: Apache-2.0
// What is remembered. All writes of one loop tick are one WriteBatch, one transaction, one fsync: intents are
// committed before they are acted on, and nothing is acknowledged before Commit has returned.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/experiment.h"
#include "core/run.h"

namespace qalam {

// One report of one metric, in the order of `id` (given by the store).
struct ObservationRow {
  std::int64_t id = 0;
  std::string trial_name;
  int attempt = 1;            // the step attempt that printed it; only the last attempt's rows count
  std::int64_t sequence = 0;  // n-th report of that attempt: (trial, attempt, sequence) is stored once
  WallTime time{};            // zero: the line carried none
  std::string metric_name;
  std::string value;      // as printed
  std::int64_t step = 0;  // n-th report of this metric in its attempt, from 1, unless the line says a step
};

// How far a trial's output has been read, committed with the points that were found in it.
struct CollectorPosition {
  std::string trial_name;
  int attempt = 1;
  std::int64_t offset = 0;    // bytes, always at the start of a line
  std::int64_t sequence = 0;  // reports stored so far in this attempt
  std::int64_t lines = 0;
};

struct Event {
  std::int64_t experiment_id = 0;
  std::string object;           // "experiment/NAME" or "trial/NAME"
  std::string type = "Normal";  // or "Warning"
  std::string reason, message;
  int count = 1;  // equal events are joined
  WallTime first{}, last{};
};

// An experiment goes, with its trials and all rows of theirs. That it was there is kept: its id is not used again, and
// ChangesSince tells of it.
struct Deletion {
  std::int64_t experiment_id = 0;  // one that is not there is nothing
  WallTime time{};
};

// More events of one object than this are not kept: the oldest go, some at a time, down to kEventsLeft.
inline constexpr int kMaxEvents = 1'000, kEventsLeft = 900;

// Rows are written whole: the last one of a name wins. References are checked: a trial needs its experiment, and
// FAILED_PRECONDITION names what is missing. An experiment keeps its id, uid, namespace and name, a trial its name,
// experiment and ordinal; a row that would give one of these to another is ALREADY_EXISTS.
struct WriteBatch {
  std::vector<Experiment> experiments;
  std::vector<Trial> trials;
  std::vector<StepRecord> steps;
  std::vector<ObservationRow> observations;  // a (trial, attempt, sequence) already there is ignored
  std::vector<CollectorPosition> positions;
  std::vector<Event> events;
  std::vector<Deletion> deleted;  // after all other rows were written
  bool empty() const {
    return experiments.empty() && trials.empty() && steps.empty() && observations.empty() && positions.empty() &&
           events.empty() && deleted.empty();
  }
};

// Experiments and trials written after a revision, in the order of their last writing; read the rows for the rest. An
// experiment that has been deleted is among them, and has no row.
// Batches are whole: all of one has the same revision.
struct Changes {
  std::int64_t revision = 0;  // hand it in next time
  std::vector<std::int64_t> experiments;
  std::vector<std::string> trials;
};

// Which of an experiment's trials are read, and how much of each: a list of a few, or of a few columns, does not pay
// for the rest.
struct TrialQuery {
  // What comes beside the name, the number, the state, the attempt and the times. What was not asked for is empty.
  enum Part : unsigned { kNothing = 0, kAssignments = 1, kObservation = 2, kConditions = 4, kLabelsAndRules = 8 };
  static constexpr unsigned kEverything = kAssignments | kObservation | kConditions | kLabelsAndRules;
  unsigned parts = kEverything;
  bool newest_first = false;
  std::optional<int> limit = {};
};

// One report of one metric, as far as a learning curve needs it.
struct CurveReport {
  std::uint64_t ordinal = 0;  // of the trial
  std::int64_t step = 0;
  std::string_view value;  // as printed; valid during the call only
};

// Readers see committed data only and never block the writer.
class StoreReader {
 public:
  virtual ~StoreReader() = default;
  virtual Result<std::vector<Experiment>> Experiments() = 0;  // by id
  virtual Result<std::int64_t> LastExperimentId() = 0;        // of all there ever were; 0: none
  virtual Result<std::optional<Experiment>> FindExperiment(const std::string& namespace_name,
                                                           const std::string& name) = 0;
  virtual Result<std::vector<Trial>> Trials(std::int64_t experiment_id) = 0;  // by ordinal
  virtual Result<std::vector<Trial>> FindTrials(std::int64_t experiment_id, const TrialQuery& query) = 0;
  virtual Result<std::optional<Trial>> FindTrial(const std::string& name) = 0;
  virtual Result<std::optional<Trial>> FindNumbered(std::int64_t experiment_id, std::uint64_t ordinal) = 0;
  virtual Result<std::vector<StepRecord>> Steps(const std::string& trial_name) = 0;             // by step, attempt
  virtual Result<std::vector<ObservationRow>> Observations(const std::string& trial_name) = 0;  // by id
  // What the trials of an experiment have reported of one metric, each in its newest attempt (of any metric), by
  // ordinal and then as it came: in one scan. `visit` asks nothing of the store.
  virtual Status VisitCurves(std::int64_t experiment_id, const std::string& metric,
                             const std::function<void(const CurveReport&)>& visit) = 0;
  virtual Result<std::optional<CollectorPosition>> Position(const std::string& trial_name) = 0;  // newest attempt's
  virtual Result<std::vector<Event>> Events(std::int64_t experiment_id) = 0;  // by last, then as first recorded
  virtual Result<Changes> ChangesSince(std::int64_t revision) = 0;
};

// One writer, on the loop's thread.
class Store : public StoreReader {
 public:
  // All or nothing, and durable when it returns ok. RESOURCE_EXHAUSTED: the disk is full, try again later;
  // any other fault: nothing was written, and the batch may be tried again.
  virtual Status Commit(const WriteBatch& batch) = 0;
};

}  // namespace qalam
