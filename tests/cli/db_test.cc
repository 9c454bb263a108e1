// SPDX-License-Identifier: Apache-2.0
// qalam db check, backup and restore, through the real program.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;
namespace fs = std::filesystem;

class Db : public CliTest {
 protected:
  Db() { Write("trial.sh", "echo started >> ledger\nwhile [ -e hold ]; do sleep 0.05; done\necho loss=$1\n"); }
  void Run(const std::string& name, int trials = 3) {
    WriteExperiment(name + ".yaml", {.name = name, .trials = trials, .parallel = 2});
    const Finished done = Qalam({"run", name + ".yaml"});
    ASSERT_EQ(done.code, 0) << done.err;
  }
  // From the other side: what is read of the folder is what the database says.
  void Spoil(const std::string& sql) const {
    Program shell({"sqlite3", "qalam.db", sql}, {.folder = folder_});
    ASSERT_EQ(shell.Wait().code, 0);
  }
  void Copy(const std::string& from, const std::string& to) const {
    fs::copy(Path(from), Path(to), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  }
};

TEST_F(Db, AWholeDatabaseIsSaidToBeWhole) {
  Run("small");
  const Finished done = Qalam({"db", "check"});
  EXPECT_EQ(done.code, 0) << done.out << done.err;
  EXPECT_THAT(done.out, MatchesRegex("qalam.db is whole: layout [0-9]+, 1 experiment, 3 trials, 3 reports; the folders "
                                     "beside it are theirs\n"));
  EXPECT_EQ(Qalam({"db", "check", "-o", "jsonpath={.trials}"}).out, "3");
}

TEST_F(Db, EachFaultIsASentenceAndTheExitCodeSaysThatThereAreSome) {
  Run("small");
  Spoil("UPDATE experiments SET trials_killed = 2");
  Spoil("UPDATE trials SET status = 'Flying' WHERE ordinal = 2");
  const Finished done = Qalam({"db", "check"});
  EXPECT_EQ(done.code, 1);
  EXPECT_THAT(done.out, AllOf(StartsWith("qalam.db: 2 faults\n"), HasSubstr("experiment small counts 3 trials"),
                              HasSubstr("unknown status 'Flying'"), HasSubstr("qalam db restore BACKUP --force")));
  EXPECT_EQ(Qalam({"db", "check", "-o", "jsonpath={.faults[1]}"}).out.substr(0, 7), "trials:");
}

TEST_F(Db, ABestTrialThatIsNotTheBestIsNoticed) {
  Run("small", 4);
  const std::string best = Qalam({"best", "small", "-o", "jsonpath={.trial}"}).out;
  Spoil("UPDATE experiments SET best_trial = (SELECT name FROM trials WHERE name <> best_trial LIMIT 1)");
  const Finished done = Qalam({"db", "check"});
  EXPECT_EQ(done.code, 1);
  EXPECT_THAT(done.out, HasSubstr("the best trial of experiment small is " + best + " by what its trials reported"));
}

TEST_F(Db, FoldersThatBelongToNothingAreTold) {
  Run("small");
  fs::create_directory(Path("qalam.db.d/runs/old-abcdefgh"));
  fs::create_directories(Path("qalam.db.d/objects/default"));
  Write("qalam.db.d/objects/default/gone.json", "{\"items\": []}");
  fs::last_write_time(Path("qalam.db.d/objects/default/gone.json"),
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  const Finished done = Qalam({"db", "check"});
  EXPECT_EQ(done.code, 1);
  EXPECT_THAT(done.out, AllOf(HasSubstr("runs/old-abcdefgh is the folder of no trial"),
                              HasSubstr("gone.json holds ConfigMaps or Secrets of an experiment that is not there"),
                              Not(HasSubstr("restore"))));
}

TEST_F(Db, FilesThatAreNoWholeDatabaseAreAnsweredWithWhatToDo) {
  Run("small", 40);
  const std::string good = Read("qalam.db");
  ASSERT_GT(good.size(), 16'384U);
  std::string header = good, middle = good, schema = good;
  header.replace(0, 16, std::string(16, 'x'));
  middle.replace(8'192, 4'096, std::string(4'096, '\xa5'));
  schema.replace(100, 2'000, std::string(2'000, '\xa5'));
  const struct {
    std::string name, bytes, says;
  } cases[] = {{"truncated", good.substr(0, 10'000), ""},
               {"cut in a page", good.substr(0, good.size() - 1'000), ""},
               {"header", header, "its beginning was overwritten"},
               {"middle", middle, "SQLite: "},
               {"schema", schema, "SQLite: "},
               {"text",
                "this is the text of a letter, and it is longer than what SQLite writes at the beginning of "
                "each of its files, so that it is read as a whole",
                "is not a database"},
               {"nothing", "", "0 bytes"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    for (const char* tail : {"-wal", "-shm"}) fs::remove(Path("qalam.db") + tail);
    Write("qalam.db", c.bytes);
    const Finished check = Qalam({"db", "check"});
    EXPECT_EQ(check.code, c.bytes.empty() ? 3 : 1) << check.out << check.err;
    EXPECT_THAT(check.out + check.err, AllOf(HasSubstr(c.says), HasSubstr("qalam db restore")));
    EXPECT_EQ(Read("qalam.db"), c.bytes);
    // The other verbs work as far as they can, or say it; nobody crashes, nothing is written over.
    for (const std::vector<std::string>& verb : {std::vector<std::string>{"get", "trials"},
                                                 {"describe", "exp", "small"},
                                                 {"export", "exp", "small"},
                                                 {"doctor"}}) {
      const Finished done = Qalam(verb);
      EXPECT_LE(done.code, 3) << verb[0] << done.err;
      if (done.code != 0 && verb[0] != "doctor") {
        EXPECT_THAT(done.err, HasSubstr("qalam.db")) << verb[0];
      }
    }
    EXPECT_EQ(Read("qalam.db"), c.bytes);
  }
  Write("qalam.db", good);
  Spoil("PRAGMA user_version=99");
  for (const std::vector<std::string>& verb :
       {std::vector<std::string>{"get", "trials"}, {"run", "small.yaml"}, {"db", "restore", "qalam.db.d"}}) {
    const Finished done = Qalam(verb);
    EXPECT_NE(done.code, 0);
    if (verb[0] != "db") {
      EXPECT_THAT(done.err, HasSubstr("was made by a newer qalam (layout 99"));
    }
  }
  EXPECT_THAT(Qalam({"db", "check"}).out, HasSubstr("newer qalam (layout 99"));
}

TEST_F(Db, ABackupIsMadeWhileAnExperimentRunsAndGoesOnFromThere) {
  Write("hold", "");
  WriteExperiment("e.yaml", {.name = "small", .trials = 6, .parallel = 2});
  const auto run = Start({"run", "e.yaml"});
  const auto both_run = [this] {
    const std::string names = Qalam({"get", "trials", "small", "--filter", "state=Running", "-o", "name"}).out;
    return std::ranges::count(names, '\n') == 2;
  };
  for (int i = 0; i < 600 && !both_run(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const Finished done = Qalam({"db", "backup", "copy.db"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out,
              AllOf(StartsWith("copy.db: 1 experiment, 2 trials, "), HasSubstr("qalam.db.d/runs: what trials")));
  EXPECT_EQ(Qalam({"db", "check", "--db", "copy.db"}).code, 1) << "what runs there has no folder beside the copy";
  const Finished again = Qalam({"db", "backup", "copy.db"});
  EXPECT_EQ(again.code, 2);
  EXPECT_THAT(again.err, HasSubstr("is there already"));
  const Finished in_use = Qalam({"db", "restore", "copy.db", "--force"});
  EXPECT_EQ(in_use.code, 2);
  EXPECT_THAT(in_use.err, AllOf(HasSubstr("is in use by process"), HasSubstr("end that process first")));
  fs::remove(Path("hold"));
  EXPECT_EQ(run->Wait().code, 0);

  // Another database goes on from the copy: the trials that ran then run again, and the same ones follow.
  const Finished resumed = Qalam({"resume", "exp", "small", "--db", "copy.db", "--no-progress"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  const std::vector<std::string> list = {
      "get", "trials", "small", "--sort", "ordinal", "-o", "jsonpath={.items[*].metadata.name}"};
  std::vector<std::string> of_copy = list;
  of_copy.insert(of_copy.end(), {"--db", "copy.db"});
  EXPECT_EQ(Qalam(of_copy).out, Qalam(list).out);
  EXPECT_EQ(Qalam({"db", "check", "--db", "copy.db"}).code, 0);
}

TEST_F(Db, ARestoredDatabaseDoesNotTakeLaterRunsForItsOwn) {
  Run("small", 2);
  ASSERT_EQ(Qalam({"db", "backup", "copy.db"}).code, 0);
  Run("later", 3);
  const Finished refused = Qalam({"db", "restore", "copy.db"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("holds 2 experiments"), HasSubstr("--force")));
  const Finished done = Qalam({"db", "restore", "copy.db", "--force"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out,
              AllOf(StartsWith("qalam.db: 1 experiment, 2 trials, from copy.db\n"), HasSubstr("qalam.db.before-1\n")));
  EXPECT_EQ(Qalam({"get", "experiments", "-o", "name"}).out, "experiment/small\n");
  const Finished check = Qalam({"db", "check"});
  EXPECT_EQ(check.code, 0) << check.out;
  EXPECT_EQ(std::distance(fs::directory_iterator(Path("qalam.db.d/before-1")), fs::directory_iterator()), 3);
  // And back: what was put aside is a database too.
  EXPECT_EQ(Qalam({"db", "restore", "qalam.db.before-1", "--force"}).code, 0);
  EXPECT_EQ(Qalam({"get", "experiments", "-o", "name"}).out, "experiment/small\nexperiment/later\n");
}

TEST_F(Db, ATrialAtWorkThatTheBackupDoesNotKnowIsNotPulledAway) {
  Run("small", 1);
  ASSERT_EQ(Qalam({"db", "backup", "copy.db"}).code, 0);
  Write("hold", "");
  WriteExperiment("e.yaml", {.name = "later", .trials = 1, .parallel = 1});
  const auto run = Start({"run", "e.yaml"});
  for (int i = 0; i < 600 && Lines("ledger") < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  run->Signal(SIGKILL);
  run->Wait();
  const Finished refused = Qalam({"db", "restore", "copy.db", "--force"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("is still at work"), HasSubstr("nothing was changed")));
  EXPECT_THAT(Qalam({"get", "experiments", "-o", "name"}).out, HasSubstr("experiment/later"));
  EXPECT_FALSE(Exists("qalam.db.before-1"));
  fs::remove(Path("hold"));
  EXPECT_EQ(Qalam({"resume", "exp", "later", "--no-progress"}).code, 0);
}

TEST_F(Db, AnEmptyPlaceTakesABackupWithoutForce) {
  Run("small", 2);
  ASSERT_EQ(Qalam({"db", "backup", "copy.db"}).code, 0);
  EXPECT_EQ(Qalam({"db", "restore", "copy.db", "--db", "fresh.db"}).code, 0);
  EXPECT_EQ(Qalam({"get", "experiments", "-o", "name", "--db", "fresh.db"}).out, "experiment/small\n");
  EXPECT_EQ(Qalam({"db", "restore", "none.db", "--db", "other.db"}).code, 3);
  EXPECT_FALSE(Exists("other.db"));
  EXPECT_EQ(Qalam({"db"}).code, 2);
  EXPECT_EQ(Qalam({"db", "check", "--db", "none.db"}).code, 3);
}

}  // namespace
}  // namespace qalam
