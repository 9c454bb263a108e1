// SPDX-License-Identifier: Apache-2.0
// Campaigns: the same bytes whether they were interrupted or not, failures named, contenders told apart.
#include "bench/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "bench/coco.h"
#include "bench/curves.h"
#include "bench/files.h"
#include "bench/suites.h"
#include "bench/summary.h"

namespace qalam::bench {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class CampaignTest : public testing::Test {
 protected:
  CampaignTest() {
    options.manifest.problems = {"bbob/f01/d2/i1", "bbob/f10/d4/i2", "classic/branin/s1"};
    options.manifest.contenders = {{"random", "random"}, {"sobol", "sobol"}};
    options.manifest.seeds = 4;
    options.manifest.setup.budget = 50;
    options.jobs = 2;
    options.data = std::string(QALAM_SOURCE_DIR) + "/bench/data";
    options.out = root_ + "/out";
  }
  ~CampaignTest() override { fs::remove_all(root_); }

  // Text of every run by its path below the folder.
  static std::map<std::string, std::string> Runs(const std::string& folder) {
    std::map<std::string, std::string> runs;
    for (const auto& entry : fs::recursive_directory_iterator(folder + "/runs")) {
      if (entry.path().extension() != ".csv") continue;
      std::stringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      runs[fs::relative(entry.path(), folder).string()] = text.str();
    }
    return runs;
  }
  static Status Go(const CampaignOptions& options, int at_most = 1'000'000) {
    std::atomic<int> left = at_most;
    return RunCampaign(
        options, [](const Progress&) {}, [&left] { return left-- <= 0; });
  }

  std::string root_ = testing::TempDir() + "campaign_" + std::to_string(getpid());
  CampaignOptions options;
};

TEST_F(CampaignTest, InterruptedAndGoneOnWithItGivesTheSameBytes) {
  ASSERT_TRUE(Go(options, 300).ok());
  EXPECT_LT(Runs(options.out).size(), 24U);
  ASSERT_TRUE(Go(options).ok());
  CampaignOptions whole = options;
  whole.out = root_ + "/whole";
  whole.jobs = 1;
  ASSERT_TRUE(Go(whole).ok());
  EXPECT_THAT(Runs(options.out), SizeIs(24));
  EXPECT_EQ(Runs(options.out), Runs(whole.out));
}

TEST_F(CampaignTest, AFolderOfAnotherCampaignIsLeftAlone) {
  ASSERT_TRUE(Go(options).ok());
  options.manifest.setup.budget = 60;
  EXPECT_THAT(Go(options).message(), HasSubstr("another campaign"));
}

TEST_F(CampaignTest, MoreIsAddedToWhatIsThere) {
  ASSERT_TRUE(Go(options).ok());
  options.manifest = Manifest{options.manifest.setup, {"bbob/f01/d2/i1"}, {{"sobol(scramble)", "sobol"}}, 2};
  ASSERT_TRUE(Go(options).ok());
  EXPECT_THAT(Runs(options.out), SizeIs(24 + 12)) << "the new one runs on all that was there";
  options.manifest.contenders = {{"sobol(scramble)", "random"}};
  EXPECT_THAT(Go(options).message(), HasSubstr("another contender"));
}

TEST_F(CampaignTest, AFailureIsNamedAndTheOthersGoOn) {
  options.manifest.contenders.push_back({"sobol(bad)", "sobol", {{"no-such-setting", "1"}}});
  options.manifest.problems.push_back("bbob/f99/d2/i1");
  std::vector<std::string> told;
  ASSERT_TRUE(RunCampaign(
                  options, [&](const Progress& progress) { told.push_back(progress.failure); }, [] { return false; })
                  .ok());
  EXPECT_THAT(told, testing::Contains(HasSubstr("sobol(bad) on bbob/f01/d2/i1, seed 1: unknown setting")));
  const Summary summary = Summarise(*ReadCurves(options.out, options.data));
  EXPECT_THAT(summary.left_out, ElementsAre("sobol(bad)"));
  EXPECT_THAT(summary.contenders, ElementsAre("random", "sobol"));
  EXPECT_EQ(summary.runs, 12);
  EXPECT_EQ(summary.failures.size(), 24U) << "16 runs of the bad one, and 8 on the bad problem";
  EXPECT_THAT(SummaryText(summary), HasSubstr("there is no problem 'bbob/f99/d2/i1'"));
  EXPECT_THAT(SummaryJson(summary), HasSubstr("unknown setting"));
}

TEST_F(CampaignTest, ARunThatCannotBeWrittenIsNamedAndTheOthersGoOn) {
  // A folder stands where a file belongs: the same as no space, for one run.
  fs::create_directories(RunFile(options.out, "bbob/f10/d4/i2", "sobol", 3) + ".tmp");
  std::vector<std::string> told;
  ASSERT_TRUE(RunCampaign(
                  options, [&](const Progress& progress) { told.push_back(progress.failure); }, [] { return false; })
                  .ok());
  std::erase(told, "");
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0], testing::AllOf(HasSubstr("sobol on bbob/f10/d4/i2, seed 3: "), HasSubstr("cannot be written")));
  EXPECT_THAT(Runs(options.out), SizeIs(23));
}

