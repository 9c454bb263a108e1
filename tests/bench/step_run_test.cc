// SPDX-License-Identifier: Apache-2.0
// Runs by steps: every step paid once, trials go on where they were, stopped ones never count as whole; and the made
// curves do what their names say.
#include "bench/step_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "bench/campaign.h"
#include "bench/curves.h"
#include "bench/files.h"
#include "bench/problems/lcdb.h"
#include "bench/problems/learning.h"
#include "bench/report.h"
#include "bench/roster.h"
#include "bench/suites.h"
#include "bench/summary.h"
#include "core/rng.h"

namespace qalam::bench {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kData = std::string(QALAM_SOURCE_DIR) + "/bench/data";

StepRunResult MustRun(const std::string& algorithm, const Problem& problem, int budget, int workers,
                      std::vector<Setting> settings = {}) {
  const RunKey key{problem.name(), algorithm, 3, budget, workers};
  auto result = ExecuteSteps(key, problem, [&] {
    return MakeBuiltinSteps({algorithm, algorithm, settings}, problem, key.seed, budget, workers);
  });
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  return result.ok() ? *std::move(result) : StepRunResult();
}

TEST(StepRun, WithoutRulesEveryTrialIsWholeAndTheBudgetIsSpent) {
  const auto problem = MakeLearning("none", 1);
  const StepRunResult result = MustRun("random", *problem, 10, 1);
  ASSERT_EQ(result.jobs.size(), 10U);
  for (const JobRow& job : result.jobs) {
    EXPECT_EQ(job.to, problem->steps());
    EXPECT_EQ(job.worth, job.value);
    EXPECT_FALSE(job.stopped);
  }
  EXPECT_EQ(result.jobs.back().steps, 10 * problem->steps());
  EXPECT_EQ(result.jobs.back().from_zero, 10 * problem->steps());
  EXPECT_DOUBLE_EQ(result.jobs.back().ended, 10 * problem->steps()) << "one worker, a second a step";
}

TEST(StepRun, WorkersOverlapAndShareTheBudget) {
  const auto problem = MakeLearning("none", 1);
  const StepRunResult result = MustRun("random", *problem, 40, 8);
  double busy = 0;
  for (const JobRow& job : result.jobs) {
    int at_once = 0;
    for (const JobRow& other : result.jobs) at_once += other.asked <= job.asked && job.asked < other.ended;
    EXPECT_LE(at_once, 8);
    busy += job.ended - job.asked;
  }
  EXPECT_LE(result.jobs.back().steps, 40 * problem->steps());
  EXPECT_GE(result.jobs.size(), 40U - 8U) << "only what was at work at the end is lost";
  EXPECT_LT(result.jobs.back().ended, busy / 5);
}

// Of every trial: each job begins where the one before ended, and a worth is told of whole ones alone.
void ExpectRungs(const StepRunResult& result, const Problem& problem) {
  std::map<std::uint64_t, int> trained;
  std::int64_t steps = 0, again = 0;
  int resumed = 0, whole = 0;
  for (const JobRow& job : result.jobs) {
    EXPECT_EQ(job.from, trained[job.trial]);
    EXPECT_GT(job.to, job.from);
    steps += job.to - job.from;
    again += job.from;
    EXPECT_EQ(job.steps, steps) << "one worker";
    EXPECT_EQ(job.from_zero, steps + again);
    EXPECT_EQ(std::isnan(job.worth), job.to < problem.steps());
    trained[job.trial] = job.to;
    resumed += job.from > 0 ? 1 : 0;
    whole += job.to == problem.steps() ? 1 : 0;
  }
  EXPECT_GT(resumed, 3);
  EXPECT_GT(whole, 1);
  EXPECT_GT(trained.size(), 3U * static_cast<std::size_t>(whole));
}

TEST(StepRun, AlgorithmsThatChooseTheStepsGoOnFromCheckpoints) {
  const auto problem = MakeLearning("mild", 2);
  for (const char* const algorithm : {"asha", "hyperband", "bohb"}) {
    SCOPED_TRACE(algorithm);
    ExpectRungs(MustRun(algorithm, *problem, 25, 1), *problem);
  }
}

TEST(StepRun, WrongSettingsAndUnknownNamesAreRefused) {
  const auto problem = MakeLearning("none", 1);
  EXPECT_EQ(MakeBuiltinSteps({"nobody", "nobody"}, *problem, 1, 10, 1).status().code(), Code::kNotFound);
  EXPECT_THAT(MakeBuiltinSteps({"asha", "asha", {{"eta", "0"}}}, *problem, 1, 10, 1).status().message(),
              HasSubstr("eta"));
}

StepRunResult MustStop(const std::string& rule, const Problem& problem) {
  ContenderSpec spec{rule, "random"};
  spec.stopping.name = rule;
  const RunKey key{problem.name(), rule, 3, 40, 1};
  auto result =
      ExecuteSteps(key, problem, [&] { return MakeBuiltinSteps(spec, problem, key.seed, key.budget, key.workers); });
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  return result.ok() ? *std::move(result) : StepRunResult();
}

TEST(StepRun, RulesStopTrialsEarlyAndTheBestOnesAreTrainedOut) {
  const auto problem = MakeLearning("none", 1);
  for (const char* const rule : {"asha", "hyperband", "medianstop", "percentile"}) {
    SCOPED_TRACE(rule);
    const StepRunResult result = MustStop(rule, *problem);
    std::vector<double> all, whole;
    for (const JobRow& job : result.jobs) {
      EXPECT_EQ(job.stopped, job.to < problem->steps());
      (job.stopped ? all : whole).push_back(job.value);
    }
    // The guard leaves medianstop, which stops late, little to save in so short a search.
    EXPECT_GT(result.jobs.size(), rule == std::string("medianstop") ? 50U : 55U)
        << "within the steps of 40 whole trials";
    ASSERT_GT(whole.size(), 3U);
    EXPECT_LT(*std::min_element(whole.begin(), whole.end()), *std::min_element(all.begin(), all.end()));
  }
}

TEST(StepRun, NamesSayTheRuleToo) {
  RosterOptions options;
  options.home = std::string(QALAM_SOURCE_DIR) + "/bench";
  const Roster roster(options);
  const auto spec = roster.Parse("tpe(gamma=0.1)+asha(eta=4, r_min=2)");
  ASSERT_TRUE(spec.ok()) << spec.status().ToString();
  EXPECT_EQ(spec->name, "tpe(gamma=0.1)+asha(eta=4 r_min=2)");
  EXPECT_EQ(spec->algorithm, "tpe");
  EXPECT_EQ(spec->stopping.name, "asha");
  EXPECT_EQ(spec->stopping.settings.size(), 2U);
  EXPECT_TRUE(roster.CheckSteps(*spec, true).ok());
  EXPECT_THAT(roster.CheckSteps(*spec, false).message(), HasSubstr("'+asha' stops trials early"));
  EXPECT_THAT(roster.CheckSteps(*roster.Parse("dehb"), false).message(), HasSubstr("--steps only"));
  EXPECT_THAT(roster.CheckSteps(*roster.Parse("optuna-tpe+asha"), true).message(), HasSubstr("none of ours"));
  EXPECT_THAT(roster.Parse("tpe+asah").status().message(), HasSubstr("asah"));
  EXPECT_THAT(roster.Parse("tpe+asha(eta=1)").status().message(), HasSubstr("eta"));
}

// Proposes the cube's centre for ever, and notes what it is told.
class Centre final : public Contender {
 public:
  Centre(const Problem& problem, std::vector<std::string>* log) : problem_(problem), log_(*log) {}
  Result<std::vector<Assignments>> Ask(int) override {
    const auto dim = problem_.space().dim();
    return std::vector<Assignments>{problem_.space().Decode(Eigen::VectorXd::Constant(dim, 0.5))};
  }
  Status Tell(std::uint64_t number, const Assignments&, double) override {
    log_.push_back(fmt::format("{} whole", number));
    return OkStatus();
  }
  Status TellStopped(std::uint64_t number, const Assignments&, double) override {
    log_.push_back(fmt::format("{} stopped", number));
    return OkStatus();
  }

