// SPDX-License-Identifier: Apache-2.0
// From the results of many runs to statements about contenders. Scores are smaller for the better; all that is drawn is
// drawn from the seed that is given.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qalam::bench {

double Median(std::vector<double> values);  // NaN of none
double Mean(const std::vector<double>& values);

// log10 of (value - best) / (random_median - best), kept within [-8, 8]. A value that never came (NaN) scores as the
// random median does: 0.
double LogRegret(double value, double best, double random_median);

// The smaller, the better the place; equals share the mean of their places. From 1.
std::vector<double> Ranks(const std::vector<double>& values);

// Two-sided probability of signed ranks as uneven as those of the paired differences, or more so (Wilcoxon 1945).
// Zeros are dropped; exact up to 25 pairs without ties, else by the normal approximation with its correction for ties.
double WilcoxonSignedRank(const std::vector<double>& differences);

// Adjusted so that all of them may be read at once (Holm 1979), in the order given.
std::vector<double> Holm(const std::vector<double>& probabilities);

// scores[contender][problem][seed]: every contender has the same problems and seeds.
using Scores = std::vector<std::vector<std::vector<double>>>;

struct Interval {
  double estimate = 0, low = 0, high = 0;
};

struct Standing {
  double median_score = 0;  // of all runs
  double mean_score = 0;    // of problems' means: log10 of a geometric mean
  Interval rank;            // mean over problems of the mean over seeds; 95 % by the bootstrap
};

// The intervals: problems are drawn with replacement, then seeds within each, as often as there are.
std::vector<Standing> Stand(const Scores& scores, std::uint64_t seed, int draws = 2'000);

struct Duel {
  Interval rank_difference;            // of the first less the second; below 0: the first is better
  double probability = 1;              // Wilcoxon over the problems' mean differences, not adjusted
  int wins = 0, ties = 0, losses = 0;  // of the first, by problem: mean score
};
Duel Compare(const Scores& scores, std::size_t first, std::size_t second, std::uint64_t seed, int draws = 2'000);

}  // namespace qalam::bench
