// SPDX-License-Identifier: Apache-2.0
// What the file promises beyond store.h: who may open it, what stays of it, and who sees what.
#include "store/sqlite_store.h"

#include <gmock/gmock.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <random>
#include <thread>

#include "store/lock.h"
#include "tests/store/child_process.h"
#include "tests/store/long_form.h"
#include "tests/store/raw_database.h"
#include "tests/store/store_fixture.h"

namespace qalam {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace fs = std::filesystem;

unsigned ModeOf(const std::string& file) {
  struct stat status {};
  QALAM_CHECK(stat(file.c_str(), &status) == 0, file + " is there");
  return status.st_mode & 0777U;
}

// A database as `FullBatch` leaves it.
void Fill(const std::string& file) {
  const auto store = Get(OpenSqliteStore(file));
  const Status status = store->Commit(FullBatch());
  QALAM_CHECK(status.ok(), status.ToString());
}

class SqliteStoreTest : public testing::Test {
 protected:
  // Neither writer nor reader takes the file, both say the same kind of fault, and its bytes stay.
  void ExpectRefused(Code code, const std::string& text) {
    const std::string before = ReadFile(file_);
    const auto store = OpenSqliteStore(file_);
    ASSERT_FALSE(store.ok());
    EXPECT_EQ(store.status().code(), code) << store.status().ToString();
    EXPECT_THAT(store.status().message(), HasSubstr(text));
    EXPECT_THAT(store.status().message(), HasSubstr(file_));
    EXPECT_TRUE(ReadFile(file_) == before) << "the file was changed";
    const auto reader = OpenSqliteReader(file_);
    EXPECT_FALSE(reader.ok());
    EXPECT_TRUE(ReadFile(file_) == before) << "the file was changed by reading";
    EXPECT_FALSE(fs::exists(file_ + ".d"));
  }