TEST_F(CampaignTest, ADamagedResultIsNamedAndTheOthersAreRead) {
  ASSERT_TRUE(Go(options).ok());
  std::ofstream(RunFile(options.out, "bbob/f01/d2/i1", "random", 2)) << "number,asked,ended,value,worth\n1,2\n";
  const auto curves = ReadCurves(options.out, options.data);
  ASSERT_TRUE(curves.ok());
  ASSERT_THAT(curves->failures, SizeIs(1));
  EXPECT_THAT(curves->failures[0].why, HasSubstr("s2.csv:2: 2 cells"));
  EXPECT_EQ(Summarise(*curves).runs, 11);
}

TEST_F(CampaignTest, TheSummaryReadsEachBudgetAndMoreTrialsAreNeverWorse) {
  ASSERT_TRUE(Go(options).ok());
  const Summary summary = Summarise(*ReadCurves(options.out, options.data));
  EXPECT_THAT(summary.budgets, ElementsAre(25, 50));
  EXPECT_THAT(summary.failures, SizeIs(0));
  EXPECT_THAT(summary.groups, ElementsAre("bbob d2", "bbob d4", "classic"));
  ASSERT_THAT(summary.readings, SizeIs(2));
  for (std::size_t c = 0; c < 2; ++c) {
    EXPECT_LE(summary.readings[1][c].standing.mean_score, summary.readings[0][c].standing.mean_score);
    EXPECT_LT(summary.readings[1][c].standing.mean_score, 0) << "better than one random trial";
    EXPECT_GE(summary.readings[1][c].successes[0], summary.readings[1][c].successes[1]);
    EXPECT_LE(summary.time_to[c][0], summary.time_to[c][1]);
    EXPECT_GT(summary.milliseconds[c][1], 0);
    EXPECT_TRUE(std::is_sorted(summary.reached[c].begin(), summary.reached[c].end()));
  }
  EXPECT_DOUBLE_EQ(summary.readings[1][0].win_rate + summary.readings[1][1].win_rate, 1);
}

TEST_F(CampaignTest, PackedCurvesSayTheSameAndAreTheSameBytes) {
  options.manifest.contenders.push_back({"sobol(bad)", "sobol", {{"no-such-setting", "1"}}});
  ASSERT_TRUE(Go(options).ok());
  const auto curves = ReadCurves(options.out, options.data);
  ASSERT_TRUE(PackCurves(*curves, root_ + "/a.csv.gz").ok());
  const auto packed = ReadCurves(root_ + "/a.csv.gz", "/nowhere");
  ASSERT_TRUE(packed.ok()) << packed.status().ToString();
  EXPECT_EQ(packed->points, curves->points);
  EXPECT_EQ(packed->failures.size(), curves->failures.size());
  const Summary before = Summarise(*curves), after = Summarise(*packed);
  ASSERT_EQ(after.runs, before.runs);
  for (std::size_t c = 0; c < 2; ++c) {
    EXPECT_NEAR(after.readings[1][c].standing.mean_score, before.readings[1][c].standing.mean_score, 1e-3);
    EXPECT_EQ(after.readings[1][c].standing.rank.estimate, before.readings[1][c].standing.rank.estimate);
  }
  ASSERT_TRUE(PackCurves(*packed, root_ + "/b.csv.gz").ok());
  EXPECT_EQ(*ReadWhole(root_ + "/a.csv.gz"), *ReadWhole(root_ + "/b.csv.gz"));

  // Halves put together are the whole; other setups are refused.
  Curves half = *packed, rest = *packed;
  half.runs.resize(7);
  ASSERT_TRUE(Merge(&half, rest).ok());
  EXPECT_EQ(half.runs.size(), packed->runs.size());
  rest.setup.workers = 4;
  EXPECT_THAT(Merge(&half, rest).message(), HasSubstr("cannot be compared"));
}

