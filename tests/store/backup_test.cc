// SPDX-License-Identifier: Apache-2.0
// Copies are whole, whoever writes meanwhile, and a copy put in the place of a database loses nothing that was there.
#include "store/backup.h"

#include <gmock/gmock.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "store/check.h"
#include "tests/store/child_process.h"
#include "tests/store/raw_database.h"
#include "tests/store/store_fixture.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

const MakeWay kNothingInTheWay = [](const std::set<std::string>&, const std::string&) { return OkStatus(); };

class BackupTest : public testing::Test {
 protected:
  void Fill(const std::string& file, int trials = 3) {
    const auto store = Get(OpenSqliteStore(file));
    WriteBatch batch;
    batch.experiments = {SomeExperiment()};
    batch.experiments[0].best_trial.clear();
    batch.experiments[0].counts = {};
    for (int i = 1; i <= trials; ++i) {
      batch.trials.push_back(SomeTrial(static_cast<std::uint64_t>(i)));
      ++batch.experiments[0].counts.total;
      ++batch.experiments[0].counts.Of(batch.trials.back().state);
    }
    ASSERT_TRUE(store->Commit(batch).ok());
  }
  std::vector<std::string> Rows(const std::string& file) { return DescribeStore(*Get(OpenSqliteReader(file))); }
  Status BackUp(Existing existing = Existing::kKeep) { return BackUpFile(file_, copy_, existing).status(); }
  Status Restore(Existing existing = Existing::kKeep) {
    return RestoreFile(copy_, file_, existing, kNothingInTheWay).status();
  }
  // But for the logs that reading leaves.
  std::set<std::string> FilesThere() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      const std::string name = entry.path().filename().string();
      if (!name.ends_with("-wal") && !name.ends_with("-shm")) names.insert(name);
    }
    return names;
  }

  TemporaryFolder folder_;
  const std::string file_ = folder_.File(), copy_ = folder_.File("copy.db");
};

TEST_F(BackupTest, ACopyHoldsWhatTheDatabaseHeld) {
  Fill(file_);
  const auto report = Get(BackUpFile(file_, copy_, Existing::kKeep));
  EXPECT_EQ(report.experiments, 1);
  EXPECT_EQ(report.trials, 3);
  EXPECT_EQ(report.bytes, fs::file_size(copy_));
  EXPECT_FALSE(fs::exists(copy_ + "-wal"));
  EXPECT_FALSE(fs::exists(copy_ + ".new"));
  EXPECT_EQ(Rows(copy_), Rows(file_));
  EXPECT_THAT(Get(CheckFile(copy_)).faults, IsEmpty());
  EXPECT_EQ(fs::status(copy_).permissions(), fs::perms(0600));
}

TEST_F(BackupTest, ACopyHoldsWhatADeadWriterLeftInItsLog) {
  Child writer([&](int) {
    const auto store = Get(OpenSqliteStore(file_));
    QALAM_CHECK(store->Commit(FullBatch()).ok(), "it can be written");
    kill(getpid(), SIGKILL);
  });
  writer.Wait();
  ASSERT_TRUE(BackUp().ok());
  EXPECT_EQ(Rows(copy_), Rows(file_));
}

TEST_F(BackupTest, NothingIsWrittenOverUnlessThatIsSaid) {
  Fill(file_);
  WriteFile(copy_, "mine");
  EXPECT_EQ(BackUp().code(), Code::kAlreadyExists);
  const Status mine = BackUp(Existing::kReplace);
  EXPECT_EQ(mine.code(), Code::kAlreadyExists) << "what is no backup is not replaced";
  EXPECT_EQ(ReadFile(copy_), "mine");
  fs::remove(copy_);
  ASSERT_TRUE(BackUp().ok());
  Fill(file_, 5);
  EXPECT_THAT(BackUp().message(), HasSubstr("--force"));
  ASSERT_TRUE(BackUp(Existing::kReplace).ok());
  EXPECT_EQ(Rows(copy_), Rows(file_));
  EXPECT_EQ(BackUpFile(file_, file_, Existing::kReplace).status().code(), Code::kInvalidArgument);
  const auto used = Get(OpenSqliteStore(copy_));
  EXPECT_EQ(BackUp(Existing::kReplace).code(), Code::kFailedPrecondition) << "somebody uses it as a database";
}

