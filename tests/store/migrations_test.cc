// SPDX-License-Identifier: Apache-2.0
// Files of every released layout open in this program, with a copy kept; a step that fails leaves what was there.
#include "store/migrations.h"

#include <gmock/gmock.h>

#include <unistd.h>

#include <array>
#include <csignal>

#include "tests/store/child_process.h"
#include "tests/store/long_form.h"
#include "tests/store/raw_database.h"
#include "tests/store/store_fixture.h"

namespace qalam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr const char* kSchemaQuery = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name";

std::string Golden(const std::string& name) { return ReadFile(QALAM_SOURCE_DIR "/tests/store/golden/" + name); }

constexpr int kNewest = 4;  // layouts that were released, each with its golden file

// What the golden files hold: everything, but for the bytes that a dump cannot tell, and for what came later.
std::vector<std::string> GoldenRows(const std::string& file, int layout) {
  WriteBatch batch = FullBatch();
  batch.observations[1].value = "nan";
  if (layout < 2) batch.trials[0].early_stopping_rules.clear();
  const auto store = Get(OpenSqliteStore(file));
  const Status status = store->Commit(batch);
  QALAM_CHECK(status.ok(), status.ToString());
  return DescribeStore(*store);
}

class GoldenLayout : public testing::TestWithParam<int> {
 protected:
  GoldenLayout() { RawDatabase(folder_.File()).Run(Golden("v" + std::to_string(GetParam()) + ".sql")); }
  TemporaryFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Released, GoldenLayout, testing::Range(1, kNewest + 1), testing::PrintToStringParamName());

TEST_P(GoldenLayout, ADatabaseOfItHoldsWhatItHeld) {
  EXPECT_EQ(RawDatabase(folder_.File()).Run("PRAGMA user_version"), std::vector{std::to_string(GetParam())});
  const auto store = Get(OpenSqliteStore(folder_.File()));
  EXPECT_EQ(DescribeStore(*store), GoldenRows(folder_.File("fresh.db"), GetParam()));
  EXPECT_EQ(Get(store->LastExperimentId()), GetParam() < 3 ? 1 : 7)
      << "the id of a deleted experiment is not used again";
  for (int before = GetParam(); before < kNewest; ++before)
    EXPECT_TRUE(fs::exists(folder_.File() + ".bak-v" + std::to_string(before)));
  WriteBatch batch;
  batch.trials = {SomeTrial(2)};
  batch.observations = {SomeReport(1, "digits-t2")};
  EXPECT_TRUE(store->Commit(batch).ok());
  EXPECT_EQ(CheckDatabase(folder_.File()), "ok");
}

TEST_P(GoldenLayout, ADatabaseOfItHasTheSameTablesAsAFreshOne) {
  Get(OpenSqliteStore(folder_.File())).reset();
  Get(OpenSqliteStore(folder_.File("fresh.db"))).reset();
  EXPECT_EQ(RawDatabase(folder_.File()).Run(kSchemaQuery), RawDatabase(folder_.File("fresh.db")).Run(kSchemaQuery));
}

TEST(GoldenSchema, TheNewestLayoutHasItsGoldenFile) {
  const TemporaryFolder folder;
  Get(OpenSqliteStore(folder.File())).reset();
  EXPECT_EQ(RawDatabase(folder.File()).Run("PRAGMA user_version"), std::vector{std::to_string(kNewest)})
      << "a released layout gets a file in tests/store/golden, as the sqlite3 shell dumps it";
}

// Steps of our own, so that more than one can be taken.
constexpr std::array<const char*, 6> kSteps = {"CREATE TABLE a(x); INSERT INTO a VALUES('one')",
                                               "ALTER TABLE a ADD COLUMN y",
                                               "CREATE TABLE b(x); INSERT INTO b SELECT x FROM a",
                                               "INSERT INTO a VALUES('four', 4)",
                                               "INSERT INTO a VALUES('five', 5)",
                                               "INSERT INTO a VALUES('six', 6)"};

class MigrationsTest : public testing::Test {
 protected:
  static std::span<const char* const> Steps(std::size_t count) { return std::span(kSteps).first(count); }
  Status MigrateTo(std::span<const char* const> steps) {
    QALAM_TRY(const auto db, Database::Open(file_, Database::Access::kReadWrite, std::chrono::milliseconds(100)));
    return Migrate(*db, steps);
  }
  std::string Version(const std::string& file) { return RawDatabase(file).Run("PRAGMA user_version")[0]; }

  TemporaryFolder folder_;
  const std::string file_ = folder_.File();
};

TEST_F(MigrationsTest, StepsAreTakenInOrderAndCounted) {
  ASSERT_TRUE(CreateDatabase(file_, Steps(1)).ok());
  ASSERT_TRUE(MigrateTo(Steps(3)).ok());
  EXPECT_EQ(Version(file_), "3");
  EXPECT_THAT(RawDatabase(file_).Run("SELECT x, y FROM a"), ElementsAre("one|NULL"));
  EXPECT_THAT(RawDatabase(file_).Run("SELECT x FROM b"), ElementsAre("one"));
  ASSERT_TRUE(MigrateTo(Steps(3)).ok()) << "nothing is left to do";
  EXPECT_THAT(RawDatabase(file_).Run("SELECT x FROM b"), ElementsAre("one"));
}