  TemporaryFolder folder_;
  const std::string file_ = folder_.File();
};

TEST_F(SqliteStoreTest, EverythingIsThereAfterReopening) {
  std::vector<std::string> before;
  std::int64_t revision = 0, last_id = 0;
  {
    const auto store = Get(OpenSqliteStore(file_));
    ASSERT_TRUE(store->Commit(FullBatch()).ok());
    before = DescribeStore(*store);
    revision = Get(store->ChangesSince(0)).revision;
    last_id = Get(store->Observations("digits-t1")).back().id;
  }
  const auto store = Get(OpenSqliteStore(file_));
  EXPECT_EQ(DescribeStore(*store), before);
  EXPECT_EQ(Get(store->ChangesSince(0)).revision, revision);
  WriteBatch batch;
  batch.trials = {SomeTrial(2)};
  batch.observations = {SomeReport(3)};
  ASSERT_TRUE(store->Commit(batch).ok());
  EXPECT_EQ(Get(store->ChangesSince(revision)).trials, std::vector<std::string>{"digits-t2"});
  EXPECT_GT(Get(store->Observations("digits-t1")).back().id, last_id);
}

TEST_F(SqliteStoreTest, OnlyTheOwnerMayReadWhatIsWritten) {
  const mode_t mask = umask(0);
  const auto store = Get(OpenSqliteStore(file_));
  ASSERT_TRUE(store->Commit(FullBatch()).ok());
  umask(mask);
  EXPECT_EQ(ModeOf(file_), 0600U);
  EXPECT_EQ(ModeOf(file_ + "-wal"), 0600U);
  EXPECT_EQ(ModeOf(file_ + "-shm"), 0600U);
  EXPECT_EQ(ModeOf(file_ + ".lock"), 0600U);
  EXPECT_EQ(ModeOf(file_ + ".d"), 0700U);
}

TEST_F(SqliteStoreTest, ASecondOpenerIsToldWhoHasIt) {
  auto first = Get(OpenSqliteStore(file_));
  const auto second = OpenSqliteStore(file_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(second.status().message(), HasSubstr("process " + std::to_string(getpid())));
  ASSERT_TRUE(first->Commit(FullBatch()).ok()) << "the first is not disturbed";
  first.reset();
  EXPECT_THAT(Get(Get(OpenSqliteStore(file_))->Experiments()), SizeIs(1));
}

TEST_F(SqliteStoreTest, AnotherNameOfTheFileIsTheSameFile) {
  const auto first = Get(OpenSqliteStore(file_));
  fs::create_symlink(file_, folder_.File("link.db"));
  EXPECT_EQ(OpenSqliteStore(folder_.File("link.db")).status().code(), Code::kFailedPrecondition);
}

TEST_F(SqliteStoreTest, TheLockEndsWithItsProcess) {
  Child holder([&](int to_parent) {
    const auto store = Get(OpenSqliteStore(file_));
    QALAM_CHECK(write(to_parent, "x", 1) == 1, "the test listens");
    pause();
  });
  char c = 0;
  ASSERT_TRUE(holder.Read(&c, 1));
  EXPECT_THAT(OpenSqliteStore(file_).status().message(), HasSubstr(std::to_string(holder.pid())));
  holder.Kill();
  EXPECT_TRUE(OpenSqliteStore(file_).ok());
}

TEST_F(SqliteStoreTest, ATrialsProcessDoesNotHoldTheLock) {
  auto store = Get(OpenSqliteStore(file_));
  const pid_t trial = fork();
  ASSERT_GE(trial, 0);
  if (trial == 0) {
    execlp("sleep", "sleep", "60", nullptr);
    _exit(127);
  }
  // It holds what it inherited until exec has closed it.
  while (fs::read_symlink(fmt::format("/proc/{}/exe", trial)) == fs::read_symlink("/proc/self/exe")) {
    std::this_thread::yield();
  }
  store.reset();
  EXPECT_TRUE(OpenSqliteStore(file_).ok());
  kill(trial, SIGKILL);
  waitpid(trial, nullptr, 0);
}

TEST_F(SqliteStoreTest, OfEightThatStartAtOnceExactlyOneWins) {
  constexpr int kRounds = 20, kOpeners = 8;
  for (int round = 0; round < kRounds; ++round) {
    const std::string file = folder_.File(fmt::format("{}.db", round));
    std::array<int, 2> start{}, release{};
    ASSERT_EQ(pipe(start.data()), 0);
    ASSERT_EQ(pipe(release.data()), 0);
    std::vector<std::unique_ptr<Child>> openers;
    for (int i = 0; i < kOpeners; ++i) {
      openers.push_back(std::make_unique<Child>([&](int to_parent) {
        close(start[1]);
        close(release[1]);
        char c = 0;
        QALAM_CHECK(read(start[0], &c, 1) == 0, "all start when the pipe closes");
        const auto store = OpenSqliteStore(file);
        const Status used = store.ok() ? (*store)->Commit(FullBatch()) : store.status();
        const std::string answer = fmt::format("{} {}", static_cast<int>(used.code()), used.message());
        const std::size_t size = answer.size();
        QALAM_CHECK(write(to_parent, &size, sizeof size) == sizeof size, "the test listens");
        QALAM_CHECK(write(to_parent, answer.data(), size) == static_cast<ssize_t>(size), "the test listens");
        QALAM_CHECK(read(release[0], &c, 1) == 0, "the winner stays until all have answered");
      }));
    }
    close(start[0]);
    close(release[0]);
    close(start[1]);
    std::vector<std::string> answers;
    for (const auto& opener : openers) {
      std::size_t size = 0;
      ASSERT_TRUE(opener->Read(&size, sizeof size));
      answers.emplace_back(size, '\0');
      ASSERT_TRUE(opener->Read(answers.back().data(), size));
    }
    close(release[1]);
    int winner = -1;
    for (int i = 0; i < kOpeners; ++i) {
      if (answers[static_cast<std::size_t>(i)] == "0 ") {
        EXPECT_EQ(winner, -1) << "two won in round " << round;
        winner = i;
      }
    }
    ASSERT_NE(winner, -1) << "nobody won in round " << round;
    for (int i = 0; i < kOpeners; ++i) {
      EXPECT_EQ(openers[static_cast<std::size_t>(i)]->Wait(), 0);
      if (i == winner) continue;
      EXPECT_EQ(answers[static_cast<std::size_t>(i)],
                fmt::format("9 {} is in use by process {}", file, openers[static_cast<std::size_t>(winner)]->pid()));
    }
    EXPECT_EQ(CheckDatabase(file), "ok");
    EXPECT_THAT(Get(Get(OpenSqliteStore(file))->Experiments()), SizeIs(1));
  }
}

TEST_F(SqliteStoreTest, OtherKindsOfFileAreRefused) {
  for (const std::string& bytes : {std::string("x"), std::string("kind: Experiment\n"), std::string(8'192, '\0'),
                                   std::string("SQLite format 3\0", 16), std::string(100, 'z')}) {
    WriteFile(file_, bytes);
    ExpectRefused(Code::kDataLoss, "is not a database");
    EXPECT_FALSE(fs::exists(file_ + ".lock")) << "nothing is put beside another's file";
  }
  fs::remove(file_);
  fs::create_directory(file_);
  EXPECT_EQ(OpenSqliteStore(file_).status().code(), Code::kDataLoss);
}

TEST_F(SqliteStoreTest, DatabasesOfOtherProgramsAreRefused) {
  RawDatabase(file_).Run("CREATE TABLE t(x); INSERT INTO t VALUES(1)");
  ExpectRefused(Code::kDataLoss, "another program's");
  RawDatabase(file_).Run("PRAGMA user_version=1");
  ExpectRefused(Code::kDataLoss, "another program's");
  RawDatabase(file_).Run("PRAGMA user_version=0; PRAGMA application_id=252006673; DROP TABLE t");
  ExpectRefused(Code::kDataLoss, "another program's");
  RawDatabase(file_).Run("PRAGMA journal_mode=WAL");
  ExpectRefused(Code::kDataLoss, "another program's");
}

TEST_F(SqliteStoreTest, ANewerDatabaseIsRefused) {
  Fill(file_);
  fs::remove_all(file_ + ".d");
  RawDatabase(file_).Run("PRAGMA user_version=1000");
  ExpectRefused(Code::kDataLoss, "newer qalam (layout 1000");
}

TEST_F(SqliteStoreTest, ANewerDatabaseIsRefusedAlsoWhenOnlyItsLogSaysSo) {
  Child newer([&](int) {
    Fill(file_);
    RawDatabase db(file_);
    db.Run("PRAGMA wal_autocheckpoint=0; PRAGMA user_version=1000");
    kill(getpid(), SIGKILL);
  });
  EXPECT_EQ(newer.Wait(), 128 + SIGKILL);
  fs::remove_all(file_ + ".d");
  const std::string log = ReadFile(file_ + "-wal");
  ASSERT_FALSE(log.empty());
  ExpectRefused(Code::kDataLoss, "newer qalam (layout 1000");
  EXPECT_TRUE(ReadFile(file_ + "-wal") == log);
}

TEST_F(SqliteStoreTest, EmptyFilesAndEmptyDatabasesBecomeOurs) {
  WriteFile(file_, "");
  Fill(file_);
  EXPECT_EQ(CheckDatabase(file_), "ok");
  const std::string second = folder_.File("second.db");
  RawDatabase(second).Run("VACUUM");
  EXPECT_GT(fs::file_size(second), 0U);
  Fill(second);
  EXPECT_EQ(CheckDatabase(second), "ok");
  EXPECT_EQ(DescribeStore(*Get(OpenSqliteReader(second))), DescribeStore(*Get(OpenSqliteReader(file_))));
}

TEST_F(SqliteStoreTest, ALogWithoutItsFileIsNotTakenForTheNewFiles) {
  Child writer([&](int) {
    const auto store = Get(OpenSqliteStore(file_));
    QALAM_CHECK(store->Commit(FullBatch()).ok(), "it can be written");
    kill(getpid(), SIGKILL);
  });
  writer.Wait();
  fs::remove(file_);
  ASSERT_GT(fs::file_size(file_ + "-wal"), 0U);
  const auto store = Get(OpenSqliteStore(file_));
  EXPECT_THAT(Get(store->Experiments()), IsEmpty());
  EXPECT_EQ(CheckDatabase(file_), "ok");
}

TEST_F(SqliteStoreTest, WhatACreatorThatWasKilledLeftIsInNobodysWay) {
  WriteFile(file_ + ".new", "half a database");
  WriteFile(file_ + ".new-wal", "and its log");
  Fill(file_);
  EXPECT_FALSE(fs::exists(file_ + ".new"));
  EXPECT_FALSE(fs::exists(file_ + ".new-wal"));
  EXPECT_EQ(CheckDatabase(file_), "ok");
}

TEST_F(SqliteStoreTest, AFolderThatIsNotThereIsAFaultAndIsNotMade) {
  const auto store = OpenSqliteStore(folder_.File("missing/qalam.db"));
  EXPECT_EQ(store.status().code(), Code::kNotFound) << store.status().ToString();
  EXPECT_FALSE(fs::exists(folder_.File("missing")));
}

// Opens and reads everything, or is refused; never a crash, and never a file that was refused and changed.
TEST_F(SqliteStoreTest, DamagedFilesOpenOrAreRefusedButNeverCrash) {
  Fill(file_);
  {
    const auto store = Get(OpenSqliteStore(file_));
    WriteBatch batch;
    for (std::uint64_t i = 2; i < 200; ++i) {
      batch.trials.push_back(SomeTrial(i));
      batch.observations.push_back(SomeReport(1, SomeTrial(i).name));
    }
    ASSERT_TRUE(store->Commit(batch).ok());
  }
  const std::string good = ReadFile(file_);
  std::mt19937 random(7);
  int refused = 0, faults = 0;
  for (int i = 0; i < LongForm("QALAM_DAMAGED", 250); ++i) {
    std::string bytes = good;
    const unsigned changes = 1 + random() % 16;
    const std::size_t range = i % 2 == 0 ? bytes.size() : 4'096;  // half of them where the schema is
    for (unsigned c = 0; c < changes; ++c) bytes[random() % range] = static_cast<char>(random());
    WriteFile(file_, bytes);
    for (const char* tail : {"-wal", "-shm"}) fs::remove(file_ + tail);
    auto store = OpenSqliteStore(file_);
    if (!store.ok()) {
      ++refused;
      EXPECT_EQ(store.status().code(), Code::kDataLoss) << store.status().ToString();
      EXPECT_TRUE(ReadFile(file_) == bytes) << "refused and changed: " << store.status().ToString();
      continue;
    }
    const auto note = [&](const Status& status) {
      if (status.ok()) return;
      ++faults;
      EXPECT_EQ(status.code(), Code::kDataLoss) << status.ToString();
      EXPECT_THAT(status.message(), HasSubstr(file_));
    };
    note((*store)->Experiments().status());
    const auto trials = (*store)->Trials(1);
    note(trials.status());
    note((*store)->Steps("digits-t1").status());
    note((*store)->Observations("digits-t1").status());
    note((*store)->Events(1).status());
    note((*store)->ChangesSince(0).status());
  }
  EXPECT_GT(refused, 15);
  EXPECT_GT(faults, 15);
}

TEST_F(SqliteStoreTest, ReadersSeeWholeBatchesOnly) {
  constexpr std::uint64_t kTrials = 10;
  constexpr int kCommits = 200;
  const auto store = Get(OpenSqliteStore(file_));
  const auto batch_of = [&](int number) {
    WriteBatch batch;
    batch.experiments = {SomeExperiment()};
    batch.experiments[0].counts.total = number;
    for (std::uint64_t i = 1; i <= kTrials; ++i) {
      batch.trials.push_back(SomeTrial(i));
      batch.trials.back().attempt = number;
    }
    batch.observations = {SomeReport(2 * number), SomeReport(2 * number + 1)};
    return batch;
  };
  ASSERT_TRUE(store->Commit(batch_of(0)).ok());
  std::atomic<bool> done = false;
  std::atomic<int> reads = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&] {
      const auto reader = Get(OpenSqliteReader(file_));
      int last = 0;
      std::int64_t revision = 0;
      while (!done) {
        const auto trials = Get(reader->Trials(1));
        ASSERT_EQ(trials.size(), kTrials);
        for (const Trial& t : trials) ASSERT_EQ(t.attempt, trials[0].attempt) << "half a batch";
        ASSERT_GE(trials[0].attempt, last);
        last = trials[0].attempt;
        ASSERT_GE(Get(reader->FindExperiment("default", "digits"))->counts.total, last);
        ASSERT_EQ(Get(reader->Observations("digits-t1")).size() % 2, 0U) << "half a batch";
        const Changes changes = Get(reader->ChangesSince(revision));
        ASSERT_EQ(changes.trials.size(), changes.revision > revision ? kTrials : 0);
        revision = changes.revision;
        ++reads;
      }
    });
  }
  for (int number = 1; number <= kCommits; ++number) ASSERT_TRUE(store->Commit(batch_of(number)).ok());
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(reads, 10);
}

