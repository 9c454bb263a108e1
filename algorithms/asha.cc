// SPDX-License-Identifier: Apache-2.0
#include "algorithms/asha.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "algorithms/rungs.h"
#include "core/rank_stability.h"

namespace qalam {
namespace {

// The eighth configuration goes up to the last rung whatever its rank, the 24th, the 72nd, ... Chosen like the prior on
// the tuning instances of `qalam bench run curves --steps`.
constexpr std::size_t kFirstProbe = 8, kProbeFactor = 3;
constexpr double kPrior = 4;         // of the best were seen to be ahead on each rung, before any is
constexpr std::size_t kWindow = 32;  // configurations that are compared with each other: the newest

class Asha final : public RungSearch {
 public:
  Asha(RungSpace space, Thinker thinker, std::uint64_t seed, int eta, int brackets, bool guarded)
      : RungSearch(std::move(space), std::move(thinker), seed), eta_(static_cast<std::size_t>(eta)), guarded_(guarded) {
    // As many configurations a bracket as Hyperband gives it.
    const std::size_t rungs = this->space().rungs();
    for (std::size_t b = 0; b < std::min(rungs, static_cast<std::size_t>(brackets)); ++b) {
      const auto s = static_cast<double>(rungs - 1 - b);
      shares_.push_back(std::pow(eta, s) / (s + 1));
    }
  }

 private:
  RungJob Next(const Configurations& all) const override {
    if (guarded_) {
      if (const std::optional<RungJob> job = Unranked(all)) return *job;
    }
    for (std::size_t rung = space().rungs() - 1; rung-- > 0;) {
      for (std::size_t bracket = 0; bracket <= std::min(rung, shares_.size() - 1); ++bracket) {
        if (const std::optional<std::size_t> best = Promotable(all, bracket, rung))
          return {.configuration = *best, .rung = rung + 1};
      }
    }
    std::vector<double> begun(shares_.size());
    for (const Configuration& c : all) {
      if (c.start < begun.size()) ++begun[c.start];
    }
    std::size_t start = 0;
    for (std::size_t b = 1; b < shares_.size(); ++b) {
      if ((begun[b] + 1) / shares_[b] < (begun[start] + 1) / shares_[start]) start = b;
    }
    return {.configuration = std::nullopt, .rung = start};
  }

  // The first configuration that goes up whatever its rank.
  std::optional<RungJob> Unranked(const Configurations& all) const {
    const std::size_t from = RanksHoldFrom(all);
    std::size_t probe = kFirstProbe;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool probes = i + 1 == probe;
      if (probes) probe *= kProbeFactor;
      std::size_t rung = all[i].start;
      while (rung + 1 < space().rungs() && all[i].on[rung + 1].state != RungStanding::State::kNone) ++rung;
      if (rung + 1 == space().rungs() || !all[i].on[rung].HasValue()) continue;
      if (rung < from) return RungJob{i, rung + 1, "promoted with all others, ranks do not hold"};
      if (probes) return RungJob{i, rung + 1, "promoted to see whether ranks hold"};
    }
    return std::nullopt;
  }

  // The lowest rung on which they do. Of configurations that went two rungs further, or to the last.
  std::size_t RanksHoldFrom(const Configurations& all) const {
    RankStability stability(kPrior, 1);
    for (std::size_t rung = 0; rung + 1 < space().rungs(); ++rung) {
      std::vector<std::vector<double>> rows;
      for (std::size_t i = all.size(); i-- > 0 && rows.size() < kWindow;) {
        std::vector<double> row;
        for (std::size_t at = rung; at < space().rungs() && all[i].on[at].HasValue(); ++at)
          row.push_back(all[i].on[at].y);
        const bool whole = rung + row.size() == space().rungs();
        if (row.size() > 2 || (whole && row.size() > 1)) rows.push_back(std::move(row));
      }
      stability.Add(rows, 0);
    }
    return stability.HoldsFrom();
  }

  // The best on `rung` that may go up and has not.
  std::optional<std::size_t> Promotable(const Configurations& all, std::size_t bracket, std::size_t rung) const {
    std::size_t done = 0;
    std::vector<std::size_t> ranked;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const RungStanding& standing = all[i].on[rung];
      if (all[i].start != bracket || standing.state != RungStanding::State::kDone) continue;
      ++done;
      if (standing.HasValue()) ranked.push_back(i);
    }
    std::ranges::stable_sort(ranked, {}, [&](std::size_t i) { return all[i].on[rung].y; });
    ranked.resize(std::min(ranked.size(), done / eta_));
    for (const std::size_t i : ranked) {
      if (all[i].on[rung + 1].state == RungStanding::State::kNone) return i;
    }
    return std::nullopt;
  }

  const std::size_t eta_;
  const bool guarded_;
  std::vector<double> shares_;  // of new configurations, by bracket
};

double LongestOf(const AshaSettings& settings, const SearchSpace& space, std::size_t resource) {
  if (settings.r_max) return *settings.r_max;
  if (space.parameters().empty()) return settings.r_min;
  const Parameter& parameter = space.parameters()[resource];
  return parameter.list_values.empty() ? parameter.max : parameter.list_values.back();
}

Thinker ThinkerOf(std::string_view searcher) {
  if (searcher == "tpe") return {FindAlgorithm("tpe"), {{"n_startup_trials", "0"}}, 0};
  if (searcher == "gp") return {FindAlgorithm("bayesianoptimization"), {{"n_initial_points", "0"}}, 0};
  return {};
}

}  // namespace

Status ValidateAsha(const AlgorithmContext& context) {
  const AshaSettings settings = kAshaSettings.Parse(context.settings);
  if (settings.resource_name.empty()) return InvalidArgument("resource_name must be set.");
  QALAM_TRY(const std::size_t resource, FindResource(context.space, settings.resource_name));
  const double longest = LongestOf(settings, context.space, resource);
  if (longest < settings.r_min) {
    return InvalidArgument("r_min is {}, the longest trials get {}: it must not be more", settings.r_min, longest);
  }
  return OkStatus();
}

std::unique_ptr<Suggester> MakeAsha(const AlgorithmContext& context) {
  const AshaSettings settings = kAshaSettings.Parse(context.settings);
  const Result<std::size_t> resource = FindResource(context.space, settings.resource_name);
  QALAM_CHECK(resource.ok(), "settings are checked before they are used");
  const double longest = LongestOf(settings, context.space, *resource);
  std::vector<double> amounts;
  for (double amount = settings.r_min; amount < longest * (1 - 1e-9); amount *= settings.eta) amounts.push_back(amount);
  amounts.push_back(longest);
  return std::make_unique<Asha>(RungSpace(context.space, *resource, amounts), ThinkerOf(settings.searcher),
                                SeedOf(context, settings.random_state), settings.eta, settings.brackets,
                                settings.guard == "on");
}

}  // namespace qalam
