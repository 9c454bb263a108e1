// SPDX-License-Identifier: Apache-2.0
#include "core/search_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_set>
#include <utility>

#include "core/codec.h"
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

std::optional<std::uint64_t> Cardinality(const std::vector<Parameter>& parameters) {
  constexpr std::uint64_t kMost = 1ull << 63;
  std::uint64_t product = 1;
  for (const Parameter& p : parameters) {
    if (p.levels == 0 || product > kMost / p.levels) return std::nullopt;
    product *= p.levels;
  }
  return product;
}

Status About(const std::string& name, const Status& status) {
  return Status(status.code(), fmt::format("parameter '{}': {}", name, status.message()));
}

}  // namespace

std::string_view ToString(ParameterType type) { return WordOf(kTypes, type); }
std::string_view ToString(Distribution distribution) { return WordOf(kDistributions, distribution); }
std::optional<ParameterType> ParseParameterType(std::string_view text) { return FindWord<ParameterType>(kTypes, text); }
std::optional<Distribution> ParseDistribution(std::string_view text) {
  return FindWord<Distribution>(kDistributions, text);
}

Result<SearchSpace> SearchSpace::Create(const std::vector<ParameterSpec>& specs) {
  SearchSpace space;
  std::vector<ParameterCodec> codecs;
  std::vector<std::string> faults;
  if (specs.empty()) faults.push_back("there are no parameters; a search space needs at least one");
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const ParameterSpec& spec = specs[i];
    if (spec.name.empty()) {
      faults.push_back(fmt::format("parameter {} has no name", i + 1));
    } else if (!names.insert(spec.name).second) {
      faults.push_back(fmt::format("parameter '{}': another parameter has the same name", spec.name));
    }
    const std::size_t before = faults.size();
    Parameter parameter = Checker(spec, &faults).Check();
    if (faults.size() > before) continue;
    Result<ParameterCodec> codec = ParameterCodec::Make(&parameter);
    if (!codec.ok()) {
      faults.push_back(About(spec.name, codec.status()).message());
      continue;
    }
    codecs.push_back(*std::move(codec));
    space.parameters_.push_back(std::move(parameter));
  }
  if (!faults.empty()) return InvalidArgument("{}", fmt::join(faults, "\n"));
  space.codecs_ = std::make_shared<const std::vector<ParameterCodec>>(std::move(codecs));
  space.cardinality_ = Cardinality(space.parameters_);
  return space;
}

Assignments SearchSpace::Decode(const Eigen::Ref<const Eigen::VectorXd>& unit) const {
  QALAM_CHECK(unit.size() == dim(), "a point has a coordinate for each parameter");
  Assignments out(parameters_.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].name = parameters_[i].name;
    (*codecs_)[i].Decode(parameters_[i], unit[static_cast<Eigen::Index>(i)], &out[i].value);
  }
  return out;
}

Result<std::size_t> SearchSpace::Find(const Assignment& assignment, std::size_t hint) const {
  if (hint < parameters_.size() && parameters_[hint].name == assignment.name) return hint;
  const auto it = std::ranges::find(parameters_, assignment.name, &Parameter::name);
  if (it == parameters_.end()) return InvalidArgument("parameter '{}' is not in the search space", assignment.name);
  return static_cast<std::size_t>(it - parameters_.begin());
}

Result<Eigen::VectorXd> SearchSpace::Encode(const Assignments& assignments) const {
  Eigen::VectorXd unit = Eigen::VectorXd::Constant(dim(), -1);  // -1: not given yet
  for (std::size_t i = 0; i < assignments.size(); ++i) {
    QALAM_TRY(const std::size_t at, Find(assignments[i], i));
    double& coordinate = unit[static_cast<Eigen::Index>(at)];
    if (coordinate >= 0) return InvalidArgument("parameter '{}' is given twice", assignments[i].name);
    const Result<double> encoded = (*codecs_)[at].Encode(parameters_[at], assignments[i].value);
    if (!encoded.ok()) return About(assignments[i].name, encoded.status());
    coordinate = *encoded;
  }
  for (Eigen::Index i = 0; i < unit.size(); ++i)
    if (unit[i] < 0) return InvalidArgument("parameter '{}' is missing", parameters_[static_cast<std::size_t>(i)].name);
  return unit;
}

Status SearchSpace::Check(const Assignments& assignments) const {
  std::vector<bool> given(parameters_.size());
  for (std::size_t i = 0; i < assignments.size(); ++i) {
    QALAM_TRY(const std::size_t at, Find(assignments[i], i));
    if (given[at]) return InvalidArgument("parameter '{}' is given twice", assignments[i].name);
    given[at] = true;
    const Status checked = (*codecs_)[at].Check(parameters_[at], assignments[i].value);
    if (!checked.ok()) return About(assignments[i].name, checked);
  }
  for (std::size_t i = 0; i < given.size(); ++i)
    if (!given[i]) return InvalidArgument("parameter '{}' is missing", parameters_[i].name);
  return OkStatus();
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