 private:
  const Problem& problem_;
  std::vector<std::string>& log_;
};

class EveryOther final : public Stopper {
 public:
  bool Stops(std::uint64_t trial, int step, double) override { return trial % 2 == 1 && step == 5; }
  void End(std::uint64_t, bool, double) override {}
};

TEST(StepRun, AStoppedTrialIsToldAsStoppedAndItsValueIsNoFinalOne) {
  const auto problem = MakeLearning("none", 1);
  std::vector<std::string> log;
  const RunKey key{problem->name(), "centre", 1, 2, 1};
  const auto result = ExecuteSteps(key, *problem, [&]() -> Result<std::unique_ptr<StepContender>> {
    return MakeStopped(std::make_unique<Centre>(*problem, &log), std::make_unique<EveryOther>(), problem->steps());
  });
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(log, ElementsAre("1 stopped", "2 whole", "3 stopped"));
  EXPECT_EQ(result->jobs[0].to, 5);
  EXPECT_TRUE(result->jobs[0].stopped);
  EXPECT_TRUE(std::isnan(result->jobs[0].worth));
  EXPECT_EQ(result->jobs[1].worth, problem->Worth(problem->space().Decode(Eigen::VectorXd::Constant(4, 0.5))));
}

class Wrong final : public StepContender {
 public:
  explicit Wrong(StepJob job) : job_(std::move(job)) {}
  Result<std::optional<StepJob>> Next() override { return std::optional(job_); }
  Result<bool> Report(std::uint64_t, int, double) override { return true; }
  Status End(std::uint64_t, int, double, bool) override { return OkStatus(); }

