// SPDX-License-Identifier: Apache-2.0
// Dense linear algebra that takes time.
#pragma once

#include <Eigen/Core>

namespace qalam {

// `a`: n x n, symmetric, its lower triangle is read. Becomes L of a = L L', zero above. False: `a` is not positive
// definite, and holds nothing of use.
bool Factorise(Eigen::MatrixXd* a);

// L^-1 b and L'^-1 b in the place of `b`: n x m. L as Factorise leaves it.
void SolveLower(const Eigen::MatrixXd& l, Eigen::Ref<Eigen::MatrixXd> b);
void SolveUpper(const Eigen::MatrixXd& l, Eigen::Ref<Eigen::MatrixXd> b);

// Lower triangle of (L L')^-1, zero above.
Eigen::MatrixXd InverseOf(const Eigen::MatrixXd& l);

// Eigenvalues, ascending, and orthonormal eigenvectors (columns) of a symmetric matrix.
void DecomposeSymmetric(const Eigen::MatrixXd& a, Eigen::VectorXd* values, Eigen::MatrixXd* vectors);

// a -= b b', lower triangle only. a: n x n; b: n x m.
void SubtractGram(const Eigen::MatrixXd& b, Eigen::MatrixXd* a);

// a' b. a: d x n; b: d x m.
Eigen::MatrixXf Products(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b);

// log(exp(x_1) + exp(x_2) + ...), finite where one of them is. Minus infinity: there is none.
float LogSumExp(const Eigen::Ref<const Eigen::VectorXf>& x);

}  // namespace qalam
