// SPDX-License-Identifier: Apache-2.0
#include "core/condition.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/rng.h"
#include "core/search_space.h"

namespace qalam {
namespace {

ParameterSpec Choice(std::string name, std::vector<std::string> list, std::string_view condition = "") {
  ParameterSpec spec{std::move(name), ParameterType::kCategorical, {}, std::nullopt};
  spec.feasible.list = std::move(list);
  if (!condition.empty()) spec.condition = *ParseCondition(condition);
  return spec;
}
ParameterSpec Number(std::string name, ParameterType type, std::string min, std::string max,
                     std::string_view condition = "") {
  ParameterSpec spec{std::move(name), type, {}, std::nullopt};
  spec.feasible.min = std::move(min);
  spec.feasible.max = std::move(max);
  if (!condition.empty()) spec.condition = *ParseCondition(condition);
  return spec;
}

TEST(Condition, IsReadAsItIsWritten) {
  const ParameterCondition condition = *ParseCondition(" optimizer  in [sgd, 'a, b',\"c\"] , else  0 ");
  EXPECT_EQ(condition.parent, "optimizer");
  EXPECT_EQ(condition.relation, Relation::kIn);
  EXPECT_EQ(condition.values, (std::vector<std::string>{"sgd", "a, b", "c"}));
  EXPECT_EQ(condition.otherwise, "0");
  EXPECT_EQ(ToString(condition), "optimizer in [sgd, \"a, b\", c], else 0");
  EXPECT_EQ(ToString(*ParseCondition("x>=2")), "x >= 2");
  EXPECT_EQ(ToString(*ParseCondition("x != a b, else ''")), "x != a b, else \"\"");
  EXPECT_EQ(ToString(*ParseCondition("x not in [a,b]")), "x not in [a, b]");
  EXPECT_EQ(ToString(*ParseCondition("x in [a]")), "x == a");
  EXPECT_EQ(ParseCondition("inner == in")->parent, "inner");
  EXPECT_EQ(ParseCondition("x == a, else b, c")->otherwise, "b, c");
}

TEST(Condition, WhatIsWrongIsSaid) {
  for (const auto& [text, words] : std::vector<std::pair<std::string, std::string>>{
           {"", "there is no condition"},
           {"== a", "the parent's name is missing"},
           {"x", "alone says no values"},
           {"x = a", "'=' is not a comparison"},
           {"x is a", "'is a' is not a comparison"},
           {"x ==", "a value is missing after '=='"},
           {"x in a", "a list in brackets is missing"},
           {"x in [a", "']' at the end"},
           {"x in [a,,b]", "a value is missing in the list"},
           {"x in []", "a value is missing in the list"},
           {"x not [a]", "'in' is missing after 'not'"},
           {"x == a, b", "'b' is not expected after the comma"},
           {"x == a, else", "a value is missing after 'else'"},
           {"x == a, else 'b' c", "one thing too many"},
           {"x == 'a", "a ' without its end"},
           {"x in [a] b", "'b' is one thing too many"},
       }) {
    const Result<ParameterCondition> condition = ParseCondition(text);
    ASSERT_FALSE(condition.ok()) << text;
    EXPECT_NE(condition.status().message().find(words), std::string::npos)
        << text << ": " << condition.status().message();
  }
}

// Any condition of any texts reads back as it was.
TEST(Condition, TextReadsBackAsEqual) {
  constexpr std::string_view kSigns = "ab 0.,[]'\"\\\n\t=!<>#{}:-in";
  Rng rng(7, "test.condition", 0);
  const auto word = [&](std::size_t least) {
    std::string out;
    const std::size_t size = least + static_cast<std::size_t>(rng.Below(6));
    while (out.size() < size) out += kSigns[static_cast<std::size_t>(rng.Below(kSigns.size()))];
    return out;
  };
  for (int i = 0; i < 20'000; ++i) {
    ParameterCondition condition{word(1), static_cast<Relation>(rng.Below(6)), {}, std::nullopt};
    const std::size_t values = IsOrder(condition.relation) ? 1 : 1 + static_cast<std::size_t>(rng.Below(3));
    while (condition.values.size() < values) condition.values.push_back(word(0));
    if (rng.Below(2) == 0) condition.otherwise = word(0);
    const std::string text = ToString(condition);
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    const Result<ParameterCondition> again = ParseCondition(text);
    ASSERT_TRUE(again.ok()) << text << ": " << again.status().message();
    EXPECT_EQ(*again, condition) << text;
  }
}

TEST(Condition, AssignmentsHoldTheActiveParametersAlone) {
  const SearchSpace space = *SearchSpace::Create({
      Choice("opt", {"sgd", "adam"}),
      Number("momentum", ParameterType::kDouble, "0", "1", "opt == sgd, else 0"),
      Number("layers", ParameterType::kInt, "1", "4"),
      Number("dropout", ParameterType::kDouble, "0", "0.5", "layers >= 3"),
  });
  Eigen::VectorXd unit(4);
  unit << 0.9, 0.123, 0.9, 0.5;
  EXPECT_EQ(space.Decode(unit), (Assignments{{"opt", "adam"}, {"layers", "4"}, {"dropout", "0.25"}}));
  const Eigen::VectorXd encoded = *space.Encode(space.Decode(unit));
  EXPECT_EQ(encoded[1], 0.5);  // at rest
  unit[0] = encoded[0], unit[2] = encoded[2];
  space.Rest(&unit);
  EXPECT_EQ(unit, encoded);
  EXPECT_FALSE(space.cardinality().has_value());
  EXPECT_EQ(space.Encode({{"opt", "adam"}, {"momentum", "0.5"}, {"layers", "1"}}).status().message(),
            "parameter 'momentum' is given, which is there only if opt == sgd");
  EXPECT_EQ(space.Check({{"opt", "sgd"}, {"layers", "1"}}).message(), "parameter 'momentum' is missing");
  Assignments all = {{"opt", "adam"}, {"momentum", "0.5"}, {"layers", "1"}, {"dropout", "0.1"}};
  EXPECT_EQ(space.DropInactive(&all), (Assignments{{"momentum", "0.5"}, {"dropout", "0.1"}}));
  EXPECT_EQ(all, (Assignments{{"opt", "adam"}, {"layers", "1"}}));
  space.FillInactive(&all);
  EXPECT_EQ(all, (Assignments{{"opt", "adam"}, {"momentum", "0.5"}, {"layers", "1"}, {"dropout", "0.25"}}));
}

TEST(Condition, FaultsNameTheParameterAndWhatToDo) {
  const auto fault = [](std::vector<ParameterSpec> specs) {
    const Result<SearchSpace> space = SearchSpace::Create(specs);
    return space.ok() ? "" : space.status().message();
  };
  const ParameterSpec opt = Choice("opt", {"sgd", "adam"}), x = Number("x", ParameterType::kDouble, "0", "1");
  const auto child = [](std::string_view condition) { return Choice("c", {"1", "2"}, condition); };
  EXPECT_EQ(fault({opt, child("opt == sgdd")}),
            "parameter 'c': condition 'opt == sgdd': 'opt' has no value 'sgdd'; did you mean 'sgd'?");
  EXPECT_EQ(fault({opt, child("opr == sgd")}),
            "parameter 'c': condition 'opr == sgd': there is no parameter 'opr'; did you mean 'opt'?");
  EXPECT_EQ(fault({opt, child("opt >= sgd")}),
            "parameter 'c': condition 'opt >= sgd': 'opt' is a categorical, its values have no order; write  opt in "
            "[A, B]");
  EXPECT_EQ(fault({x, child("x == 0.5")}),
            "parameter 'c': condition 'x == 0.5': 'x' is continuous and hardly ever has one certain value; write  x >= "
            "0.5");
  EXPECT_EQ(fault({x, child("x > 1")}), "parameter 'c': condition 'x > 1': it is never so: it goes from 0 to 1");
  EXPECT_EQ(fault({child("c == 1")}), "parameter 'c': condition 'c == 1': a parameter cannot depend on itself");
  EXPECT_EQ(fault({Choice("a", {"1", "2"}, "b == 1"), Choice("b", {"1", "2"}, "a == 1")}),
            "parameter 'a': condition 'b == 1': parameters depend on each other in a circle: a -> b -> a");
}

// Random trees of conditions over parameters of every kind.
class RandomSpace {
 public:
  explicit RandomSpace(std::uint64_t seed) : rng_(seed, "test.space", 0) {}

