// SPDX-License-Identifier: Apache-2.0
// Problems keep what they promise: legal spaces, a best value that is reached and never beaten, one answer per draw.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <tuple>

#include "bench/problem.h"
#include "bench/problems/continuous.h"
#include "bench/problems/table.h"
#include "bench/suites.h"
#include "core/rng.h"

namespace qalam::bench {
namespace {

std::string DataFolder() { return std::string(QALAM_SOURCE_DIR) + "/bench/data"; }

Assignments RandomPoint(const Problem& problem, std::uint64_t ordinal) {
  Rng rng(11, "test.point", ordinal);
  Eigen::VectorXd unit(problem.space().dim());
  for (double& u : unit) u = rng.Uniform();
  return problem.space().Decode(unit);
}

void ExpectSound(const Problem& problem, int points) {
  SCOPED_TRACE(problem.name());
  int finite = 0;
  for (int i = 0; i < points; ++i) {
    const Assignments point = RandomPoint(problem, static_cast<std::uint64_t>(i));
    const double worth = problem.Worth(point);
    const Evaluation once = problem.Evaluate(point, problem.steps(), 3),
                     again = problem.Evaluate(point, problem.steps(), 3);
    EXPECT_TRUE(once.value == again.value || (std::isnan(once.value) && std::isnan(again.value)));
    EXPECT_GT(once.cost, 0);
    if (std::isnan(worth)) continue;
    ++finite;
    EXPECT_GE(worth, problem.best() - 1e-9 * std::max(1.0, std::abs(problem.best())));
  }
  EXPECT_GT(finite, 0);
}

TEST(Problems, ClassicsKeepTheirOptimumInsideAMovedBox) {
  for (const std::string_view name : ClassicNames()) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const auto problem = MakeClassic(name, seed);
      ASSERT_NE(problem, nullptr);
      ExpectSound(*problem, 2'000);
    }
    EXPECT_NE(MakeClassic(name, 1)->parameters()[0].feasible.min, MakeClassic(name, 2)->parameters()[0].feasible.min);
  }
  EXPECT_EQ(MakeClassic("no-such", 0), nullptr);
}

TEST(Problems, ClassicsReachTheirBestValue) {
  const auto at = [](const Problem& problem, const std::vector<std::string>& values) {
    Assignments point;
    for (std::size_t i = 0; i < values.size(); ++i) point.push_back({problem.parameters()[i].name, values[i]});
    EXPECT_TRUE(problem.space().Check(point).ok());
    return problem.Worth(point) - problem.best();
  };
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    EXPECT_NEAR(at(*MakeClassic("branin", seed), {"3.141592653589793", "2.275"}), 0, 1e-9);
    EXPECT_NEAR(at(*MakeClassic("hartmann3", seed), {"0.114614", "0.555649", "0.852547"}), 0, 1e-6);
    EXPECT_NEAR(
        at(*MakeClassic("hartmann6", seed), {"0.20169", "0.150011", "0.476874", "0.275332", "0.311652", "0.6573"}), 0,
        1e-6);
    EXPECT_NEAR(at(*MakeClassic("ackley5", seed), {"0", "0", "0", "0", "0"}), 0, 1e-9);
    EXPECT_NEAR(at(*MakeClassic("levy4", seed), {"1", "1", "1", "1"}), 0, 1e-9);
    EXPECT_NEAR(at(*MakeClassic("rosenbrock4", seed), {"1", "1", "1", "1"}), 0, 1e-9);
  }
}

TEST(Problems, NoiseShrinksTowardsTheOptimumAndIsOneNumberADraw) {
  const auto problem = MakeNoisy(MakeBbob(1, 1, 2), 0.1, 0.5);
  ExpectSound(*problem, 100);
  const Assignments point = RandomPoint(*problem, 1);
  double sum = 0, squares = 0;
  constexpr int kDraws = 4'000;
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    const double error = problem->Evaluate(point, 1, draw).value - problem->Worth(point);
    sum += error, squares += error * error;
  }
  const double deviation = 0.5 + 0.1 * (problem->Worth(point) - problem->best());
  EXPECT_NEAR(sum / kDraws, 0, 4 * deviation / std::sqrt(kDraws));
  EXPECT_NEAR(std::sqrt(squares / kDraws), deviation, 0.05 * deviation);
}

class TableTest : public testing::TestWithParam<std::string> {};

TEST_P(TableTest, IsReadWholeAndSound) {
  const auto problem = MakeTable(GetParam(), DataFolder());
  ASSERT_TRUE(problem.ok()) << problem.status().ToString();
  ExpectSound(**problem, 300);
}

