// SPDX-License-Identifier: Apache-2.0
#include "algorithms/cells.h"

#include <string>
#include <utility>

#include "core/status.h"

namespace qalam {

Cells::Cells(const SearchSpace& space) : space_(&space) {
  QALAM_CHECK(space.cardinality().has_value(), "only a finite space has cells");
  count_ = *space.cardinality();
}

std::uint64_t Cells::CellOf(const Eigen::Ref<const Eigen::VectorXd>& unit) const {
  std::uint64_t cell = 0;
  for (Eigen::Index i = 0; i < space_->dim(); ++i) {
    cell = cell * space_->parameters()[static_cast<std::size_t>(i)].levels + space_->LevelOf(i, unit[i]);
  }
  return cell;
}

Eigen::VectorXd Cells::UnitOf(std::uint64_t cell) const {
  Eigen::VectorXd unit(space_->dim());
  for (Eigen::Index i = space_->dim(); i-- > 0;) {
    const std::uint64_t levels = space_->parameters()[static_cast<std::size_t>(i)].levels;
    unit[i] = space_->UnitOf(i, cell % levels);
    cell /= levels;
  }
  return unit;
}

CellWalk::CellWalk(const SearchSpace& space, KeyedPermutation order) : CellWalk(space, std::move(order), nullptr) {}

CellWalk::CellWalk(const SearchSpace& space, KeyedPermutation order, PointSequence points)
    : cells_(space), order_(std::move(order)), points_(std::move(points)) {
  QALAM_CHECK(order_.size() == cells_.count(), "the walk covers every cell once");
}

void CellWalk::Observe(const HistoryView& fresh, const Pending& pending) {
  for (Eigen::Index j = 0; j < fresh.size(); ++j) finished_.insert(cells_.CellOf(fresh.x.col(j)));
  pending_.clear();
  for (Eigen::Index j = 0; j < pending.x.cols(); ++j) pending_.insert(cells_.CellOf(pending.x.col(j)));
}

void CellWalk::DrawUpTo(std::uint64_t ordinal) {
  while (drawn_.size() < ordinal) {
    const std::uint64_t next = drawn_.size() + 1;
    std::uint64_t cell = 0;
    bool fresh = false;
    for (int attempt = 0; attempt < kAttempts && !fresh; ++attempt) {
      cell = cells_.CellOf(points_(next_point_++));
      fresh = drawn_for_.try_emplace(cell, next).second;
    }
    while (!fresh) {
      cell = order_.At(next_position_++);
      fresh = drawn_for_.try_emplace(cell, next).second;
    }
    drawn_.push_back(cell);
  }
}

std::uint64_t CellWalk::FirstChoice(std::uint64_t ordinal) {
  if (!points_) return order_.At(ordinal - 1);
  if (ordinal > kRemembered) return cells_.CellOf(points_((1ULL << 32) + ordinal));  // points not drawn before
  DrawUpTo(ordinal);
  return drawn_[ordinal - 1];
}

bool CellWalk::ChosenUpTo(std::uint64_t ordinal, std::uint64_t cell) const {
  if (!points_) return order_.PositionOf(cell) < ordinal;
  if (ordinal > kRemembered) return false;
  const auto found = drawn_for_.find(cell);
  return found != drawn_for_.end() && found->second <= ordinal;
}

std::vector<Proposal> CellWalk::Suggest(int count, std::uint64_t ordinal, std::string_view label) {
  std::vector<Proposal> out;
  std::unordered_set<std::uint64_t> proposed;
  // Cells above this position are taken; within one call it only sinks.
  std::uint64_t spare = cells_.count();
  const auto taken = [&](std::uint64_t cell) { return Seen(cell) || proposed.contains(cell); };
  for (int i = 0; i < count && ordinal < cells_.count(); ++i) {
    std::uint64_t cell = FirstChoice(++ordinal);
    if (taken(cell)) {
      const std::uint64_t end = points_ ? 0 : ordinal;  // in order: positions below are earlier suggestions' choices
      while (spare > end && (taken(order_.At(spare - 1)) || ChosenUpTo(ordinal, order_.At(spare - 1)))) --spare;
      if (spare <= end) break;
      cell = order_.At(--spare);
    }
    proposed.insert(cell);
    out.push_back({cells_.UnitOf(cell), std::string(label)});
  }
  return out;
}

}  // namespace qalam