TEST_F(SqliteStoreTest, TheLogStaysShortWhileReadersComeAndGo) {
  // Of 150 MiB that are written. Readers that get no processor for long hold the log a little longer.
  constexpr std::uintmax_t kLimit = 100 << 20;
  const auto store = Get(OpenSqliteStore(file_));
  ASSERT_TRUE(store->Commit(FullBatch()).ok());
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&] {
      const auto reader = Get(OpenSqliteReader(file_));
      while (!done) Get(reader->Trials(1));
    });
  }
  std::uintmax_t longest = 0;
  WriteBatch batch;
  batch.trials = {SomeTrial()};
  for (int i = 0; i < 150; ++i) {
    batch.trials[0].labels["filler"] = std::string(1 << 20, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(store->Commit(batch).ok());
    longest = std::max(longest, fs::file_size(file_ + "-wal"));
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(longest, kLimit);
  EXPECT_LT(fs::file_size(file_), kLimit);
}

TEST_F(SqliteStoreTest, AReaderNeedsAFile) {
  EXPECT_EQ(OpenSqliteReader(file_).status().code(), Code::kNotFound);
  WriteFile(file_, "");
  EXPECT_EQ(OpenSqliteReader(file_).status().code(), Code::kNotFound);
  EXPECT_EQ(fs::file_size(file_), 0U);
  EXPECT_FALSE(fs::exists(file_ + ".lock"));
}

TEST_F(SqliteStoreTest, AReaderReadsWhatADeadWriterCommitted) {
  for (const bool with_shared_memory : {true, false}) {
    const std::string file = folder_.File(with_shared_memory ? "a.db" : "b.db");
    Child writer([&](int) {
      const auto store = Get(OpenSqliteStore(file));
      QALAM_CHECK(store->Commit(FullBatch()).ok(), "it can be written");
      kill(getpid(), SIGKILL);
    });
    writer.Wait();
    ASSERT_GT(fs::file_size(file + "-wal"), 0U);
    if (!with_shared_memory) fs::remove(file + "-shm");
    const auto reader = Get(OpenSqliteReader(file));
    EXPECT_EQ(Describe(Get(reader->Trials(1))[0]), Describe(FullBatch().trials[0]));
    EXPECT_THAT(Get(Get(OpenSqliteStore(file))->Trials(1)), SizeIs(1)) << "and a writer goes on beside it";
  }
}

// As a user who may not write there: what a reader says of `file`.
std::string ReadAsAnother(const std::string& file) {
  Child reader([&](int to_parent) {
    constexpr uid_t kNobody = 65534;
    if (geteuid() == 0) QALAM_CHECK(setuid(kNobody) == 0, "root may become another");
    const auto opened = OpenSqliteReader(file);
    const std::string answer =
        !opened.ok() ? opened.status().ToString() : fmt::format("{} trials", Get((*opened)->Trials(1)).size());
    QALAM_CHECK(write(to_parent, answer.data(), answer.size()) > 0, "the test listens");
  });
  return reader.ReadAll();
}

TEST_F(SqliteStoreTest, AReadOnlyFolderCanBeReadWhenNoLogRemains) {
  Fill(file_);
  fs::permissions(file_, fs::perms(0644));
  fs::permissions(folder_.path(), fs::perms(0555));
  EXPECT_EQ(ReadAsAnother(file_), "1 trials");
  fs::permissions(folder_.path(), fs::perms(0755));
}

TEST_F(SqliteStoreTest, AReadOnlyFolderWithALogSaysWhatToDo) {
  Child writer([&](int) {
    const auto store = Get(OpenSqliteStore(file_));
    QALAM_CHECK(store->Commit(FullBatch()).ok(), "it can be written");
    kill(getpid(), SIGKILL);
  });
  writer.Wait();
  for (const char* tail : {"", "-wal", "-shm"}) fs::permissions(file_ + tail, fs::perms(0444));
  fs::permissions(folder_.path(), fs::perms(0555));
  EXPECT_THAT(ReadAsAnother(file_), testing::AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("Copy both files")));
  fs::permissions(folder_.path(), fs::perms(0755));
}

