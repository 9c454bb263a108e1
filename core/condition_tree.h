// SPDX-License-Identifier: Apache-2.0
// The conditions of a search space, linked: who hangs below whom, and at which values. The other working half of
// SearchSpace.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/codec.h"
#include "core/search_space.h"

namespace qalam {

// Immutable. All calls take the parameters and codecs it was made from.
class ConditionTree {
 public:
  // Fills in each parent's index, as far as there are no faults. A parameter without codec is wrong in itself; what
  // depends on it is not judged.
  static ConditionTree Link(std::vector<Parameter>* parameters,
                            const std::vector<std::optional<ParameterCodec>>& codecs,
                            std::vector<SearchSpace::ConditionFault>* faults);

  // Parameters with a condition, parents before children.
  const std::vector<std::size_t>& order() const { return order_; }
  // Whether the parent's value lets `child` be active; the parent's own condition is not looked at.
  bool Allows(std::size_t child, const Parameter& parent, const ParameterCodec& codec, double unit) const;
  // The same of a value in text; nullopt: it is not legal.
  std::optional<bool> Allows(std::size_t child, const Parameter& parent, const ParameterCodec& codec,
                             std::string_view text) const;
  double rest(std::size_t parameter) const { return rest_[parameter]; }
  const std::vector<SearchSpace::Branch>& branches(std::size_t parameter) const { return branches_[parameter]; }
  std::optional<std::uint64_t> cardinality(std::size_t parameter) const { return cardinality_[parameter]; }

 private:
  using Runs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // of levels, ends included, rising
  struct Gate {
    Runs levels;                           // of a finite parent
    Relation relation = Relation::kAbove;  // of a continuous one: an order
    double bound = 0;
  };
  std::optional<std::string> Compile(const Parameter& parent, const ParameterCodec& codec,
                                     const ParameterCondition& condition, Gate* gate) const;
  void OrderParameters(const std::vector<Parameter>& parameters, std::vector<SearchSpace::ConditionFault>* faults);
  void FindBranches(const std::vector<Parameter>& parameters);

  std::vector<std::size_t> order_;
  std::vector<Gate> gates_;  // by parameter; without a condition: not used
  std::vector<double> rest_;
  std::vector<std::vector<SearchSpace::Branch>> branches_;
  std::vector<std::optional<std::uint64_t>> cardinality_;  // with what hangs below
};

// Of numbers of points; nullopt: one is not known, or they are more than 2^63.
std::optional<std::uint64_t> ProductOf(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b);

}  // namespace qalam
