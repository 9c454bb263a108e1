// SPDX-License-Identifier: Apache-2.0
#include "core/search_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_set>
#include <utility>

#include "core/codec.h"
#include "core/condition_tree.h"
#include "core/decimal.h"
#include "core/rng.h"
#include "core/words.h"

namespace qalam {
namespace {

constexpr std::array<std::string_view, 4> kTypes = {"double", "int", "discrete", "categorical"};
constexpr std::array<std::string_view, 4> kDistributions = {"uniform", "logUniform", "normal", "logNormal"};
constexpr double kLargestInt = 9007199254740992;  // 2^53: the whole numbers that a double holds exactly

// Reads one parameter and notes every fault it finds.
class Checker {
 public:
  Checker(const ParameterSpec& spec, std::vector<std::string>* faults) : spec_(spec), faults_(*faults) {
    parameter_.name = spec.name;
    parameter_.type = spec.type;
  }

  Parameter Check() {
    if (spec_.type == ParameterType::kDouble || spec_.type == ParameterType::kInt) {
      CheckRange();
    } else {
      CheckList();
    }
    return std::move(parameter_);
  }

 private:
  template <class... Args>
  void Fault(fmt::format_string<Args...> format, Args&&... args) {
    faults_.push_back(fmt::format("parameter '{}': {}", spec_.name, fmt::format(format, std::forward<Args>(args)...)));
  }

  std::optional<double> Number(std::string_view field, const std::string& text) {
    const std::optional<double> number = ParseNumber(text);
    if (!number) {
      Fault("{} '{}' is not a number; a finite one of at most 1e300 in size is expected", field, text);
    } else if (spec_.type == ParameterType::kInt && *number != std::floor(*number)) {
      Fault("{} {} is not a whole number, as an int needs; use type double for fractions", field, text);
    } else if (spec_.type == ParameterType::kInt && std::abs(*number) > kLargestInt) {
      Fault("{} {} is too large for an int: at most 2^53 = 9007199254740992 in size", field, text);
    } else {
      return number;
    }
    return std::nullopt;
  }

  std::optional<double> Bound(std::string_view field, const std::string& text) {
    if (!text.empty()) return Number(field, text);
    Fault("{} is missing; {} needs min and max", field, spec_.type == ParameterType::kInt ? "an int" : "a double");
    return std::nullopt;
  }

  void CheckRange() {
    const FeasibleSpace& space = spec_.feasible;
    parameter_.distribution = space.distribution;
    if (!space.list.empty())
      Fault("a list is for discrete and categorical; {} has min and max",
            spec_.type == ParameterType::kInt ? "an int" : "a double");
    const std::optional<double> min = Bound("min", space.min), max = Bound("max", space.max);
    if (min && max && *min > *max) Fault("min {} is greater than max {}", space.min, space.max);
    const bool log = space.distribution == Distribution::kLogUniform || space.distribution == Distribution::kLogNormal;
    if (min && log && *min <= 0)
      Fault("min {} must be greater than 0 for {}; a range that reaches 0 takes uniform or normal", space.min,
            ToString(space.distribution));
    if (min) parameter_.min = *min;
    if (max) parameter_.max = *max;
    CheckStep(min && max ? std::optional(*max - *min) : std::nullopt);
  }

  void CheckStep(std::optional<double> range) {
    const std::string& text = spec_.feasible.step;
    if (spec_.type == ParameterType::kInt) parameter_.step = 1;
    if (text.empty()) return;
    const std::optional<double> step = Number("step", text);
    if (!step) return;
    if (*step <= 0) {
      Fault("step {} must be greater than 0", text);
    } else if (range && *range > 0 && *step > *range * (1 + 1e-12)) {
      Fault("step {} is larger than max - min = {}", text, *range);
    } else {
      parameter_.step = *step;
    }
  }

  void CheckList() {
    const FeasibleSpace& space = spec_.feasible;
    const std::string_view kind = ToString(spec_.type);
    if (!space.min.empty() || !space.max.empty() || !space.step.empty())
      Fault("a {} has a list; min, max and step are for double and int", kind);
    if (space.list.empty()) Fault("list is empty; a {} needs at least one value", kind);
    if (spec_.type == ParameterType::kCategorical) {
      std::unordered_set<std::string_view> seen;
      for (const std::string& value : space.list)
        if (!seen.insert(value).second) Fault("list value '{}' is there twice", value);
      parameter_.list = space.list;
      return;
    }
    std::vector<std::pair<double, std::string>> values;
    for (const std::string& text : space.list)
      if (const std::optional<double> value = ParseNumber(text)) {
        values.emplace_back(*value, text);
      } else {
        Fault("list value '{}' is not a number; a discrete takes numbers, a categorical any text", text);
      }
    std::ranges::stable_sort(values, {}, &std::pair<double, std::string>::first);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0 && values[i].first == values[i - 1].first)
        Fault("list values '{}' and '{}' are the same number", values[i - 1].second, values[i].second);
      parameter_.list_values.push_back(values[i].first);
      parameter_.list.push_back(values[i].second);
    }
  }

