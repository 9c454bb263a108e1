// SPDX-License-Identifier: Apache-2.0
// The figures were chosen on the tuning instances of `qalam bench run curves --steps`.
#include "core/rank_stability.h"

#include <algorithm>
#include <cmath>

namespace qalam {
namespace {

constexpr double kBest = 0.3;   // of the trials, by what came later
constexpr double kHolds = 0.8;  // of the others that the best must have been better than, to say that ranks hold

}  // namespace

void RankStability::Add(const std::vector<std::vector<double>>& rows, double noise) {
  Milestone milestone;
  for (const std::vector<double>& one : rows) {
    int better = 0, worse = 0;
    double right = 0;
    for (const std::vector<double>& other : rows) {
      const std::size_t last = std::min(one.size(), other.size()) - 1;
      const double then = other[0] - one[0], later = other[last] - one[last];
      better += later < 0 ? 1 : 0;
      if (!(later > noise) || std::isnan(then) || std::abs(then) <= noise) continue;
      ++worse;
      right += then > 0 ? 1 : 0;
    }
    if (worse == 0 || better >= std::max(1.0, kBest * static_cast<double>(rows.size()))) continue;
    milestone.right += right / worse;
    milestone.best += 1;
  }
  milestones_.push_back(milestone);
}

std::size_t RankStability::HoldsFrom() const {
  std::size_t from = milestones_.size();
  while (from > 0) {
    const Milestone& below = milestones_[from - 1];
    const double belief = (below.right + prior_right_ * prior_) / (below.best + prior_);
    if (belief < kHolds) break;
    --from;
  }
  return from;
}

}  // namespace qalam