TEST_F(CampaignTest, CocosLogsHoldEveryRunOfABbobFunction) {
  ASSERT_TRUE(Go(options).ok());
  ASSERT_TRUE(WriteCoco(options.out, root_ + "/coco").ok());
  const auto info = ReadWhole(root_ + "/coco/sobol/bbobexp_f1.info");
  ASSERT_TRUE(info.ok());
  EXPECT_THAT(*info,
              testing::MatchesRegex("suite = 'bbob', funcId = 1, DIM = 2, Precision = 1.000e-08, algId = 'sobol'.*\n"
                                    "% qalam bench\ndata_f1/bbobexp_f1_DIM2.dat(, 1:50.[0-9.e+-]+)(, 1:50.[0-9.e+-]+)"
                                    "(, 1:50.[0-9.e+-]+)(, 1:50.[0-9.e+-]+)\n"));
  const auto log = ReadWhole(root_ + "/coco/random/data_f10/bbobexp_f10_DIM4.tdat");
  ASSERT_TRUE(log.ok());
  EXPECT_EQ(std::count(log->begin(), log->end(), '\n'), 4 * 51);
  options.manifest.problems = {"classic/branin/s1"};
  options.out = root_ + "/none";
  ASSERT_TRUE(Go(options).ok());
  EXPECT_EQ(WriteCoco(options.out, root_ + "/coco").code(), Code::kNotFound);
}

// Where COCO's own post-processing is installed: it reads the logs and draws.
TEST_F(CampaignTest, CocoppDrawsFromTheLogs) {
  if (std::system("python3 -c 'import cocopp' >/dev/null 2>&1") != 0) GTEST_SKIP() << "cocopp is not installed";
  options.manifest.problems = {"bbob/f01/d2/i1", "bbob/f10/d5/i2"};  // dimensions that its reference data have
  ASSERT_TRUE(Go(options).ok());
  ASSERT_TRUE(WriteCoco(options.out, root_ + "/coco").ok());
  const std::string command =
      "cd '" + root_ + "' && python3 -m cocopp -o ppdata coco/sobol coco/random >cocopp.log 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << *ReadWhole(root_ + "/cocopp.log");
  int pictures = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root_ + "/ppdata"))
    pictures += entry.path().extension() == ".svg" || entry.path().extension() == ".png" ? 1 : 0;
  EXPECT_GT(pictures, 0);
}

TEST(ReadPoints, HoldEveryBudgetOfTheAnytimeReading) {
  EXPECT_THAT(ReadPoints(3), ElementsAre(1, 2, 3));
  EXPECT_THAT(ReadPoints(100), ElementsAre(1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 63, 80, 100));
  const std::vector<int> points = ReadPoints(300);
  for (const int budget : AnytimeBudgets(300)) EXPECT_THAT(points, testing::Contains(budget));
}

TEST(Suites, EveryProblemOfEverySuiteIsThereAndTuningOnesAreOthers) {
  const std::string data = std::string(QALAM_SOURCE_DIR) + "/bench/data";
  for (const Suite& suite : Suites()) {
    const std::vector<std::string> proving = ProblemsOf(suite.name), tuning = ProblemsOf(suite.name, true);
    EXPECT_FALSE(proving.empty());
    EXPECT_FALSE(tuning.empty());
    std::set<std::string> all(proving.begin(), proving.end());
    for (const std::string& name : tuning) EXPECT_TRUE(all.insert(name).second) << name << " is in both";
    for (const std::string& name : {proving.front(), proving.back(), tuning.front(), tuning.back()}) {
      const auto problem = MakeProblem(name, data);
      EXPECT_TRUE(problem.ok()) << problem.status().ToString();
      if (problem.ok()) {
        EXPECT_EQ((*problem)->name(), name);
      }
    }
  }
  for (const char* const name : {"", "bbob", "bbob/f25/d2/i1", "bbob/f1/d1/i1", "mixint/f01/d7/i1", "classic/none/s1",
                                 "noisy/none", "gpu/none", "bbob/f01/d2/i0"}) {
    EXPECT_EQ(MakeProblem(name, data).status().code(), Code::kNotFound) << name;
  }
}

}  // namespace
}  // namespace qalam::bench