TEST_F(SqliteStoreTest, AWriterWaitsForAnotherProgramsTransactionAndThenSaysSo) {
  const auto store = Get(OpenSqliteStore(file_));
  {
    RawDatabase shell(file_);
    shell.Run("BEGIN IMMEDIATE");
    const Status status = store->Commit(FullBatch());
    EXPECT_EQ(status.code(), Code::kUnavailable) << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr("locked by another program"));
  }
  EXPECT_TRUE(store->Commit(FullBatch()).ok());
}

TEST_F(SqliteStoreTest, NothingIsCommittedToAFileThatWasRemovedOrReplaced) {
  const auto store = Get(OpenSqliteStore(file_));
  ASSERT_TRUE(store->Commit(FullBatch()).ok());
  WriteBatch more;
  more.trials = {SomeTrial(2)};
  fs::rename(file_, file_ + ".away");
  const Status removed = store->Commit(more);
  EXPECT_EQ(removed.code(), Code::kDataLoss) << removed.ToString();
  EXPECT_THAT(removed.message(), HasSubstr(file_ + " was removed or replaced"));
  fs::copy_file(file_ + ".away", file_);
  EXPECT_EQ(store->Commit(more).code(), Code::kDataLoss);
  fs::rename(file_ + ".away", file_);
  EXPECT_TRUE(store->Commit(more).ok());
}