TEST_F(MigrationsTest, ACopyIsKeptFromBeforeEachStepAndTheNewestThreeOfThem) {
  ASSERT_TRUE(CreateDatabase(file_, Steps(1)).ok());
  ASSERT_TRUE(MigrateTo(Steps(6)).ok());
  EXPECT_FALSE(fs::exists(file_ + ".bak-v1"));
  EXPECT_FALSE(fs::exists(file_ + ".bak-v2"));
  for (const char* version : {"3", "4", "5"}) {
    const std::string copy = file_ + ".bak-v" + version;
    ASSERT_TRUE(fs::exists(copy));
    EXPECT_EQ(Version(copy), version);
    EXPECT_EQ(CheckDatabase(copy), "ok");
    EXPECT_EQ(fs::status(copy).permissions(), fs::perms(0600));
  }
  EXPECT_THAT(RawDatabase(file_ + ".bak-v4").Run("SELECT x FROM a"), ElementsAre("one", "four"));
  EXPECT_FALSE(fs::exists(file_ + ".bak-v5.new"));
}

TEST_F(MigrationsTest, TheCopyHoldsWhatIsOnlyInTheLog) {
  Child writer([&](int) {
    QALAM_CHECK(CreateDatabase(file_, Steps(1)).ok(), "it can be made");
    RawDatabase db(file_);
    db.Run("INSERT INTO a VALUES('in the log')");
    kill(getpid(), SIGKILL);
  });
  writer.Wait();
  ASSERT_TRUE(MigrateTo(Steps(2)).ok());
  EXPECT_THAT(RawDatabase(file_ + ".bak-v1").Run("SELECT x FROM a"), ElementsAre("one", "in the log"));
  EXPECT_THAT(RawDatabase(file_).Run("SELECT x FROM a"), ElementsAre("one", "in the log"));
}

TEST_F(MigrationsTest, AStepThatFailsLeavesTheLayoutBeforeIt) {
  ASSERT_TRUE(CreateDatabase(file_, Steps(1)).ok());
  const std::array<const char*, 3> wrong = {kSteps[0], kSteps[1],
                                            "INSERT INTO a VALUES('half', 1); INSERT INTO missing VALUES(1)"};
  const Status status = MigrateTo(wrong);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), testing::AllOf(HasSubstr("stays at layout 2"), HasSubstr("missing")));
  EXPECT_EQ(Version(file_), "2");
  EXPECT_THAT(RawDatabase(file_).Run("SELECT x FROM a"), ElementsAre("one"));
  EXPECT_THAT(RawDatabase(file_ + ".bak-v2").Run("SELECT x FROM a"), ElementsAre("one"));
  EXPECT_TRUE(MigrateTo(Steps(3)).ok()) << "and a program that can goes on from there";
}

TEST_F(MigrationsTest, KilledInsideAStepItIsTakenAgain) {
  ASSERT_TRUE(CreateDatabase(file_, Steps(2)).ok());
  // A step that takes long: the parent kills it while it works.
  const std::array<const char*, 3> slow = {
      kSteps[0], kSteps[1],
      "CREATE TABLE b AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 30000000) "
      "SELECT x, hex(zeroblob(40)) FROM n"};
  for (int round = 0; round < LongForm("QALAM_KILLS", 10); ++round) {
    Child migrating([&](int to_parent) {
      QALAM_CHECK(write(to_parent, "x", 1) == 1, "the test listens");
      (void)MigrateTo(slow);
    });
    char c = 0;
    ASSERT_TRUE(migrating.Read(&c, 1));
    // Half of them once the copy is made and the step has begun, the others at any point before.
    for (int look = 0; round % 2 == 0 && look < 50'000 && !fs::exists(file_ + ".bak-v2"); ++look) usleep(100);
    usleep(static_cast<useconds_t>(round % 10 * 3'000));
    migrating.Kill();
    ASSERT_EQ(CheckDatabase(file_), "ok");
    ASSERT_EQ(Version(file_), "2");
    ASSERT_THAT(RawDatabase(file_).Run("SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), ElementsAre("0"));
    fs::remove(file_ + ".bak-v2");
  }
  EXPECT_TRUE(MigrateTo(Steps(3)).ok());
  EXPECT_EQ(Version(file_), "3");
}

TEST_F(MigrationsTest, NewerDatabasesAreRefused) {
  ASSERT_TRUE(CreateDatabase(file_, Steps(3)).ok());
  const std::string before = ReadFile(file_);
  const Status status = MigrateTo(Steps(2));
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("newer qalam (layout 3; this one knows up to 2)"));
  EXPECT_TRUE(ReadFile(file_) == before);
  EXPECT_FALSE(fs::exists(file_ + ".bak-v3"));
}

TEST_F(MigrationsTest, TablesThatAreNotAsTheyWereMadeAreNoticed) {
  ASSERT_TRUE(CreateDatabase(file_, Steps(2)).ok());
  const auto check = [&] {
    return CheckLayout(*Get(Database::Open(file_, Database::Access::kReadOnly, std::chrono::milliseconds(100))),
                       Steps(2));
  };
  EXPECT_TRUE(check().ok());
  RawDatabase(file_).Run("CREATE VIEW mine AS SELECT * FROM a; CREATE INDEX also_mine ON a(x)");
  EXPECT_TRUE(check().ok()) << "a person's own things are in nobody's way";
  RawDatabase(file_).Run("ALTER TABLE a ADD COLUMN z");
  EXPECT_EQ(check().code(), Code::kDataLoss);
  EXPECT_THAT(check().message(), HasSubstr("table a is not as layout 2 has it"));
}

}  // namespace
}  // namespace qalam
