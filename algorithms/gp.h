// SPDX-License-Identifier: Apache-2.0
// Gaussian process regression over a search space: Matern 5/2 with one lengthscale a parameter, and a quadratic trend.
// Rasmussen and Williams 2006; hyperparameters are those of the highest posterior density.
#pragma once

#include <Eigen/Core>
#include <vector>

#include "algorithms/model_inputs.h"

namespace qalam {

// Logarithms. The covariance of x and x' is
//   exp(scale) * matern52(r) + exp(quadratic) * (1 + z.z')^2 + [x is x'] * exp(noise),
// r^2 = sum over parameters of (u_j - u'_j)^2 / l_j^2, where the difference of two choices of a categorical is 1, and
// so is that of a parameter that one of the points lacks; z = 2u - 1 without the categoricals and without what is
// lacking.
struct GpHyper {
  Eigen::VectorXd length;
  double scale = 0, noise = 0, quadratic = 0;
};

GpHyper DefaultGpHyper(const ModelInputs& inputs);

// Minus the logarithm of the posterior density of the hyperparameters, up to a constant, and its gradient in the order
// length, scale, noise, quadratic. `y` has mean 0 and variance 1. Infinite where the covariance has no factor.
double GpLoss(const ModelInputs& inputs, const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const GpHyper& hyper,
              Eigen::VectorXd* gradient);

// The nearest optimum to `start`.
GpHyper FitGp(const ModelInputs& inputs, const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const GpHyper& start,
              double* loss);

// What is believed after the observations: first their points, then their values.
class Gp {
 public:
  // x: (n, d) of `inputs`, which is borrowed.
  Gp(const ModelInputs& inputs, const Eigen::MatrixXd& x, const GpHyper& hyper);
  // Further rows, in O(n^2) each.
  void Add(const Eigen::MatrixXd& rows);
  // One column a scenario: what is not known yet may differ between them.
  void SetValues(const Eigen::MatrixXd& y);

  // Of a function value, without noise. x: (m, d); mean: (m, scenarios); sd: m, the same in all scenarios.
  void Predict(const Eigen::MatrixXd& x, Eigen::MatrixXd* mean, Eigen::VectorXd* sd) const;
  // One point, with derivatives by its numeric coordinates (0 for the others). mean: (scenarios), dmean: (d,
  // scenarios).
  void Predict(const Eigen::VectorXd& x, Eigen::VectorXd* mean, double* sd, Eigen::MatrixXd* dmean,
               Eigen::VectorXd* dsd) const;
  // Means at the observations: (n, scenarios).
  const Eigen::MatrixXd& fitted() const { return fitted_; }
  // Joint covariance of the values at the rows of x.
  Eigen::MatrixXd Covariance(const Eigen::MatrixXd& x) const;
  const Eigen::MatrixXd& x() const { return x_; }
  const GpHyper& hyper() const { return hyper_; }

 private:
  void Factor();
  Eigen::MatrixXd Cross(const Eigen::MatrixXd& x) const;  // (n, m)

  const ModelInputs* inputs_;
  Eigen::MatrixXd x_;
  GpHyper hyper_;
  double nugget_ = 0;       // on the diagonal: noise, and what makes the factor exist
  Eigen::MatrixXd factor_;  // lower triangle L of the covariance
  Eigen::MatrixXd weights_, fitted_;
};

}  // namespace qalam
