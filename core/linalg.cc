// SPDX-License-Identifier: Apache-2.0
#include "core/linalg.h"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>

namespace qalam {

bool Factorise(Eigen::MatrixXd* a) {
  Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>, Eigen::Lower> llt(*a);  // in place
  if (llt.info() != Eigen::Success) return false;
  a->triangularView<Eigen::StrictlyUpper>().setZero();
  return true;
}

void SolveLower(const Eigen::MatrixXd& l, Eigen::Ref<Eigen::MatrixXd> b) {
  l.triangularView<Eigen::Lower>().solveInPlace(b);
}

void SolveUpper(const Eigen::MatrixXd& l, Eigen::Ref<Eigen::MatrixXd> b) {
  l.triangularView<Eigen::Lower>().transpose().solveInPlace(b);
}

Eigen::MatrixXd InverseOf(const Eigen::MatrixXd& l) {
  Eigen::MatrixXd half = Eigen::MatrixXd::Identity(l.rows(), l.rows());
  SolveLower(l, half);
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(l.rows(), l.rows());
  out.selfadjointView<Eigen::Lower>().rankUpdate(half.transpose());
  return out;
}

void DecomposeSymmetric(const Eigen::MatrixXd& a, Eigen::VectorXd* values, Eigen::MatrixXd* vectors) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(a);
  *values = solver.eigenvalues();
  *vectors = solver.eigenvectors();
}

void SubtractGram(const Eigen::MatrixXd& b, Eigen::MatrixXd* a) {
  a->selfadjointView<Eigen::Lower>().rankUpdate(b, -1);
}

}  // namespace qalam
