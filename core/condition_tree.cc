// SPDX-License-Identifier: Apache-2.0
#include "core/condition_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/decimal.h"
#include "core/diagnostic.h"

namespace qalam {
namespace {

constexpr std::uint64_t kMost = 1ull << 63;

bool Holds(Relation relation, double value, double bound) {
  switch (relation) {
    case Relation::kAtLeast: return value >= bound;
    case Relation::kAbove: return value > bound;
    case Relation::kAtMost: return value <= bound;
    case Relation::kBelow: return value < bound;
    default: return false;
  }
}

double NumberAt(const Parameter& parameter, const ParameterCodec& codec, double unit) {
  std::string text;
  codec.Decode(parameter, unit, &text);
  return ParseNumber(text).value_or(0);
}

std::optional<std::uint64_t> SumOf(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) {
  if (!a || !b || *a > kMost - *b) return std::nullopt;
  return *a + *b;
}

}  // namespace

std::optional<std::uint64_t> ProductOf(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) {
  if (!a || !b || (*b != 0 && *a > kMost / *b)) return std::nullopt;
  return *a * *b;
}

ConditionTree ConditionTree::Link(std::vector<Parameter>* parameters,
                                  const std::vector<std::optional<ParameterCodec>>& codecs,
                                  std::vector<SearchSpace::ConditionFault>* faults) {
  std::vector<Parameter>& all = *parameters;
  ConditionTree tree;
  tree.gates_.resize(all.size());
  tree.branches_.resize(all.size());
  tree.cardinality_.resize(all.size());
  const std::size_t before = faults->size();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].condition) continue;
    const ParameterCondition& condition = *all[i].condition;
    const auto fault = [&](const std::string& text) {
      faults->push_back({i, fmt::format("condition '{}': {}", ConditionText(condition), text)});
    };
    const auto parent = std::ranges::find(all, condition.parent, &Parameter::name);
    if (parent == all.end()) {
      std::vector<std::string> names;
      for (const Parameter& p : all) {
        if (p.name != all[i].name) names.push_back(p.name);
      }
      const std::string nearest = NearestWord(condition.parent, names);
      fault(fmt::format("there is no parameter '{}'{}", condition.parent,
                        nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest)));
      continue;
    }
    all[i].parent = static_cast<std::size_t>(parent - all.begin());
    if (all[i].parent == i) {
      fault("a parameter cannot depend on itself");
      continue;
    }
    const std::optional<ParameterCodec>& codec = codecs[all[i].parent];
    if (!codec) continue;
    if (const auto text = tree.Compile(*parent, *codec, condition, &tree.gates_[i])) fault(*text);
  }
  if (faults->size() > before) return tree;
  tree.OrderParameters(all, faults);
  if (faults->size() > before || !std::ranges::all_of(codecs, [](const auto& c) { return c.has_value(); })) return tree;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool finite = all[i].levels > 0;
    tree.rest_.push_back(finite ? codecs[i]->UnitOf(all[i], codecs[i]->LevelOf(all[i], 0.5)) : 0.5);
  }
  tree.FindBranches(all);
  return tree;
}

// Which levels of the parent it means. The fault is told from there.
std::optional<std::string> ConditionTree::Compile(const Parameter& parent, const ParameterCodec& codec,
                                                  const ParameterCondition& condition, Gate* gate) const {
  const auto bounds = [&parent] { return fmt::format("it goes from {} to {}", parent.min, parent.max); };
  const bool number = parent.type != ParameterType::kCategorical;
  if (IsOrder(condition.relation)) {
    if (!number) {
      return fmt::format("'{}' is a categorical, its values have no order; write  {} in [A, B]", parent.name,
                         parent.name);
    }
    const std::optional<double> bound = ParseNumber(condition.values[0]);
    if (!bound) return fmt::format("'{}' is not a number, as '{}' is", condition.values[0], parent.name);
    gate->relation = condition.relation;
    gate->bound = *bound;
    const auto holds = [&](double value) { return Holds(condition.relation, value, *bound); };
    if (parent.levels == 0) {
      if (!holds(parent.min) && !holds(parent.max)) return "it is never so: " + bounds();
      return std::nullopt;
    }
    // Values rise with their levels: one run at either end.
    const auto at = [&](std::uint64_t level) { return holds(NumberAt(parent, codec, codec.UnitOf(parent, level))); };
    const bool upwards = condition.relation == Relation::kAtLeast || condition.relation == Relation::kAbove;
    std::uint64_t low = 0, high = parent.levels;  // the first level where an upward one holds, a downward one does not
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      (at(middle) == upwards ? high : low) = at(middle) == upwards ? middle : middle + 1;
    }
    if (upwards ? low == parent.levels : low == 0) {
      return "it is never so: " +
             (parent.list.empty() ? bounds() : fmt::format("it has {}", fmt::join(parent.list, ", ")));
    }
    gate->levels = upwards ? Runs{{low, parent.levels - 1}} : Runs{{0, low - 1}};
    return std::nullopt;
  }
  if (parent.levels == 0) {
    return fmt::format("'{}' is continuous and hardly ever has one certain value; write  {} >= {}", parent.name,
                       parent.name, condition.values[0]);
  }
  std::set<std::uint64_t> levels;
  for (const std::string& value : condition.values) {
    const Result<double> unit = codec.Encode(parent, value);
    if (!unit.ok()) {
      if (parent.list.empty()) return unit.status().message();
      const std::string nearest = NearestWord(value, parent.list);
      return fmt::format("'{}' has no value '{}'; {}", parent.name, value,
                         nearest.empty() ? fmt::format("it has {}", fmt::join(parent.list, ", "))
                                         : fmt::format("did you mean '{}'?", nearest));
    }
    if (!levels.insert(codec.LevelOf(parent, *unit)).second) return fmt::format("value '{}' is there twice", value);
  }
  const bool inside = condition.relation == Relation::kIn;
  if (!inside && levels.size() == parent.levels)
    return fmt::format("it is never so: '{}' has no other value", parent.name);
  std::uint64_t next = 0;  // the first level that is not judged
  for (const std::uint64_t level : levels) {
    if (!inside && level > next) gate->levels.emplace_back(next, level - 1);
    if (inside && !gate->levels.empty() && gate->levels.back().second + 1 == level) {
      gate->levels.back().second = level;
    } else if (inside) {
      gate->levels.emplace_back(level, level);
    }
    next = level + 1;
  }
  if (!inside && next < parent.levels) gate->levels.emplace_back(next, parent.levels - 1);
  return std::nullopt;
}

