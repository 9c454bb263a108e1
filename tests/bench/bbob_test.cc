// SPDX-License-Identifier: Apache-2.0
// Our BBOB functions against the values of the reference implementation.
#include "bench/problems/bbob.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "bench/csv.h"
#include "bench/problems/bbob_mixint.h"
#include "core/rng.h"

namespace qalam::bench {
namespace {

std::string Data(const std::string& name) { return std::string(QALAM_SOURCE_DIR) + "/tests/data/bbob/" + name; }

// The points of the reference: the origin, and three on waves over the coordinates.
std::vector<double> ReferencePoint(int function, int dimension, int k) {
  std::vector<double> x(static_cast<std::size_t>(dimension));
  for (std::size_t j = 0; k > 0 && j < x.size(); ++j) {
    x[j] = 5 * std::sin(1 + 0.7 * static_cast<double>(j) + 1.3 * k + 0.31 * function);
  }
  return x;
}

void ExpectAgree(double ours, double reference, const std::string& what) {
  EXPECT_LE(std::abs(ours - reference), 1e-9 * std::max(1.0, std::abs(reference))) << what;
}

TEST(Bbob, EveryReferenceValueIsReached) {
  const auto csv = Csv::Read(Data("values.csv.gz"));
  ASSERT_TRUE(csv.ok()) << csv.status().ToString();
  ASSERT_EQ(csv->rows(), 1344U);
  for (std::size_t row = 0; row < csv->rows(); ++row) {
    const auto number = [&](std::size_t column) { return static_cast<int>(csv->Number(row, column)); };
    const int function = number(0), instance = number(1), dimension = number(2), point = number(3);
    const auto problem = Bbob::Make(function, instance, dimension);
    ExpectAgree(problem->Evaluate(ReferencePoint(function, dimension, point)), csv->Number(row, 4),
                fmt::format("f{} instance {} d {} point {}", function, instance, dimension, point));
  }
}

TEST(Bbob, EveryOptimalValueIsTheReferences) {
  const auto csv = Csv::Read(Data("fopt.csv.gz"));
  ASSERT_TRUE(csv.ok()) << csv.status().ToString();
  ASSERT_EQ(csv->rows(), 2160U);
  for (std::size_t row = 0; row < csv->rows(); ++row) {
    const auto number = [&](std::size_t column) { return static_cast<int>(csv->Number(row, column)); };
    const auto problem = Bbob::Make(number(0), number(1), number(2));
    ExpectAgree(problem->optimal_value(), csv->Number(row, 3), fmt::format("f{} instance {}", number(0), number(1)));
  }
}

TEST(Bbob, MixedIntegerValuesAreTheReferences) {
  const auto csv = Csv::Read(Data("mixint_values.csv.gz"));
  ASSERT_TRUE(csv.ok()) << csv.status().ToString();
  ASSERT_EQ(csv->rows(), 768U);
  for (std::size_t row = 0; row < csv->rows(); ++row) {
    const auto number = [&](std::size_t column) { return static_cast<int>(csv->Number(row, column)); };
    const int function = number(0), instance = number(1), dimension = number(2), point = number(3);
    const BbobMixint problem(function, instance, dimension);
    std::vector<double> x = ReferencePoint(function, dimension, point);
    for (int i = 0; i < dimension; ++i) {  // from [-5, 5] to the values, rounded
      double& value = x[static_cast<std::size_t>(i)];
      if (const int n = problem.cardinality(i); n > 0) value = std::floor((value + 5) / 10 * (n - 1) + 0.5);
    }
    ExpectAgree(problem.Evaluate(x), csv->Number(row, 4),
                fmt::format("f{} instance {} d {} point {}", function, instance, dimension, point));
  }
}

TEST(Bbob, MixedIntegerOptimaAreTheReferencesAndAreReached) {
  const auto csv = Csv::Read(Data("mixint_fopt.csv.gz"));
  ASSERT_TRUE(csv.ok()) << csv.status().ToString();
  ASSERT_EQ(csv->rows(), 1440U);
  for (std::size_t row = 0; row < csv->rows(); ++row) {
    const auto number = [&](std::size_t column) { return static_cast<int>(csv->Number(row, column)); };
    const BbobMixint problem(number(0), number(1), number(2));
    const std::string what = fmt::format("f{} instance {} d {}", number(0), number(1), number(2));
    ExpectAgree(problem.optimal_value(), csv->Number(row, 3), what);
    ExpectAgree(problem.Evaluate(problem.optimum()), problem.optimal_value(), what);
  }
}

TEST(Bbob, TheOptimumHasTheOptimalValueAndNothingNearItIsBetter) {
  for (int function = 1; function <= Bbob::kFunctions; ++function) {
    for (const int dimension : {2, 5, 20}) {
      const auto problem = Bbob::Make(function, 3, dimension);
      const std::vector<double>& best = problem->optimum();
      ExpectAgree(problem->Evaluate(best), problem->optimal_value(), fmt::format("f{} d {}", function, dimension));
      Rng rng(7, "bbob", static_cast<std::uint64_t>(function));
      for (int i = 0; i < 200; ++i) {
        std::vector<double> x = best;
        for (double& v : x) v += 1e-3 * (2 * rng.Uniform() - 1);
        EXPECT_GE(problem->Evaluate(x), problem->optimal_value() - 1e-9) << "f" << function << " d " << dimension;
      }
    }
  }
}

}  // namespace
}  // namespace qalam::bench
