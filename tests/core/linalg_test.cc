// SPDX-License-Identifier: Apache-2.0
// Both versions of the kernels, the one of this processor and the one of every processor, against plain products.
#include "core/linalg.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/linalg_kernels.h"
#include "core/rng.h"

namespace qalam {
namespace {

Eigen::MatrixXd Random(Eigen::Index rows, Eigen::Index columns) {
  Rng rng(1, "test", static_cast<std::uint64_t>(rows));
  Eigen::MatrixXd out(rows, columns);
  for (double& at : out.reshaped()) at = rng.Normal();
  return out;
}

Eigen::MatrixXd Positive(Eigen::Index n) {
  const Eigen::MatrixXd half = Random(n, n + 3);
  return half * half.transpose() + Eigen::MatrixXd::Identity(n, n);
}

TEST(Linalg, WhatIsFactoredAndSolvedMultipliesBack) {
  for (const Eigen::Index n : {0, 1, 2, 7, 33, 150}) {
    const Eigen::MatrixXd a = Positive(n), b = Random(n, 5);
    Eigen::MatrixXd l = a, x = b;
    ASSERT_TRUE(Factorise(&l)) << n;
    EXPECT_LT((l * l.transpose() - a).norm(), 1e-9 * (1 + a.norm())) << n;
    SolveLower(l, x);
    SolveUpper(l, x);
    EXPECT_LT((a * x - b).norm(), 1e-9 * (1 + b.norm())) << n;
    Eigen::VectorXd one = b.rightCols(1), part = b.rightCols(1);
    SolveLower(l, one);
    EXPECT_LT((l * one - part).norm(), 1e-9 * (1 + part.norm())) << n;
    const Eigen::MatrixXd inverse = InverseOf(l);
    EXPECT_LT((Eigen::MatrixXd(inverse.selfadjointView<Eigen::Lower>()) * a - Eigen::MatrixXd::Identity(n, n)).norm(),
              1e-8 * (1.0 + static_cast<double>(n)));
    Eigen::MatrixXd rest = a;
    SubtractGram(b, &rest);
    EXPECT_LT((rest - (a - b * b.transpose())).triangularView<Eigen::Lower>().toDenseMatrix().norm(),
              1e-9 * (1 + a.norm()));
  }
}

TEST(Linalg, WhatIsNotPositiveDefiniteHasNoFactor) {
  Eigen::MatrixXd a = Positive(20);
  a(10, 10) = -1;
  EXPECT_FALSE(Factorise(&a));
  Eigen::MatrixXd nothing = Eigen::MatrixXd::Constant(3, 3, NAN);
  EXPECT_FALSE(Factorise(&nothing));
}

TEST(Linalg, EigenvectorsMultiplyBack) {
  const Eigen::MatrixXd a = Positive(30);
  Eigen::VectorXd values;
  Eigen::MatrixXd vectors;
  DecomposeSymmetric(a, &values, &vectors);
  EXPECT_LT((vectors * values.asDiagonal() * vectors.transpose() - a).norm(), 1e-9 * a.norm());
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
}

TEST(Linalg, BothVersionsOfTheKernelsAgree) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) GTEST_SKIP() << "this processor has one only";
  constexpr Eigen::Index kSize = 120;
  const Eigen::MatrixXd a = Positive(kSize), b = Random(kSize, 9);
  Eigen::MatrixXd l[2], x[2], inverse[2], rest[2];
  const LinalgKernels* const kernels[2] = {&kPlainKernels, &kWideKernels};
  for (int k = 0; k < 2; ++k) {
    l[k] = rest[k] = a, x[k] = b, inverse[k] = Eigen::MatrixXd::Zero(kSize, kSize);
    ASSERT_TRUE(kernels[k]->factorise(l[k].data(), kSize));
    kernels[k]->solve_lower(l[k].data(), kSize, x[k].data(), 9, kSize);
    kernels[k]->solve_upper(l[k].data(), kSize, x[k].data(), 9, kSize);
    kernels[k]->inverse(l[k].data(), kSize, inverse[k].data());
    kernels[k]->subtract_gram(b.data(), kSize, 9, rest[k].data());
  }
  EXPECT_LT((l[0] - l[1]).norm(), 1e-10 * l[0].norm());
  EXPECT_LT((x[0] - x[1]).norm(), 1e-8 * x[0].norm());
  EXPECT_LT((inverse[0] - inverse[1]).norm(), 1e-8 * inverse[0].norm());
  EXPECT_LT((rest[0] - rest[1]).norm(), 1e-10 * rest[0].norm());
}

}  // namespace
}  // namespace qalam