 private:
  StepJob job_;
};

TEST(StepRun, JobsThatCannotBeAreFaults) {
  const auto problem = MakeLearning("none", 1);
  const Assignments point = problem->space().Decode(Eigen::VectorXd::Constant(4, 0.5));
  const auto why = [&](StepJob job) {
    const RunKey key{problem->name(), "wrong", 1, 2, 1};
    return ExecuteSteps(key, *problem,
                        [&]() -> Result<std::unique_ptr<StepContender>> {
                          return std::unique_ptr<StepContender>(std::make_unique<Wrong>(job));
                        })
        .status()
        .message();
  };
  EXPECT_THAT(why({1, point, 99}), HasSubstr("trial 1 has 0 of 27 steps and was to be trained to 99"));
  EXPECT_THAT(why({7, point, 3}), HasSubstr("trial 7 was never begun"));
  EXPECT_THAT(why({1, point, 3}), HasSubstr("trial 1 has 3 of 27 steps and was to be trained to 3"));
  EXPECT_THAT(why({1, {}, 3}), HasSubstr("learning_rate"));
}

// Of 300 random configurations: the place, among all after `step`, of those that are the best tenth in the end; mean.
double PlaceOfTheBest(const Problem& problem, int step) {
  constexpr int kCount = 300, kBest = 30;
  std::vector<std::pair<double, double>> pairs;  // worth, value
  for (std::uint64_t i = 0; i < kCount; ++i) {
    Rng rng(i, "test.point", 0);
    Eigen::VectorXd unit(problem.space().dim());
    for (double& u : unit) u = rng.Uniform();
    const Assignments point = problem.space().Decode(unit);
    pairs.emplace_back(problem.Worth(point), problem.Evaluate(point, step, i).value);
  }
  std::sort(pairs.begin(), pairs.end());
  double places = 0;
  for (int i = 0; i < kBest; ++i) {
    for (const auto& [worth, value] : pairs) places += value < pairs[static_cast<std::size_t>(i)].second ? 1 : 0;
  }
  return places / (kBest * kCount);
}

TEST(Learning, CurvesCrossAsMuchAsTheirKindSays) {
  for (const std::uint64_t instance : {1, 2, 3}) {
    const auto none = MakeLearning("none", instance), mild = MakeLearning("mild", instance),
               strong = MakeLearning("strong", instance), noisy = MakeLearning("noisy", instance);
    for (const int step : {1, 3, 9, 27}) EXPECT_LT(PlaceOfTheBest(*none, step), 0.06) << "ranks hold from step 1 on";
    EXPECT_GT(PlaceOfTheBest(*mild, 1), 0.33) << "a rule that keeps a third would stop the best";
    EXPECT_LT(PlaceOfTheBest(*mild, 9), 0.25);
    EXPECT_GT(PlaceOfTheBest(*strong, 3), 0.5);
    EXPECT_GT(PlaceOfTheBest(*strong, 9), 0.2);
    EXPECT_LT(PlaceOfTheBest(*strong, 27), 0.06);
    EXPECT_GT(PlaceOfTheBest(*noisy, 1), PlaceOfTheBest(*noisy, 27));
    for (const auto* problem : {&none, &mild, &strong, &noisy}) {
      EXPECT_EQ((*problem)->best(), 0.1);
      EXPECT_EQ((*problem)->steps(), 27);
    }
  }
  EXPECT_EQ(MakeLearning("wavy", 1), nullptr);
}

TEST(Lcdb, TheCurvesAreThoseOfTheTable) {
  for (const bool tuning : {false, true}) {
    for (const std::string_view id : LcdbIds(tuning)) {
      const auto problem = MakeLcdb(id, kData);
      ASSERT_TRUE(problem.ok()) << problem.status().ToString();
      EXPECT_EQ((*problem)->space().cardinality(), 20U);
    }
  }
  const auto problem = MakeLcdb("901", kData);
  EXPECT_EQ((*problem)->steps(), 24);
  EXPECT_NEAR((*problem)->best(), 1 - 0.93686, 1e-9);
  EXPECT_EQ(MakeLcdb("3", kData).status().code(), Code::kNotFound);
}

TEST(Suites, OfCurvesHaveStepsAndOthersToTuneOn) {
  for (const char* const suite : {"curves", "taskset", "lcbench", "lcdb"}) {
    const auto proving = ProblemsOf(suite), tuning = ProblemsOf(suite, true);
    EXPECT_FALSE(proving.empty() || tuning.empty());
    for (const std::string& name : proving) {
      EXPECT_EQ(std::count(tuning.begin(), tuning.end(), name), 0);
      const auto problem = MakeProblem(name, kData);
      ASSERT_TRUE(problem.ok()) << problem.status().ToString();
      EXPECT_GT((*problem)->steps(), 10);
    }
  }
}

class StepCampaignTest : public testing::Test {
 protected:
  StepCampaignTest() {
    options.manifest.problems = {"curves/none/i1", "taskset/imdb_patch32_IRNN64_relu_avg_bs128"};
    options.manifest.contenders = {{"random", "random"}, {"asha", "asha"}};
    options.manifest.seeds = 3;
    options.manifest.setup = {.budget = 30, .workers = 4, .by_steps = true};
    options.jobs = 2;
    options.data = kData;
    options.out = root_ + "/out";
  }
  ~StepCampaignTest() override { fs::remove_all(root_); }

