// SPDX-License-Identifier: Apache-2.0
// Problems of surrogates, of a conditional space, and of somebody's own files.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "bench/csv.h"
#include "bench/problems/cash.h"
#include "bench/problems/own.h"
#include "bench/problems/yahpo.h"
#include "bench/suites.h"
#include "core/rng.h"

namespace qalam::bench {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kData = std::string(QALAM_SOURCE_DIR) + "/bench/data";

Assignments Drawn(const Problem& problem, std::uint64_t draw) {
  Rng rng(draw, "test.point", 0);
  Eigen::VectorXd unit(problem.space().dim());
  for (double& u : unit) u = rng.Uniform();
  return problem.space().Decode(unit);
}
void Change(Assignments* point, const std::string& name, const std::string& value) {
  for (Assignment& assignment : *point) {
    if (assignment.name == name) assignment.value = value;
  }
}

TEST(Yahpo, AnswersAsTheOriginalModelAtEveryEpoch) {
  const auto table = Csv::Read(kData + "/yahpo/lcbench/reference.csv.gz");
  ASSERT_TRUE(table.ok());
  int compared = 0;
  for (std::size_t row = 0; row < table->rows(); ++row) {
    const auto problem = MakeYahpo("lcbench", table->Text(row, *table->Column("OpenML_task_id")), kData);
    if (!problem.ok()) continue;  // of an instance that no suite has
    Assignments point;
    for (const ParameterSpec& parameter : (*problem)->parameters())
      point.push_back({parameter.name, table->Text(row, *table->Column(parameter.name))});
    const int epoch = static_cast<int>(table->Number(row, *table->Column("epoch")));
    const double wanted = table->Number(row, *table->Column("y_val_accuracy"));
    EXPECT_NEAR((*problem)->Evaluate(point, epoch, 0).value, -wanted, 2e-2) << "row " << row;
    ++compared;
  }
  EXPECT_GE(compared, 20);
}

TEST(Yahpo, WhatIsOfAnotherParentHasNoEffectAndNothingIsBetterThanTheBest) {
  const auto problem = MakeYahpo("rbv2_xgboost", "16", kData);
  ASSERT_TRUE(problem.ok()) << problem.status().ToString();
  int moved = 0;
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    Assignments point = Drawn(**problem, draw);
    EXPECT_GT((*problem)->Worth(point), (*problem)->best());
    for (const char* const booster : {"gbtree", "dart"}) {
      Change(&point, "booster", booster);
      Change(&point, "rate_drop", "0.1");
      const double before = (*problem)->Worth(point);
      Change(&point, "rate_drop", "0.9");
      if (booster == std::string("gbtree")) {
        EXPECT_EQ((*problem)->Worth(point), before);
      } else {
        moved += (*problem)->Worth(point) != before ? 1 : 0;
      }
    }
  }
  EXPECT_GT(moved, 150);
  EXPECT_THAT(MakeYahpo("rbv2_xgboost", "nobody", kData).status().message(), HasSubstr("there are 12, 16, 1501, 1040"));
}

TEST(Cash, AMeasuredConfigurationAnswersWithItsOwnCurve) {
  const auto problem = MakeCash("digits", kData);
  ASSERT_TRUE(problem.ok()) << problem.status().ToString();
  EXPECT_EQ((*problem)->steps(), 27);
  EXPECT_NEAR((*problem)->best(), 0.07209, 1e-9);
  const auto configs = Csv::Read(kData + "/cash_lc/configs.csv.gz"),
             curves = Csv::Read(kData + "/cash_lc/digits.csv.gz");
  ASSERT_TRUE(configs.ok() && curves.ok());
  for (std::size_t row = 0; row < configs->rows(); ++row) {
    Assignments point;
    for (std::size_t c = 1; c < configs->header().size(); ++c) {
      if (!configs->Text(row, c).empty()) point.push_back({configs->header()[c], configs->Text(row, c)});
    }
    const Status legal = (*problem)->space().Check(point);
    ASSERT_TRUE(legal.ok()) << "row " << row << ": " << legal.message();
    for (const int step : {1, 27}) {
      const Evaluation found = (*problem)->Evaluate(point, step, 0);
      EXPECT_EQ(found.value, curves->Number(row * 27 + static_cast<std::size_t>(step) - 1, 3)) << "row " << row;
    }
  }
}

TEST(Cash, ItsConditionsAreThoseOfTheTable) {
  const auto problem = MakeCash("digits", kData);
  ASSERT_TRUE(problem.ok()) << problem.status().ToString();
  std::map<std::string, std::string> found;
  for (const ParameterSpec& parameter : (*problem)->parameters()) {
    if (parameter.condition) found[parameter.name] = ConditionText(*parameter.condition);
  }
  EXPECT_EQ(found.size(), (*problem)->parameters().size() - 1);
  EXPECT_EQ(found["gbdt_lr"], "model == gbdt");
  EXPECT_EQ(found["mlp_units2"], "mlp_layers in [2, 3]");
  EXPECT_EQ(found["mlp_units3"], "mlp_layers == 3");
  EXPECT_EQ(found["mlp_beta1"], "mlp_solver == adam");
  EXPECT_EQ(found["mlp_nesterov"], "mlp_solver == sgd");
  EXPECT_EQ(found["rf_max_depth"], "rf_bounded_depth == 1");
  EXPECT_EQ(found["rf_max_samples"], "rf_bootstrap == 1");
  EXPECT_EQ(found["sgd_eta0"], "sgd_schedule in [constant, invscaling]");
  EXPECT_EQ(found["sgd_l1_ratio"], "sgd_penalty == elasticnet");
}

