// SPDX-License-Identifier: Apache-2.0
// Which points an experiment has proposed already, and where to turn when the one that was wanted is among them.
// Shared by all algorithms that learn.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "core/search_space.h"

namespace qalam {

// Two points are one when every finite parameter has the same level and every continuous one the same 40 bits. Points
// come at rest (core/search_space.h).
class SeenPoints {
 public:
  explicit SeenPoints(const SearchSpace& space) : space_(&space) {}  // borrows it
  void Add(const Eigen::Ref<const Eigen::VectorXd>& unit) { keys_.insert(KeyOf(unit)); }
  bool Contains(const Eigen::Ref<const Eigen::VectorXd>& unit) const { return keys_.contains(KeyOf(unit)); }
  std::size_t size() const { return keys_.size(); }
  // Equal for points that are one.
  std::uint64_t KeyOf(const Eigen::Ref<const Eigen::VectorXd>& unit) const;

 private:
  const SearchSpace* space_;
  std::unordered_set<std::uint64_t> keys_;
};

// The middle of its level for every finite parameter; inside [0, 1] for the others. Where conditions are, at rest.
void MoveToLevels(const SearchSpace& space, Eigen::VectorXd* unit);

// A point that neither of them holds: drawn at random, or, when many draws in a row were seen, the first free cell of a
// finite space in an order of its own. nullopt: there is none. `purpose` and `ordinal` name the stream of draws.
std::optional<Eigen::VectorXd> UnseenPoint(const SearchSpace& space, const SeenPoints& seen, const SeenPoints& pending,
                                           std::uint64_t seed, std::string_view purpose, std::uint64_t ordinal);

}  // namespace qalam
