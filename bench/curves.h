// SPDX-License-Identifier: Apache-2.0
// What runs came to, as small as it can be kept: the regret of the best trial so far, at a few points of each run. Read
// from a campaign's folder, or from one packed file that a repository can hold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/manifest.h"

namespace qalam::bench {

struct RunCurve {
  std::string problem, contender;
  std::uint64_t seed = 0;
  std::vector<double> regrets;       // LogRegret at Curves::points
  std::vector<double> milliseconds;  // of a suggestion, at AnytimeBudgets
};
struct RunFailure {
  std::string problem, contender;
  std::uint64_t seed = 0;
  std::string why;
};

struct Curves {
  Setup setup;
  std::vector<int> points;  // trials, rising; the last one is the budget
  std::vector<RunCurve> runs;
  std::vector<RunFailure> failures;               // and what has not been run
  std::vector<std::string> problems, contenders;  // in the order in which they were first named
};

// About three a doubling: 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, ... with every AnytimeBudget among them.
std::vector<int> ReadPoints(int budget);

// `path`: a campaign's folder, or a file that PackCurves wrote. `data`: the folder of the tables, for the former.
Result<Curves> ReadCurves(const std::string& path, const std::string& data);
// Runs of the same problem, contender and seed: the first counts. FAILED_PRECONDITION: the setups differ.
Status Merge(Curves* curves, Curves more);
// A compressed table, the same bytes for the same curves: three decimals of a regret, two digits of milliseconds.
Status PackCurves(const Curves& curves, const std::string& path);

}  // namespace qalam::bench
