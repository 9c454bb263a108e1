// SPDX-License-Identifier: Apache-2.0
// The search space and its one codec between assignments (text, as on the wire) and the unit cube.
// Every algorithm works in the cube; nothing else does.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/condition.h"
#include "core/status.h"

namespace qalam {

enum class ParameterType { kDouble, kInt, kDiscrete, kCategorical };
enum class Distribution { kUniform, kLogUniform, kNormal, kLogNormal };

// Katib's words: "double", "logUniform".
std::string_view ToString(ParameterType type);
std::string_view ToString(Distribution distribution);
std::optional<ParameterType> ParseParameterType(std::string_view text);
std::optional<Distribution> ParseDistribution(std::string_view text);

// What the Experiment says of a parameter, text as it was written.
struct FeasibleSpace {
  std::string min, max, step;
  std::vector<std::string> list;
  Distribution distribution = Distribution::kUniform;
};
struct ParameterSpec {
  std::string name;
  ParameterType type = ParameterType::kDouble;
  FeasibleSpace feasible;
  std::optional<ParameterCondition> condition = std::nullopt;  // none: it is always there
};

struct Assignment {
  std::string name, value;
  bool operator==(const Assignment&) const = default;
};
using Assignments = std::vector<Assignment>;
const std::string* FindValue(const Assignments& assignments, std::string_view name);  // nullptr: none has this name

// A parameter, checked. Finite kinds (int, stepped double, discrete, categorical) have levels 0..levels-1.
struct Parameter {
  std::string name;
  ParameterType type = ParameterType::kDouble;
  Distribution distribution = Distribution::kUniform;
  double min = 0, max = 0;          // double, int
  std::optional<double> step;       // set for int (default 1) and stepped doubles
  std::vector<std::string> list;    // discrete: sorted by value; categorical: as written
  std::vector<double> list_values;  // discrete only, beside `list`
  std::uint64_t levels = 0;         // 0: continuous
  std::optional<ParameterCondition> condition;
  std::size_t parent = 0;  // with a condition: index of the parameter that it names
};

class ParameterCodec;
class ConditionTree;

// Immutable; parameters keep the order of the Experiment. Thread-safe to read.
//
// A parameter with a condition is active while its parent is and has one of the condition's values. Assignments hold
// the active ones alone. In the cube the coordinate of an inactive parameter rests in the middle (of a level, if it has
// levels): points that differ in nothing active are the same point once they are at rest. What Encode makes is.
class SearchSpace {
 public:
  // Faults name the parameter: "parameter 'lr': min 0.1 is greater than max 0.001". All of them, one a line.
  static Result<SearchSpace> Create(const std::vector<ParameterSpec>& specs);

  Eigen::Index dim() const { return static_cast<Eigen::Index>(parameters_.size()); }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  // Number of distinct points, at rest; nullopt when a parameter is continuous, or there are more than 2^63.
  std::optional<std::uint64_t> cardinality() const { return cardinality_; }

  // Text of any point of the cube. Total: coordinates are clamped to [0, 1], NaN counts as 0.5.
  // Equal mass a level for finite kinds; truncated normal with mu = (min+max)/2, sigma = (max-min)/6 as Katib's.
  Assignments Decode(const Eigen::Ref<const Eigen::VectorXd>& unit) const;
  // Decode(Encode(a)) == a for every a that Decode made. Level values map to the middle of their interval.
  // INVALID_ARGUMENT names the parameter that is missing, unknown, not active, out of range, off the step or not in the
  // list.
  Result<Eigen::VectorXd> Encode(const Assignments& assignments) const;
  // As Encode, but without building the point: is this legal to launch?
  Status Check(const Assignments& assignments) const;

  // Moves numbers that lie between two steps to the nearer one, as other people's algorithms leave it to us. All else,
  // legal or not, stays as it is.
  void MoveToSteps(Assignments* assignments) const;

  // What is wrong with the conditions, by parameter; parameters that are wrong themselves are not looked into.
  struct ConditionFault {
    std::size_t parameter;
    std::string text;  // "condition 'opt == sgdd': 'opt' has no value 'sgdd'; did you mean 'sgd'?"
  };
  static std::vector<ConditionFault> FindConditionFaults(const std::vector<ParameterSpec>& specs);

  bool conditional() const { return tree_ != nullptr; }  // some parameter has a condition
  // By parameter: 1 where it is active. Coordinates of inactive ones do not matter.
  std::vector<char> ActiveAt(const Eigen::Ref<const Eigen::VectorXd>& unit) const;
  // Moves the coordinates of inactive parameters to where they rest. At once where there is no condition.
  void Rest(Eigen::VectorXd* unit) const;
  double RestOf(Eigen::Index parameter) const;
  // Takes out values of parameters that are not active, as services leave them in that know no conditions. Those below
  // a parent without a legal value stay: Check has a word for that. Returns what was taken out.
  Assignments DropInactive(Assignments* assignments) const;
  // Adds each parameter that is not active with the value it rests at, for services that want all; in the order of the
  // space.
  void FillInactive(Assignments* assignments) const;
  // Levels first .. last of a finite parameter let the same children be active: those, by index, in their order. The
  // runs cover all levels, in their order. Empty where nobody depends on the parameter.
  struct Branch {
    std::uint64_t first, last;
    std::vector<std::size_t> children;
  };
  const std::vector<Branch>& BranchesOf(Eigen::Index parameter) const;
  // Number of distinct points of a parameter with all that hangs below it; nullopt as for `cardinality`.
  std::optional<std::uint64_t> CardinalityOf(Eigen::Index parameter) const;

  // One parameter by itself: the text of a coordinate, and back. INVALID_ARGUMENT as for Encode.
  std::string TextAt(Eigen::Index parameter, double unit) const;
  Result<double> CoordinateOf(Eigen::Index parameter, std::string_view text) const;

  // Finite kinds: level of a coordinate, and the coordinate in the middle of a level.
  std::uint64_t LevelOf(Eigen::Index parameter, double unit) const;
  double UnitOf(Eigen::Index parameter, std::uint64_t level) const;

 private:
  // Which parameter an assignment is for; `hint` is where it stands in the list, mostly the same.
  Result<std::size_t> Find(const Assignment& assignment, std::size_t hint) const;
  Status CheckGiven(const std::vector<char>& given, const Eigen::VectorXd& unit) const;

  std::vector<Parameter> parameters_;
  std::shared_ptr<const std::vector<ParameterCodec>> codecs_;  // beside parameters_; copies share it
  std::shared_ptr<const ConditionTree> tree_;                  // null: no conditions
  std::optional<std::uint64_t> cardinality_;
};

// One key for a set of assignments whatever their order: equal text, equal key. For "already proposed?" sets.
std::uint64_t AssignmentsKey(const Assignments& assignments);

}  // namespace qalam
