// SPDX-License-Identifier: Apache-2.0
// Wilcoxon 1945, Pratt 1959. The exact distribution is that of a sum of half-integer ranks with random signs, counted.
#include "earlystop/wilcoxon_stop.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/math.h"

namespace qalam {
namespace {

constexpr std::size_t kExactUpTo = 25;

// Ranks of the sizes of the differences, doubled: ties share their mean rank, which is half of a whole number.
std::vector<int> DoubledRanks(const std::vector<double>& differences) {
  std::vector<std::size_t> order(differences.size());
  std::iota(order.begin(), order.end(), 0);
  const auto size = [&](std::size_t i) { return std::abs(differences[i]); };
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return size(a) < size(b); });
  std::vector<int> ranks(differences.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i;
    while (end < order.size() && size(order[end]) == size(order[i])) ++end;
    for (std::size_t j = i; j < end; ++j) ranks[order[j]] = static_cast<int>(i + end + 1);
    i = end;
  }
  return ranks;
}

// P(sum >= at least) of a sum of which each rank is a part or not, with equal chances.
double ExactTail(const std::vector<int>& ranks, int at_least) {
  const int most = std::accumulate(ranks.begin(), ranks.end(), 0);
  std::vector<double> chance(static_cast<std::size_t>(most) + 1, 0);
  chance[0] = 1;
  for (const int rank : ranks) {
    for (int sum = most; sum >= 0; --sum) {
      const double without = chance[static_cast<std::size_t>(sum)];
      const double with = sum >= rank ? chance[static_cast<std::size_t>(sum - rank)] : 0;
      chance[static_cast<std::size_t>(sum)] = 0.5 * (without + with);
    }
  }
  return std::accumulate(chance.begin() + std::clamp(at_least, 0, most + 1), chance.end(), 0.0);
}

class WilcoxonStop final : public StoppingRule {
 public:
  explicit WilcoxonStop(const WilcoxonStopSettings& settings) : settings_(settings) {}

  void Reported(const Curves& curves, std::uint64_t trial) override {
    Drop(trial);
    const Curve& curve = curves.Of(trial);
    if (curve.points.empty()) return;
    Held& held = held_[trial];
    held = {curve.points.size(), curve.points.back().mean};
    by_size_[held.folds].insert({held.mean, trial});
  }
  void Forgotten(const Curves&, std::uint64_t trial) override {
    Drop(trial);
    held_.erase(trial);
  }

  Verdict Judge(const Curves& curves, std::uint64_t trial) override {
    const Curve& curve = curves.Of(trial);
    const std::uint64_t best = Best(trial);
    if (best == 0) return {};
    const Curve& other = curves.Of(best);
    std::vector<double> differences;
    double own = 0, theirs = 0;
    auto point = other.points.begin();
    for (const Point& mine : curve.points) {
      while (point != other.points.end() && point->step < mine.step) ++point;
      if (point == other.points.end() || point->step != mine.step) continue;
      if (!std::isfinite(mine.value)) return {true, fmt::format("no finite number at step {}", mine.step)};
      if (!std::isfinite(point->value)) continue;
      differences.push_back(mine.value - point->value);
      own += mine.value, theirs += point->value;
    }
    if (std::ssize(differences) < settings_.start_step || own <= theirs) return {};
    const double p = SignedRankP(differences);
    if (p >= settings_.p_threshold) return {};
    return {true, fmt::format("worse than trial #{} on {} common steps, p {:.3g}", best, differences.size(), p)};
  }

 private:
  struct Held {
    std::size_t folds = 0;
    double mean = 0;
  };

  void Drop(std::uint64_t trial) {
    const auto found = held_.find(trial);
    if (found == held_.end()) return;
    const auto group = by_size_.find(found->second.folds);
    group->second.erase({found->second.mean, trial});
    if (group->second.empty()) by_size_.erase(group);
  }
  // The best mean among those that have done most folds; not the trial itself. 0: there is no other.
  std::uint64_t Best(std::uint64_t trial) const {
    for (auto group = by_size_.rbegin(); group != by_size_.rend(); ++group) {
      for (const auto& [mean, one] : group->second) {
        if (one != trial) return std::isfinite(mean) ? one : 0;
      }
    }
    return 0;
  }

  const WilcoxonStopSettings settings_;
  std::unordered_map<std::uint64_t, Held> held_;
  std::map<std::size_t, std::set<std::pair<double, std::uint64_t>>> by_size_;  // by folds done: best first
};

}  // namespace

double SignedRankP(const std::vector<double>& differences) {
  if (differences.empty()) return 1;
  const std::vector<int> ranks = DoubledRanks(differences);
  const std::size_t n = differences.size();
  if (n <= kExactUpTo) {
    // Half of a zero's rank is on the positive side whatever chance does: it cancels.
    std::vector<int> random;
    int observed = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (differences[i] == 0) continue;
      random.push_back(ranks[i]);
      if (differences[i] > 0) observed += ranks[i];
    }
    return ExactTail(random, observed);
  }
  double sum = 0, mean = 0, variance = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double rank = 0.5 * ranks[i];
    mean += 0.5 * rank;
    if (differences[i] == 0) {
      sum += 0.5 * rank;
    } else {
      sum += differences[i] > 0 ? rank : 0;
      variance += 0.25 * rank * rank;
    }
  }
  return variance > 0 ? NormalCdf(-(sum - mean) / std::sqrt(variance)) : 1;
}

std::unique_ptr<StoppingRule> MakeWilcoxonStop(const StoppingContext& context) {
  return std::make_unique<WilcoxonStop>(kWilcoxonStopSettings.Parse(context.settings));
}

}  // namespace qalam