TEST_F(BackupTest, ADamagedDatabaseIsNotCopied) {
  Fill(file_, 60);
  std::string bytes = ReadFile(file_);
  bytes.replace(bytes.size() - 4096, 4096, std::string(4096, '\xa5'));
  WriteFile(file_, bytes);
  const auto before = FilesThere();
  const Status status = BackUp();
  EXPECT_EQ(status.code(), Code::kDataLoss) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("qalam db check"));
  EXPECT_EQ(FilesThere(), before) << "and nothing is left of the try";
}

TEST_F(BackupTest, WhatIsNoDatabaseIsNotCopied) {
  EXPECT_EQ(BackUp().code(), Code::kNotFound);
  WriteFile(file_, "");
  EXPECT_EQ(BackUp().code(), Code::kNotFound);
  WriteFile(file_, std::string(500, 'x'));
  EXPECT_EQ(BackUp().code(), Code::kDataLoss);
  EXPECT_FALSE(fs::exists(copy_));
}

// P11. Whole batches only: a batch has two reports, a trial and the count of it.
TEST_F(BackupTest, CopiesMadeWhileItIsWrittenAreConsistent) {
  Fill(file_, 0);
  std::atomic<bool> done = false;
  std::atomic<int> committed = 0;
  std::thread writer([&] {
    const auto store = Get(OpenSqliteStore(file_));
    Experiment experiment = SomeExperiment();
    experiment.best_trial.clear();
    experiment.counts = {};
    for (std::uint64_t n = 1; !done; ++n) {
      WriteBatch batch;
      batch.trials = {SomeTrial(n)};
      ++experiment.counts.total;
      ++experiment.counts.Of(batch.trials[0].state);
      batch.experiments = {experiment};
      batch.observations = {SomeReport(1, batch.trials[0].name), SomeReport(2, batch.trials[0].name)};
      ASSERT_TRUE(store->Commit(batch).ok());
      ++committed;
    }
  });
  std::int64_t last = 0;
  for (int i = 0; i < 15; ++i) {
    const int before = committed;
    const auto report = BackUpFile(file_, copy_, Existing::kReplace);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    const FileReport whole = Get(CheckFile(copy_));
    EXPECT_THAT(whole.faults, IsEmpty());
    EXPECT_EQ(whole.reports, 2 * whole.trials) << "half a batch";
    EXPECT_GE(whole.trials, before) << "what was committed before is in it";
    EXPECT_GE(whole.trials, last);
    last = whole.trials;
    while (committed < before + 3) std::this_thread::yield();
  }
  done = true;
  writer.join();
}

TEST_F(BackupTest, ABackupIsPutInThePlaceOfWhatWasLost) {
  Fill(file_);
  ASSERT_TRUE(BackUp().ok());
  const auto rows = Rows(file_);
  for (const char* tail : {"", "-wal", "-shm"}) fs::remove(file_ + tail);
  const auto report = Get(RestoreFile(copy_, file_, Existing::kKeep, kNothingInTheWay));
  EXPECT_EQ(report.aside, "");
  EXPECT_EQ(report.trials, 3);
  EXPECT_EQ(Rows(file_), rows);
  Fill(file_, 4);  // it can be written
  EXPECT_NE(Rows(file_), rows);
  EXPECT_EQ(Rows(copy_), rows) << "the backup stays";
}

TEST_F(BackupTest, WhatHoldsExperimentsIsReplacedOnlyWhenThatIsSaidAndIsKept) {
  Fill(file_);
  ASSERT_TRUE(BackUp().ok());
  const auto before = Rows(file_);
  Fill(file_, 7);
  const auto newer = Rows(file_);
  const Status refused = Restore();
  EXPECT_EQ(refused.code(), Code::kFailedPrecondition);
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("holds 1 experiment"), HasSubstr("--force"), HasSubstr(".before-1")));
  EXPECT_EQ(Rows(file_), newer);
  const auto report = Get(RestoreFile(copy_, file_, Existing::kReplace, kNothingInTheWay));
  EXPECT_EQ(report.aside, file_ + ".before-1");
  EXPECT_EQ(Rows(file_), before);
  EXPECT_EQ(Rows(report.aside), newer);
  EXPECT_EQ(Get(RestoreFile(copy_, file_, Existing::kReplace, kNothingInTheWay)).aside, file_ + ".before-2");
}

TEST_F(BackupTest, WhatADeadWriterLeftInItsLogIsKeptToo) {
  Fill(file_);
  ASSERT_TRUE(BackUp().ok());
  Child writer([&](int) {
    const auto store = Get(OpenSqliteStore(file_));
    WriteBatch batch;
    batch.trials = {SomeTrial(9)};
    QALAM_CHECK(store->Commit(batch).ok(), "it can be written");
    kill(getpid(), SIGKILL);
  });
  writer.Wait();
  ASSERT_TRUE(Restore(Existing::kReplace).ok());
  EXPECT_EQ(Rows(file_), Rows(copy_));
  EXPECT_TRUE(Get(Get(OpenSqliteReader(file_ + ".before-1"))->FindTrial("digits-t9")));
}

