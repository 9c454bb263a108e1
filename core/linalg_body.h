// SPDX-License-Identifier: Apache-2.0
// Included by linalg_plain.cc and linalg_wide.cc alone, which say what QALAM_KERNELS is called. The wide one calls the
// namespace Eigen by another name first: the same templates compiled for two processors must not be taken for one.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>

#include "core/linalg_kernels.h"

namespace qalam {
namespace {

using Matrix = Eigen::MatrixXd;
using Strided = Eigen::Map<Matrix, 0, Eigen::OuterStride<>>;

bool FactoriseKernel(double* a, std::ptrdiff_t n) {
  Eigen::Map<Matrix> matrix(a, n, n);
  Eigen::Ref<Matrix> in_place(matrix);
  if (Eigen::LLT<Eigen::Ref<Matrix>, Eigen::Lower>(in_place).info() != Eigen::Success) return false;
  matrix.triangularView<Eigen::StrictlyUpper>().setZero();
  return true;
}

void SolveLowerKernel(const double* l, std::ptrdiff_t n, double* b, std::ptrdiff_t columns, std::ptrdiff_t stride) {
  Strided in_place(b, n, columns, Eigen::OuterStride<>(stride));
  Eigen::Map<const Matrix>(l, n, n).triangularView<Eigen::Lower>().solveInPlace(in_place);
}

void SolveUpperKernel(const double* l, std::ptrdiff_t n, double* b, std::ptrdiff_t columns, std::ptrdiff_t stride) {
  Strided in_place(b, n, columns, Eigen::OuterStride<>(stride));
  Eigen::Map<const Matrix>(l, n, n).transpose().triangularView<Eigen::Upper>().solveInPlace(in_place);
}

void InverseKernel(const double* l, std::ptrdiff_t n, double* out) {
  Matrix half = Matrix::Identity(n, n);
  SolveLowerKernel(l, n, half.data(), n, n);
  Eigen::Map<Matrix>(out, n, n).selfadjointView<Eigen::Lower>().rankUpdate(half.transpose());
}

void SubtractGramKernel(const double* b, std::ptrdiff_t n, std::ptrdiff_t columns, double* a) {
  Eigen::Map<Matrix>(a, n, n).selfadjointView<Eigen::Lower>().rankUpdate(Eigen::Map<const Matrix>(b, n, columns), -1);
}

void ProductsKernel(const float* a, std::ptrdiff_t d, std::ptrdiff_t n, const float* b, std::ptrdiff_t columns,
                    float* out) {
  using Floats = Eigen::MatrixXf;
  Eigen::Map<Floats>(out, n, columns).noalias() =
      Eigen::Map<const Floats>(a, d, n).transpose() * Eigen::Map<const Floats>(b, d, columns);
}

float LogSumExpKernel(const float* x, std::ptrdiff_t n) {
  const Eigen::Map<const Eigen::ArrayXf> values(x, n);
  const float highest = values.maxCoeff();
  return highest + std::log((values - highest).exp().sum());
}

}  // namespace

const LinalgKernels QALAM_KERNELS = {&FactoriseKernel,    &SolveLowerKernel, &SolveUpperKernel, &InverseKernel,
                                     &SubtractGramKernel, &ProductsKernel,   &LogSumExpKernel};

}  // namespace qalam