  static Status Go(const CampaignOptions& options, int at_most = 1'000'000'000) {
    std::atomic<int> left = at_most;
    return RunCampaign(
        options, [](const Progress& progress) { EXPECT_EQ(progress.failure, ""); }, [&left] { return left-- <= 0; });
  }
  static std::map<std::string, std::string> Runs(const std::string& folder) {
    std::map<std::string, std::string> runs;
    for (const auto& entry : fs::recursive_directory_iterator(folder + "/runs")) {
      if (entry.path().extension() == ".csv") runs[fs::relative(entry.path(), folder)] = *ReadWhole(entry.path());
    }
    return runs;
  }

  std::string root_ = testing::TempDir() + "step_campaign_" + std::to_string(getpid());
  CampaignOptions options;
};

TEST_F(StepCampaignTest, InterruptedAndGoneOnWithItGivesTheSameBytes) {
  ASSERT_TRUE(Go(options, 3'000).ok());
  EXPECT_LT(Runs(options.out).size(), 12U);
  ASSERT_TRUE(Go(options).ok());
  CampaignOptions whole = options;
  whole.out = root_ + "/whole";
  ASSERT_TRUE(Go(whole).ok());
  EXPECT_EQ(Runs(options.out).size(), 12U);
  EXPECT_EQ(Runs(options.out), Runs(whole.out));
  options.manifest.setup.by_steps = false;
  EXPECT_THAT(Go(options).message(), HasSubstr("another campaign, of the steps of 30 trials, 4 workers"));
}

TEST_F(StepCampaignTest, TheSummarySaysHowManyStepsATargetTook) {
  ASSERT_TRUE(Go(options).ok());
  const auto curves = ReadCurves(options.out, options.data);
  ASSERT_TRUE(curves.ok());
  const Summary summary = Summarise(*curves);
  ASSERT_THAT(summary.groups, ElementsAre("curves none", "taskset"));
  const Approach &random = summary.approaches[0][0][0], &asha = summary.approaches[0][0][1];
  EXPECT_EQ(random.runs, 3);
  EXPECT_EQ(asha.reached, 3) << "where ranks hold, asha finds the best 2 % within the steps of 30 trials";
  EXPECT_LT(asha.expected, random.expected);
  EXPECT_GT(asha.median.from_zero, asha.median.steps);
  EXPECT_LT(asha.median.seconds, asha.median.steps / 2) << "four workers";
  EXPECT_GT(summary.trials[1], 2 * summary.trials[0]);
  EXPECT_LE(summary.approaches[0][1][1].reached, asha.reached) << "0.5 % is harder than 2 %";
  EXPECT_THAT(SummaryText(summary), HasSubstr("to the best 2 %: curves none"));
  EXPECT_THAT(SummaryJson(summary), HasSubstr("\"expectedSteps\""));
  EXPECT_THAT(ReportHtml(summary), HasSubstr("Steps to a target"));

  ASSERT_TRUE(PackCurves(*curves, root_ + "/packed.csv.gz").ok());
  const auto packed = ReadCurves(root_ + "/packed.csv.gz", "/nowhere");
  ASSERT_TRUE(packed.ok()) << packed.status().ToString();
  EXPECT_EQ(packed->setup, curves->setup);
  const Summary again = Summarise(*packed);
  EXPECT_EQ(again.approaches[0][0][1].expected, asha.expected);
  EXPECT_EQ(again.approaches[1][2][0].reached, summary.approaches[1][2][0].reached);
  EXPECT_EQ(again.trials, summary.trials);
}

}  // namespace
}  // namespace qalam::bench