  std::vector<ParameterSpec> Specs(bool finite) {
    std::vector<ParameterSpec> specs;
    const std::size_t count = 2 + static_cast<std::size_t>(rng_.Below(6));
    for (std::size_t i = 0; i < count; ++i) {
      ParameterSpec spec = One("p" + std::to_string(i), finite);
      if (i > 0 && rng_.Below(4) != 0) Depend(specs[static_cast<std::size_t>(rng_.Below(i))], &spec);
      specs.push_back(std::move(spec));
    }
    for (std::size_t i = specs.size(); i > 1; --i)
      std::swap(specs[i - 1], specs[static_cast<std::size_t>(rng_.Below(i))]);
    return specs;
  }
  Rng& rng() { return rng_; }

 private:
  ParameterSpec One(std::string name, bool finite) {
    switch (rng_.Below(finite ? 4 : 6)) {
      case 0: return Choice(std::move(name), {"a", "b", "c"});
      case 1: return Number(std::move(name), ParameterType::kInt, "-1", "2");
      case 2: {
        ParameterSpec spec{std::move(name), ParameterType::kDiscrete, {}, std::nullopt};
        spec.feasible.list = {"10", "0.5", "3"};
        return spec;
      }
      case 3: {
        ParameterSpec spec = Number(std::move(name), ParameterType::kDouble, "0", "1");
        spec.feasible.step = "0.25";
        return spec;
      }
      case 4: return Number(std::move(name), ParameterType::kDouble, "-1", "3");
      default: {
        ParameterSpec spec = Number(std::move(name), ParameterType::kDouble, "1e-4", "1");
        spec.feasible.distribution = Distribution::kLogUniform;
        return spec;
      }
    }
  }
  void Depend(const ParameterSpec& parent, ParameterSpec* spec) {
    const SearchSpace space = *SearchSpace::Create({Bare(parent)});
    const auto value = [&] { return space.TextAt(0, rng_.Uniform()); };
    const bool continuous = space.parameters()[0].levels == 0, word = parent.type == ParameterType::kCategorical;
    for (;;) {
      ParameterCondition condition{parent.name, static_cast<Relation>(rng_.Below(6)), {value()}, std::nullopt};
      if (IsOrder(condition.relation) ? word : continuous) continue;
      if (!IsOrder(condition.relation) && rng_.Below(2) == 0) condition.values.push_back(value());
      spec->condition = std::move(condition);
      if (SearchSpace::FindConditionFaults({Bare(parent), *spec}).empty()) return;
    }
  }
  static ParameterSpec Bare(ParameterSpec spec) {
    spec.condition.reset();
    return spec;
  }
  Rng rng_;
};

// What a condition means, said once more as simply as can be.
bool IsActive(const SearchSpace& space, const Assignments& all, std::size_t i) {
  const Parameter& parameter = space.parameters()[i];
  if (!parameter.condition) return true;
  if (!IsActive(space, all, parameter.parent)) return false;
  const std::string& value = all[parameter.parent].value;
  const ParameterCondition& condition = *parameter.condition;
  const auto is = [&](const std::string& wanted) {
    return space.parameters()[parameter.parent].type == ParameterType::kCategorical
               ? value == wanted
               : std::stod(value) == std::stod(wanted);
  };
  const bool in = std::ranges::any_of(condition.values, is);
  switch (condition.relation) {
    case Relation::kIn: return in;
    case Relation::kNotIn: return !in;
    case Relation::kAtLeast: return std::stod(value) >= std::stod(condition.values[0]);
    case Relation::kAbove: return std::stod(value) > std::stod(condition.values[0]);
    case Relation::kAtMost: return std::stod(value) <= std::stod(condition.values[0]);
    case Relation::kBelow: return std::stod(value) < std::stod(condition.values[0]);
  }
  return false;
}

TEST(Condition, OfRandomTreesEveryPointIsEncodedAsItWasDecoded) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    RandomSpace random(seed);
    const Result<SearchSpace> made = SearchSpace::Create(random.Specs(false));
    ASSERT_TRUE(made.ok()) << made.status().message();
    const SearchSpace& space = *made;
    for (int point = 0; point < 50; ++point) {
      Eigen::VectorXd unit(space.dim());
      for (double& u : unit) u = random.rng().Uniform();
      Assignments all, active;
      for (Eigen::Index i = 0; i < space.dim(); ++i)
        all.push_back({space.parameters()[static_cast<std::size_t>(i)].name, space.TextAt(i, unit[i])});
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (IsActive(space, all, i)) active.push_back(all[i]);
      }
      ASSERT_EQ(space.Decode(unit), active) << seed;
      const Result<Eigen::VectorXd> encoded = space.Encode(active);
      ASSERT_TRUE(encoded.ok()) << seed << ": " << encoded.status().message();
      EXPECT_EQ(space.Decode(*encoded), active) << seed;
      Eigen::VectorXd rested = *encoded;
      space.Rest(&rested);
      EXPECT_EQ(rested, *encoded) << seed;
      Assignments dropped = all;
      space.DropInactive(&dropped);
      EXPECT_EQ(dropped, active) << seed;
      EXPECT_EQ(space.Check(all).ok(), all == active) << seed;
      space.FillInactive(&dropped);
      EXPECT_EQ(dropped.size(), all.size()) << seed;
    }
  }
}

TEST(Condition, TheNumberOfPointsIsThatOfThoseThatDiffer) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    RandomSpace random(seed);
    const SearchSpace space = *SearchSpace::Create(random.Specs(true));
    ASSERT_TRUE(space.cardinality().has_value());
    std::uint64_t product = 1;
    for (const Parameter& p : space.parameters()) product *= p.levels;
    if (product > 20'000) continue;
    std::set<std::string> distinct;
    for (std::uint64_t cell = 0; cell < product; ++cell) {
      Eigen::VectorXd unit(space.dim());
      std::uint64_t rest = cell;
      for (Eigen::Index i = 0; i < space.dim(); ++i) {
        const std::uint64_t levels = space.parameters()[static_cast<std::size_t>(i)].levels;
        unit[i] = space.UnitOf(i, rest % levels);
        rest /= levels;
      }
      std::string text;
      for (const Assignment& a : space.Decode(unit)) text += a.name + "=" + a.value + " ";
      distinct.insert(text);
    }
    EXPECT_EQ(distinct.size(), *space.cardinality()) << seed;
  }
}

}  // namespace
}  // namespace qalam
