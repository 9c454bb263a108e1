// SPDX-License-Identifier: Apache-2.0
// Campaigns: the same bytes whether they were interrupted or not, failures named, contenders told apart.
#include "bench/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "bench/suites.h"

namespace qalam::bench {
namespace {

namespace fs = std::filesystem;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class CampaignTest : public testing::Test {
 protected:
  CampaignTest() {
    options.problems = {"bbob/f01/d2/i1", "bbob/f10/d4/i2", "classic/branin/s1"};
    options.contenders = {{"random", "random", {}}, {"sobol", "sobol", {}}};
    options.seeds = 4;
    options.budget = 50;
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
  ASSERT_TRUE(Go(options, 5).ok());
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
  ASSERT_TRUE(Go(options, 1).ok());
  options.budget = 60;
  EXPECT_THAT(Go(options).message(), HasSubstr("another campaign"));
}

TEST_F(CampaignTest, AFailureIsNamedAndTheOthersGoOn) {
  options.contenders.push_back({"sobol(bad)", "sobol", {{"no-such-setting", "1"}}});
  options.problems.push_back("bbob/f99/d2/i1");
  ASSERT_TRUE(Go(options).ok());
  const auto summary = Summarise(options);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->runs, 0) << "nothing that all three have done";
  EXPECT_THAT(summary->failures, testing::Contains(HasSubstr("sobol(bad) on bbob/f01/d2/i1, seed 1: unknown setting")));
  EXPECT_THAT(summary->failures, testing::Contains(HasSubstr("there is no problem 'bbob/f99/d2/i1'")));
  options.contenders.pop_back();
  EXPECT_EQ(Summarise(options)->runs, 12);
}

TEST_F(CampaignTest, TheSummaryReadsEachBudgetAndMoreTrialsAreNeverWorse) {
  ASSERT_TRUE(Go(options).ok());
  const auto summary = Summarise(options);
  ASSERT_TRUE(summary.ok());
  EXPECT_THAT(summary->budgets, ElementsAre(25, 50));
  EXPECT_THAT(summary->failures, SizeIs(0));
  ASSERT_THAT(summary->standings, SizeIs(2));
  for (std::size_t c = 0; c < 2; ++c) {
    EXPECT_LE(summary->standings[1][c].mean_score, summary->standings[0][c].mean_score);
    EXPECT_LT(summary->standings[1][c].mean_score, 0) << "better than one random trial";
  }
  EXPECT_THAT(summary->suggest_milliseconds, Each(testing::Gt(0)));
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
