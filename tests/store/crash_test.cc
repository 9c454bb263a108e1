// SPDX-License-Identifier: Apache-2.0
// kill -9 and power cuts in the middle of commits: what was acknowledged is there, whole, and the file is sound.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "tests/store/child_process.h"
#include "tests/store/long_form.h"
#include "tests/store/raw_database.h"
#include "tests/store/store_fixture.h"
#include "tests/store/test_disk.h"

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
  const int kKills = LongForm("QALAM_KILLS", 50);
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

// What a disk may hold after the power went: all that was synced, and of the rest any part, by sectors, in any order.
class PowerCut {
 public:
  explicit PowerCut(const std::vector<std::string>& files) {
    for (const std::string& file : files) durable_[file] = ReadFile(file);
  }
  // The operations up to `end`, which grows from call to call, happened before the cut.
  void Advance(const std::vector<DiskOperation>& operations, std::size_t end) {
    for (; done_ < end; ++done_) {
      const DiskOperation& operation = operations[done_];
      auto& pending = pending_[operation.file];
      if (operation.kind != DiskOperation::Kind::kSync) {
        pending.push_back(&operation);
        continue;
      }
      for (const DiskOperation* synced : pending) Apply(*synced, &durable_[operation.file]);
      pending.clear();
    }
  }
  // The file as it is found; one of the worlds that may be.
  std::string Contents(const std::string& file, std::mt19937* random) {
    std::string bytes = durable_[file];
    const auto kept = (*random)() % 4;  // of four: none, some, most, all
    for (const DiskOperation* operation : pending_[file]) {
      if (operation->kind == DiskOperation::Kind::kTruncate) {
        if ((*random)() % 2 == 0) Apply(*operation, &bytes);
        continue;
      }
      constexpr std::size_t kSector = 512;
      for (std::size_t at = 0; at < operation->bytes.size();) {
        const std::size_t position = static_cast<std::size_t>(operation->offset) + at;
        const std::size_t size = std::min(kSector - position % kSector, operation->bytes.size() - at);
        if ((*random)() % 3 < kept) Put(operation->bytes.substr(at, size), position, &bytes);
        at += size;
      }
    }
    return bytes;
  }

 private:
  static void Put(const std::string& part, std::size_t at, std::string* bytes) {
    if (bytes->size() < at + part.size()) bytes->resize(at + part.size());
    bytes->replace(at, part.size(), part);
  }
  static void Apply(const DiskOperation& operation, std::string* bytes) {
    if (operation.kind == DiskOperation::Kind::kWrite) {
      Put(operation.bytes, static_cast<std::size_t>(operation.offset), bytes);
    } else {
      bytes->resize(static_cast<std::size_t>(operation.offset));
    }
  }

  std::map<std::string, std::string> durable_;
  std::map<std::string, std::vector<const DiskOperation*>> pending_;
  std::size_t done_ = 0;
};

TEST(CrashTest, WhatWasAcknowledgedIsThereAfterAPowerCut) {
  constexpr std::uint64_t kBatches = 120;
  const int cuts = std::getenv("QALAM_POWER_CUTS") != nullptr ? std::atoi(std::getenv("QALAM_POWER_CUTS")) : 60;
  const TemporaryFolder folder(QuickFolder());
  const std::string file = folder.File(), found = folder.File("found.db");
  std::vector<std::size_t> acknowledged;  // operations done when batch n + 1 was
  std::vector<DiskOperation> operations;
  std::unique_ptr<PowerCut> power;
  {
    TestDisk disk;
    const auto store = Get(OpenSqliteStore(file));
    power = std::make_unique<PowerCut>(std::vector{file, file + "-wal"});
    disk.Record();
    for (std::uint64_t n = 1; n <= kBatches; ++n) {
      WriteBatch batch = NumberedBatch(n);
      // The same long row again and again: the log grows until it is copied into the file, and begins anew.
      batch.trials.push_back(SomeTrial(1'000));
      batch.trials.back().labels["filler"] = std::string(200'000, static_cast<char>('a' + n % 26));
      ASSERT_TRUE(store->Commit(batch).ok());
      acknowledged.push_back(disk.operations().size());
    }
    operations = disk.operations();
  }
  std::vector<std::size_t> on_file;  // where the log is copied: cut there as often as in the log
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (operations[i].file == file) on_file.push_back(i);
  }
  ASSERT_GT(on_file.size(), 50U);
  std::mt19937 random(13);
  std::vector<std::size_t> points;
  for (int i = 0; i < cuts; ++i) {
    points.push_back(i % 2 == 0 ? random() % operations.size()
                                : std::min(operations.size(), on_file[random() % on_file.size()] + random() % 40));
  }
  std::sort(points.begin(), points.end());
  for (const std::size_t point : points) {
    power->Advance(operations, point);
    std::filesystem::remove(found + "-shm");
    WriteFile(found, power->Contents(file, &random));
    WriteFile(found + "-wal", power->Contents(file + "-wal", &random));
    const auto reported = static_cast<std::uint64_t>(std::upper_bound(acknowledged.begin(), acknowledged.end(), point) -
                                                     acknowledged.begin());
    ASSERT_EQ(CheckDatabase(found), "ok") << "cut before operation " << point;
    const auto reader = Get(OpenSqliteReader(found));
    const auto experiments = Get(reader->Experiments());
    const auto kept = static_cast<std::uint64_t>(experiments.empty() ? 0 : experiments[0].counts.total);
    ASSERT_GE(kept, reported) << "cut before operation " << point;
    ASSERT_LE(kept, reported + 1) << "cut before operation " << point;
    for (std::uint64_t n = kept > 5 ? kept - 5 : 1; n <= kept; ++n) ASSERT_EQ(Whole(*reader, n, n == kept), "");
    ASSERT_EQ(Get(reader->Trials(1)).size(), kept == 0 ? 0 : kept + 1) << "half a batch";
  }
}

}  // namespace
}  // namespace qalam
