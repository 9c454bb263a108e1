// SPDX-License-Identifier: Apache-2.0
// What store/store.h promises, of every store.
#include <gmock/gmock.h>

#include <functional>
#include <set>

#include "store/memory_store.h"
#include "tests/store/store_fixture.h"

namespace qalam {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Store>(const TemporaryFolder&)> make;
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kinds = {
      {"memory", [](const TemporaryFolder&) { return MakeMemoryStore(); }},
      {"sqlite", [](const TemporaryFolder& folder) { return Get(OpenSqliteStore(folder.File())); }},
  };
  return kinds;
}

class StoreConformance : public testing::TestWithParam<Kind> {
 protected:
  StoreConformance() : store_(GetParam().make(folder_)) {}

  void Commit(const WriteBatch& batch) {
    const Status status = store_->Commit(batch);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  // An experiment with this many trials.
  void Begin(int trials = 1) {
    WriteBatch batch;
    batch.experiments = {SomeExperiment()};
    for (int i = 1; i <= trials; ++i) batch.trials.push_back(SomeTrial(static_cast<std::uint64_t>(i)));
    Commit(batch);
  }
  std::int64_t Revision() { return Get(store_->ChangesSince(0)).revision; }
  // The batch is refused with this code, and leaves nothing behind.
  void ExpectRefused(const WriteBatch& batch, Code code) {
    const auto before = DescribeStore(*store_);
    const std::int64_t revision = Revision();
    const Status status = store_->Commit(batch);
    EXPECT_EQ(status.code(), code) << status.ToString();
    EXPECT_FALSE(status.message().empty());
    EXPECT_EQ(DescribeStore(*store_), before);
    EXPECT_EQ(Revision(), revision);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreConformance, ANewStoreIsEmpty) {
  EXPECT_THAT(Get(store_->Experiments()), IsEmpty());
  EXPECT_FALSE(Get(store_->FindExperiment("default", "digits")));
  EXPECT_THAT(Get(store_->Trials(1)), IsEmpty());
  EXPECT_FALSE(Get(store_->FindTrial("digits-t1")));
  EXPECT_THAT(Get(store_->Steps("digits-t1")), IsEmpty());
  EXPECT_THAT(Get(store_->Observations("digits-t1")), IsEmpty());
  EXPECT_FALSE(Get(store_->Position("digits-t1")));
  EXPECT_THAT(Get(store_->Events(1)), IsEmpty());
  const Changes changes = Get(store_->ChangesSince(0));
  EXPECT_EQ(changes.revision, 0);
  EXPECT_THAT(changes.experiments, IsEmpty());
  EXPECT_THAT(changes.trials, IsEmpty());
}

TEST_P(StoreConformance, EveryFieldComesBack) {
  const WriteBatch batch = FullBatch();
  Commit(batch);
  EXPECT_EQ(DescribeAll(Get(store_->Experiments())), DescribeAll(batch.experiments));
  EXPECT_EQ(Describe(*Get(store_->FindExperiment("default", "digits"))), Describe(batch.experiments[0]));
  EXPECT_EQ(DescribeAll(Get(store_->Trials(1))), DescribeAll(batch.trials));
  EXPECT_EQ(Describe(*Get(store_->FindTrial("digits-t1"))), Describe(batch.trials[0]));
  EXPECT_EQ(DescribeAll(Get(store_->Steps("digits-t1"))), DescribeAll(batch.steps));
  EXPECT_EQ(DescribeAll(Get(store_->Observations("digits-t1"))), DescribeAll(batch.observations));
  EXPECT_EQ(Describe(*Get(store_->Position("digits-t1"))), Describe(batch.positions[0]));
  EXPECT_EQ(DescribeAll(Get(store_->Events(1))), DescribeAll(batch.events));
}

TEST_P(StoreConformance, EveryStateComesBack) {
  constexpr int kExperimentStates = 5, kTrialStates = 7, kStepStates = 6;
  Begin(kTrialStates);
  WriteBatch batch;
  for (int i = 0; i < kTrialStates; ++i) {
    batch.trials.push_back(SomeTrial(static_cast<std::uint64_t>(i) + 1));
    batch.trials.back().state = static_cast<TrialState>(i);
  }
  for (int i = 0; i < kStepStates; ++i) {
    batch.steps.push_back(SomeStep("s" + std::to_string(i)));
    batch.steps.back().state = static_cast<StepState>(i);
  }
  for (int i = 0; i < kExperimentStates; ++i) {
    batch.experiments = {SomeExperiment()};
    batch.experiments[0].state = static_cast<ExperimentState>(i);
    Commit(batch);
    EXPECT_EQ(Get(store_->Experiments())[0].state, static_cast<ExperimentState>(i));
  }
  EXPECT_EQ(DescribeAll(Get(store_->Trials(1))), DescribeAll(batch.trials));
  EXPECT_EQ(DescribeAll(Get(store_->Steps("digits-t1"))), DescribeAll(batch.steps));
}

TEST_P(StoreConformance, ABatchMayBeEmpty) {
  Commit({});
  EXPECT_EQ(Revision(), 0);
}

TEST_P(StoreConformance, RowsAreWrittenWholeAndTheLastOneWins) {
  Commit(FullBatch());
  WriteBatch plain;
  plain.experiments = {SomeExperiment()};
  plain.trials = {SomeTrial()};
  plain.steps = {SomeStep()};
  plain.positions = {SomePosition(10)};
  Commit(plain);
  EXPECT_EQ(DescribeAll(Get(store_->Experiments())), DescribeAll(plain.experiments));
  EXPECT_EQ(DescribeAll(Get(store_->Trials(1))), DescribeAll(plain.trials));
  EXPECT_EQ(Describe(Get(store_->Steps("digits-t1"))[0]), Describe(plain.steps[0]));
  EXPECT_EQ(Describe(*Get(store_->Position("digits-t1"))), Describe(plain.positions[0]));
  EXPECT_THAT(Get(store_->Observations("digits-t1")), SizeIs(2)) << "rows that are not in the batch stay";
}

TEST_P(StoreConformance, TheLastRowOfANameWinsWithinABatchToo) {
  WriteBatch batch;
  batch.experiments = {SomeExperiment(), SomeExperiment()};
  batch.experiments[1].best_trial = "digits-t1";
  batch.trials = {SomeTrial(), SomeTrial()};
  batch.trials[1].state = TrialState::kRunning;
  batch.steps = {SomeStep(), SomeStep()};
  batch.steps[1].state = StepState::kSucceeded;
  batch.positions = {SomePosition(10), SomePosition(20)};
  Commit(batch);
  EXPECT_EQ(Get(store_->Experiments())[0].best_trial, "digits-t1");
  EXPECT_EQ(Get(store_->FindTrial("digits-t1"))->state, TrialState::kRunning);
  EXPECT_EQ(Get(store_->Steps("digits-t1"))[0].state, StepState::kSucceeded);
  EXPECT_EQ(Get(store_->Position("digits-t1"))->offset, 20);
}

TEST_P(StoreConformance, AnEditedManifestIsKept) {
  Begin();
  WriteBatch batch;
  batch.experiments = {SomeExperiment()};
  batch.experiments[0].manifest = R"({"spec":{"maxTrialCount":50}})";
  Commit(batch);
  EXPECT_EQ(Get(store_->Experiments())[0].manifest, batch.experiments[0].manifest);
  EXPECT_EQ(Get(store_->Experiments())[0].source, SomeExperiment().source);
  batch.experiments[0].source = "another\n";
  Commit(batch);
  EXPECT_EQ(Get(store_->Experiments())[0].source, "another\n");
}

TEST_P(StoreConformance, ExperimentsComeById) {
  WriteBatch batch;
  batch.experiments = {SomeExperiment(30, "a"), SomeExperiment(4, "c"), SomeExperiment(5, "b")};
  Commit(batch);
  std::vector<std::int64_t> ids;
  for (const auto& e : Get(store_->Experiments())) ids.push_back(e.id);
  EXPECT_THAT(ids, ElementsAre(4, 5, 30));
}

TEST_P(StoreConformance, AnExperimentIsFoundByNamespaceAndName) {
  WriteBatch batch;
  batch.experiments = {SomeExperiment(1), SomeExperiment(2), SomeExperiment(3, "other")};
  batch.experiments[1].namespace_name = "team";
  batch.experiments[1].uid = "second";
  Commit(batch);
  EXPECT_EQ(Get(store_->FindExperiment("default", "digits"))->id, 1);
  EXPECT_EQ(Get(store_->FindExperiment("team", "digits"))->id, 2);
  EXPECT_EQ(Get(store_->FindExperiment("default", "other"))->id, 3);
  EXPECT_FALSE(Get(store_->FindExperiment("team", "other")));
}

TEST_P(StoreConformance, TrialsComeByOrdinalAndOnlyThoseOfTheExperiment) {
  WriteBatch batch;
  batch.experiments = {SomeExperiment(1), SomeExperiment(2, "other")};
  batch.trials = {SomeTrial(10), SomeTrial(9), SomeTrial(100), SomeTrial(1, "other", 2)};
  Commit(batch);
  std::vector<std::uint64_t> ordinals;
  for (const auto& t : Get(store_->Trials(1))) ordinals.push_back(t.ordinal);
  EXPECT_THAT(ordinals, ElementsAre(9, 10, 100));
  EXPECT_THAT(Get(store_->Trials(2)), SizeIs(1));
  EXPECT_THAT(Get(store_->Trials(3)), IsEmpty());
}

TEST_P(StoreConformance, AListOfTrialsIsCutAndHasThePartsThatWereAskedFor) {
  WriteBatch batch = FullBatch();
  const Trial full = batch.trials[0];
  batch.trials.push_back(SomeTrial(7));
  batch.trials.push_back(SomeTrial(3));
  Commit(batch);
  const auto ordinals = [&](const TrialQuery& query) {
    std::vector<std::uint64_t> found;
    for (const auto& t : Get(store_->FindTrials(1, query))) found.push_back(t.ordinal);
    return found;
  };
  EXPECT_EQ(DescribeAll(Get(store_->FindTrials(1, {}))), DescribeAll(Get(store_->Trials(1))));
  EXPECT_THAT(ordinals({.limit = 2}), ElementsAre(1, 3));
  EXPECT_THAT(ordinals({.newest_first = true, .limit = 2}), ElementsAre(7, 3));
  EXPECT_THAT(ordinals({.newest_first = true}), ElementsAre(7, 3, 1));
  EXPECT_THAT(ordinals({.limit = 9}), SizeIs(3));
  EXPECT_THAT(ordinals({.limit = 0}), IsEmpty());
  EXPECT_THAT(Get(store_->FindTrials(2, {})), IsEmpty());
  using Q = TrialQuery;
  for (unsigned parts = 0; parts <= Q::kEverything; ++parts) {
    Trial expected = full;
    if ((parts & Q::kAssignments) == 0) expected.assignments.clear();
    if ((parts & Q::kObservation) == 0) expected.observation.reset();
    if ((parts & Q::kConditions) == 0) expected.conditions.clear();
    if ((parts & Q::kLabelsAndRules) == 0) expected.labels.clear(), expected.early_stopping_rules.clear();
    EXPECT_EQ(Describe(Get(store_->FindTrials(1, {.parts = parts, .limit = 1}))[0]), Describe(expected)) << parts;
  }
}

TEST_P(StoreConformance, ATrialIsFoundByItsNumber) {
  WriteBatch batch = FullBatch();
  batch.experiments.push_back(SomeExperiment(2, "other"));
  batch.experiments.back().uid = "another";
  batch.trials.push_back(SomeTrial(1, "other", 2));
  Commit(batch);
  EXPECT_EQ(Describe(*Get(store_->FindNumbered(1, 1))), Describe(batch.trials[0]));
  EXPECT_EQ(Get(store_->FindNumbered(2, 1))->name, batch.trials.back().name);
  EXPECT_FALSE(Get(store_->FindNumbered(1, 2)));
  EXPECT_FALSE(Get(store_->FindNumbered(3, 1)));
}

TEST_P(StoreConformance, StepsComeByStepThenAttempt) {
  Begin(2);
  WriteBatch batch;
  batch.steps = {SomeStep("train", 10), SomeStep("train", 2), SomeStep("load", 1), SomeStep("main", 1, "digits-t2")};
  Commit(batch);
  std::vector<std::string> steps;
  for (const auto& s : Get(store_->Steps("digits-t1"))) steps.push_back(s.step + std::to_string(s.attempt));
  EXPECT_THAT(steps, ElementsAre("load1", "train2", "train10"));
}

TEST_P(StoreConformance, ObservationsComeInTheOrderTheyWereStoredWithGrowingIds) {
  Begin(2);
  WriteBatch batch;
  batch.observations = {SomeReport(2), SomeReport(1), SomeReport(1, "digits-t2")};
  Commit(batch);
  batch.observations = {SomeReport(1, "digits-t1", 2), SomeReport(3)};
  Commit(batch);
  const auto rows = Get(store_->Observations("digits-t1"));
  EXPECT_EQ(DescribeAll(rows),
            DescribeAll(std::vector{SomeReport(2), SomeReport(1), SomeReport(1, "digits-t1", 2), SomeReport(3)}));
  for (std::size_t i = 1; i < rows.size(); ++i) EXPECT_GT(rows[i].id, rows[i - 1].id);
  EXPECT_GT(rows[0].id, 0);
}

TEST_P(StoreConformance, CurvesComeByTrialOfTheNewestAttemptAlone) {
  Begin(3);
  WriteBatch batch;
  batch.observations = {SomeReport(2, "digits-t2"), SomeReport(1, "digits-t2"), SomeReport(1, "digits-t1", 2),
                        SomeReport(1), SomeReport(2)};
  ObservationRow other = SomeReport(3, "digits-t2");
  other.metric_name = "another";
  batch.observations.push_back(other);
  other = SomeReport(1, "digits-t3", 2);  // an attempt that has not reported this metric has no curve
  other.metric_name = "another";
  batch.observations.push_back(SomeReport(1, "digits-t3"));
  batch.observations.push_back(other);
  for (std::size_t i = 0; i < batch.observations.size(); ++i) {
    batch.observations[i].value = std::to_string(i);
    batch.observations[i].step = static_cast<std::int64_t>(10 * i);
  }
  Commit(batch);
  std::vector<std::string> seen;
  const auto note = [&](const CurveReport& report) {
    seen.push_back(std::to_string(report.ordinal) + ":" + std::to_string(report.step) + "=" +
                   std::string(report.value));
  };
  ASSERT_TRUE(store_->VisitCurves(1, SomeReport(1).metric_name, note).ok());
  EXPECT_THAT(seen, ElementsAre("1:20=2", "2:10=1", "2:0=0"));
  seen.clear();
  ASSERT_TRUE(store_->VisitCurves(2, SomeReport(1).metric_name, note).ok());
  EXPECT_THAT(seen, IsEmpty());
}

TEST_P(StoreConformance, AReportIsStoredOnce) {
  Begin();
  WriteBatch batch;
  batch.observations = {SomeReport(1), SomeReport(1), SomeReport(2)};
  Commit(batch);
  batch.observations = {SomeReport(2), SomeReport(3)};
  batch.observations[0].value = "another";
  Commit(batch);
  EXPECT_EQ(DescribeAll(Get(store_->Observations("digits-t1"))),
            DescribeAll(std::vector{SomeReport(1), SomeReport(2), SomeReport(3)}));
}

TEST_P(StoreConformance, ARetryStormOfReportsChangesNothing) {
  Begin();
  WriteBatch batch;
  for (int i = 1; i <= 100; ++i) batch.observations.push_back(SomeReport(i));
  for (int i = 0; i < 100; ++i) Commit(batch);
  EXPECT_EQ(DescribeAll(Get(store_->Observations("digits-t1"))), DescribeAll(batch.observations));
}

TEST_P(StoreConformance, ThePositionIsThatOfTheNewestAttempt) {
  Begin(2);
  WriteBatch batch;
  batch.positions = {SomePosition(100, 1), SomePosition(10, 2), SomePosition(7, 1, "digits-t2")};
  Commit(batch);
  EXPECT_EQ(Describe(*Get(store_->Position("digits-t1"))), Describe(SomePosition(10, 2)));
  batch.positions = {SomePosition(200, 1)};
  Commit(batch);
  EXPECT_EQ(Describe(*Get(store_->Position("digits-t1"))), Describe(SomePosition(10, 2)));
  EXPECT_EQ(Describe(*Get(store_->Position("digits-t2"))), Describe(SomePosition(7, 1, "digits-t2")));
}

TEST_P(StoreConformance, EqualEventsAreJoined) {
  Begin();
  WriteBatch batch;
  batch.events = {SomeEvent("a", 1), SomeEvent("b", 2), SomeEvent("a", 3)};
  Commit(batch);
  batch.events = {SomeEvent("a", 4)};
  Commit(batch);
  Event joined = SomeEvent("a", 1);
  joined.count = 3;
  joined.last = At(4);
  EXPECT_EQ(DescribeAll(Get(store_->Events(1))), DescribeAll(std::vector{SomeEvent("b", 2), joined}));
}

TEST_P(StoreConformance, EventsThatDifferInOnePartAreNotJoined) {
  WriteBatch batch;
  batch.experiments = {SomeExperiment(1), SomeExperiment(2, "other")};
  batch.events.assign(5, SomeEvent("a"));
  batch.events[1].object = "experiment/digits";
  batch.events[2].type = "Warning";
  batch.events[3].reason = "Other";
  batch.events[4].experiment_id = 2;
  Commit(batch);
  EXPECT_THAT(Get(store_->Events(1)), SizeIs(4));
  EXPECT_THAT(Get(store_->Events(2)), SizeIs(1));
}

TEST_P(StoreConformance, EventsOfOneTimeComeAsTheyWereRecorded) {
  Begin();
  WriteBatch batch;
  batch.events = {SomeEvent("z"), SomeEvent("a"), SomeEvent("m"), SomeEvent("later", 1), SomeEvent("untimed")};
  batch.events[4].first = batch.events[4].last = {};
  Commit(batch);
  std::vector<std::string> messages;
  for (const auto& e : Get(store_->Events(1))) messages.push_back(e.message);
  EXPECT_THAT(messages, ElementsAre("untimed", "z", "a", "m", "later"));
}

TEST_P(StoreConformance, OldEventsOfAnObjectGoWhenThereAreTooMany) {
  Begin();
  WriteBatch batch;
  batch.events = {SomeEvent("of another object", 0, "experiment/digits"), SomeEvent("joined", 1)};
  for (int i = 0; i < kMaxEvents - 1; ++i) batch.events.push_back(SomeEvent(std::to_string(i), 2 + i));
  Commit(batch);
  EXPECT_THAT(Get(store_->Events(1)), SizeIs(kMaxEvents + 1));

  batch.events = {SomeEvent("joined", 5'000)};
  Commit(batch);
  EXPECT_THAT(Get(store_->Events(1)), SizeIs(kMaxEvents + 1));
  batch.events = {SomeEvent("one more", 5'001)};
  Commit(batch);
  const auto events = Get(store_->Events(1));
  ASSERT_THAT(events, SizeIs(kEventsLeft + 1));
  EXPECT_EQ(events[0].message, "of another object");
  EXPECT_EQ(events[1].message, std::to_string(kMaxEvents + 1 - kEventsLeft));
  EXPECT_EQ(events[kEventsLeft - 1].message, "joined") << "it is old, but it happened again";
  EXPECT_EQ(events[kEventsLeft].message, "one more");
}

TEST_P(StoreConformance, EventsOfAnObjectStayWithinTheirBoundsWhateverComes) {
  Begin();
  for (int i = 0; i < 5'000; i += 100) {
    WriteBatch batch;
    for (int j = i; j < i + 100; ++j) batch.events.push_back(SomeEvent(std::to_string(j), j));
    Commit(batch);
    const auto kept = Get(store_->Events(1));
    ASSERT_LE(kept.size(), static_cast<std::size_t>(kMaxEvents));
    ASSERT_GE(kept.size(), static_cast<std::size_t>(std::min(i + 100, kEventsLeft)));
    ASSERT_EQ(kept.back().message, std::to_string(i + 99));
  }
}

TEST_P(StoreConformance, ATrialNeedsItsExperiment) {
  Begin();
  WriteBatch batch;
  batch.trials = {SomeTrial(2), SomeTrial(1, "other", 2)};
  ExpectRefused(batch, Code::kFailedPrecondition);
}

TEST_P(StoreConformance, RowsNeedTheirTrialAndEventsTheirExperiment) {
  Begin();
  WriteBatch batch;
  batch.trials = {SomeTrial(2)};
  WriteBatch wrong = batch;
  wrong.steps = {SomeStep("main", 1, "digits-t3")};
  ExpectRefused(wrong, Code::kFailedPrecondition);
  wrong = batch;
  wrong.observations = {SomeReport(1), SomeReport(1, "digits-t3")};
  ExpectRefused(wrong, Code::kFailedPrecondition);
  wrong = batch;
  wrong.positions = {SomePosition(1, 1, "digits-t3")};
  ExpectRefused(wrong, Code::kFailedPrecondition);
  wrong = batch;
  wrong.events = {SomeEvent("a")};
  wrong.events[0].experiment_id = 2;
  ExpectRefused(wrong, Code::kFailedPrecondition);
  Commit(batch);
}

TEST_P(StoreConformance, AnExperimentKeepsItsIdentity) {
  WriteBatch batch;
  batch.experiments = {SomeExperiment(1), SomeExperiment(2, "other")};
  Commit(batch);
  const auto refused = [&](const std::function<void(Experiment*)>& change) {
    WriteBatch wrong;
    wrong.experiments = {SomeExperiment(1), SomeExperiment(3, "new")};
    wrong.experiments[0].best_trial = "x";
    change(&wrong.experiments[1]);
    ExpectRefused(wrong, Code::kAlreadyExists);
  };
  refused([](Experiment* e) { e->id = 1; });
  refused([](Experiment* e) { e->uid = "other-uid"; });
  refused([](Experiment* e) { e->name = "other"; });
  refused([](Experiment* e) { *e = SomeExperiment(2, "other"), e->uid = "changed"; });
  refused([](Experiment* e) { *e = SomeExperiment(2, "other"), e->name = "changed"; });
  refused([](Experiment* e) { *e = SomeExperiment(2, "other"), e->namespace_name = "changed"; });
  WriteBatch twice;
  twice.experiments = {SomeExperiment(3, "new"), SomeExperiment(4, "new")};
  ExpectRefused(twice, Code::kAlreadyExists);
  twice.experiments[1].uid = "another";
  ExpectRefused(twice, Code::kAlreadyExists);
}

TEST_P(StoreConformance, ATrialKeepsItsIdentity) {
  WriteBatch batch;
  batch.experiments = {SomeExperiment(1), SomeExperiment(2, "other")};
  batch.trials = {SomeTrial(1), SomeTrial(2)};
  Commit(batch);
  WriteBatch wrong;
  wrong.trials = {SomeTrial(3), SomeTrial(1)};
  wrong.trials[1].experiment_id = 2;
  ExpectRefused(wrong, Code::kAlreadyExists);
  wrong.trials[1] = SomeTrial(1);
  wrong.trials[1].ordinal = 4;
  ExpectRefused(wrong, Code::kAlreadyExists);
  wrong.trials[1] = SomeTrial(2);
  wrong.trials[1].name = "digits-new";
  ExpectRefused(wrong, Code::kAlreadyExists);
  wrong.trials = {SomeTrial(3), SomeTrial(3)};
  wrong.trials[1].name = "digits-new";
  ExpectRefused(wrong, Code::kAlreadyExists);
  wrong.trials = {SomeTrial(3), SomeTrial(4)};
  wrong.trials[1].name = "digits-t3";
  ExpectRefused(wrong, Code::kAlreadyExists);
}

TEST_P(StoreConformance, ARefusedBatchIsTakenOnceItIsRight) {
  WriteBatch batch = FullBatch();
  batch.experiments.clear();
  ExpectRefused(batch, Code::kFailedPrecondition);
  batch.experiments = FullBatch().experiments;
  Commit(batch);
  EXPECT_THAT(Get(store_->Observations("digits-t1")), SizeIs(2));
}

TEST_P(StoreConformance, EventsOfARefusedBatchAreNotCounted) {
  Begin();
  WriteBatch batch;
  batch.events = {SomeEvent("first")};
  Commit(batch);
  for (int i = 0; i < 15; ++i) {
    WriteBatch wrong;
    for (int j = 0; j < 100; ++j) wrong.events.push_back(SomeEvent(fmt::format("{}/{}", i, j)));
    wrong.events.push_back(SomeEvent("wrong"));
    wrong.events.back().experiment_id = 9;
    ASSERT_FALSE(store_->Commit(wrong).ok());
  }
  batch.events.push_back(SomeEvent("right"));
  batch.events[0].message = "second";
  Commit(batch);
  EXPECT_THAT(Get(store_->Events(1)), SizeIs(3));
}

TEST_P(StoreConformance, ChangesNameWhatWasWrittenSinceInTheOrderOfWriting) {
  Begin(3);
  const std::int64_t begun = Revision();
  EXPECT_GT(begun, 0);
  WriteBatch batch;
  batch.trials = {SomeTrial(2)};
  Commit(batch);
  batch.trials = {SomeTrial(1)};
  Commit(batch);
  Changes changes = Get(store_->ChangesSince(begun));
  EXPECT_THAT(changes.trials, ElementsAre("digits-t2", "digits-t1"));
  EXPECT_THAT(changes.experiments, IsEmpty());
  EXPECT_GT(changes.revision, begun);

  const std::int64_t middle = changes.revision;
  batch.trials = {SomeTrial(2)};
  batch.experiments = {SomeExperiment()};
  Commit(batch);
  changes = Get(store_->ChangesSince(middle));
  EXPECT_THAT(changes.trials, ElementsAre("digits-t2"));
  EXPECT_THAT(changes.experiments, ElementsAre(1));
  changes = Get(store_->ChangesSince(begun));
  EXPECT_THAT(changes.trials, ElementsAre("digits-t1", "digits-t2"));

  changes = Get(store_->ChangesSince(changes.revision));
  EXPECT_THAT(changes.trials, IsEmpty());
  EXPECT_THAT(changes.experiments, IsEmpty());
}

TEST_P(StoreConformance, ARevisionNeverSplitsABatch) {
  std::set<std::string> known;
  std::int64_t revision = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    WriteBatch batch;
    if (i == 0) batch.experiments = {SomeExperiment()};
    for (std::uint64_t j = 1; j <= i % 5; ++j) batch.trials.push_back(SomeTrial(i * 10 + j));
    Commit(batch);
    const Changes changes = Get(store_->ChangesSince(revision));
    EXPECT_EQ(changes.trials.size(), batch.trials.size());
    EXPECT_GE(changes.revision, revision);
    revision = changes.revision;
    known.insert(changes.trials.begin(), changes.trials.end());
  }
  EXPECT_EQ(known.size(), Get(store_->Trials(1)).size());
}

TEST_P(StoreConformance, OnlyWritingExperimentsAndTrialsMovesTheRevision) {
  Begin();
  const std::int64_t revision = Revision();
  WriteBatch batch = FullBatch();
  batch.experiments.clear();
  batch.trials.clear();
  Commit(batch);
  EXPECT_EQ(Revision(), revision);
}

TEST_P(StoreConformance, LongTextsComeBack) {
  WriteBatch batch = FullBatch();
  batch.experiments[0].manifest = std::string(3'000'000, 'm');
  batch.experiments[0].source = std::string(100'000, 's');
  batch.trials[0].conditions[0].message = std::string(200'000, '"');
  batch.observations[0].value = std::string(70'000, 'v');
  batch.events[0].message = std::string(70'000, 'e');
  Commit(batch);
  Commit(batch);
  EXPECT_EQ(DescribeAll(Get(store_->Experiments())), DescribeAll(batch.experiments));
  EXPECT_EQ(DescribeAll(Get(store_->Trials(1))), DescribeAll(batch.trials));
  EXPECT_EQ(DescribeAll(Get(store_->Observations("digits-t1"))), DescribeAll(batch.observations));
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance, testing::ValuesIn(Kinds()),
                         [](const auto& instance) { return instance.param.name; });

TEST(MemoryStore, AskBeforeEachCommitAndWritesNothingWhenToldOfAFault) {
  bool full = false;
  std::size_t trials_seen = 0;
  const auto store = MakeMemoryStore([&](const WriteBatch& batch) {
    trials_seen += batch.trials.size();
    return full ? Status(Code::kResourceExhausted, "full") : OkStatus();
  });
  WriteBatch batch;
  batch.experiments = {SomeExperiment()};
  ASSERT_TRUE(store->Commit(batch).ok());
  full = true;
  batch.trials = {SomeTrial()};
  EXPECT_EQ(store->Commit(batch).code(), Code::kResourceExhausted);
  EXPECT_THAT(Get(store->Trials(1)), IsEmpty());
  full = false;
  ASSERT_TRUE(store->Commit(batch).ok());
  EXPECT_THAT(Get(store->Trials(1)), SizeIs(1));
  EXPECT_EQ(trials_seen, 2U);
}

}  // namespace
}  // namespace qalam
