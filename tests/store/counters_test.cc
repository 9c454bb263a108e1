// SPDX-License-Identifier: Apache-2.0
// What has happened is counted once, where it happens, and stays counted.
#include "store/counters.h"

#include <gmock/gmock.h>

#include <map>

#include "tests/store/raw_database.h"
#include "tests/store/store_fixture.h"

namespace qalam {
namespace {

using testing::IsSupersetOf;
using testing::Pair;

std::map<std::string, std::int64_t> Counted(const std::string& file) {
  std::map<std::string, std::int64_t> counted;
  for (const Sample& sample : Get(ReadCounters(file))) counted[sample.name + sample.status] = sample.value;
  return counted;
}

TEST(Counters, CountEachEndOnceAndKeepWhatWasDeleted) {
  const TemporaryFolder folder;
  const auto store = Get(OpenSqliteStore(folder.File()));
  WriteBatch batch;
  batch.experiments = {SomeExperiment()};
  const std::string name_space = batch.experiments[0].namespace_name;
  batch.experiments[0].state = ExperimentState::kRunning;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    batch.trials.push_back(SomeTrial(i));
    batch.trials.back().state = TrialState::kRunning;
    batch.trials.back().assignments = {{"lr", i == 5 ? "4" : std::to_string(i)}};
  }
  batch.trials[4].state = TrialState::kFailed;  // begun and ended in one commit
  ASSERT_TRUE(store->Commit(batch).ok());
  batch.trials[0].state = TrialState::kSucceeded;
  batch.trials[1].state = TrialState::kMetricsUnavailable;
  batch.trials[2].state = TrialState::kEarlyStopped;
  for (int again = 0; again < 3; ++again)
    ASSERT_TRUE(store->Commit(batch).ok()) << "written again is not happened again";
  EXPECT_THAT(Counted(folder.File()),
              IsSupersetOf({Pair("katib_experiment_created_total", 1), Pair("katib_experiment_succeeded_total", 0),
                            Pair("katib_trial_created_total", 5), Pair("katib_trial_succeeded_total", 1),
                            Pair("katib_trial_failed_total", 1), Pair("katib_trial_metrics_unavailable_total", 1),
                            Pair("katib_trial_deleted_total", 0), Pair("katib_experiments_currentRunning", 1),
                            Pair("katib_trials_currentRunning", 1), Pair("katib_trials_currentEarlyStopped", 1),
                            Pair("qalam_trials_repeated_current", 1)}));

  // A retry: it may fail once more.
  batch.trials[4].state = TrialState::kRunning;
  ASSERT_TRUE(store->Commit(batch).ok());
  batch.trials[4].state = TrialState::kFailed;
  batch.experiments[0].state = ExperimentState::kSucceeded;
  ASSERT_TRUE(store->Commit(batch).ok());
  EXPECT_EQ(Counted(folder.File()).at("katib_trial_failed_total"), 2);

  WriteBatch deletion;
  deletion.deleted = {{.experiment_id = batch.experiments[0].id}};
  ASSERT_TRUE(store->Commit(deletion).ok());
  EXPECT_THAT(Counted(folder.File()),
              IsSupersetOf({Pair("katib_experiment_created_total", 1), Pair("katib_experiment_succeeded_total", 1),
                            Pair("katib_experiment_deleted_total", 1), Pair("katib_trial_created_total", 5),
                            Pair("katib_trial_succeeded_total", 1), Pair("katib_trial_deleted_total", 5)}));
  EXPECT_EQ(Counted(folder.File()).count("katib_trials_currentRunning"), 0U);
}

TEST(Counters, WhatHappenedBeforeTheyWereKeptIsCountedAsFarAsItIsKnown) {
  const TemporaryFolder folder;
  RawDatabase(folder.File()).Run(ReadFile(QALAM_SOURCE_DIR "/tests/store/golden/v3.sql"));
  EXPECT_EQ(ReadCounters(folder.File()).status().code(), Code::kFailedPrecondition) << "nothing is changed to look";
  Get(OpenSqliteStore(folder.File())).reset();
  EXPECT_THAT(Counted(folder.File()),
              IsSupersetOf({Pair("katib_experiment_created_total", 2), Pair("katib_experiment_deleted_total", 1),
                            Pair("katib_trial_created_total", 1)}));
}

}  // namespace
}  // namespace qalam
