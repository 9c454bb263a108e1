// SPDX-License-Identifier: Apache-2.0
#include "bench/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

namespace qalam::bench {
namespace {

using testing::HasSubstr;

class CsvTest : public testing::Test {
 protected:
  std::string Write(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
    return path_;
  }
  ~CsvTest() override { std::filesystem::remove(path_); }
  std::string path_ = testing::TempDir() + "csv_test_" + std::to_string(getpid()) + ".csv";
};

TEST_F(CsvTest, CellsAreTextAndNumbersAndHolesAreNoNumbers) {
  const auto csv = Csv::Read(Write("name,value\na,1.5e-3\r\nb,\nc,inf\nd,x1\n"));
  ASSERT_TRUE(csv.ok()) << csv.status().ToString();
  ASSERT_EQ(csv->rows(), 4U);
  EXPECT_EQ(csv->Text(0, 0), "a");
  EXPECT_EQ(csv->Number(0, 1), 1.5e-3);
  EXPECT_TRUE(std::isnan(csv->Number(1, 1)));
  EXPECT_TRUE(std::isinf(csv->Number(2, 1)));
  EXPECT_TRUE(std::isnan(csv->Number(3, 1)));
  EXPECT_EQ(*csv->Column("value"), 1U);
  EXPECT_THAT(csv->Column("values").status().message(), HasSubstr("name, value"));
}

TEST_F(CsvTest, WhatIsNoTableIsRefusedWithItsLine) {
  EXPECT_THAT(Csv::Read(Write("a,b\n1,2\n3\n")).status().message(), HasSubstr(":3: 1 cells, the header has 2"));
  EXPECT_FALSE(Csv::Read(Write("")).ok());
  EXPECT_EQ(Csv::Read(path_ + ".not").status().code(), Code::kNotFound);
  const std::string torn("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03garbage", 17);
  EXPECT_EQ(Csv::Read(Write(torn)).status().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace qalam::bench
