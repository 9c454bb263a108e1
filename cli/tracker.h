// SPDX-License-Identifier: Apache-2.0
// Keeps the models of cli/progress.h in step with the store by what changed, never by reading all trials again.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/progress.h"
#include "store/store.h"

namespace qalam {

class Tracker {
 public:
  // `reader` and `clock` outlive the tracker.
  Tracker(StoreReader& reader, const Clock& clock) : reader_(reader), clock_(clock) {}

  // Reads those of the experiment's trials that a screen can show; from then on only what changes.
  Status Follow(const ExperimentSpec& spec, std::int64_t experiment_id, const std::string& db_option);
  // Takes up what was committed since the last call. `ended` is called for each trial that ended meanwhile.
  Status Update(const std::function<void(const ProgressModel&, const TrialRow&)>& ended);
  // Reads the reports of the trials at work: what they say now, and where it goes. For a display that shows them.
  void ReadReports();

  std::map<std::int64_t, ProgressModel>& models() { return models_; }

 private:
  Status ReadExperiment(std::int64_t id, ProgressModel* model);
  Status ReadTrials(std::int64_t id, ProgressModel* model);
  // Returns whether the trial has ended only now.
  bool TakeUp(const Trial& trial, ProgressModel* model);
  void ReadReports(TrialRow* row, ProgressModel* model);

  StoreReader& reader_;
  const Clock& clock_;
  std::int64_t revision_ = 0;
  std::map<std::int64_t, ProgressModel> models_;                       // by experiment
  std::map<std::int64_t, std::pair<std::string, std::string>> names_;  // namespace, name
  std::map<std::string, Duration> not_before_;  // when a trial with very many reports is read again
};

// What a trial's last condition says to people: without Katib's "Trial has failed. Job message: ".
std::string TrialMessage(const Trial& trial);
// The reports of the newest attempt, in the order they came.
std::vector<ObservationRow> NewestReports(std::vector<ObservationRow> rows);

}  // namespace qalam
