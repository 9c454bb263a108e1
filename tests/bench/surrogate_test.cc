// SPDX-License-Identifier: Apache-2.0
// Our interpreter of the YAHPO networks against what the original models answer.
#include "bench/problems/surrogate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/csv.h"

namespace qalam::bench {
namespace {

class SurrogateTest : public testing::TestWithParam<const char*> {};

TEST_P(SurrogateTest, EveryReferenceOutputIsReached) {
  const std::string folder = std::string(QALAM_SOURCE_DIR) + "/bench/data/yahpo/" + GetParam();
  const auto network = Network::Load(folder);
  ASSERT_TRUE(network.ok()) << network.status().ToString();
  const nlohmann::json space = nlohmann::json::parse(std::ifstream(folder + "/space.json"));
  const auto csv = Csv::Read(folder + "/reference.csv.gz");
  ASSERT_TRUE(csv.ok()) << csv.status().ToString();
  ASSERT_GT(csv->rows(), 100U);
  const auto metrics = space["metrics"].get<std::vector<std::string>>();
  std::vector<double> spread;  // of each metric: single precision is asked for so much of it
  for (const std::string& metric : metrics) {
    double low = INFINITY, high = -INFINITY;
    for (std::size_t row = 0; row < csv->rows(); ++row) {
      low = std::min(low, csv->Number(row, *csv->Column("y_" + metric)));
      high = std::max(high, csv->Number(row, *csv->Column("y_" + metric)));
    }
    spread.push_back(high - low);
  }
  for (std::size_t row = 0; row < csv->rows(); ++row) {
    std::vector<int> codes;
    for (const std::string name : space["x_cat"]) {
      const std::string& text = csv->Text(row, *csv->Column(name));
      codes.push_back(text.empty() ? 0 : space["category_codes"][name][text].get<int>());
    }
    std::vector<double> numbers;
    for (const std::string name : space["x_cont"]) {
      const double value = csv->Number(row, *csv->Column(name));
      numbers.push_back(std::isnan(value) ? 0 : value);
    }
    const Eigen::VectorXf outputs = network->Evaluate(codes, numbers);
    ASSERT_EQ(static_cast<std::size_t>(outputs.size()), metrics.size());
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      const double wanted = csv->Number(row, *csv->Column("y_" + metrics[i]));
      const double ours = outputs[static_cast<Eigen::Index>(i)];
      EXPECT_LE(std::abs(ours - wanted), 2e-4 * std::max(spread[i], std::abs(wanted)))
          << metrics[i] << " of row " << row;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Yahpo, SurrogateTest, testing::Values("lcbench", "rbv2_xgboost", "rbv2_rpart", "iaml_glmnet"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace qalam::bench