  const ParameterSpec& spec_;
  std::vector<std::string>& faults_;
  Parameter parameter_;
};

Status About(const std::string& name, const Status& status) {
  return Status(status.code(), fmt::format("parameter '{}': {}", name, status.message()));
}

}  // namespace

const std::string* FindValue(const Assignments& assignments, std::string_view name) {
  const auto found = std::ranges::find(assignments, name, &Assignment::name);
  return found == assignments.end() ? nullptr : &found->value;
}

std::string_view ToString(ParameterType type) { return WordOf(kTypes, type); }
std::string_view ToString(Distribution distribution) { return WordOf(kDistributions, distribution); }
std::optional<ParameterType> ParseParameterType(std::string_view text) { return FindWord<ParameterType>(kTypes, text); }
std::optional<Distribution> ParseDistribution(std::string_view text) {
  return FindWord<Distribution>(kDistributions, text);
}

namespace {

// Each parameter by itself. One that is wrong has its name and its condition only, and no codec.
struct Checked {
  std::vector<Parameter> parameters;
  std::vector<std::optional<ParameterCodec>> codecs;
};

Checked CheckParameters(const std::vector<ParameterSpec>& specs, std::vector<std::string>* faults) {
  Checked out;
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const ParameterSpec& spec = specs[i];
    if (spec.name.empty()) {
      faults->push_back(fmt::format("parameter {} has no name", i + 1));
    } else if (!names.insert(spec.name).second) {
      faults->push_back(fmt::format("parameter '{}': another parameter has the same name", spec.name));
    }
    const std::size_t before = faults->size();
    Parameter parameter = Checker(spec, faults).Check();
    parameter.condition = spec.condition;
    std::optional<ParameterCodec>& codec = out.codecs.emplace_back();
    if (faults->size() == before) {
      Result<ParameterCodec> made = ParameterCodec::Make(&parameter);
      if (made.ok()) {
        codec = *std::move(made);
      } else {
        faults->push_back(About(spec.name, made.status()).message());
      }
    }
    out.parameters.push_back(std::move(parameter));
  }
  return out;
}

bool HasConditions(const std::vector<ParameterSpec>& specs) {
  return std::ranges::any_of(specs, [](const ParameterSpec& spec) { return spec.condition.has_value(); });
}

}  // namespace

Result<SearchSpace> SearchSpace::Create(const std::vector<ParameterSpec>& specs) {
  std::vector<std::string> faults;
  if (specs.empty()) faults.push_back("there are no parameters; a search space needs at least one");
  Checked checked = CheckParameters(specs, &faults);
  SearchSpace space;
  if (HasConditions(specs)) {
    std::vector<ConditionFault> wrong;
    space.tree_ =
        std::make_shared<const ConditionTree>(ConditionTree::Link(&checked.parameters, checked.codecs, &wrong));
    for (const ConditionFault& fault : wrong)
      faults.push_back(fmt::format("parameter '{}': {}", specs[fault.parameter].name, fault.text));
  }
  if (!faults.empty()) return InvalidArgument("{}", fmt::join(faults, "\n"));
  std::vector<ParameterCodec> codecs;
  for (std::optional<ParameterCodec>& codec : checked.codecs) codecs.push_back(*std::move(codec));
  space.codecs_ = std::make_shared<const std::vector<ParameterCodec>>(std::move(codecs));
  space.parameters_ = std::move(checked.parameters);
  space.cardinality_ = 1;
  for (Eigen::Index i = 0; i < space.dim(); ++i) {
    if (!space.parameters_[static_cast<std::size_t>(i)].condition)
      space.cardinality_ = ProductOf(space.cardinality_, space.CardinalityOf(i));
  }
  return space;
}

std::vector<SearchSpace::ConditionFault> SearchSpace::FindConditionFaults(const std::vector<ParameterSpec>& specs) {
  std::vector<ConditionFault> faults;
  std::vector<std::string> others;
  Checked checked = CheckParameters(specs, &others);
  ConditionTree::Link(&checked.parameters, checked.codecs, &faults);
  return faults;
}

