// SPDX-License-Identifier: Apache-2.0
// The 24 noiseless functions of the black-box optimisation benchmark (BBOB).
// Hansen, Finck, Ros, Auger: Real-parameter black-box optimization benchmarking 2009: noiseless functions definitions.
// INRIA research report RR-6829 (2009, updated 2010). https://numbbo.github.io/coco/testsuites/bbob
#pragma once

#include <memory>
#include <span>
#include <vector>

namespace qalam::bench {

// One function in one dimension, moved and turned as its instance says. To be minimised over [-5, 5]^dimension.
class Bbob {
 public:
  static constexpr int kFunctions = 24;

  // function 1..24, instance from 1, dimension from 2.
  static std::unique_ptr<const Bbob> Make(int function, int instance, int dimension);
  virtual ~Bbob() = default;

  // `x` has `dimension` values; any are allowed, those outside of the box are penalised where the function says so.
  virtual double Evaluate(std::span<const double> x) const = 0;
  // The smallest value there is, and where it is reached.
  double optimal_value() const { return optimal_value_; }
  const std::vector<double>& optimum() const { return optimum_; }

 protected:
  Bbob(double optimal_value, std::vector<double> optimum)
      : optimal_value_(optimal_value), optimum_(std::move(optimum)) {}

  double optimal_value_;
  std::vector<double> optimum_;
};

}  // namespace qalam::bench
