// SPDX-License-Identifier: Apache-2.0
#include "algorithms/cells.h"

#include <string>
#include <utility>

#include "algorithms/seen.h"
#include "core/status.h"

namespace qalam {

Cells::Cells(const SearchSpace& space) : space_(&space) {
  QALAM_CHECK(space.cardinality().has_value(), "only a finite space has cells");
  count_ = *space.cardinality();
  for (std::size_t i = 0; i < space.parameters().size(); ++i) {
    if (!space.parameters()[i].condition) roots_.push_back(i);
  }
}

// The number of one parameter's level and of what hangs below it: branches one after the other, in a branch its levels,
// at a level the children as digits.
std::uint64_t Cells::RankOf(std::size_t parameter, const Eigen::Ref<const Eigen::VectorXd>& unit) const {
  const auto i = static_cast<Eigen::Index>(parameter);
  const std::uint64_t level = space_->LevelOf(i, unit[i]);
  if (space_->BranchesOf(i).empty()) return level;
  std::uint64_t before = 0;
  for (const SearchSpace::Branch& branch : space_->BranchesOf(i)) {
    const std::uint64_t below = CountOf(branch);
    if (level > branch.last) {
      before += (branch.last - branch.first + 1) * below;
      continue;
    }
    std::uint64_t rank = level - branch.first;
    for (const std::size_t child : branch.children) rank = rank * CountOf(child) + RankOf(child, unit);
    return before + rank;
  }
  QALAM_CHECK(false, "branches cover all levels");
}

void Cells::Place(std::size_t parameter, std::uint64_t rank, Eigen::VectorXd* unit) const {
  const auto i = static_cast<Eigen::Index>(parameter);
  if (space_->BranchesOf(i).empty()) {
    (*unit)[i] = space_->UnitOf(i, rank);
    return;
  }
  for (const SearchSpace::Branch& branch : space_->BranchesOf(i)) {
    const std::uint64_t points = (branch.last - branch.first + 1) * CountOf(branch);
    if (rank >= points) {
      rank -= points;
      continue;
    }
    for (auto child = branch.children.rbegin(); child != branch.children.rend(); ++child) {
      Place(*child, rank % CountOf(*child), unit);
      rank /= CountOf(*child);
    }
    (*unit)[i] = space_->UnitOf(i, branch.first + rank);
    return;
  }
  QALAM_CHECK(false, "a rank is below the number of points");
}

std::uint64_t Cells::CountOf(std::size_t parameter) const {
  return *space_->CardinalityOf(static_cast<Eigen::Index>(parameter));
}

std::uint64_t Cells::CountOf(const SearchSpace::Branch& branch) const {
  std::uint64_t points = 1;
  for (const std::size_t child : branch.children) points *= CountOf(child);
  return points;
}

std::uint64_t Cells::CellOf(const Eigen::Ref<const Eigen::VectorXd>& unit) const {
  std::uint64_t cell = 0;
  for (const std::size_t root : roots_) cell = cell * CountOf(root) + RankOf(root, unit);
  return cell;
}

Eigen::VectorXd Cells::UnitOf(std::uint64_t cell) const {
  Eigen::VectorXd unit(space_->dim());
  if (space_->conditional()) {
    for (Eigen::Index i = 0; i < unit.size(); ++i) unit[i] = space_->RestOf(i);
  }
  for (auto root = roots_.rbegin(); root != roots_.rend(); ++root) {
    Place(*root, cell % CountOf(*root), &unit);
    cell /= CountOf(*root);
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

namespace {

// The points that are tried before a point of an endless space is taken though it has been seen: only where nearly all
// of the space is branches that are used up.
constexpr int kMostRepeats = 1000;

}  // namespace

PointWalk::PointWalk(const SearchSpace& space, PointSequence points)
    : space_(&space), points_(std::move(points)), finished_(space), pending_(space), drawn_(space) {}

void PointWalk::Observe(const HistoryView& fresh, const Pending& pending) {
  if (!space_->conditional()) return;
  for (Eigen::Index j = 0; j < fresh.size(); ++j) finished_.Add(fresh.x.col(j));
  pending_ = SeenPoints(*space_);
  for (Eigen::Index j = 0; j < pending.x.cols(); ++j) pending_.Add(pending.x.col(j));
}

// Whether a continuous parameter is active: then it meets no other point.
bool PointWalk::IsOneOfMany(const Eigen::VectorXd& unit) const {
  const std::vector<char> active = space_->ActiveAt(unit);
  for (std::size_t i = 0; i < active.size(); ++i) {
    if (active[i] && space_->parameters()[i].levels == 0) return true;
  }
  return false;
}

Eigen::VectorXd PointWalk::At(std::uint64_t index) const {
  Eigen::VectorXd unit = points_(index);
  MoveToLevels(*space_, &unit);
  return unit;
}

// Point `ordinal` (from 1) of the sequence without the points of finite branches that came before.
Eigen::VectorXd PointWalk::Choice(std::uint64_t ordinal) {
  if (ordinal > kRemembered) return At((1ULL << 32) + ordinal);
  while (choices_.size() < ordinal) {
    for (int attempt = 0;; ++attempt) {
      Eigen::VectorXd unit = At(next_point_);
      const bool many = IsOneOfMany(unit);
      ++next_point_;
      if (!many && drawn_.Contains(unit) && attempt < kMostRepeats) continue;
      if (!many) drawn_.Add(unit);
      choices_.push_back(next_point_ - 1);
      break;
    }
  }
  return At(choices_[ordinal - 1]);
}

std::vector<Proposal> PointWalk::Suggest(int count, std::uint64_t ordinal, std::string_view label) {
  std::vector<Proposal> out;
  for (int i = 0; i < count; ++i) {
    ++ordinal;
    if (!space_->conditional()) {
      out.push_back({points_(ordinal - 1), std::string(label)});
      continue;
    }
    Eigen::VectorXd unit = Choice(ordinal);
    // Came from elsewhere: another one of its own, that no suggestion has.
    for (std::uint64_t spare = 0; spare < kMostRepeats && (finished_.Contains(unit) || pending_.Contains(unit));
         ++spare) {
      unit = At((1ULL << 33) + ordinal * kMostRepeats + spare);
      if (!IsOneOfMany(unit)) unit = Choice(ordinal);
    }
    out.push_back({std::move(unit), std::string(label)});
  }
  return out;
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