std::vector<char> SearchSpace::ActiveAt(const Eigen::Ref<const Eigen::VectorXd>& unit) const {
  QALAM_CHECK(unit.size() == dim(), "a point has a coordinate for each parameter");
  std::vector<char> active(parameters_.size(), 1);
  if (!tree_) return active;
  for (const std::size_t i : tree_->order()) {
    const std::size_t parent = parameters_[i].parent;
    active[i] = active[parent] &&
                tree_->Allows(i, parameters_[parent], (*codecs_)[parent], unit[static_cast<Eigen::Index>(parent)]);
  }
  return active;
}

void SearchSpace::Rest(Eigen::VectorXd* unit) const {
  if (!tree_) return;
  const std::vector<char> active = ActiveAt(*unit);
  for (const std::size_t i : tree_->order()) {
    if (!active[i]) (*unit)[static_cast<Eigen::Index>(i)] = tree_->rest(i);
  }
}

double SearchSpace::RestOf(Eigen::Index parameter) const {
  QALAM_CHECK(tree_, "parameters rest where there are conditions");
  return tree_->rest(static_cast<std::size_t>(parameter));
}

const std::vector<SearchSpace::Branch>& SearchSpace::BranchesOf(Eigen::Index parameter) const {
  static const std::vector<Branch> kNone;
  return tree_ ? tree_->branches(static_cast<std::size_t>(parameter)) : kNone;
}

std::optional<std::uint64_t> SearchSpace::CardinalityOf(Eigen::Index parameter) const {
  const auto i = static_cast<std::size_t>(parameter);
  if (tree_) return tree_->cardinality(i);
  const std::uint64_t levels = parameters_[i].levels;
  return levels == 0 ? std::nullopt : std::optional(levels);
}

Assignments SearchSpace::DropInactive(Assignments* assignments) const {
  Assignments dropped;
  if (!tree_) return dropped;
  std::vector<const std::string*> value(parameters_.size());
  for (std::size_t i = 0; i < assignments->size(); ++i) {
    if (const Result<std::size_t> at = Find((*assignments)[i], i); at.ok()) value[*at] = &(*assignments)[i].value;
  }
  std::vector<char> inactive(parameters_.size());
  for (const std::size_t i : tree_->order()) {
    const std::size_t parent = parameters_[i].parent;
    if (inactive[parent]) {
      inactive[i] = 1;
    } else if (value[parent] != nullptr) {
      const auto allowed = tree_->Allows(i, parameters_[parent], (*codecs_)[parent], *value[parent]);
      inactive[i] = allowed && !*allowed;
    }
  }
  Assignments kept;
  for (std::size_t i = 0; i < assignments->size(); ++i) {
    const Result<std::size_t> at = Find((*assignments)[i], i);
    (at.ok() && inactive[*at] ? dropped : kept).push_back((*assignments)[i]);
  }
  *assignments = std::move(kept);
  return dropped;
}

void SearchSpace::FillInactive(Assignments* assignments) const {
  if (!tree_) return;
  Assignments all;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const std::string* given = FindValue(*assignments, parameters_[i].name);
    all.push_back(
        {parameters_[i].name, given != nullptr ? *given : TextAt(static_cast<Eigen::Index>(i), tree_->rest(i))});
  }
  *assignments = std::move(all);
}

std::string SearchSpace::TextAt(Eigen::Index parameter, double unit) const {
  const auto i = static_cast<std::size_t>(parameter);
  std::string text;
  (*codecs_)[i].Decode(parameters_[i], unit, &text);
  return text;
}

Result<double> SearchSpace::CoordinateOf(Eigen::Index parameter, std::string_view text) const {
  const auto i = static_cast<std::size_t>(parameter);
  Result<double> coordinate = (*codecs_)[i].Encode(parameters_[i], text);
  if (!coordinate.ok()) return About(parameters_[i].name, coordinate.status());
  return coordinate;
}

Assignments SearchSpace::Decode(const Eigen::Ref<const Eigen::VectorXd>& unit) const {
  QALAM_CHECK(unit.size() == dim(), "a point has a coordinate for each parameter");
  Assignments out(parameters_.size());
  std::size_t used = 0;
  const std::vector<char> active = tree_ ? ActiveAt(unit) : std::vector<char>();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (tree_ && !active[i]) continue;
    Assignment& to = out[used++];
    to.name = parameters_[i].name;
    (*codecs_)[i].Decode(parameters_[i], unit[static_cast<Eigen::Index>(i)], &to.value);
  }
  out.resize(used);
  return out;
}

