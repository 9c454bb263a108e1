// SPDX-License-Identifier: Apache-2.0
// The controller's state. controller.cc: submitting, pausing, recovery and commits; commands.cc: what else people do;
// reconcile.cc: what to do next; ingest.cc: what runs report. Only these include this.
//
// Every change goes the same way: change the values in memory, mark them dirty, and let Flush write all that is dirty
// in one transaction a moment later. What acts on the world (start, stop, tell people) is queued by AfterCommit and
// runs when that transaction is durable, so a crash at any moment finds an intent for everything that happened.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "experiment/checkpoints.h"
#include "experiment/controller.h"
#include "experiment/early_stopping.h"
#include "experiment/metrics/collector.h"
#include "experiment/trial_table.h"

namespace qalam {

using ReportKey = std::tuple<WallTime, std::string, std::string>;  // time, metric, value

// A run that was handed to the engine and has not ended.
struct LiveRun {
  int attempt = 0;  // newest step attempt heard of
  int stops_not_asked_for = 0;
  std::unique_ptr<Collector> collector;  // of `metrics_attempt`
  int metrics_attempt = 0;
  std::int64_t sequence = 0;                    // reports of that attempt so far
  std::map<std::string, std::int64_t> reports;  // per metric, for the step of lines that say none
  // What `metrics_attempt` has stored, how often: read once, when the first report comes that may be there already.
  std::optional<std::map<ReportKey, int>> stored;
  Observation observation;
  RuleJudge judge;
  std::string live_reason;  // why the live rule stops it; empty: it does not
};

struct Work {
  Experiment record;
  std::shared_ptr<const ExperimentSpec> spec;
  std::shared_ptr<const SearchSpace> space;
  std::shared_ptr<TrialTable> trials = std::make_shared<TrialTable>();
  std::unordered_map<std::string, LiveRun> live;
  bool validated = false;

  bool asking = false;  // a call to the suggestion service is under way
  Duration asked_at{};
  Loop::TimerId ask_again = 0;  // set while backing off
  Duration ask_again_at{};
  int failures = 0;       // calls that failed in a row
  int empty_replies = 0;  // in a row, with nothing running
  Duration first_failure{};
  std::string last_fault;

  // Trials that wait for their turn (ordinals): enqueued, retried, or stopped by a pause. They carry the condition
  // Queued, and are launched before anything new is asked for.
  std::set<std::uint64_t> queue;
  int enqueued = 0;  // trials that nobody suggested, whatever became of them
  Checkpoints checkpoints;

  std::unique_ptr<LiveStopping> stopping;  // null: nobody decides live, or nothing has been launched yet
  bool curves_recalled = false;            // before the first launch
  std::string stopping_note;               // what the guard said last

  bool tidying = false;         // the checkpoints that it leaves are being removed
  bool removing = false;        // its deletion is under way
  std::string why_not_removed;  // what keeps it from being deleted

  int unfinished() const { return record.counts.created + record.counts.running; }
  int active() const { return unfinished() - static_cast<int>(queue.size()); }
};

// "parallelTrialCount 2, maxTrialCount 8, maxFailedTrialCount none".
std::string BudgetText(const ExperimentSpec& spec);

class ControllerImpl final : public Controller {
 public:
  explicit ControllerImpl(ControllerDeps deps);
  ~ControllerImpl() override;

  Status Recover() override;
  Result<Submitted> Submit(const ExperimentSpec& spec, const std::string& source) override;
  Status Pause(std::int64_t experiment_id) override;
  Status StopTrials(std::int64_t experiment_id) override;
  Status Resume(std::int64_t experiment_id) override;
  Status Edit(std::int64_t experiment_id, const BudgetEdit& edit) override;
  Status StopExperiment(std::int64_t experiment_id) override;
  Status StopTrial(const std::string& trial_name, TrialState as) override;
  Result<int> Retry(std::int64_t experiment_id, const std::vector<TrialState>& states) override;
  Status RetryTrial(const std::string& trial_name) override;
  Result<std::vector<std::string>> Enqueue(std::int64_t experiment_id, const Assignments& assignments,
                                           int count) override;
  Status Delete(std::int64_t experiment_id) override;
  Status Report(const std::string& trial_name, const std::vector<MetricPoint>& points) override;
  Status StopEarly(const std::string& trial_name) override;
  const Experiment* Find(std::int64_t experiment_id) const override;
  bool Settled(std::int64_t experiment_id) const override;
  bool AllSettled() const override;
  std::string WhyWaiting(std::int64_t experiment_id) const override;
  void SetOnCommit(std::function<void()> callback) override { on_commit_ = std::move(callback); }

  void OnStep(const StepRecord& step) override;
  void OnOutput(const RunId& run, int attempt, std::string_view file, std::int64_t offset,
                std::string_view bytes) override;
  void OnRunEnd(const RunId& run, const RunEnd& end) override;

 private:
  // controller.cc
  Result<Work*> Load(const Experiment& record);
  Status TakeUp(Work& work);
  Result<Submitted> SubmitNew(const ExperimentSpec& spec, const std::string& source);
  Result<Submitted> SubmitAgain(Work& work, const ExperimentSpec& spec, const std::string& source);
  Work* FindWork(std::int64_t experiment_id);
  void SetBudget(Work& work, ExperimentSpec spec);
  void Dirty(const Work& work);
  void Dirty(Work& work, const Trial& trial);
  void MarkDirty(Work& work, const Trial& trial);  // and the caller says how soon it is to be written
  void AfterCommit(std::function<void()> effect);
  void AddEvent(const Work& work, std::string object, std::string type, std::string reason, std::string message);
  void ScheduleFlush(Duration delay);
  Status Flush();

