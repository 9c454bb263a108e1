// SPDX-License-Identifier: Apache-2.0
// The mixed-integer BBOB functions: four fifths of the variables take 2, 4, 8 and 16 values.
// Tusar, Brockhoff, Hansen: Mixed-integer benchmark problems for single- and bi-objective optimization. GECCO 2019.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "bench/problems/bbob.h"

namespace qalam::bench {

class BbobMixint {
 public:
  // dimension: a multiple of 5.
  BbobMixint(int function, int instance, int dimension);

  // Values of variable i: 0 .. cardinality(i) - 1, or 0 for a real number of [-5, 5].
  int cardinality(int i) const { return cardinality_[static_cast<std::size_t>(i)]; }
  double Evaluate(std::span<const double> x) const;
  double optimal_value() const { return scale_ * inner_->optimal_value(); }
  const std::vector<double>& optimum() const { return optimum_; }

 private:
  std::unique_ptr<const Bbob> inner_;
  double scale_;
  std::vector<int> cardinality_;
  std::vector<double> offset_;  // moves the grid of an integer variable so that the optimum lies on it
  std::vector<double> optimum_;
};

}  // namespace qalam::bench
