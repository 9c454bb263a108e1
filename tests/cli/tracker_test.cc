// SPDX-License-Identifier: Apache-2.0
#include "cli/tracker.h"

#include <gtest/gtest.h>

#include "core/objective.h"
#include "store/memory_store.h"

namespace qalam {
namespace {

// Counts what is asked of the store, so that "never re-reads all trials" is a fact.
class CountingReader final : public StoreReader {
 public:
  explicit CountingReader(Store& store) : store_(store) {}
  Result<std::vector<Experiment>> Experiments() override { return store_.Experiments(); }
  Result<std::int64_t> LastExperimentId() override { return store_.LastExperimentId(); }
  Result<std::optional<Experiment>> FindExperiment(const std::string& ns, const std::string& name) override {
    return store_.FindExperiment(ns, name);
  }
  Result<std::vector<Trial>> Trials(std::int64_t id) override { return FindTrials(id, {}); }
  Result<std::vector<Trial>> FindTrials(std::int64_t id, const TrialQuery& query) override {
    ++lists;
    Result<std::vector<Trial>> found = store_.FindTrials(id, query);
    if (query.parts != TrialQuery::kNothing) whole += static_cast<int>(found->size());
    return found;
  }
  Result<std::optional<Trial>> FindNumbered(std::int64_t id, std::uint64_t ordinal) override {
    return ++finds, ++whole, store_.FindNumbered(id, ordinal);
  }
  Result<std::optional<Trial>> FindTrial(const std::string& name) override { return ++finds, store_.FindTrial(name); }
  Result<std::vector<StepRecord>> Steps(const std::string& name) override { return store_.Steps(name); }
  Result<std::vector<ObservationRow>> Observations(const std::string& name) override {
    return ++curves, store_.Observations(name);
  }
  Status VisitCurves(std::int64_t id, const std::string& metric,
                     const std::function<void(const CurveReport&)>& visit) override {
    return store_.VisitCurves(id, metric, visit);
  }
  Result<std::optional<CollectorPosition>> Position(const std::string& name) override { return store_.Position(name); }
  Result<std::vector<Event>> Events(std::int64_t id) override { return store_.Events(id); }
  Result<Changes> ChangesSince(std::int64_t revision) override { return store_.ChangesSince(revision); }

  int lists = 0, finds = 0, curves = 0;
  int whole = 0;  // trials of lists with all that belongs to them

 private:
  Store& store_;
};

class TrackerTest : public testing::Test {
 protected:
  TrackerTest() {
    spec.name = "e";
    spec.objective.metric_name = "loss";
    spec.objective.strategies = {{"loss", MetricStrategy::kMin}};
    spec.parameters = {{"x", ParameterType::kDouble, {}}};
    spec.max_trial_count = 100;
    experiment.id = 1;
    experiment.namespace_name = "default";
    experiment.name = "e";
    experiment.uid = "u";
    experiment.manifest = "{}";
    Commit();
  }

  void Commit() {
    WriteBatch batch;
    batch.experiments = {experiment};
    batch.trials = std::exchange(trials, {});
    batch.observations = std::exchange(observations, {});
    ASSERT_TRUE(store->Commit(batch).ok());
  }

  Trial MakeTrial(std::uint64_t ordinal, TrialState state, const std::string& loss = "") {
    Trial trial;
    trial.name = "e-" + std::to_string(ordinal);
    trial.experiment_id = 1;
    trial.ordinal = ordinal;
    trial.state = state;
    trial.assignments = {{"x", std::to_string(ordinal)}};
    if (!loss.empty()) {
      trial.observation = EmptyObservation(spec.objective);
      Fold("loss", loss, &*trial.observation);
    }
    return trial;
  }

  void Report(const std::string& trial, const std::vector<std::string>& values, int attempt = 1) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      ObservationRow row;
      row.trial_name = trial;
      row.attempt = attempt;
      row.sequence = static_cast<std::int64_t>(i) + 1;
      row.metric_name = "loss";
      row.value = values[i];
      row.step = row.sequence;
      observations.push_back(row);
    }
  }

  std::unique_ptr<Store> store = MakeMemoryStore();
  CountingReader reader{*store};
  ManualClock clock;
  Tracker tracker{reader, clock};
  ExperimentSpec spec;
  Experiment experiment;
  std::vector<Trial> trials;
  std::vector<ObservationRow> observations;
};

TEST_F(TrackerTest, AnUpdateReadsOnlyWhatChanged) {
  for (std::uint64_t i = 1; i <= 50; ++i) trials.push_back(MakeTrial(i, TrialState::kSucceeded, "0.5"));
  Commit();
  ASSERT_TRUE(tracker.Follow(spec, 1, "").ok());
  EXPECT_EQ(reader.lists, 1);
  reader.finds = 0;
  trials = {MakeTrial(51, TrialState::kRunning), MakeTrial(52, TrialState::kRunning)};
  Commit();
  ASSERT_TRUE(tracker.Update(nullptr).ok());
  EXPECT_EQ(reader.lists, 1);
  EXPECT_EQ(reader.finds, 2);
  ASSERT_TRUE(tracker.Update(nullptr).ok());
  EXPECT_EQ(reader.finds, 2);
  EXPECT_EQ(tracker.models().at(1).running.size(), 2U);
}

