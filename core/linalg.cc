// SPDX-License-Identifier: Apache-2.0
#include "core/linalg.h"

#include <Eigen/Eigenvalues>
#include <limits>

#include "core/linalg_kernels.h"

namespace qalam {
namespace {

const LinalgKernels& Kernels() {
  static const bool wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return wide ? kWideKernels : kPlainKernels;
}

}  // namespace

bool Factorise(Eigen::MatrixXd* a) {
  if (a->size() == 0) return true;
  return Kernels().factorise(a->data(), a->rows()) && a->diagonal().allFinite();  // what is no number is not negative
}

void SolveLower(const Eigen::MatrixXd& l, Eigen::Ref<Eigen::MatrixXd> b) {
  if (b.size() == 0) return;
  Kernels().solve_lower(l.data(), l.rows(), b.data(), b.cols(), b.outerStride());
}

void SolveUpper(const Eigen::MatrixXd& l, Eigen::Ref<Eigen::MatrixXd> b) {
  if (b.size() == 0) return;
  Kernels().solve_upper(l.data(), l.rows(), b.data(), b.cols(), b.outerStride());
}

Eigen::MatrixXd InverseOf(const Eigen::MatrixXd& l) {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(l.rows(), l.rows());
  if (out.size() > 0) Kernels().inverse(l.data(), l.rows(), out.data());
  return out;
}

void DecomposeSymmetric(const Eigen::MatrixXd& a, Eigen::VectorXd* values, Eigen::MatrixXd* vectors) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(a);
  *values = solver.eigenvalues();
  *vectors = solver.eigenvectors();
}

void SubtractGram(const Eigen::MatrixXd& b, Eigen::MatrixXd* a) {
  if (b.size() == 0) return;
  Kernels().subtract_gram(b.data(), b.rows(), b.cols(), a->data());
}

Eigen::MatrixXf Products(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b) {
  if (a.rows() == 0 || a.cols() == 0 || b.cols() == 0) return Eigen::MatrixXf::Zero(a.cols(), b.cols());
  Eigen::MatrixXf out(a.cols(), b.cols());
  Kernels().products(a.data(), a.rows(), a.cols(), b.data(), b.cols(), out.data());
  return out;
}

float LogSumExp(const Eigen::Ref<const Eigen::VectorXf>& x) {
  if (x.size() == 0) return -std::numeric_limits<float>::infinity();
  return Kernels().log_sum_exp(x.data(), x.size());
}

}  // namespace qalam
