// SPDX-License-Identifier: Apache-2.0
// What is wrong with a database file is told in sentences, whatever it is.
#include "store/check.h"

#include <gmock/gmock.h>

#include <random>

#include "store/migrations.h"
#include "tests/store/long_form.h"
#include "tests/store/raw_database.h"
#include "tests/store/store_fixture.h"

namespace qalam {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
namespace fs = std::filesystem;

class CheckTest : public testing::Test {
 protected:
  CheckTest() {
    const auto store = Get(OpenSqliteStore(file_));
    WriteBatch batch;
    batch.experiments = {SomeExperiment()};
    for (std::uint64_t i = 1; i < 40; ++i) batch.trials.push_back(SomeTrial(i));
    batch.steps = {SomeStep()};
    for (int i = 1; i <= 5; ++i) batch.observations.push_back(SomeReport(i));
    batch.positions = {SomePosition(100)};
    batch.events = {SomeEvent("it began")};
    for (const Trial& trial : batch.trials) {
      ++batch.experiments[0].counts.total;
      ++batch.experiments[0].counts.Of(trial.state);
    }
    QALAM_CHECK(store->Commit(batch).ok(), "it can be written");
  }
  std::vector<std::string> Faults() { return Get(CheckFile(file_)).faults; }
  // The faults after a person has written into the tables what the program never does.
  std::vector<std::string> After(const std::string& sql) {
    RawDatabase(file_).Run("PRAGMA foreign_keys=OFF; " + sql);
    return Faults();
  }
  std::string Bytes() const { return ReadFile(file_); }

