// SPDX-License-Identifier: Apache-2.0
// Acquisition functions: how much a point is worth trying, given what is believed of its value. All are maximised.
#pragma once

#include <Eigen/Core>

namespace qalam {

// Logarithms of expected improvement and of the probability of improvement (Ament et al. 2023 say why logarithms), and
// the lower confidence bound with its sign turned.
enum class Acquisition { kLogEi, kLogPi, kLcb };

// log(phi(u) + u Phi(u)), exact to some 1e-13 for every u, and its derivative Phi(u) / (phi(u) + u Phi(u)).
double LogEiOf(double u, double* slope);
// log Phi(u) and its derivative phi(u) / Phi(u).
double LogPiOf(double u, double* slope);

struct AcquisitionContext {
  Acquisition kind = Acquisition::kLogEi;
  Eigen::VectorXd best;  // what is to be improved, a number a scenario
  double kappa = 1.96;   // kLcb
};

// Of a belief N(mean[s], sd^2) in scenario s, averaged over the scenarios. The derivatives may be null.
double Acquire(const AcquisitionContext& context, const Eigen::Ref<const Eigen::VectorXd>& mean, double sd,
               Eigen::VectorXd* by_mean, double* by_sd);

}  // namespace qalam
