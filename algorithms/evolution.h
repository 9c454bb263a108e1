// SPDX-License-Identifier: Apache-2.0
// One run of CMA-ES, from its first generation to its convergence. Numbers alone: what they stand for, and when to
// begin again, is cmaes.cc's.
#pragma once

#include <Eigen/Core>
#include <vector>

namespace qalam {

// Constants of Hansen 2016, table 1, for d numbers and generations of lambda.
struct EvolutionWeights {
  EvolutionWeights(Eigen::Index d, Eigen::Index lambda);
  Eigen::VectorXd rank;                       // by rank, the best first; the positive ones add up to 1
  Eigen::Index parents;                       // how many are positive
  double mass;                                // mu_eff of those
  double c1, cmu, cc, cs, damping, expected;  // expected: of |N(0, I)|
};

class Evolution {
 public:
  // From a mean in [0, 1]^d and a standard deviation, d >= 1.
  Evolution(Eigen::VectorXd mean, double sigma, Eigen::Index lambda);

  // mean + sigma A B D z of a standard normal z.
  Eigen::VectorXd Point(const Eigen::Ref<const Eigen::VectorXd>& z) const;
  // The next distribution. points: (d, lambda), the best first. One that no such distribution would have made (it was
  // asked of an older one, or by a person) counts, its distance cut off (Hansen 2011, "Injecting external solutions").
  void Update(const Eigen::Ref<const Eigen::MatrixXd>& points);
  // Keeps the chance to leave the cell of the mean in coordinate `i` above `chance` (Hamano et al. 2022, "CMA-ES with
  // margin"). Cells: `levels` of the same width.
  void KeepMargin(Eigen::Index i, double levels, double chance);

  const Eigen::VectorXd& mean() const { return mean_; }
  double Sd(Eigen::Index i) const;
  Eigen::Index lambda() const { return lambda_; }
  int generation() const { return generation_; }
  // Steps below anything that matters in all coordinates without a margin, or a distribution that has lost all shape.
  bool HasConverged() const;

 private:
  void Decompose();

  Eigen::Index lambda_;
  EvolutionWeights weights_;
  Eigen::VectorXd mean_, margin_, path_, conjugate_path_, axes_;  // margin_: A's diagonal; axes_: D's
  double sigma_;
  Eigen::MatrixXd covariance_, basis_;
  std::vector<char> finite_;  // has a margin
  int generation_ = 0;
};

}  // namespace qalam
