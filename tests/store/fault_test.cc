// SPDX-License-Identifier: Apache-2.0
// A disk that fails: a commit that could not be made leaves nothing, and can be made when the disk is well again.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "tests/store/child_process.h"
#include "tests/store/raw_database.h"
#include "tests/store/store_fixture.h"
#include "tests/store/test_disk.h"

namespace qalam {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr int kBatches = 3;

WriteBatch NumberedBatch(int n) {
  WriteBatch batch;
  batch.experiments = {SomeExperiment()};
  batch.experiments[0].counts.total = n;
  batch.trials = {SomeTrial(static_cast<std::uint64_t>(n))};
  batch.trials[0].labels["filler"] = std::string(10'000, 'x');
  batch.observations = {SomeReport(n, batch.trials[0].name)};
  batch.events = {SomeEvent("joined", n)};
  return batch;
}

struct Kind {
  std::string name;
  int code;
  bool persists;  // until it is healed; else the operation after is well again
};

class FaultTest : public testing::TestWithParam<Kind> {};

// Every operation on the disk in turn is the first that fails, until there are no more of them.
TEST_P(FaultTest, AFaultAtAnyPointLeavesNothingAndIsGotOver) {
  const TemporaryFolder folder(QuickFolder());
  int faults_met = 0, commits_failed = 0, opens_failed = 0;
  bool met = true;
  for (int at = 1; met; ++at) {
    const std::string file = folder.File(fmt::format("{}.db", at));
    TestDisk disk;
    disk.FailAt(at, GetParam().code, GetParam().persists);
    std::unique_ptr<Store> store;
    for (int opening = 0; opening < 2 && !store; ++opening) {
      if (auto opened = OpenSqliteStore(file); opened.ok()) {
        store = *std::move(opened);
      } else {
        ++opens_failed;
        EXPECT_NE(opened.status().code(), Code::kDataLoss) << at << ": " << opened.status().ToString();
        disk.Heal();
      }
    }
    ASSERT_TRUE(store) << at;
    std::vector<std::string> before;
    for (int n = 1; n <= kBatches; ++n) {
      Status status = store->Commit(NumberedBatch(n));
      if (!status.ok()) {
        ++commits_failed;
        EXPECT_EQ(status.code(), GetParam().code == SQLITE_FULL ? Code::kResourceExhausted : Code::kUnavailable)
            << status.ToString();
        EXPECT_THAT(status.message(), HasSubstr(file));
        if (GetParam().persists) {
          EXPECT_FALSE(store->Commit(NumberedBatch(n)).ok());
        }
        disk.Heal();
        EXPECT_EQ(DescribeStore(*store), before) << at << ": the batch that failed left something";
        status = store->Commit(NumberedBatch(n));
      }
      ASSERT_TRUE(status.ok()) << at << ": " << status.ToString();
      if (const auto trials = store->Trials(1); !trials.ok()) {
        EXPECT_EQ(trials.status().code(), Code::kUnavailable) << trials.status().ToString();
        disk.Heal();
      }
      const TestDisk::Pause pause;
      before = DescribeStore(*store);
    }
    store.reset();
    met = disk.failed();
    faults_met += met;
    disk.Heal();
    ASSERT_EQ(CheckDatabase(file), "ok") << at;
    EXPECT_EQ(DescribeStore(*Get(OpenSqliteReader(file))), before) << at;
    EXPECT_EQ(DescribeStore(*Get(OpenSqliteStore(file))), before) << at;
    for (const auto& entry : fs::directory_iterator(folder.path())) fs::remove_all(entry);
  }
  EXPECT_GT(faults_met, 20);
  EXPECT_GT(commits_failed, 10);
  EXPECT_GT(opens_failed, 5);
}

INSTANTIATE_TEST_SUITE_P(Disks, FaultTest,
                         testing::Values(Kind{"FullOnce", SQLITE_FULL, false},
                                         Kind{"FullUntilFreed", SQLITE_FULL, true},
                                         Kind{"ErrorOnce", SQLITE_IOERR, false},
                                         Kind{"ErrorUntilHealed", SQLITE_IOERR, true}),
                         [](const auto& instance) { return instance.param.name; });

// Commits until there is no more room; then makes room and goes on.
void FillAndGoOn(const std::string& file, const std::function<void()>& make_room) {
  auto store = OpenSqliteStore(file);
  bool was_full = !store.ok();
  if (was_full) {
    QALAM_CHECK(store.status().code() == Code::kResourceExhausted, store.status().ToString());
    make_room();
    store = OpenSqliteStore(file);
    QALAM_CHECK(store.ok(), store.status().ToString());
  }
  int failures = 0;
  for (int n = 1; n <= 200; ++n) {
    Status status = (*store)->Commit(NumberedBatch(n));
    for (; !status.ok(); status = (*store)->Commit(NumberedBatch(n))) {
      QALAM_CHECK(status.code() == Code::kResourceExhausted, status.ToString());
      QALAM_CHECK(status.message().find("disk is full") != std::string::npos, status.ToString());
      QALAM_CHECK(static_cast<int>(Get((*store)->Trials(1)).size()) == n - 1, "a failed batch left something");
      was_full = true;
      QALAM_CHECK(++failures < 50, "there is room, but it does not go on");
      if (failures >= 5) make_room();
    }
  }
  QALAM_CHECK(was_full, "the disk was never full");
  store = Status(Code::kUnknown, "closed");
  QALAM_CHECK(CheckDatabase(file) == "ok", CheckDatabase(file));
  QALAM_CHECK(Get(Get(OpenSqliteReader(file))->Trials(1)).size() == 200, "every trial is there");
}

TEST(DiskFullTest, ALimitOnFileSizeIsADiskThatIsFull) {
  const TemporaryFolder folder;
  Child child([&](int) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit before = [] {
      rlimit limit{};
      getrlimit(RLIMIT_FSIZE, &limit);
      return limit;
    }();
    const rlimit small{1 << 20, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    FillAndGoOn(folder.File(), [&] { setrlimit(RLIMIT_FSIZE, &before); });
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(DiskFullTest, ASmallDiskThatGrows) {
  for (const char* size : {"64k", "256k", "1m", "4m"}) {
    const TemporaryFolder folder;
    constexpr int kMayNotMount = 77;
    Child child([&](int) {
      if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0 ||
          mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          mount("none", folder.path().c_str(), "tmpfs", 0, fmt::format("size={}", size).c_str()) != 0) {
        _exit(kMayNotMount);
      }
      FillAndGoOn(folder.File(), [&] { mount("none", folder.path().c_str(), "tmpfs", MS_REMOUNT, "size=64m"); });
    });
    const int code = child.Wait();
    if (code == kMayNotMount) GTEST_SKIP() << "this user may not mount a small disk";
    EXPECT_EQ(code, 0) << size;
  }
}

}  // namespace
}  // namespace qalam
