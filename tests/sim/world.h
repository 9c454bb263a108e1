// SPDX-License-Identifier: Apache-2.0
// A small world around the real controller: virtual time, an engine that only pretends, a store in memory, a
// suggestion service that can be told to misbehave, and a way to kill the controller at any commit or effect.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/experiment.h"
#include "core/loop.h"
#include "experiment/controller.h"
#include "pipelines/engines/simulated_engine.h"
#include "store/store.h"
#include "suggest/suggestion_client.h"

namespace qalam::sim {

// Thrown where the controller "dies": the world drops it, and everything that was not committed with it.
struct Killed {};

// Where MayKill asks.
enum class Point { kBeforeCommit, kAfterCommit, kBeforeStart, kAfterStart, kBeforeStop, kBeforeRemove };

// What the suggestion service does with one call.
struct ServicePlan {
  Duration delay{};
  Status fault;  // if not ok: the answer
  int more = 0;  // suggestions beyond (or short of) what was asked for
  bool exhausted = false;
  std::string same_name;  // every suggestion claims this trial name
  std::vector<EarlyStoppingRule> rules;
  std::vector<Setting> settings;              // to be fed back
  std::map<std::string, std::string> labels;  // of every suggestion
};

class World {
 public:
  World();
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // What a test decides; every default is quiet.
  std::function<SimulatedStep(const RunId&, int attempt)> behave;
  std::function<ServicePlan(const SuggestionRequest&)> service;
  std::function<Status()> validate;
  std::function<Status()> before_commit;  // a fault of the disk
  std::function<bool(Point)> kill_at;
  std::set<std::string> declared_stopped;  // trials whose collector has said so
  std::function<std::unique_ptr<LiveStopping>(const SuggestionRequest&, const LateDecision&)> live_stopping;

  void Boot();  // a new process: makes a controller and lets it recover
  void Kill();  // as kill -9
  bool Step();  // one task or timer; false: nothing is left to happen
  bool RunUntil(const std::function<bool()>& done, int steps = 200'000);  // boots when nobody is there
  void RunFor(Duration time);
  // Runs `command` on the controller, booting one if need be. False: it died of it.
  bool Command(const std::function<void(Controller&)>& command);
  // The same while nobody runs the database: a passive controller does it, lives for some steps, and is gone. The other
  // one is killed before if need be.
  void CommandOnNobody(const std::function<void(Controller&)>& command, int steps);
  Result<Submitted> Submit(const ExperimentSpec& spec);

  Controller& controller() { return *controller_; }
  bool alive() const { return controller_ != nullptr; }
  std::optional<Experiment> Lookup(const std::string& name);
  Experiment Stored(const std::string& name);  // QALAM_CHECKs that it is there
  std::vector<Trial> StoredTrials(const std::string& name);
  Store& store() { return *memory_; }
  SimulatedEngine& engine() { return *engine_; }
  ManualClock& clock() { return clock_; }
  // What an honest service answers for suggestion `ordinal`.
  Assignments Expected(const ExperimentSpec& spec, const SearchSpace& space, std::uint64_t ordinal) const;

  // From now on these may be so: an experiment is gone because people wanted it.
  void MayVanish(std::int64_t experiment_id) { may_vanish_.insert(experiment_id); }
  // I7 for a trial that was acknowledged: it is there at the end, with these assignments.
  void Acknowledge(std::int64_t experiment_id, const std::string& trial_name, const Assignments& assignments) {
    acknowledged_trials_[trial_name] = {experiment_id, assignments};
  }

  // Breaches of the invariants seen so far, a sentence each.
  const std::vector<std::string>& breaches() const { return breaches_; }
  void Breach(std::string text);
  // What happens from now on is kept, a line each, up to the first breach and at most the last of it.
  void KeepStory() { keeps_story_ = true; }
  void Tell(const std::string& line);
  const std::vector<std::string>& story() const { return story_; }
  void CheckAtTheEnd();  // those that speak of final states: I1, I5, I8
  int kills() const { return kills_; }
  int commits() const { return commits_; }
  int scans() const { return scans_; }                                            // of all curves of an experiment
  const std::vector<std::string>& told_stopped() const { return told_stopped_; }  // trials, to the service
  const std::set<std::string>& checkpoints_removed() const { return checkpoints_removed_; }

 private:
  class WatchedStore;
  class WatchedEngine;
  class Service;
  void MayKill(Point point);
  void TellBatch(const WriteBatch& batch);
  void CheckBatch(const WriteBatch& batch);  // I2, I3, I4, I6 on every commit
  void CheckCheckpoints(const std::vector<std::string>& removed);
  void CheckTrial(const ExperimentSpec& spec, const Trial& trial);
  void CheckStopped(const ExperimentSpec& spec, const Trial& trial, int last_attempt);
  void Make(bool passive);
  const ExperimentSpec& SpecOf(const Experiment& experiment);  // as it is stored

  ManualClock clock_;
  ManualLoop loop_{clock_};
  std::unique_ptr<Store> memory_;
  std::unique_ptr<WatchedStore> store_;
  std::unique_ptr<SimulatedEngine> engine_;
  std::unique_ptr<WatchedEngine> watched_engine_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Controller> controller_;
  std::map<std::string, std::pair<std::int64_t, TrialState>> final_states_;  // with the experiment, by trial
  std::map<std::int64_t, ExperimentSpec> specs_;                             // acknowledged submissions: I7
  std::set<std::int64_t> may_vanish_;
  std::map<std::string, std::pair<std::int64_t, Assignments>> acknowledged_trials_;
  std::map<std::int64_t, std::pair<std::string, ExperimentSpec>>
      stored_specs_;                      // with the manifest they were read from
  std::map<std::int64_t, int> at_work_;   // as of the last commit: I3
  std::map<std::int64_t, int> parallel_;  // the same
  std::set<RunId> removed_;
  std::set<std::string> checkpoints_removed_;
  std::set<std::int64_t> forgotten_;  // experiments of which nothing is kept beside the database any more
  std::map<std::pair<RunId, int>, std::string> printed_;
  std::vector<std::string> breaches_, told_stopped_, story_;
  bool keeps_story_ = false;
  int kills_ = 0, commits_ = 0, scans_ = 0, uids_ = 0;
};

// Parameters lr (double) and layers (int), objective loss to be minimised, a Job of one container.
ExperimentSpec MakeSpec(const std::string& name, int parallel, std::optional<int> max_trials);
// Prints "loss=..." half way and ends well after `duration`.
SimulatedStep Prints(const std::string& output, Duration duration = std::chrono::seconds(1), int exit_code = 0);

}  // namespace qalam::sim
