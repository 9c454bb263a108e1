// SPDX-License-Identifier: Apache-2.0
// What runs came to, as small as it can be kept: the regret of the best trial so far, at a few points of each run. Read
// from a campaign's folder, or from one packed file that a repository can hold.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/manifest.h"

namespace qalam::bench {

// What runs by steps aim at: a whole trial whose worth is among the best of the space's own distribution, and one that
// comes within a hundredth (of the way to the random median) of what random search has found in every second run once
// it has spent the whole budget on whole trials.
inline constexpr std::array<std::string_view, 3> kStepTargets = {"the best 2 %", "the best 0.5 %", "random's best"};

// Infinite: it never came there.
struct Arrival {
  double steps = 0;      // trained by all workers until then
  double from_zero = 0;  // the same without checkpoints
  double seconds = 0;    // virtual
};

struct RunCurve {
  std::string problem, contender;
  std::uint64_t seed = 0;
  std::vector<double> regrets = {};       // LogRegret at Curves::points
  std::vector<double> milliseconds = {};  // of a suggestion, at AnytimeBudgets
  // By steps only:
  std::vector<Arrival> arrivals = {};  // at kStepTargets
  double steps = 0;                    // spent
  int trials = 0, whole = 0;           // begun; trained to the end
};
struct RunFailure {
  std::string problem, contender;
  std::uint64_t seed = 0;
  std::string why;
};

struct Curves {
  Setup setup;
  std::vector<int> points;  // trials, or the steps of so many; rising; the last one is the budget
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