void ConditionTree::OrderParameters(const std::vector<Parameter>& parameters,
                                    std::vector<SearchSpace::ConditionFault>* faults) {
  std::vector<char> done(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) done[i] = parameters[i].condition ? 0 : 1;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    std::vector<std::size_t> way;  // from the parameter up to one that has its place
    for (std::size_t at = i; !done[at]; at = parameters[at].parent) {
      if (const auto met = std::ranges::find(way, at); met != way.end()) {
        std::string circle;
        for (auto step = met; step != way.end(); ++step) circle += parameters[*step].name + " -> ";
        faults->push_back({*met, fmt::format("condition '{}': parameters depend on each other in a circle: {}{}",
                                             ConditionText(*parameters[*met].condition), circle, parameters[at].name)});
        for (const std::size_t step : way) done[step] = 1;
        return;
      }
      way.push_back(at);
    }
    for (const std::size_t step : way) done[step] = 1;
    order_.insert(order_.end(), way.rbegin(), way.rend());
  }
}

void ConditionTree::FindBranches(const std::vector<Parameter>& parameters) {
  std::vector<std::vector<std::size_t>> children(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].condition) children[parameters[i].parent].push_back(i);
  }
  const auto count = [&](std::size_t i) {
    const std::uint64_t levels = parameters[i].levels;
    if (levels == 0) return;
    if (children[i].empty()) {
      cardinality_[i] = levels;
      return;
    }
    std::set<std::uint64_t> starts = {0};
    for (const std::size_t child : children[i]) {
      for (const auto& [first, last] : gates_[child].levels) {
        starts.insert(first);
        if (last + 1 < levels) starts.insert(last + 1);
      }
    }
    std::optional<std::uint64_t> sum = 0;
    for (auto start = starts.begin(); start != starts.end(); ++start) {
      const auto next = std::next(start);
      SearchSpace::Branch branch{*start, next == starts.end() ? levels - 1 : *next - 1, {}};
      std::optional<std::uint64_t> points = branch.last - branch.first + 1;
      for (const std::size_t child : children[i]) {
        const auto within = [&](const auto& run) { return run.first <= branch.first && branch.first <= run.second; };
        if (!std::ranges::any_of(gates_[child].levels, within)) continue;
        branch.children.push_back(child);
        points = ProductOf(points, cardinality_[child]);
      }
      sum = SumOf(sum, points);
      branches_[i].push_back(std::move(branch));
    }
    cardinality_[i] = sum;
  };
  // Children first.
  for (auto i = order_.rbegin(); i != order_.rend(); ++i) count(*i);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i].condition) count(i);
  }
}

bool ConditionTree::Allows(std::size_t child, const Parameter& parent, const ParameterCodec& codec, double unit) const {
  const Gate& gate = gates_[child];
  if (parent.levels == 0) return Holds(gate.relation, NumberAt(parent, codec, unit), gate.bound);
  const std::uint64_t level = codec.LevelOf(parent, unit);
  return std::ranges::any_of(gate.levels, [&](const auto& run) { return run.first <= level && level <= run.second; });
}

std::optional<bool> ConditionTree::Allows(std::size_t child, const Parameter& parent, const ParameterCodec& codec,
                                          std::string_view text) const {
  const Result<double> unit = codec.Encode(parent, text);
  if (!unit.ok()) return std::nullopt;
  return Allows(child, parent, codec, *unit);
}

}  // namespace qalam
