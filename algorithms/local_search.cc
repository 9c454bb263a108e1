// SPDX-License-Identifier: Apache-2.0
#include "algorithms/local_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>
#include <vector>

#include "algorithms/learner.h"
#include "algorithms/neighbours.h"
#include "core/rng.h"

namespace qalam {
namespace {

// A continuous parameter of a point counts as looked around in after so many moves, each half as far as the one before.
constexpr int kMoves = 8;
constexpr double kFirstMove = 0.25;

class LocalSearch final : public Learner {
 public:
  LocalSearch(const SearchSpace& space, const LocalSearchSettings& settings, std::uint64_t seed)
      : Learner(space, seed, settings.startup, "local") {}

 private:
  void Fit() override {
    for (std::size_t i = best_first_.size() + without_value_; i < trials().size(); ++i) {
      if (!trials()[i].HasValue()) {
        ++without_value_;
        continue;
      }
      const auto place =
          std::ranges::upper_bound(best_first_, trials()[i].y, {}, [this](std::size_t j) { return trials()[j].y; });
      best_first_.insert(place, i);
    }
  }

  std::optional<Proposal> Propose(const Points& pending, std::uint64_t ordinal) override {
    Rng rng(seed(), "local.neighbour", ordinal);
    for (std::size_t rank = 0; rank < best_first_.size(); ++rank) {
      const std::size_t i = best_first_[rank];
      if (done_.contains(i)) continue;
      Points open = Neighbours(space(), trials()[i].unit);
      std::erase_if(open, [this](const Eigen::VectorXd& unit) { return !IsNew(unit); });
      AddMoves(trials()[i].unit, pending, rng, &open);
      if (!open.empty())
        return Proposal{std::move(open[static_cast<std::size_t>(rng.Below(open.size()))]), "neighbour"};
      // With no trial pending all its neighbours have finished: it never has to be looked at again.
      if (pending.empty()) done_.insert(i);
    }
    return std::nullopt;
  }

  // One move of each continuous parameter that has not been looked around in.
  void AddMoves(const Eigen::VectorXd& centre, const Points& pending, Rng& rng, Points* open) const {
    const std::vector<char> active = space().ActiveAt(centre);
    for (Eigen::Index p = 0; p < space().dim(); ++p) {
      if (!active[static_cast<std::size_t>(p)] || space().parameters()[static_cast<std::size_t>(p)].levels != 0)
        continue;
      const auto moved = [&](const Eigen::VectorXd& unit) {
        Eigen::VectorXd same = unit;
        same[p] = centre[p];
        return unit[p] != centre[p] && same == centre;
      };
      const auto moves = std::ranges::count_if(trials(), moved, &Trial::unit) + std::ranges::count_if(pending, moved);
      if (moves >= kMoves) continue;
      Eigen::VectorXd unit = centre;
      unit[p] += kFirstMove * std::pow(0.5, static_cast<double>(moves) / 2) * (rng.Below(2) == 0 ? 1 : -1) *
                 (0.5 + rng.Uniform());
      if (unit[p] < 0 || unit[p] > 1) unit[p] = unit[p] < 0 ? -unit[p] : 2 - unit[p];
      space().Rest(&unit);
      if (IsNew(unit)) open->push_back(std::move(unit));
    }
  }

  std::vector<std::size_t> best_first_;  // trials with a value; of equals the older first
  std::size_t without_value_ = 0;
  std::unordered_set<std::size_t> done_;  // trials whose neighbours have all finished
};

}  // namespace

std::unique_ptr<Suggester> MakeLocalSearch(const AlgorithmContext& context) {
  const LocalSearchSettings settings = kLocalSearchSettings.Parse(context.settings);
  return std::make_unique<LocalSearch>(context.space, settings, SeedOf(context, settings.random_state));
}

}  // namespace qalam
