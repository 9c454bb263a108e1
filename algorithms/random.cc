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
// there is nothing to remember.
class RandomPoints final : public Suggester {
 public:
  RandomPoints(Eigen::Index dim, std::uint64_t seed) : dim_(dim), seed_(seed) {}
  void Observe(const HistoryView&, const Pending&) override {}  // learns nothing
  Result<std::vector<Proposal>> Suggest(int count, std::uint64_t ordinal) override {
    std::vector<Proposal> out;
    for (int i = 0; i < count; ++i) out.push_back({Draw(dim_, seed_, ordinal++), std::string(kLabel)});
    return out;
  }

 private:
  Eigen::Index dim_;
  std::uint64_t seed_;
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
  if (!space.cardinality()) return std::make_unique<RandomPoints>(space.dim(), seed);

  const KeyedPermutation order(*space.cardinality(), Rng(seed, "random.order", 0).Next());
  const bool even = std::ranges::all_of(space.parameters(),
                                        [](const Parameter& p) { return p.distribution == Distribution::kUniform; });
  if (even) return std::make_unique<RandomCells>(CellWalk(space, order));
  return std::make_unique<RandomCells>(
      CellWalk(space, order, [dim = space.dim(), seed](std::uint64_t index) { return Draw(dim, seed, index); }));
}

}  // namespace qalam
