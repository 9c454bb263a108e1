// SPDX-License-Identifier: Apache-2.0
// docs/database.md is true: its tables are those of the file, and its queries run and answer.
#include <gmock/gmock.h>

#include <map>
#include <set>
#include <sstream>

#include "tests/store/raw_database.h"
#include "tests/store/store_fixture.h"

namespace qalam {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

std::vector<std::string> LinesOfDoc() {
  std::istringstream text(ReadFile(QALAM_SOURCE_DIR "/docs/database.md"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> Queries() {
  std::vector<std::string> queries;
  bool inside = false;
  for (const std::string& line : LinesOfDoc()) {
    if (line == "```sql") {
      inside = true;
      queries.emplace_back();
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      queries.back() += line + "\n";
    }
  }
  return queries;
}

// Columns by table, as the headings and the first cells of the rows below them say.
std::map<std::string, std::set<std::string>> DocumentedColumns() {
  std::map<std::string, std::set<std::string>> tables;
  std::string table;
  for (const std::string& line : LinesOfDoc()) {
    if (line.starts_with("## ")) table.clear();
    if (line.starts_with("### `")) table = line.substr(5, line.size() - 6);
    if (table.empty() || !line.starts_with("| `")) continue;
    const std::string cell = line.substr(2, line.find(" |", 2) - 2);
    for (std::size_t at = 0; (at = cell.find('`', at)) != cell.npos;) {
      const std::size_t end = cell.find('`', at + 1);
      tables[table].insert(cell.substr(at + 1, end - at - 1));
      at = end + 1;
    }
  }
  return tables;
}

class DatabaseDoc : public testing::Test {
 protected:
  DatabaseDoc() {
    WriteBatch batch;
    batch.experiments = {SomeExperiment()};
    batch.experiments[0].manifest =
        R"({"spec":{"objective":{"type":"maximize","objectiveMetricName":"accuracy",)"
        R"("metricStrategies":[{"name":"accuracy","value":"max"},{"name":"loss","value":"min"}]}}})";
    batch.experiments[0].counts = {.total = 4, .succeeded = 3, .failed = 1};
    const char* const kAccuracy[] = {"0.91", "0.97", "0.94"};
    for (std::uint64_t i = 1; i <= 4; ++i) {
      Trial t = SomeTrial(i);
      if (i == 1) t.name = "digits-a1b2c3d4";
      t.assignments = {{"lr", "0.0" + std::to_string(i)}, {"batch_size", "64"}};
      t.state = i <= 3 ? TrialState::kSucceeded : TrialState::kFailed;
      if (i <= 3) {
        t.observation = Observation{{{"accuracy", "0.1", kAccuracy[i - 1], "0.5"}, {"loss", "0.2", "2.1", "0.3"}}};
      } else {
        t.conditions = {{"Failed", "True", "TrialFailed", "the command ended with 1", At(9), At(9)}};
      }
      StepRecord step = SomeStep("main", 1, t.name);
      step.state = i <= 3 ? StepState::kSucceeded : StepState::kFailed;
      step.exit_code = i <= 3 ? 0 : 1;
      step.reason = i <= 3 ? "Completed" : "Error";
      step.started = At(10);
      step.ended = At(10 + static_cast<int>(i));
      step.cpu_seconds = 1.5;
      step.max_rss = 64 << 20;
      batch.trials.push_back(t);
      batch.steps.push_back(step);
      for (int epoch = 1; epoch <= 3; ++epoch) {
        batch.observations.push_back(SomeReport(epoch, t.name));
        batch.observations.back().metric_name = "accuracy";
        batch.observations.back().value = "0." + std::to_string(epoch);
      }
    }
    batch.observations.push_back(SomeReport(1, "digits-a1b2c3d4", 2));
    batch.observations.back().metric_name = "accuracy";
    batch.observations.back().value = "0.91";
    batch.events = {SomeEvent("earlier", 1), SomeEvent("later", 2)};
    const auto store = Get(OpenSqliteStore(folder_.File()));
    const Status status = store->Commit(batch);
    QALAM_CHECK(status.ok(), status.ToString());
  }

  TemporaryFolder folder_;
};

TEST_F(DatabaseDoc, EveryQueryAnswersWhatItSays) {
  RawDatabase db(folder_.File(), SQLITE_OPEN_READONLY);
  const auto queries = Queries();
  ASSERT_THAT(queries, SizeIs(7)) << "a new query wants its answer below";
  EXPECT_THAT(db.Run(queries[0]), ElementsAre("default|digits|Created|4|0|3|1|NULL"));
  EXPECT_THAT(db.Run(queries[1]), ElementsAre(R"(2|digits-t2|{"lr":"0.02","batch_size":"64"}|0.97)",
                                              R"(3|digits-t3|{"lr":"0.03","batch_size":"64"}|0.94)",
                                              R"(1|digits-a1b2c3d4|{"lr":"0.01","batch_size":"64"}|0.91)"));
  EXPECT_THAT(db.Run(queries[2]), ElementsAre("1|0.01|64|0.91", "2|0.02|64|0.97", "3|0.03|64|0.94"));
  EXPECT_THAT(db.Run(queries[3]), ElementsAre("1|0.91")) << "the last attempt's";
  EXPECT_THAT(db.Run(queries[4]), ElementsAre("digits-t4|Failed|the command ended with 1|1|1|0|Error"));
  EXPECT_THAT(db.Run(queries[5]), ElementsAre("Failed|1|1.5|64|4.0", "Succeeded|3|4.5|64|2.0"));
  EXPECT_THAT(db.Run(queries[6]), ElementsAre("2026-01-01T00:00:02.000000000Z|1|trial/digits-t1|TrialRunning|later",
                                              "2026-01-01T00:00:01.000000000Z|1|trial/digits-t1|TrialRunning|earlier"));
}

TEST_F(DatabaseDoc, EveryTableAndColumnIsThere) {
  RawDatabase db(folder_.File(), SQLITE_OPEN_READONLY);
  std::map<std::string, std::set<std::string>> columns;
  for (const std::string& table : db.Run("SELECT name FROM sqlite_schema WHERE type = 'table'")) {
    for (const std::string& column : db.Run(fmt::format("SELECT name FROM pragma_table_info('{}')", table))) {
      columns[table].insert(column);
    }
  }
  EXPECT_EQ(columns, DocumentedColumns());
}

TEST_F(DatabaseDoc, TheNumbersOfTheFileAreThoseOfThePage) {
  RawDatabase db(folder_.File(), SQLITE_OPEN_READONLY);
  const std::string page = ReadFile(QALAM_SOURCE_DIR "/docs/database.md");
  EXPECT_THAT(page, testing::HasSubstr("`PRAGMA user_version` (now " + db.Run("PRAGMA user_version")[0] + ")"));
  EXPECT_THAT(page, testing::HasSubstr("`PRAGMA application_id` is " + db.Run("PRAGMA application_id")[0]));
}

// The feed and the rows of one trial are found without looking at the others.
TEST_F(DatabaseDoc, WhatIsAskedOftenIsAskedOfAnIndex) {
  RawDatabase db(folder_.File(), SQLITE_OPEN_READONLY);
  for (const char* sql :
       {"SELECT id FROM experiments WHERE resource_version > 1 ORDER BY resource_version, id",
        "SELECT name FROM trials WHERE resource_version > 1 ORDER BY resource_version, id",
        "SELECT max(resource_version) FROM trials", "SELECT * FROM trials WHERE experiment_id = 1 ORDER BY ordinal",
        "SELECT * FROM trials WHERE name = 'x'", "SELECT * FROM steps WHERE trial_name = 'x' ORDER BY step, attempt",
        "SELECT * FROM observation_logs WHERE trial_name = 'x' ORDER BY id",
        "SELECT * FROM collector_positions WHERE trial_name = 'x' ORDER BY attempt DESC LIMIT 1",
        "SELECT * FROM events WHERE experiment_id = 1 AND object = 'x'"}) {
    for (const std::string& step : db.Run(std::string("EXPLAIN QUERY PLAN ") + sql)) {
      const std::string detail = step.substr(step.rfind('|') + 1);
      EXPECT_TRUE(detail.starts_with("SEARCH") || detail.starts_with("USE TEMP B-TREE FOR ORDER BY"))
          << sql << ": " << detail;
    }
  }
}

}  // namespace
}  // namespace qalam
