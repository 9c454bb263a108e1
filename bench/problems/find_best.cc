// SPDX-License-Identifier: Apache-2.0
// find_best DATA PROBLEM...: the smallest worth that a long search finds, for problems whose best point nobody knows.
// Half of the evaluations are random points, half steps from the best one, ever smaller. What is printed lies a
// thousandth of the way to the random median below what was found: whoever finds a better point scores no better than
// that.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bench/statistics.h"
#include "bench/suites.h"
#include "core/rng.h"

int main(int argc, char** argv) {
  using namespace qalam;
  for (int i = 2; i < argc; ++i) {
    const auto problem = bench::MakeProblem(argv[i], argv[1]);
    if (!problem.ok()) {
      fmt::print(stderr, "{}\n", problem.status().message());
      return 1;
    }
    constexpr int kRandom = 10'000, kSteps = 20'000;
    const SearchSpace& space = (*problem)->space();
    std::vector<double> worths;
    Eigen::VectorXd best(space.dim()), unit(space.dim());
    double found = INFINITY;
    for (int n = 0; n < kRandom + kSteps; ++n) {
      Rng rng(1, "bench.best", static_cast<std::uint64_t>(n));
      const double reach = std::pow(10, -3.0 * (n - kRandom) / kSteps);
      for (Eigen::Index k = 0; k < unit.size(); ++k) {
        if (n < kRandom) {
          unit[k] = rng.Uniform();
        } else {
          const bool moved = rng.Uniform() < 0.4;
          unit[k] = moved ? std::clamp(best[k] + 0.5 * reach * rng.Normal(), 0.0, 1.0) : best[k];
        }
      }
      const double worth = (*problem)->Worth(space.Decode(unit));
      if (n < kRandom) worths.push_back(worth);
      if (worth < found) found = worth, best = unit;
    }
    const std::string name = argv[i];
    const std::size_t slash = name.rfind('/'), first = name.find('/');
    fmt::print("{},{},{:.7g}\n", name.substr(first + 1, slash - first - 1), name.substr(slash + 1),
               found - 1e-3 * (bench::Median(worths) - found));
  }
}