  // commands.cc
  Result<Work*> FindOrLoad(std::int64_t experiment_id);  // one that is being deleted too
  Result<Work*> WorkFor(std::int64_t experiment_id);     // from the store, if need be; not one that is being deleted
  Result<Work*> WorkFor(const std::string& trial_name, Trial** trial);
  Status CheckRestart(const Work& work, const ExperimentSpec& spec) const;
  void Restart(Work& work);
  void StopForGood(Work& work, Trial& trial, TrialState as, const std::string& message);
  Result<int> RetryAll(Work& work, const std::vector<std::string>& trial_names);
  void Queue(Work& work, Trial& trial);
  void LaunchQueued(Work& work);
  void ReconcileAfterCommit(const Work& work);
  void RemoveIfDeleted(Work& work);
  void Remove(std::int64_t experiment_id, std::size_t next_trial);

  // reconcile.cc
  int Missing(const Work& work) const;
  void Reconcile(Work& work);
  void Validate(Work& work, int tries);
  bool EndIfDue(Work& work);
  void End(Work& work, ExperimentState state, const std::string& reason, const std::string& message);
  void Ask(Work& work, int count);
  void TakeReply(std::int64_t experiment_id, int asked, Result<SuggestionReply> reply);
  void AskLater(Work& work, const std::string& fault);
  Trial& AddTrial(Work& work, Trial trial);
  int CreateTrials(Work& work, int asked, const SuggestionReply& reply);
  std::map<std::string, std::string> LabelsOf(const Work& work, const Suggestion& suggestion);
  Status Merge(Work& work, const std::vector<Setting>& fed_back);
  void Launch(std::int64_t experiment_id, const std::string& trial_name);
  void LaunchWaiting(std::int64_t experiment_id);
  void StopAfterCommit(std::int64_t experiment_id, const std::string& trial_name);
  void TellStopped(std::int64_t experiment_id, const std::string& trial_name);
  bool NameIsTaken(const std::string& trial_name) const;
  SuggestionRequest MakeRequest(const Work& work, int count) const;

  // checkpoints.cc
  void RemoveCheckpoints(Work& work);
  void RemoveLastCheckpoints(Work& work);
  void RemoveLastCheckpoints(std::int64_t experiment_id, std::size_t next_trial);

  // ingest.cc
  Work* WorkOf(const RunId& run, Trial** trial, LiveRun** live);
  Status WhyNotAtWork(const std::string& trial_name, std::string_view consequence);
  void ForgetMetrics(const Work& work, const Trial& trial, LiveRun& live) const;
  void StopIfHopeless(Work& work, Trial& trial, const LiveRun& live);
  void Judge(Work& work, Trial& trial, LiveRun& live, const ObservationRow& row);
  void Apply(Work& work, Trial& trial, LiveRun& live, const Decision& decision);
  void TakeDecision(std::int64_t experiment_id, std::uint64_t ordinal, const Decision& decision);
  void TellGuard(Work& work);
  Status RecallCurves(Work& work);
  void ForgetCurve(const Work& work, const Trial& trial) const;
  Status BeginMetrics(Work& work, const Trial& trial, LiveRun& live, int attempt, std::int64_t offset,
                      std::int64_t lines);
  void KeepReported(Trial& trial, const LiveRun& live) const;
  void TakeUpMetrics(Work& work, const Trial& trial, LiveRun& live, StartOptions* options);
  Status ReadStored(const Trial& trial, LiveRun& live);
  void Record(Work& work, Trial& trial, LiveRun& live, const std::vector<MetricPoint>& points);
  void Finish(Work& work, Trial& trial, TrialState state, const std::string& reason, const std::string& message);
  void SetState(Work& work, Trial& trial, TrialState state);
  void FinishStopped(Work& work, Trial& trial, const LiveRun& live, TrialState as);
  void RunAgain(Work& work, Trial& trial, int after_attempt);
  void ConsiderBest(Work& work, const Trial& trial);

  WallTime Now() const { return deps_.loop.clock().Wall(); }

  ControllerDeps deps_;
  std::map<std::int64_t, std::unique_ptr<Work>> works_;
  std::unordered_map<RunId, std::int64_t> experiment_by_run_;  // live runs only
  std::int64_t next_id_ = 1;
  std::function<void()> on_commit_;

  std::set<std::int64_t> dirty_experiments_;
  std::set<std::pair<std::int64_t, std::uint64_t>> dirty_trials_;  // (experiment, ordinal)
  WriteBatch appended_;  // steps, observations, positions, events that no commit holds yet
  std::vector<std::function<void()>> after_commit_;
  Loop::TimerId flush_timer_ = 0;
  Duration flush_due_{};
  Status store_fault_;  // of the last commit

  // Closures that outlive the controller (timers, suggestion replies) hold a weak reference to this.
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::function<void()> Guard(std::function<void()> task) const;
};

}  // namespace qalam