TEST(Cash, FlatIsTheSameWithoutBeingTold) {
  const auto told = MakeProblem("cash/phoneme", kData), flat = MakeProblem("flat/cash/phoneme", kData);
  ASSERT_TRUE(told.ok() && flat.ok());
  EXPECT_FALSE((*flat)->space().conditional());
  for (std::uint64_t row = 0; row < 100; ++row) {
    Assignments point = Drawn(**flat, row);
    const double worth = (*flat)->Worth(point);
    (*told)->space().DropInactive(&point);
    EXPECT_LT(point.size(), (*flat)->parameters().size());
    EXPECT_EQ((*told)->Worth(point), worth);
  }
}

class OwnTest : public testing::Test {
 protected:
  OwnTest() { fs::create_directories(root_); }
  ~OwnTest() override { fs::remove_all(root_); }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(root_ + "/" + name) << text;
    return root_ + "/" + name;
  }
  std::string root_ = testing::TempDir() + "own_" + std::to_string(getpid());
  static constexpr const char* kParameters = R"("parameters": [
      {"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "1e-4", "max": 1, "distribution": "logUniform"}},
      {"name": "opt", "parameterType": "categorical", "feasibleSpace": {"list": ["adam", "sgd"]}}])";
};

TEST_F(OwnTest, ATableIsAnsweredByItsNearestRow) {
  Write("t.csv", "lr,opt,acc\n0.001,adam,0.9\n0.1,adam,0.7\n0.001,sgd,0.5\n0.1,sgd,\n");
  const auto problem = MakeProblem(
      Write("p.json", fmt::format(R"({{{}, "csv": "t.csv", "objective": "acc", "type": "maximize"}})", kParameters)),
      "");
  ASSERT_TRUE(problem.ok()) << problem.status().ToString();
  EXPECT_EQ((*problem)->best(), -0.9);
  EXPECT_EQ((*problem)->Worth({{"lr", "0.009"}, {"opt", "adam"}}), -0.9);
  EXPECT_EQ((*problem)->Worth({{"lr", "0.02"}, {"opt", "adam"}}), -0.7);
  EXPECT_EQ((*problem)->Worth({{"lr", "0.0002"}, {"opt", "sgd"}}), -0.5);
  EXPECT_TRUE(std::isnan((*problem)->Worth({{"lr", "1"}, {"opt", "sgd"}}))) << "a trial that failed";
}

TEST_F(OwnTest, ACommandIsRunWithTheValuesAndItsLastWordCounts) {
  Write("f.sh", "echo start; [ \"$2\" = sgd ] && exit 3; echo \"loss=$1\"\n");
  const auto problem = MakeOwn(Write(
      "p.json", fmt::format(R"({{{}, "command": ["sh", "f.sh", "{{lr}}", "{{opt}}"], "best": 0}})", kParameters)));
  ASSERT_TRUE(problem.ok()) << problem.status().ToString();
  EXPECT_EQ((*problem)->Worth({{"lr", "0.125"}, {"opt", "adam"}}), 0.125);
  EXPECT_TRUE(std::isnan((*problem)->Worth({{"lr", "0.125"}, {"opt", "sgd"}})));
}

TEST_F(OwnTest, WhatIsWrongWithTheFileIsSaid) {
  const auto fault = [&](const std::string& rest) {
    return MakeOwn(Write("p.json", fmt::format("{{{}{}}}", kParameters, rest))).status().message();
  };
  Write("t.csv", "lr,opt,acc\n0.001,adam,0.9\n5,adam,1\n");
  EXPECT_THAT(fault(R"(, "csv": "t.csv", "objective": "acc")"), HasSubstr("t.csv, line 3: "));
  EXPECT_THAT(fault(R"(, "csv": "t.csv", "objective": "loss")"), HasSubstr("no column 'loss'"));
  EXPECT_THAT(fault(R"(, "csv": "u.csv", "objective": "loss")"), HasSubstr("u.csv"));
  EXPECT_THAT(fault(R"(, "command": ["true"])"), HasSubstr("needs 'best'"));
  EXPECT_THAT(fault(""), HasSubstr("a csv or a command"));
  EXPECT_THAT(fault(R"(, "command": 3, "best": 0)"), HasSubstr("p.json"));
  EXPECT_THAT(MakeOwn(root_ + "/none.json").status().message(), HasSubstr("none.json"));
  EXPECT_THAT(MakeOwn(Write("q.json", "{")).status().message(), HasSubstr("q.json"));
}

}  // namespace
}  // namespace qalam::bench