std::string TestName(const testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(Tables, TableTest, testing::ValuesIn(TableNames()), TestName);

// The facts that the data's own README states.
TEST(Tables, AreWhatTheirReadmeSays) {
  const auto best = [](const std::string& name) {
    const auto problem = MakeTable(name, DataFolder());
    EXPECT_TRUE(problem.ok()) << problem.status().ToString();
    return (*problem)->best();
  };
  EXPECT_NEAR(best("hpobench/australian"), -0.94467, 1e-5);
  EXPECT_NEAR(best("fcnet/protein_structure"), 0.221378, 1e-6);
  EXPECT_NEAR(best("nasbench201/cifar10"), -91.6066667, 1e-5);
  EXPECT_NEAR(best("nasbench_macro/cifar10"), -93.1266667, 1e-5);
  EXPECT_NEAR(best("nasbench_graph/cora"), -0.819333, 1e-6);
  EXPECT_NEAR(best("gpu/convolution_milo_A100"), 0.5536, 1e-6);
  EXPECT_NEAR(best("xgboost/a6a"), 0.094674, 1e-6);
  EXPECT_NEAR(best("taskset/imdb_patch32_GRU128_bs128"), 0.37769917, 1e-4);
}

TEST(Tables, WhatIsNotListedFails) {
  const auto problem = MakeTable("gpu/convolution_milo_A100", DataFolder());
  ASSERT_TRUE(problem.ok());
  int failed = 0;
  for (std::uint64_t i = 0; i < 500; ++i) failed += std::isnan((*problem)->Worth(RandomPoint(**problem, i)));
  EXPECT_GT(failed, 100);
  EXPECT_EQ(MakeTable("gpu/no-such", DataFolder()).status().code(), Code::kNotFound);
  EXPECT_EQ(MakeTable("gpu/convolution_milo_A100", "/no/such/folder").status().code(), Code::kNotFound);
}

// The benchmark lists each network once; 28,000 of the other ways to write it are as good. A network that hands the raw
// input to its output was not trained.
TEST(Tables, ANetworkIsTheSameHoweverItIsWritten) {
  const auto problem = MakeTable("nasbench_graph/cora", DataFolder());
  ASSERT_TRUE(problem.ok());
  const auto worth = [&](const std::vector<std::string>& codes) {
    Assignments point;
    for (std::size_t i = 0; i < codes.size(); ++i) point.push_back({(*problem)->parameters()[i].name, codes[i]});
    return (*problem)->Worth(point);
  };
  EXPECT_EQ(worth({"8", "3", "1", "0", "2"}), -0.819333);
  // All four from the input: their order is nothing. Listed is the ascending one.
  EXPECT_TRUE(std::isfinite(worth({"0", "0", "1", "2", "3"})));
  EXPECT_EQ(worth({"0", "3", "2", "1", "0"}), worth({"0", "0", "1", "2", "3"}));
  // A chain: where in it nothing is done is nothing.
  EXPECT_EQ(worth({"8", "0", "8", "1", "2"}), worth({"8", "0", "1", "2", "8"}));
  EXPECT_TRUE(std::isfinite(worth({"8", "0", "8", "1", "2"})));
  EXPECT_NE(worth({"8", "0", "1", "2", "3"}), worth({"8", "3", "2", "1", "0"}));
  EXPECT_TRUE(std::isnan(worth({"0", "0", "1", "2", "8"})));
}

TEST(Tables, AnExactProblemReportsTheMeanOfItsSeeds) {
  const auto noisy = MakeProblem("nasbench201/cifar10", DataFolder());
  const auto exact = MakeProblem("exact/nasbench201/cifar10", DataFolder());
  ASSERT_TRUE(noisy.ok() && exact.ok());
  ExpectSound(**exact, 100);
  Assignments best;
  for (const ParameterSpec& p : (*exact)->parameters()) best.push_back({p.name, ""});
  for (std::size_t i = 0; i < 6; ++i) best[i].value = std::string("333132")[i];
  double sum = 0;
  for (std::uint64_t draw = 0; draw < 3; ++draw) {
    EXPECT_NEAR((*exact)->Evaluate(best, 1, draw).value, -91.6066667, 1e-5);
    sum += (*noisy)->Evaluate(best, 1, draw).value;
    EXPECT_GT(std::abs((*noisy)->Evaluate(best, 1, draw).value - -91.6066667), 1e-3);
  }
  EXPECT_NEAR(sum / 3, -91.6066667, 1e-5);
}

}  // namespace
}  // namespace qalam::bench
