// SPDX-License-Identifier: Apache-2.0
#include "bench/problems/bbob_mixint.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/status.h"

namespace qalam::bench {
namespace {

constexpr std::array<int, 5> kCardinalities = {2, 4, 8, 16, 0};

// Brings the functions' values to similar size.
double ScaleOf(int function) {
  constexpr std::array<double, Bbob::kFunctions> kScales = {
      1, 1e-3, 0.1, 0.1, 1, 0.01, 1, 0.01, 0.01, 1e-3, 0.01, 1e-4, 0.1, 1, 0.1, 1, 10, 1, 10, 0.1, 1, 1, 10, 0.1};
  return kScales[static_cast<std::size_t>(function - 1)];
}

// Value k of n in [-4, 4], the ends left out.
double GridPoint(double k, int n) { return -4 + 8 * (k + 1) / (n + 1); }

}  // namespace

BbobMixint::BbobMixint(int function, int instance, int dimension)
    : inner_(Bbob::Make(function, instance, dimension)), scale_(ScaleOf(function)), optimum_(inner_->optimum()) {
  QALAM_CHECK(dimension % 5 == 0, "a mixed-integer BBOB function has a dimension that is a multiple of 5");
  for (std::size_t i = 0; i < optimum_.size(); ++i) {
    const int n = kCardinalities[i / (optimum_.size() / kCardinalities.size())];
    cardinality_.push_back(n);
    offset_.push_back(0);
    if (n == 0) continue;
    const double nearest = std::floor((optimum_[i] + 4) / 8 * (n + 1) - 1 + 0.5);
    const double k = std::clamp(nearest, 0.0, static_cast<double>(n - 1));
    offset_[i] = optimum_[i] - GridPoint(k, n);
    optimum_[i] = k;
  }
}

double BbobMixint::Evaluate(std::span<const double> x) const {
  std::vector<double> moved(x.begin(), x.end());
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (cardinality_[i] > 0) moved[i] = GridPoint(moved[i], cardinality_[i]) + offset_[i];
  }
  return scale_ * inner_->Evaluate(moved);
}

}  // namespace qalam::bench
