// SPDX-License-Identifier: Apache-2.0
#include "algorithms/random.h"

#include <algorithm>
#include <string>

#include "algorithms/cells.h"
#include "core/rng.h"

namespace qalam {
namespace {

constexpr std::string_view kLabel = "random";

Eigen::VectorXd Draw(Eigen::Index dim, std::uint64_t seed, std::uint64_t index) {
  Rng rng(seed, "random.point", index);
  Eigen::VectorXd unit(dim);
  for (double& u : unit) u = rng.Uniform();
  return unit;
}

// Two draws meet with odds of 1e-12 for each continuous parameter (the codec's decimal grid), or of one in 2^63 cells:
// there is nothing to remember but the points of finite branches.
class RandomPoints final : public Suggester {
 public:
  explicit RandomPoints(PointWalk walk) : walk_(std::move(walk)) {}
  void Observe(const HistoryView& fresh, const Pending& pending) override { walk_.Observe(fresh, pending); }
  Result<std::vector<Proposal>> Suggest(int count, std::uint64_t ordinal) override {
    return walk_.Suggest(count, ordinal, kLabel);
  }

 private:
  PointWalk walk_;
};

class RandomCells final : public Suggester {
 public:
  explicit RandomCells(CellWalk walk) : walk_(std::move(walk)) {}
  void Observe(const HistoryView& fresh, const Pending& pending) override { walk_.Observe(fresh, pending); }
  Result<std::vector<Proposal>> Suggest(int count, std::uint64_t ordinal) override {
    return walk_.Suggest(count, ordinal, kLabel);
  }

 private:
  CellWalk walk_;
};

}  // namespace

std::unique_ptr<Suggester> MakeRandom(const AlgorithmContext& context) {
  const SearchSpace& space = context.space;
  const std::uint64_t seed = SeedOf(context, kRandomSettings.Parse(context.settings).random_state);
  const auto draw = [dim = space.dim(), seed](std::uint64_t index) { return Draw(dim, seed, index); };
  if (!space.cardinality()) return std::make_unique<RandomPoints>(PointWalk(space, draw));

  const KeyedPermutation order(*space.cardinality(), Rng(seed, "random.order", 0).Next());
  // With conditions the cells of a large branch would crowd out the others: a parent's values are equally likely.
  const bool even = !space.conditional() && std::ranges::all_of(space.parameters(), [](const Parameter& p) {
    return p.distribution == Distribution::kUniform;
  });
  if (even) return std::make_unique<RandomCells>(CellWalk(space, order));
  return std::make_unique<RandomCells>(CellWalk(space, order, draw));
}

}  // namespace qalam
