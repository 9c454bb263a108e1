// SPDX-License-Identifier: Apache-2.0
// Finite spaces as numbered cells, and how an algorithm walks them without ever stepping on a seen one.
// Shared by all algorithms that learn nothing: which cell a suggestion gets follows from the seed and its ordinal,
// never from the order in which trials finished, how suggestions were grouped, or whether the program was restarted.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "algorithms/permutation.h"
#include "algorithms/seen.h"
#include "algorithms/suggester.h"

namespace qalam {

// Mixed-radix numbers of the points of a finite space: the last parameter turns fastest. A parameter with a condition
// turns within its parent's value: points that differ in nothing active have one number.
class Cells {
 public:
  // Only for spaces with a cardinality. Borrows `space`.
  explicit Cells(const SearchSpace& space);
  std::uint64_t count() const { return count_; }
  std::uint64_t CellOf(const Eigen::Ref<const Eigen::VectorXd>& unit) const;
  Eigen::VectorXd UnitOf(std::uint64_t cell) const;  // at rest

 private:
  std::uint64_t RankOf(std::size_t parameter, const Eigen::Ref<const Eigen::VectorXd>& unit) const;
  void Place(std::size_t parameter, std::uint64_t rank, Eigen::VectorXd* unit) const;
  std::uint64_t CountOf(std::size_t parameter) const;
  std::uint64_t CountOf(const SearchSpace::Branch& branch) const;  // at each of its levels

  const SearchSpace* space_;
  std::vector<std::size_t> roots_;  // parameters without a condition
  std::uint64_t count_;
};

// Point number `index` (0, 1, ...) of an endless sequence, the same whenever it is asked.
using PointSequence = std::function<Eigen::VectorXd(std::uint64_t index)>;

// Walks the cells of a finite space. Suggestion k (from 1) has a cell of its own, its first choice:
//  - in order: the k-th cell of a permutation, O(1) memory; right where all cells weigh the same;
//  - drawn: the k-th distinct cell of a sequence of points, so that a distribution (or low discrepancy) is honoured:
//    drawing without replacement. After kAttempts repeats in a row the next free cell of the permutation is taken.
//    Costs one draw and ~50 bytes for each suggestion up to k; rebuilt from the seed alone.
// A first choice that is nevertheless seen came from elsewhere (enqueued by a person, another service's history): the
// suggestion then takes the last cell of the permutation that nobody has seen and that is no earlier suggestion's
// choice. A suggestion whose number leaves no such cell gets none: the space is exhausted.
class CellWalk {
 public:
  CellWalk(const SearchSpace& space, KeyedPermutation order);
  CellWalk(const SearchSpace& space, KeyedPermutation order, PointSequence points);

  void Observe(const HistoryView& fresh, const Pending& pending);
  std::vector<Proposal> Suggest(int count, std::uint64_t ordinal, std::string_view label);

 private:
  static constexpr int kAttempts = 32;
  // Beyond so many suggestions a drawn walk stops remembering its own and relies on what it is shown as seen: a
  // request that claims the two billionth suggestion must not cost two billion draws.
  static constexpr std::uint64_t kRemembered = 1 << 20;

  std::uint64_t FirstChoice(std::uint64_t ordinal);
  void DrawUpTo(std::uint64_t ordinal);
  bool Seen(std::uint64_t cell) const { return finished_.contains(cell) || pending_.contains(cell); }
  bool ChosenUpTo(std::uint64_t ordinal, std::uint64_t cell) const;

  Cells cells_;
  KeyedPermutation order_;
  PointSequence points_;  // null: in order
  std::unordered_set<std::uint64_t> finished_, pending_;

  // Drawn so far; a function of the seed alone.
  std::vector<std::uint64_t> drawn_;                            // [k-1]: first choice of suggestion k
  std::unordered_map<std::uint64_t, std::uint64_t> drawn_for_;  // cell: k
  std::uint64_t next_point_ = 0, next_position_ = 0;
};

// Walks a space that is not finite. Suggestion k has point k - 1 of the sequence; where conditions make finite branches
// (`optimizer: none` with nothing below it), the k-th point that is not the same as an earlier one. A point that is
// nevertheless seen came from elsewhere, and another one is drawn for it.
class PointWalk {
 public:
  PointWalk(const SearchSpace& space, PointSequence points);  // borrows `space`
  void Observe(const HistoryView& fresh, const Pending& pending);
  std::vector<Proposal> Suggest(int count, std::uint64_t ordinal, std::string_view label);

 private:
  static constexpr std::uint64_t kRemembered = 1 << 20;  // as above

  bool IsOneOfMany(const Eigen::VectorXd& unit) const;
  Eigen::VectorXd At(std::uint64_t index) const;
  Eigen::VectorXd Choice(std::uint64_t ordinal);

  const SearchSpace* space_;
  PointSequence points_;
  SeenPoints finished_, pending_;

  // Drawn so far; a function of the seed alone.
  SeenPoints drawn_;                    // of finite branches
  std::vector<std::uint64_t> choices_;  // [k-1]: index of suggestion k's point
  std::uint64_t next_point_ = 0;
};

}  // namespace qalam
