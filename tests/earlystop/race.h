// SPDX-License-Identifier: Apache-2.0
// How many epochs of random search until a trial reports a value of the best 2 %, on made-up curves: seeds 5000 and on,
// which nothing was tuned on.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/earlystop/made_curves.h"
#include "tests/earlystop/support.h"

namespace qalam::test {

inline constexpr int kSeeds = 10, kBudget = 120 * kMadeSteps;

// Without a rule: no trial is stopped. The sum over the seeds; a search that does not get there costs its whole budget.
inline int EpochsToTheBest(const MadeKind& kind, const std::string& rule, const std::vector<Setting>& settings) {
  std::vector<double> ends;
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    MadeCurve curve(kind, 1, i);
    double last = 0;
    for (int step = 0; step < kMadeSteps; ++step) last = curve.Next();
    ends.push_back(last);
  }
  std::ranges::sort(ends);
  const double wanted = ends[ends.size() / 50];
  int all = 0;
  for (std::uint64_t seed = 5000; seed < 5000 + kSeeds; ++seed) {
    const auto stopping = rule.empty() ? nullptr : Make(rule, settings);
    int spent = 0;
    bool reached = false;
    for (std::uint64_t trial = 1; spent < kBudget && !reached; ++trial) {
      MadeCurve curve(kind, seed, trial);
      bool stopped = false;
      for (int step = 1; step <= kMadeSteps && !stopped && !reached; ++step, ++spent) {
        const double value = curve.Next();
        reached = value <= wanted;
        stopped = stopping != nullptr && Report(*stopping, trial, step, value).action == Decision::kStop;
      }
      if (stopping != nullptr) stopping->End(trial, stopped ? Standing::kStopped : Standing::kSucceeded);
    }
    all += reached ? spent : kBudget;
  }
  return all;
}

}  // namespace qalam::test
