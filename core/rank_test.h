// SPDX-License-Identifier: Apache-2.0
// Whether one group of numbers is larger than another, by their ranks alone.
#pragma once

#include <vector>

namespace qalam {

struct RankTest {
  double less = 0.5;   // how often a number of `a` is below one of `b`, in [0, 1]; ties count as half
  double p = 1;        // two-sided: how often chance alone makes groups that differ as much
  bool exact = false;  // counted, not approximated by the normal distribution
};

// Mann-Whitney's U. Exact for groups of at most 20 without ties; else the normal approximation with corrections for
// ties and continuity. p is 1 when a group is empty.
RankTest MannWhitney(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace qalam