TEST_F(TrackerTest, OfVeryManyTrialsThoseAreReadThatAScreenCanShow) {
  for (std::uint64_t i = 1; i <= 1'000; ++i) trials.push_back(MakeTrial(i, TrialState::kSucceeded, "0.5"));
  trials[2].state = TrialState::kRunning;  // they waited for something that later ones did not want
  trials[4].state = TrialState::kCreated;
  trials[5].state = trials[6].state = TrialState::kFailed;
  trials[997].state = TrialState::kRunning;
  experiment.counts = {.total = 1'000, .created = 1, .running = 2, .succeeded = 995, .failed = 2};
  experiment.best_trial = "e-500";
  Commit();
  ASSERT_TRUE(tracker.Follow(spec, 1, "").ok());
  const ProgressModel& model = tracker.models().at(1);
  std::vector<std::uint64_t> running;
  for (const auto& [ordinal, row] : model.running) running.push_back(ordinal);
  EXPECT_EQ(running, (std::vector<std::uint64_t>{3, 5, 998}));
  EXPECT_EQ(model.running.at(3).assignments, (Assignments{{"x", "3"}}));
  EXPECT_EQ(model.last_failed->ordinal, 7U);
  EXPECT_EQ(model.ended.front().ordinal, 1'000U);
  EXPECT_EQ(model.best->ordinal, 500U);
  EXPECT_TRUE(model.varies.at("x"));
  EXPECT_LT(reader.whole, 250) << "read with all that belongs to it";
}

TEST_F(TrackerTest, EachTrialThatEndsIsToldOnce) {
  trials = {MakeTrial(1, TrialState::kRunning), MakeTrial(2, TrialState::kSucceeded, "0.2")};
  Commit();
  ASSERT_TRUE(tracker.Follow(spec, 1, "").ok());
  std::vector<std::uint64_t> told;
  const auto tell = [&](const ProgressModel&, const TrialRow& row) { told.push_back(row.ordinal); };
  trials = {MakeTrial(1, TrialState::kSucceeded, "0.1"), MakeTrial(3, TrialState::kFailed)};
  Commit();
  ASSERT_TRUE(tracker.Update(tell).ok());
  trials = {MakeTrial(1, TrialState::kSucceeded, "0.1")};
  Commit();
  ASSERT_TRUE(tracker.Update(tell).ok());
  EXPECT_EQ(told, (std::vector<std::uint64_t>{1, 3}));
  EXPECT_TRUE(tracker.models().at(1).running.empty());
  EXPECT_EQ(tracker.models().at(1).last_failed->ordinal, 3U);
}

TEST_F(TrackerTest, TheBestTrialIsTheStores) {
  trials = {MakeTrial(1, TrialState::kSucceeded, "0.5"), MakeTrial(2, TrialState::kSucceeded, "0.25")};
  experiment.best_trial = "e-2";
  Commit();
  ASSERT_TRUE(tracker.Follow(spec, 1, "").ok());
  EXPECT_EQ(tracker.models().at(1).best->value, 0.25);
}

TEST_F(TrackerTest, ACurveThatFallsIsSeenToFall) {
  trials = {MakeTrial(1, TrialState::kRunning), MakeTrial(2, TrialState::kRunning), MakeTrial(3, TrialState::kRunning),
            MakeTrial(4, TrialState::kRunning)};
  Commit();
  Report("e-1", {"0.1", "0.9", "0.8", "0.7", "0.6", "0.5"});
  Report("e-2", {"0.1", "0.2", "nan", "0.3"});
  Report("e-3", {"1", "0.5", "0.5", "0.5", "0.5", "0.5"});
  Report("e-4", {"1"});
  Commit();
  ASSERT_TRUE(tracker.Follow(spec, 1, "").ok());
  tracker.ReadReports();
  const auto& running = tracker.models().at(1).running;
  EXPECT_EQ(running.at(1).reports.trend, Trend::kFalling);
  EXPECT_EQ(running.at(1).reports.latest, 0.5);
  EXPECT_EQ(running.at(1).reports.step, 6);
  EXPECT_EQ(running.at(2).reports.trend, Trend::kRising);
  EXPECT_EQ(running.at(3).reports.trend, Trend::kFlat);
  EXPECT_EQ(running.at(4).reports.trend, Trend::kUnknown);
  EXPECT_EQ(tracker.models().at(1).longest, 6);
}

TEST_F(TrackerTest, TheCurveOfAnEndedTrialIsReadOnce) {
  trials = {MakeTrial(1, TrialState::kSucceeded, "0.5")};
  Commit();
  ASSERT_TRUE(tracker.Follow(spec, 1, "").ok());
  tracker.ReadReports();
  tracker.ReadReports();
  EXPECT_EQ(reader.curves, 1);
}

TEST_F(TrackerTest, OnlyTheNewestAttemptCounts) {
  trials = {MakeTrial(1, TrialState::kRunning)};
  Commit();
  Report("e-1", {"9", "8", "7"}, 1);
  Report("e-1", {"5"}, 2);
  Commit();
  ASSERT_TRUE(tracker.Follow(spec, 1, "").ok());
  tracker.ReadReports();
  EXPECT_EQ(tracker.models().at(1).running.at(1).reports.latest, 5);
  EXPECT_EQ(tracker.models().at(1).running.at(1).reports.step, 1);
}

TEST_F(TrackerTest, ATrialsMessageLosesKatibsOpening) {
  Trial trial = MakeTrial(1, TrialState::kFailed);
  EXPECT_EQ(TrialMessage(trial), "");
  trial.conditions = {{"Failed", "True", "TrialFailed", "Trial has failed. Job message: exit 3", {}, {}}};
  EXPECT_EQ(TrialMessage(trial), "exit 3");
  trial.conditions = {{"MetricsUnavailable", "True", "", "Metrics are not available. no line matched", {}, {}}};
  EXPECT_EQ(TrialMessage(trial), "no line matched");
}

}  // namespace
}  // namespace qalam
