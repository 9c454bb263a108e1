// SPDX-License-Identifier: Apache-2.0
// The lowest point of a quadratic within a region, against what a great many random points find.
#include "algorithms/trust_region.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/rng.h"

namespace qalam {
namespace {

double At(const Eigen::VectorXd& gradient, const Eigen::MatrixXd& hessian, const Eigen::VectorXd& z) {
  return gradient.dot(z) + 0.5 * z.dot(hessian * z);
}

// Random ones of any signature: bowls, saddles and hills.
struct Quadratic {
  explicit Quadratic(std::uint64_t seed) : gradient(kDim), hessian(kDim, kDim) {
    Rng rng(seed, "test.quadratic", 0);
    Eigen::MatrixXd any(kDim, kDim);
    for (double& g : gradient) g = rng.Normal();
    for (double& h : any.reshaped()) h = rng.Normal();
    hessian = any + any.transpose();
    if (seed % 3 == 0) hessian = any * any.transpose();
  }
  static constexpr Eigen::Index kDim = 4;
  Eigen::VectorXd gradient;
  Eigen::MatrixXd hessian;
};

TEST(TrustRegion, NoPointOfTheBallIsLower) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Quadratic q(seed);
    for (const double radius : {0.01, 1.0, 30.0}) {
      const Eigen::VectorXd found = LowestInBall(q.gradient, q.hessian, radius);
      ASSERT_LE(found.norm(), radius * (1 + 1e-9)) << seed;
      Rng rng(seed, "test.points", 0);
      for (int i = 0; i < 2000; ++i) {
        Eigen::VectorXd z(Quadratic::kDim);
        for (double& c : z) c = rng.Normal();
        z *= radius * (i % 2 == 0 ? 1 : rng.Uniform()) / z.norm();
        const double lowest = At(q.gradient, q.hessian, found);
        ASSERT_LE(lowest, At(q.gradient, q.hessian, z) + 1e-9 * std::abs(lowest)) << seed << ", radius " << radius;
      }
    }
  }
}

TEST(TrustRegion, WithoutASlopeItGoesDownTheHillAllTheSame) {
  const Eigen::VectorXd none = Eigen::VectorXd::Zero(2);
  const Eigen::MatrixXd saddle = Eigen::Vector2d(-1, 2).asDiagonal();
  EXPECT_NEAR(std::abs(LowestInBall(none, saddle, 3)[0]), 3, 1e-6);
  EXPECT_EQ(LowestInBall(none, Eigen::MatrixXd::Zero(2, 2), 3), none);
}

// Between tight bounds it is a good point, not always the lowest: seldom does a random one lie lower by a fifth.
TEST(TrustRegion, BoundsAreKeptAndCostLittle) {
  int much_lower = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Quadratic q(seed);
    Rng rng(seed, "test.bounds", 0);
    Eigen::VectorXd lower(Quadratic::kDim), upper(Quadratic::kDim);
    for (Eigen::Index i = 0; i < lower.size(); ++i) lower[i] = -0.6 * rng.Uniform(), upper[i] = 0.6 * rng.Uniform();
    const Eigen::VectorXd found = LowestInRegion(q.gradient, q.hessian, lower, upper);
    ASSERT_LE(found.norm(), 1 + 1e-9) << seed;
    ASSERT_TRUE((found.array() >= lower.array()).all() && (found.array() <= upper.array()).all()) << seed;
    double lowest = 0;
    for (int i = 0; i < 5000; ++i) {
      Eigen::VectorXd z(Quadratic::kDim);
      for (Eigen::Index c = 0; c < z.size(); ++c) z[c] = lower[c] + (upper[c] - lower[c]) * rng.Uniform();
      if (z.norm() <= 1) lowest = std::min(lowest, At(q.gradient, q.hessian, z));
    }
    much_lower += At(q.gradient, q.hessian, found) > 0.8 * lowest;
  }
  EXPECT_LE(much_lower, 10);
}

}  // namespace
}  // namespace qalam
