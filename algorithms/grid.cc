// SPDX-License-Identifier: Apache-2.0
#include "algorithms/grid.h"

#include "algorithms/cells.h"
#include "core/rng.h"

namespace qalam {
namespace {

class Grid final : public Suggester {
 public:
  explicit Grid(CellWalk walk) : walk_(std::move(walk)) {}
  void Observe(const HistoryView& fresh, const Pending& pending) override { walk_.Observe(fresh, pending); }
  Result<std::vector<Proposal>> Suggest(int count, std::uint64_t ordinal) override {
    return walk_.Suggest(count, ordinal, "grid");
  }

 private:
  CellWalk walk_;
};

}  // namespace

Status ValidateGrid(const AlgorithmContext& context) {
  for (const Parameter& parameter : context.space.parameters()) {
    if (parameter.levels == 0) {
      return InvalidArgument(
          "parameter '{}': algorithm grid needs a step for a double; add feasibleSpace.step, or list the values as "
          "parameterType discrete",
          parameter.name);
    }
  }
  if (!context.space.cardinality()) {
    return InvalidArgument("the grid has more than 2^63 combinations; use coarser steps, or algorithm random");
  }
  return OkStatus();
}

std::unique_ptr<Suggester> MakeGrid(const AlgorithmContext& context) {
  const std::uint64_t cells = *context.space.cardinality();
  const std::optional<std::int64_t> state = kGridSettings.Parse(context.settings).random_state;
  return std::make_unique<Grid>(
      CellWalk(context.space, state ? KeyedPermutation(cells, Rng(SeedOf(context, state), "grid.order", 0).Next())
                                    : KeyedPermutation::Identity(cells)));
}

}  // namespace qalam
