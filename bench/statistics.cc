// SPDX-License-Identifier: Apache-2.0
#include "bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "core/rng.h"
#include "core/status.h"

namespace qalam::bench {
namespace {

using std::size_t;

// ranks[problem][seed][contender]
using RankTable = std::vector<std::vector<std::vector<double>>>;

RankTable RankAll(const Scores& scores) {
  RankTable table(scores.front().size());
  for (size_t problem = 0; problem < table.size(); ++problem) {
    for (size_t seed = 0; seed < scores.front()[problem].size(); ++seed) {
      std::vector<double> values;
      for (const auto& contender : scores) values.push_back(contender[problem][seed]);
      table[problem].push_back(Ranks(values));
    }
  }
  return table;
}

// The mean of statistic(ranks of one run) over problems of the mean over seeds, with its interval.
Interval Bootstrap(const RankTable& table, const std::function<double(const std::vector<double>&)>& statistic,
                   std::uint64_t seed, int draws) {
  std::vector<std::vector<double>> values;  // by problem, by seed
  for (const auto& runs : table) {
    values.emplace_back();
    for (const auto& ranks : runs) values.back().push_back(statistic(ranks));
  }
  std::vector<double> by_problem;
  for (const auto& runs : values) by_problem.push_back(Mean(runs));
  Interval interval{Mean(by_problem), 0, 0};
  std::vector<double> drawn;
  for (int draw = 0; draw < draws; ++draw) {
    Rng rng(seed, "bench.bootstrap", static_cast<std::uint64_t>(draw));
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const std::vector<double>& runs = values[rng.Below(values.size())];
      double inner = 0;
      for (size_t j = 0; j < runs.size(); ++j) inner += runs[rng.Below(runs.size())];
      sum += inner / static_cast<double>(runs.size());
    }
    drawn.push_back(sum / static_cast<double>(values.size()));
  }
  std::sort(drawn.begin(), drawn.end());
  const auto at = [&](double share) {
    return drawn[static_cast<size_t>(share * static_cast<double>(drawn.size() - 1))];
  };
  interval.low = at(0.025);
  interval.high = at(0.975);
  return interval;
}

// P(W <= w) for the sum of the ranks 1..n that are positive, each with odds of one half.
double ExactSignedRank(size_t n, double w) {
  const size_t most = n * (n + 1) / 2;
  std::vector<double> ways(most + 1, 0.0);
  ways[0] = 1;
  for (size_t rank = 1; rank <= n; ++rank) {
    for (size_t sum = most; sum >= rank; --sum) ways[sum] += ways[sum - rank];
  }
  double below = 0;
  for (size_t sum = 0; static_cast<double>(sum) <= w && sum <= most; ++sum) below += ways[sum];
  return below / std::pow(2, static_cast<double>(n));
}

}  // namespace

double Mean(const std::vector<double>& values) {
  return values.empty() ? std::numeric_limits<double>::quiet_NaN()
                        : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double Median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double LogRegret(double value, double best, double random_median) {
  if (std::isnan(value)) return 0;
  if (!(random_median > best)) return value > best ? 8 : -8;  // every point is worth the same
  const double regret = (value - best) / (random_median - best);
  return std::log10(std::clamp(regret, 1e-8, 1e8));
}

std::vector<double> Ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = static_cast<double>(begin + end + 1) / 2;
    begin = end;
  }
  return ranks;
}

double WilcoxonSignedRank(const std::vector<double>& differences) {
  constexpr size_t kExact = 25;
  std::vector<double> sizes, signs;
  for (const double difference : differences) {
    if (difference == 0 || std::isnan(difference)) continue;
    sizes.push_back(std::abs(difference));
    signs.push_back(difference > 0 ? 1 : -1);
  }
  const size_t n = sizes.size();
  if (n == 0) return 1;
  const std::vector<double> ranks = Ranks(sizes);
  double positive = 0, ties = 0;
  for (size_t i = 0; i < n; ++i) positive += signs[i] > 0 ? ranks[i] : 0;
  std::sort(sizes.begin(), sizes.end());
  for (size_t begin = 0; begin < n;) {
    size_t end = begin;
    while (end < n && sizes[end] == sizes[begin]) ++end;
    const double count = static_cast<double>(end - begin);
    ties += count * count * count - count;
    begin = end;
  }
  const double count = static_cast<double>(n), all = count * (count + 1) / 2;
  const double smaller = std::min(positive, all - positive);
  if (n <= kExact && ties == 0) return std::min(1.0, 2 * ExactSignedRank(n, smaller));
  const double variance = count * (count + 1) * (2 * count + 1) / 24 - ties / 48;
  if (variance <= 0) return 1;
  const double z = (all / 2 - smaller - 0.5) / std::sqrt(variance);
  return std::min(1.0, std::erfc(std::max(0.0, z) / std::sqrt(2)));
}

std::vector<double> Holm(const std::vector<double>& probabilities) {
  std::vector<size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return probabilities[a] < probabilities[b]; });
  std::vector<double> adjusted(probabilities.size());
  double largest = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, probabilities[order[i]] * static_cast<double>(order.size() - i));
    adjusted[order[i]] = std::min(1.0, largest);
  }
  return adjusted;
}

std::vector<Standing> Stand(const Scores& scores, std::uint64_t seed, int draws) {
  QALAM_CHECK(!scores.empty() && !scores.front().empty(), "there is something to rank");
  const RankTable table = RankAll(scores);
  std::vector<Standing> standings;
  for (size_t contender = 0; contender < scores.size(); ++contender) {
    std::vector<double> all, means;
    for (const auto& runs : scores[contender]) {
      all.insert(all.end(), runs.begin(), runs.end());
      means.push_back(Mean(runs));
    }
    standings.push_back(
        {Median(std::move(all)), Mean(means),
         Bootstrap(
             table, [contender](const std::vector<double>& ranks) { return ranks[contender]; }, seed, draws)});
  }
  return standings;
}

Duel Compare(const Scores& scores, size_t first, size_t second, std::uint64_t seed, int draws) {
  Duel duel;
  duel.rank_difference = Bootstrap(
      RankAll(scores), [=](const std::vector<double>& ranks) { return ranks[first] - ranks[second]; }, seed, draws);
  std::vector<double> differences;
  for (size_t problem = 0; problem < scores[first].size(); ++problem) {
    differences.push_back(Mean(scores[first][problem]) - Mean(scores[second][problem]));
    ++(differences.back() < 0 ? duel.wins : differences.back() > 0 ? duel.losses : duel.ties);
  }
  duel.probability = WilcoxonSignedRank(differences);
  return duel;
}

}  // namespace qalam::bench