  TemporaryFolder folder_;
  const std::string file_ = folder_.File();
};

TEST_F(CheckTest, AWholeDatabaseHasNoFaultsAndIsCounted) {
  const FileReport report = Get(CheckFile(file_));
  EXPECT_THAT(report.faults, IsEmpty());
  EXPECT_EQ(report.layout, static_cast<std::int64_t>(Migrations().size()));
  EXPECT_EQ(report.experiments, 1);
  EXPECT_EQ(report.trials, 39);
  EXPECT_GT(report.reports, 0);
}

TEST_F(CheckTest, AWriterBesideItIsNotInItsWay) {
  const auto store = Get(OpenSqliteStore(file_));
  WriteBatch batch;
  batch.observations = {SomeReport(900)};
  ASSERT_TRUE(store->Commit(batch).ok());
  const std::int64_t before = Get(CheckFile(file_)).reports;
  batch.observations = {SomeReport(901)};
  ASSERT_TRUE(store->Commit(batch).ok());
  EXPECT_EQ(Get(CheckFile(file_)).reports, before + 1);
}

TEST_F(CheckTest, RowsThatBelongToNothingAreNamed) {
  EXPECT_THAT(After("UPDATE observation_logs SET trial_name = 'gone'"),
              Contains(testing::MatchesRegex("observation_logs: [0-9]+ rows name trial gone, which is not there")));
}
TEST_F(CheckTest, TrialsWithoutAnExperimentAreNamed) {
  EXPECT_THAT(After("UPDATE trials SET experiment_id = 7 WHERE ordinal = 3"),
              Contains("trials: 1 rows belong to experiment 7, which is not there"));
}
TEST_F(CheckTest, AnExperimentWithoutAManifestIsNamed) {
  EXPECT_THAT(After("DELETE FROM manifests"), ElementsAre("experiment digits has no manifest"));
}
TEST_F(CheckTest, CountsThatAreNotThoseOfTheRowsAreTold) {
  EXPECT_THAT(After("UPDATE experiments SET trials_failed = trials_failed + 1"),
              ElementsAre(HasSubstr("experiment digits counts 39 trials (")));
}
TEST_F(CheckTest, ABestTrialThatIsNotThereIsNamed) {
  EXPECT_THAT(After("UPDATE experiments SET best_trial = 'gone'"),
              ElementsAre("the best trial of experiment digits is gone, which is not one of its trials"));
}
TEST_F(CheckTest, AStatusThatThereIsNotIsNamed) {
  EXPECT_THAT(After("UPDATE steps SET status = 'Asleep'"), ElementsAre(HasSubstr("the unknown status 'Asleep'")));
}
TEST_F(CheckTest, ATrialOfAnotherNamespaceThanItsExperimentIsNamed) {
  EXPECT_THAT(After("UPDATE trials SET namespace = 'other' WHERE ordinal = 2"),
              ElementsAre("trial digits-t2 says that it is of other/digits; its experiment is default/digits"));
}
TEST_F(CheckTest, ReportsBehindThePlaceThatWasReadAreTold) {
  EXPECT_THAT(After("UPDATE collector_positions SET sequence = 0"),
              Contains(HasSubstr("its output was read as far as")));
}
TEST_F(CheckTest, TheIdOfADeletedExperimentIsNotUsedAgain) {
  EXPECT_THAT(After("INSERT INTO deleted_experiments VALUES(1, 'default', 'old', 'u', NULL, 1)"),
              ElementsAre("experiment digits has the id 1, which is that of one that was deleted"));
}
TEST_F(CheckTest, JsonThatAPersonSpoiledIsNamedWithItsTrial) {
  EXPECT_THAT(After("UPDATE trials SET assignments = '{' WHERE ordinal = 5"),
              ElementsAre(HasSubstr("trials: digits-t5: ")));
}
TEST_F(CheckTest, OfManyAlikeTheFirstAreToldAndTheRestIsCounted) {
  const auto faults = After("UPDATE trials SET namespace = 'other'");
  EXPECT_THAT(faults, SizeIs(11));
  EXPECT_EQ(faults.back(), "... and 29 more like these");
}
TEST_F(CheckTest, ATableThatIsMissingIsToldOnce) {
  EXPECT_THAT(After("DROP TABLE events"), ElementsAre(HasSubstr("its table events is not as layout")));
}

TEST_F(CheckTest, FilesThatAreNoDatabasesAreFaultsThatSayWhatToDo) {
  const std::string good = Bytes();
  WriteFile(file_, "just some text, and longer than a header is: " + std::string(100, '.'));
  EXPECT_THAT(Faults(), ElementsAre(testing::AllOf(HasSubstr("is not a database"), HasSubstr("qalam db restore"))));
  WriteFile(file_, std::string(100, '\0') + good.substr(100));  // the header is overwritten
  EXPECT_THAT(Faults(), ElementsAre(testing::AllOf(HasSubstr("its beginning was overwritten"), HasSubstr("restore"))));
  WriteFile(file_, good.substr(0, 60));
  EXPECT_THAT(Faults(), ElementsAre(HasSubstr("is not a database")));
  WriteFile(file_, good);
  EXPECT_THAT(Faults(), IsEmpty());
}

TEST_F(CheckTest, AnEmptyOrMissingFileIsNoDatabaseYet) {
  WriteFile(file_, "");
  const Status empty = CheckFile(file_).status();
  EXPECT_EQ(empty.code(), Code::kNotFound);
  EXPECT_THAT(empty.message(), testing::AllOf(HasSubstr("0 bytes"), HasSubstr("qalam db restore")));
  EXPECT_EQ(CheckFile(folder_.File("none.db")).status().code(), Code::kNotFound);
}

TEST_F(CheckTest, ATruncatedFileIsDamaged) {
  const std::string good = Bytes();
  for (const std::size_t pages : {1U, 2U, 7U}) {
    WriteFile(file_, good.substr(0, pages * 4096));
    EXPECT_THAT(Faults(), testing::Not(IsEmpty())) << pages;
  }
  WriteFile(file_, good.substr(0, good.size() - 2'000));
  EXPECT_THAT(Faults(), testing::Not(IsEmpty()));
}

TEST_F(CheckTest, APageOverwrittenInTheMiddleIsDamage) {
  const std::string good = Bytes();
  for (std::size_t page = 1; page < good.size() / 4096; ++page) {
    std::string bytes = good;
    bytes.replace(page * 4096, 4096, std::string(4096, '\xa5'));
    WriteFile(file_, bytes);
    EXPECT_THAT(Faults(), testing::Not(IsEmpty())) << "page " << page + 1;
  }
}

TEST_F(CheckTest, ANewerLayoutIsToldAndNotJudged) {
  EXPECT_THAT(After("PRAGMA user_version=1000"), ElementsAre(HasSubstr("newer qalam (layout 1000")));
}

TEST_F(CheckTest, AnOlderLayoutIsLookedAtAsFarAsSqliteKnowsIt) {
  const std::string old = folder_.File("old.db");
  RawDatabase(old).Run(ReadFile(QALAM_SOURCE_DIR "/tests/store/golden/v1.sql"));
  const FileReport report = Get(CheckFile(old));
  EXPECT_THAT(report.faults, IsEmpty());
  EXPECT_TRUE(report.older);
  EXPECT_EQ(report.layout, 1);
}

// P10: whatever bytes were changed, it is judged; what the reader trips over is among the faults.
TEST_F(CheckTest, DamagedFilesAreJudgedWithoutACrash) {
  const std::string good = Bytes();
  std::mt19937 random(11);
  int damaged = 0, missed = 0;
  for (int i = 0; i < LongForm("QALAM_DAMAGED", 250); ++i) {
    std::string bytes = good;
    const unsigned changes = 1 + random() % 16;
    const std::size_t range = i % 4 == 0 ? 4'096 : bytes.size();
    for (unsigned c = 0; c < changes; ++c) bytes[random() % range] = static_cast<char>(random());
    WriteFile(file_, bytes);
    for (const char* tail : {"-wal", "-shm"}) fs::remove(file_ + tail);
    const Result<FileReport> report = CheckFile(file_);
    ASSERT_TRUE(report.ok() || report.status().code() == Code::kNotFound) << report.status().ToString();
    if (!report.ok() || !report->faults.empty()) {
      ++damaged;
      continue;
    }
    const auto reader = OpenSqliteReader(file_);
    if (!reader.ok() || !(*reader)->Experiments().ok() || !(*reader)->Trials(1).ok()) ++missed;
  }
  EXPECT_GT(damaged, 60);
  EXPECT_EQ(missed, 0) << "found whole, and could not be read";
}

}  // namespace
}  // namespace qalam
