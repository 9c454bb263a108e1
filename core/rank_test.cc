// SPDX-License-Identifier: Apache-2.0
// Mann and Whitney 1947. The exact distribution of U is the Gaussian binomial coefficient, multiplied out.
#include "core/rank_test.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "core/math.h"

namespace qalam {
namespace {

constexpr std::size_t kExactUpTo = 20;

// How many of the orders of n + m numbers have U = u, for each u.
std::vector<double> Orders(std::size_t n, std::size_t m) {
  std::vector<double> counts(n * m + 1, 0);
  counts[0] = 1;
  for (std::size_t i = 1; i <= n; ++i) {
    for (std::size_t u = counts.size(); u-- > m + i;) counts[u] -= counts[u - m - i];
    for (std::size_t u = i; u < counts.size(); ++u) counts[u] += counts[u - i];
  }
  return counts;
}

double ExactP(double u, std::size_t n, std::size_t m) {
  const std::vector<double> counts = Orders(n, m);
  const auto smaller = static_cast<std::size_t>(std::min(u, static_cast<double>(n * m) - u));
  double tail = 0, all = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    all += counts[i];
    if (i <= smaller) tail += counts[i];
  }
  return std::min(1.0, 2 * tail / all);
}

}  // namespace

RankTest MannWhitney(const std::vector<double>& a, const std::vector<double>& b) {
  RankTest test;
  if (a.empty() || b.empty()) return test;
  std::vector<std::pair<double, bool>> all;  // value, whether it is of `a`
  for (const double value : a) all.emplace_back(value, true);
  for (const double value : b) all.emplace_back(value, false);
  std::ranges::sort(all);
  const double n = static_cast<double>(a.size()), m = static_cast<double>(b.size()), total = n + m;
  double rank_sum = 0, ties = 0;  // of `a`; the sum of t^3 - t
  for (std::size_t i = 0; i < all.size();) {
    std::size_t end = i;
    while (end < all.size() && all[end].first == all[i].first) ++end;
    const double rank = (static_cast<double>(i + end) + 1) / 2, same = static_cast<double>(end - i);
    for (; i < end; ++i) rank_sum += all[i].second ? rank : 0;
    ties += same * same * same - same;
  }
  const double u = rank_sum - n * (n + 1) / 2;  // pairs in which `a` is the larger
  test.less = 1 - u / (n * m);
  test.exact = ties == 0 && a.size() <= kExactUpTo && b.size() <= kExactUpTo;
  if (test.exact) {
    test.p = ExactP(u, a.size(), b.size());
    return test;
  }
  const double variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)));
  const double distance = std::max(0.0, std::abs(u - n * m / 2) - 0.5);
  test.p = variance > 0 ? std::min(1.0, 2 * NormalCdf(-distance / std::sqrt(variance))) : 1;
  return test;
}

}  // namespace qalam
