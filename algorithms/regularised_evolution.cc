// SPDX-License-Identifier: Apache-2.0
#include "algorithms/regularised_evolution.h"

#include <algorithm>
#include <vector>

#include "algorithms/learner.h"
#include "algorithms/neighbours.h"
#include "core/rng.h"

namespace qalam {
namespace {

constexpr int kAttempts = 64;  // children of one parent after another that were all tried already

class RegularisedEvolution final : public Learner {
 public:
  RegularisedEvolution(const SearchSpace& space, const EvolutionSettings& settings, std::uint64_t seed)
      : Learner(space, seed, settings.population_size, "evolution"), settings_(settings) {}

 private:
  // The population: the newest trials that have a value. A failed one dies at once.
  void Fit() override {
    alive_.clear();
    for (std::size_t i = trials().size(); i-- > 0 && static_cast<int>(alive_.size()) < settings_.population_size;) {
      if (trials()[i].HasValue()) alive_.push_back(i);
    }
  }

  const Trial& Parent(Rng& rng) const {
    const Trial* best = nullptr;
    for (int i = 0; i < settings_.tournament_size; ++i) {
      const Trial& drawn = trials()[alive_[static_cast<std::size_t>(rng.Below(alive_.size()))]];
      if (best == nullptr || drawn.y < best->y) best = &drawn;
    }
    return *best;
  }

  std::optional<Proposal> Propose(const Points&, std::uint64_t ordinal) override {
    Rng rng(seed(), "evolution.child", ordinal);
    // A child that was tried already is mutated once more: what it differs in grows until it is new.
    for (int attempt = 0; attempt < kAttempts;) {
      const Trial& parent = Parent(rng);
      Eigen::VectorXd child = parent.unit;
      for (int edits = 1; edits <= 4 && attempt < kAttempts; ++edits, ++attempt) {
        child = Mutate(space(), child, rng);
        if (IsNew(child)) return Proposal{std::move(child), "child"};
      }
    }
    return std::nullopt;
  }

  EvolutionSettings settings_;
  std::vector<std::size_t> alive_;
};

}  // namespace

std::unique_ptr<Suggester> MakeRegularisedEvolution(const AlgorithmContext& context) {
  const EvolutionSettings settings = kEvolutionSettings.Parse(context.settings);
  return std::make_unique<RegularisedEvolution>(context.space, settings, SeedOf(context, settings.random_state));
}

}  // namespace qalam
