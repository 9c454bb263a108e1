// SPDX-License-Identifier: Apache-2.0
// Runs: every trial counted once, in virtual time, the same again for the same key.
#include "bench/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "bench/problems/continuous.h"
#include "bench/problems/table.h"

namespace qalam::bench {
namespace {

using testing::HasSubstr;

RunResult MustRun(const RunKey& key, const Problem& problem) {
  auto result = Execute(key, problem, [&] {
    return MakeBuiltin({key.contender, key.contender, {}}, problem, key.seed,
                       key.budget_told ? std::optional(key.budget) : std::nullopt, 1);
  });
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  return result.ok() ? *std::move(result) : RunResult();
}

std::vector<double> Worths(const RunResult& result) {
  std::vector<double> worths;
  for (const TrialRow& row : result.trials) worths.push_back(row.worth);
  return worths;
}

TEST(Run, SpendsItsBudgetAndIsTheSameAgain) {
  const auto problem = MakeBbob(8, 3, 5);
  for (const char* const algorithm : {"random", "sobol"}) {
    RunKey key{problem->name(), algorithm, 7, 60};
    const RunResult once = MustRun(key, *problem), again = MustRun(key, *problem);
    ASSERT_EQ(once.trials.size(), 60U);
    EXPECT_EQ(Worths(once), Worths(again));
    for (std::size_t i = 0; i < once.trials.size(); ++i) EXPECT_EQ(once.trials[i].number, i + 1);
    key.seed = 8;
    EXPECT_NE(Worths(once), Worths(MustRun(key, *problem)));
  }
}

TEST(Run, WorkersOverlapAndNoneIsIdleWhileThereIsWork) {
  const auto problem = MakeBbob(1, 1, 2);
  RunKey key{problem->name(), "random", 1, 200, 4};
  const RunResult result = MustRun(key, *problem);
  ASSERT_EQ(result.trials.size(), 200U);
  std::set<std::uint64_t> numbers;
  double busy = 0, end = 0, longest = 0;
  for (const TrialRow& row : result.trials) {
    numbers.insert(row.number);
    EXPECT_GE(row.ended, end);
    end = row.ended;
    busy += row.ended - row.asked;
    longest = std::max(longest, row.ended - row.asked);
    int at_once = 0;
    for (const TrialRow& other : result.trials) at_once += other.asked <= row.asked && row.asked < other.ended;
    EXPECT_LE(at_once, 4);
  }
  EXPECT_EQ(numbers.size(), 200U);
  EXPECT_GT(busy, 4 * (end - longest));
  EXPECT_GT(longest, 2) << "some trials take much longer than the others";
}

TEST(Run, TheCommonStartIsTheSameForEveryContender) {
  const auto problem = MakeBbob(3, 2, 4);
  RunKey key{problem->name(), "random", 5, 20, 1, 6};
  const RunResult a = MustRun(key, *problem);
  key.contender = "sobol";
  const RunResult b = MustRun(key, *problem);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(a.trials[i].number == 0, i < 6);
    if (i < 6) {
      EXPECT_EQ(a.trials[i].worth, b.trials[i].worth);
    }
  }
  EXPECT_NE(a.trials[10].worth, b.trials[10].worth);
}

TEST(Run, ASpaceThatIsUsedUpEndsTheRunAndFailedTrialsCount) {
  const auto problem = MakeTable("gpu/convolution_milo_A100", std::string(QALAM_SOURCE_DIR) + "/bench/data");
  ASSERT_TRUE(problem.ok());
  const RunResult result = MustRun({(*problem)->name(), "grid", 1, 50}, **problem);
  EXPECT_EQ(result.trials.size(), 50U);
  int failed = 0;
  for (const TrialRow& row : result.trials) failed += std::isnan(row.value);
  EXPECT_GT(failed, 0);
  const auto mixed = MakeBbobMixint(1, 1, 5);
  EXPECT_FALSE(MustRun({mixed->name(), "random", 1, 50}, *mixed).exhausted);
}

TEST(Run, AContenderThatProposesWhatIsIllegalFails) {
  class Rogue final : public Contender {
   public:
    Result<std::vector<Assignments>> Ask(int) override { return std::vector<Assignments>{{{"x0", "99"}, {"x1", "0"}}}; }
    Status Tell(std::uint64_t, const Assignments&, double) override { return OkStatus(); }
  };
  const auto problem = MakeBbob(1, 1, 2);
  const auto result = Execute({problem->name(), "rogue", 1, 5}, *problem, []() -> Result<std::unique_ptr<Contender>> {
    return std::unique_ptr<Contender>(std::make_unique<Rogue>());
  });
  EXPECT_THAT(result.status().message(), HasSubstr("x0"));
}

}  // namespace
}  // namespace qalam::bench
