// SPDX-License-Identifier: Apache-2.0
// The gate: what stored curves say of our algorithms, against what they do now.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/campaign.h"
#include "bench/curves.h"
#include "bench/statistics.h"

namespace qalam::bench {

struct Verdict {
  std::string contender;
  Interval rank_difference;    // now less before, of two: within [-1, 1]; above 0: worse
  double before = 0, now = 0;  // mean scores at the budget
  bool worse = false;          // clearly: by more than kLoss, and the interval excludes 0
  std::string why_not;         // not empty: it could not be compared
};
inline constexpr double kLoss = 0.05;  // of mean rank

// Each contender of `stored` against its run of the same name in `now`, on the problems and seeds that both have. A run
// that was and is no more is a loss.
std::vector<Verdict> CompareWithStored(const Curves& stored, const Curves& now);

// What the gate runs: BBOB f1, f3, f8, f10, f15, f21 in d 4 and 10, five seeds, 60 trials; every registered default
// that is not an enumeration.
Manifest GateManifest();

}  // namespace qalam::bench