TEST_F(BackupTest, ADatabaseInUseIsNotReplacedWhateverIsSaid) {
  Fill(file_);
  ASSERT_TRUE(BackUp().ok());
  const auto store = Get(OpenSqliteStore(file_));
  const Status status = Restore(Existing::kReplace);
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr(fmt::format("process {}", getpid())), HasSubstr("end that process")));
  WriteBatch batch;
  batch.trials = {SomeTrial(8)};
  EXPECT_TRUE(store->Commit(batch).ok());
}

TEST_F(BackupTest, ADamagedFileIsKeptBesideTheOneThatReplacesIt) {
  Fill(file_);
  ASSERT_TRUE(BackUp().ok());
  const auto rows = Rows(file_);
  for (const std::string& bytes : {std::string("overwritten"), ReadFile(file_).substr(0, 5'000)}) {
    WriteFile(file_, bytes);
    EXPECT_EQ(Restore().code(), Code::kFailedPrecondition);
    EXPECT_EQ(ReadFile(file_), bytes);
    const auto report = Get(RestoreFile(copy_, file_, Existing::kReplace, kNothingInTheWay));
    EXPECT_EQ(ReadFile(report.aside), bytes);
    EXPECT_EQ(Rows(file_), rows);
  }
}

TEST_F(BackupTest, ABackupThatIsNotWholeIsRefused) {
  Fill(file_, 60);
  ASSERT_TRUE(BackUp().ok());
  const std::string good = ReadFile(copy_);
  const auto rows = Rows(file_);
  std::string page = good;
  page.replace(good.size() - 4096, 4096, std::string(4096, '\xa5'));
  for (const std::string& bytes : {good.substr(0, good.size() / 2), page, std::string("text")}) {
    WriteFile(copy_, bytes);
    const Status status = Restore(Existing::kReplace);
    EXPECT_EQ(status.code(), Code::kDataLoss);
    EXPECT_THAT(status.message(), HasSubstr("nothing was changed"));
    EXPECT_EQ(Rows(file_), rows);
  }
  WriteFile(copy_, good);
  RawDatabase(copy_).Run("PRAGMA user_version=1000");
  EXPECT_THAT(Restore(Existing::kReplace).message(), HasSubstr("newer qalam (layout 1000"));
  EXPECT_EQ(RestoreFile(folder_.File("none"), file_, Existing::kReplace, kNothingInTheWay).status().code(),
            Code::kNotFound);
  EXPECT_EQ(RestoreFile(file_, file_, Existing::kReplace, kNothingInTheWay).status().code(), Code::kInvalidArgument);
}

TEST_F(BackupTest, AnOlderBackupIsRestoredAndThenBroughtUpToDate) {
  RawDatabase(copy_).Run(ReadFile(QALAM_SOURCE_DIR "/tests/store/golden/v1.sql"));
  ASSERT_TRUE(Restore().ok());
  EXPECT_EQ(RawDatabase(file_).Run("PRAGMA user_version"), std::vector<std::string>{"1"});
  EXPECT_EQ(Get(Get(OpenSqliteStore(file_))->Experiments()).size(), 1U);
}

TEST_F(BackupTest, WhereNoWayCanBeMadeNothingIsChanged) {
  Fill(file_);
  ASSERT_TRUE(BackUp().ok());
  Fill(file_, 5);
  const auto rows = Rows(file_);
  const auto files = FilesThere();
  std::set<std::string> told;
  const auto report =
      RestoreFile(copy_, file_, Existing::kReplace, [&](const std::set<std::string>& trials, const std::string& tail) {
        told = trials;
        EXPECT_EQ(tail, ".before-1");
        EXPECT_FALSE(OpenSqliteStore(file_).ok()) << "nobody opens it meanwhile";
        return Error(Code::kFailedPrecondition, "a trial is at work");
      });
  EXPECT_EQ(report.status().message(), "a trial is at work");
  EXPECT_EQ(told, (std::set<std::string>{"digits-t1", "digits-t2", "digits-t3"}));
  EXPECT_EQ(Rows(file_), rows);
  EXPECT_EQ(FilesThere(), files);
}

}  // namespace
}  // namespace qalam