TEST_F(SqliteStoreTest, ValuesThatAPersonSpoiledAreNamed) {
  Fill(file_);
  const auto expect_fault = [&](const std::string& sql, const std::string& undo) {
    RawDatabase(file_).Run(sql);
    const auto trials = Get(OpenSqliteReader(file_))->Trials(1);
    EXPECT_EQ(trials.status().code(), Code::kDataLoss) << sql;
    RawDatabase(file_).Run(undo);
    EXPECT_TRUE(Get(OpenSqliteReader(file_))->Trials(1).ok());
  };
  RawDatabase(file_).Run("CREATE TABLE spare AS SELECT * FROM trials");
  for (const char* column : {"status", "start_time", "assignments", "observation", "labels", "conditions"}) {
    expect_fault(fmt::format("UPDATE trials SET {} = 'x'", column),
                 fmt::format("UPDATE trials SET {0} = (SELECT {0} FROM spare)", column));
  }
}

TEST(Filesystem, NetworkFileSystemsAreRefusedUnlessAllowed) {
  EXPECT_TRUE(CheckFilesystemType(EXT4_SUPER_MAGIC, "/data/qalam.db").ok());
  EXPECT_TRUE(CheckFilesystemType(TMPFS_MAGIC, "/data/qalam.db").ok());
  const Status status = CheckFilesystemType(NFS_SUPER_MAGIC, "/data/qalam.db");
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), testing::AllOf(HasSubstr("/data/qalam.db"), HasSubstr("QALAM_ALLOW_NFS=1")));
  EXPECT_FALSE(CheckFilesystemType(SMB2_SUPER_MAGIC, "/data/qalam.db").ok());
  setenv("QALAM_ALLOW_NFS", "1", 1);
  EXPECT_TRUE(CheckFilesystemType(NFS_SUPER_MAGIC, "/data/qalam.db").ok());
  unsetenv("QALAM_ALLOW_NFS");
}

}  // namespace
}  // namespace qalam