Result<std::size_t> SearchSpace::Find(const Assignment& assignment, std::size_t hint) const {
  if (hint < parameters_.size() && parameters_[hint].name == assignment.name) return hint;
  const auto it = std::ranges::find(parameters_, assignment.name, &Parameter::name);
  if (it == parameters_.end()) return InvalidArgument("parameter '{}' is not in the search space", assignment.name);
  return static_cast<std::size_t>(it - parameters_.begin());
}

Result<Eigen::VectorXd> SearchSpace::Encode(const Assignments& assignments) const {
  Eigen::VectorXd unit = Eigen::VectorXd::Constant(dim(), -1);  // -1: not given
  for (std::size_t i = 0; i < assignments.size(); ++i) {
    QALAM_TRY(const std::size_t at, Find(assignments[i], i));
    double& coordinate = unit[static_cast<Eigen::Index>(at)];
    if (coordinate >= 0) return InvalidArgument("parameter '{}' is given twice", assignments[i].name);
    const Result<double> encoded = (*codecs_)[at].Encode(parameters_[at], assignments[i].value);
    if (!encoded.ok()) return About(assignments[i].name, encoded.status());
    coordinate = *encoded;
  }
  std::vector<char> given(parameters_.size());
  for (std::size_t i = 0; i < given.size(); ++i) given[i] = unit[static_cast<Eigen::Index>(i)] >= 0;
  if (tree_) {
    // What is not there rests; where it is active, that is told below.
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!given[i]) unit[static_cast<Eigen::Index>(i)] = tree_->rest(i);
    }
  }
  QALAM_RETURN_IF_ERROR(CheckGiven(given, unit));
  return unit;
}

// Whether the active parameters are given, and no others. `unit` has the coordinates of those that are.
Status SearchSpace::CheckGiven(const std::vector<char>& given, const Eigen::VectorXd& unit) const {
  const std::vector<char> active = tree_ ? ActiveAt(unit) : std::vector<char>(given.size(), 1);
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    if (active[i] && !given[i]) return InvalidArgument("parameter '{}' is missing", parameter.name);
    if (!active[i] && given[i] && active[parameter.parent] && given[parameter.parent])
      return InvalidArgument("parameter '{}' is given, which is there only if {}", parameter.name,
                             ConditionText(*parameter.condition));
  }
  // Below a parameter that is not active nothing is.
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!active[i] && given[i])
      return InvalidArgument("parameter '{}' is given, and '{}', which it depends on, is not there",
                             parameters_[i].name, parameters_[parameters_[i].parent].name);
  }
  return OkStatus();
}

Status SearchSpace::Check(const Assignments& assignments) const {
  if (tree_) return Encode(assignments).status();
  std::vector<char> given(parameters_.size());
  for (std::size_t i = 0; i < assignments.size(); ++i) {
    QALAM_TRY(const std::size_t at, Find(assignments[i], i));
    if (given[at]) return InvalidArgument("parameter '{}' is given twice", assignments[i].name);
    given[at] = 1;
    const Status checked = (*codecs_)[at].Check(parameters_[at], assignments[i].value);
    if (!checked.ok()) return About(assignments[i].name, checked);
  }
  return CheckGiven(given, {});
}

void SearchSpace::MoveToSteps(Assignments* assignments) const {
  for (std::size_t i = 0; i < assignments->size(); ++i) {
    const Result<std::size_t> at = Find((*assignments)[i], i);
    if (at.ok()) (*codecs_)[*at].MoveToStep(parameters_[*at], &(*assignments)[i].value);
  }
}

std::uint64_t SearchSpace::LevelOf(Eigen::Index parameter, double unit) const {
  const auto i = static_cast<std::size_t>(parameter);
  QALAM_CHECK(i < parameters_.size() && parameters_[i].levels > 0, "a finite parameter has levels");
  return (*codecs_)[i].LevelOf(parameters_[i], unit);
}

double SearchSpace::UnitOf(Eigen::Index parameter, std::uint64_t level) const {
  const auto i = static_cast<std::size_t>(parameter);
  QALAM_CHECK(i < parameters_.size() && level < parameters_[i].levels, "a level is below the parameter's levels");
  return (*codecs_)[i].UnitOf(parameters_[i], level);
}

std::uint64_t AssignmentsKey(const Assignments& assignments) {
  std::uint64_t sum = 0;  // the same in any order
  for (const Assignment& a : assignments) sum += MixHash(StableHash(a.name), StableHash(a.value));
  return MixHash(sum, assignments.size());
}

}  // namespace qalam
