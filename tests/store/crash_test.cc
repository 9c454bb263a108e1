// SPDX-License-Identifier: Apache-2.0
// kill -9 in the middle of commits: what was acknowledged is there, whole, and the file is sound.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <set>
#include <thread>

#include "tests/store/child_process.h"
#include "tests/store/raw_database.h"
#include "tests/store/store_fixture.h"

namespace qalam {
namespace {

// The n-th batch: a new trial with rows of every kind, and an old one that is written again. Now and then a long text,
// so that batches and logs of many pages are met too.
WriteBatch NumberedBatch(std::uint64_t n) {
  WriteBatch batch;
  batch.experiments = {SomeExperiment()};
  batch.experiments[0].counts.total = static_cast<int>(n);
  batch.trials = {SomeTrial(n)};
  if (n % 7 == 0) batch.trials[0].labels["filler"] = std::string(n % 5 * 100'000, 'x');
  if (n > 1) {
    batch.trials.push_back(SomeTrial(n - 1));
    batch.trials.back().state = TrialState::kSucceeded;
  }
  const std::string& trial = batch.trials[0].name;
  batch.steps = {SomeStep("main", 1, trial)};
  batch.observations = {SomeReport(1, trial), SomeReport(2, trial)};
  batch.positions = {SomePosition(20, 1, trial)};
  batch.events = {SomeEvent("created", 0, "trial/" + trial), SomeEvent("still here", static_cast<int>(n))};
  return batch;
}

std::string Whole(StoreReader& store, std::uint64_t n, bool last) {
  WriteBatch wanted = NumberedBatch(n);
  if (!last) wanted.trials[0] = NumberedBatch(n + 1).trials[1];
  const std::string& name = wanted.trials[0].name;
  if (const auto trial = Get(store.FindTrial(name)); !trial || Describe(*trial) != Describe(wanted.trials[0])) {
    return name + " is missing or old";
  }
  if (DescribeAll(Get(store.Steps(name))) != DescribeAll(wanted.steps)) return name + " has other steps";
  if (DescribeAll(Get(store.Observations(name))) != DescribeAll(wanted.observations))
    return name + " has other reports";
  const auto position = Get(store.Position(name));
  if (!position || Describe(*position) != Describe(wanted.positions[0])) return name + " has another position";
  return "";
}

TEST(CrashTest, WhatWasAcknowledgedIsThereAfterKill9) {
  constexpr int kKills = 50;
  const TemporaryFolder folder;
  const std::string file = folder.File();
  std::mt19937 random(11);
  std::uint64_t acknowledged = 0;
  int found_more = 0;
  for (int round = 0; round < kKills; ++round) {
    Child writer([&](int to_parent) {
      const auto store = Get(OpenSqliteStore(file));
      for (std::uint64_t n = Get(store->Trials(1)).size() + 1;; ++n) {
        const Status status = store->Commit(NumberedBatch(n));
        QALAM_CHECK(status.ok(), status.ToString());
        QALAM_CHECK(write(to_parent, &n, sizeof n) == sizeof n, "the test listens");
      }
    });
    const std::uint64_t wanted = random() % 20;  // 0: while it opens
    for (std::uint64_t i = 0; i < wanted; ++i) ASSERT_TRUE(writer.Read(&acknowledged, sizeof acknowledged));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 4'000));
    writer.Kill();
    for (std::uint64_t n = 0; writer.Read(&n, sizeof n);) acknowledged = n;

    if (!std::filesystem::exists(file)) continue;  // killed before it was born
    {
      const auto reader = Get(OpenSqliteReader(file));
      const std::uint64_t found = Get(reader->Trials(1)).size();
      ASSERT_GE(found, acknowledged) << "round " << round;
      ASSERT_LE(found, acknowledged + 1) << "one was in flight at most";
      if (found > acknowledged) ++found_more;
      acknowledged = found;
      if (found > 0) {
        ASSERT_EQ(Get(reader->Experiments())[0].counts.total, static_cast<int>(found)) << "half a batch";
        for (std::uint64_t n = found > 40 ? found - 40 : 1; n <= found; ++n)
          ASSERT_EQ(Whole(*reader, n, n == found), "");
      }
    }
    ASSERT_EQ(CheckDatabase(file), "ok") << "round " << round;
  }
  const auto store = Get(OpenSqliteStore(file));
  for (std::uint64_t n = 1; n <= acknowledged; ++n) ASSERT_EQ(Whole(*store, n, n == acknowledged), "");
  EXPECT_GT(acknowledged, 100U);
  RecordProperty("batches", std::to_string(acknowledged));
  RecordProperty("in_flight_and_kept", found_more);
}

}  // namespace
}  // namespace qalam
