// SPDX-License-Identifier: Apache-2.0
#include "core/search_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "core/math.h"
#include "core/rng.h"

namespace qalam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ParameterSpec Range(std::string name, ParameterType type, std::string min, std::string max, std::string step = "",
                    Distribution distribution = Distribution::kUniform) {
  return {std::move(name), type, {std::move(min), std::move(max), std::move(step), {}, distribution}};
}
ParameterSpec Real(std::string min, std::string max, std::string step = "",
                   Distribution distribution = Distribution::kUniform) {
  return Range("x", ParameterType::kDouble, std::move(min), std::move(max), std::move(step), distribution);
}
ParameterSpec Int(std::string min, std::string max, std::string step = "",
                  Distribution distribution = Distribution::kUniform) {
  return Range("x", ParameterType::kInt, std::move(min), std::move(max), std::move(step), distribution);
}
ParameterSpec List(ParameterType type, std::vector<std::string> list) {
  return {"x", type, {"", "", "", std::move(list), Distribution::kUniform}};
}
ParameterSpec Named(std::string name, ParameterSpec spec) {
  spec.name = std::move(name);
  return spec;
}

SearchSpace Make(const std::vector<ParameterSpec>& specs) {
  Result<SearchSpace> space = SearchSpace::Create(specs);
  EXPECT_TRUE(space.ok()) << space.status().ToString();
  return *std::move(space);
}

std::string FaultOf(const std::vector<ParameterSpec>& specs) {
  const Result<SearchSpace> space = SearchSpace::Create(specs);
  return space.ok() ? "no fault" : space.status().message();
}

Eigen::VectorXd Point(double u) { return Eigen::VectorXd::Constant(1, u); }
std::string DecodeOne(const SearchSpace& space, double u) { return space.Decode(Point(u))[0].value; }

double Number(const std::string& text) {
  double value = std::nan("");
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  EXPECT_EQ(read.ptr, text.data() + text.size()) << text;
  return value;
}

// Every point of a grid and of some random ones, and the ends, decoded, comes back as the same text.
void ExpectRoundTrips(const SearchSpace& space, int points, std::uint64_t seed) {
  Rng rng(seed, "test.points", 0);
  Eigen::VectorXd unit(space.dim());
  for (int i = 0; i < points; ++i) {
    for (double& u : unit) {
      const std::uint64_t kind = rng.Below(8);
      u = rng.Uniform();
      if (kind == 0) u = 0;
      if (kind == 1) u = 1;
      if (kind == 2) u = std::pow(u, 20);
      if (kind == 3) u = 1 - std::pow(u, 20);
    }
    const Assignments a = space.Decode(unit);
    ASSERT_TRUE(space.Check(a).ok()) << space.Check(a).ToString();
    const Result<Eigen::VectorXd> back = space.Encode(a);
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    ASSERT_TRUE(back->minCoeff() >= 0 && back->maxCoeff() <= 1);
    ASSERT_EQ(space.Decode(*back), a) << "unit " << unit << " back " << *back;
  }
}

TEST(SearchSpace, DecodesEachTypeAsItIsWrittenOnTheWire) {
  const SearchSpace space = Make({Named("lr", Real("0.01", "0.05")), Named("layers", Int("2", "5")),
                                  Named("batch", List(ParameterType::kDiscrete, {"64", "0.50", "1e1"})),
                                  Named("opt", List(ParameterType::kCategorical, {"sgd", "adam", "ftrl"})),
                                  Named("s", Real("0", "1", "0.1"))});
  Eigen::VectorXd unit(5);
  unit << 0.5, 0.5, 0.5, 0.5, 0.3;
  EXPECT_THAT(space.Decode(unit),
              ElementsAre(Assignment{"lr", "0.03"}, Assignment{"layers", "4"}, Assignment{"batch", "1e1"},
                          Assignment{"opt", "adam"}, Assignment{"s", "0.3"}));
  EXPECT_EQ(space.cardinality(), std::nullopt);
}

TEST(SearchSpace, TheEndsOfTheCubeAreMinAndMax) {
  for (Distribution d :
       {Distribution::kUniform, Distribution::kLogUniform, Distribution::kNormal, Distribution::kLogNormal}) {
    const SearchSpace space = Make({Real("0.00012345678901234567", "0.7654321098765432", "", d)});
    EXPECT_EQ(DecodeOne(space, 0), "0.00012345678901234567");
    EXPECT_EQ(DecodeOne(space, 1), "0.7654321098765432");
  }
}

TEST(SearchSpace, AnyCoordinateIsDecoded) {
  const SearchSpace space = Make({Int("1", "3")});
  EXPECT_EQ(DecodeOne(space, -5), "1");
  EXPECT_EQ(DecodeOne(space, 7), "3");
  EXPECT_EQ(DecodeOne(space, std::nan("")), "2");
  EXPECT_EQ(DecodeOne(space, std::numeric_limits<double>::infinity()), "3");
}

TEST(SearchSpace, RandomSpacesComeBackFromTheCubeExactly) {
  Rng rng(2026, "test.spaces", 0);
  int made = 0;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const auto distribution = static_cast<Distribution>(rng.Below(4));
    const bool log = distribution == Distribution::kLogUniform || distribution == Distribution::kLogNormal;
    const double size = std::pow(10, rng.Uniform() * 40 - 20);
    double a = size * (log ? rng.Uniform() : rng.Normal()), b = a + size * std::pow(10, rng.Uniform() * 18 - 14);
    if (rng.Below(4) == 0 && log) b = a * std::pow(10, rng.Uniform() * 80);
    ParameterSpec spec;
    switch (rng.Below(3)) {
      case 0: spec = Real(fmt::format("{}", a), fmt::format("{}", b), "", distribution); break;
      case 1: {
        const double step = (b - a) / std::ceil(std::pow(10, rng.Uniform() * 5));
        spec = Real(fmt::format("{}", a), fmt::format("{}", b),
                    rng.Below(2) == 0 ? fmt::format("{:.2g}", step) : fmt::format("{}", step), distribution);
        break;
      }
      default: {
        const double range = std::pow(2, rng.Uniform() * 52);
        const double low = log ? 1 : -range * rng.Uniform();
        spec = Int(fmt::format("{:.0f}", std::floor(low)), fmt::format("{:.0f}", std::floor(low + range) + 1), "",
                   distribution);
      }
    }
    const Result<SearchSpace> space = SearchSpace::Create({spec});
    if (!space.ok()) continue;  // a step that is too fine, a range of nothing
    ++made;
    ExpectRoundTrips(*space, 60, i);
    ASSERT_FALSE(HasFatalFailure()) << "min " << spec.feasible.min << " max " << spec.feasible.max << " step "
                                    << spec.feasible.step << " " << ToString(distribution);
  }
  EXPECT_GT(made, 3000);
}

TEST(SearchSpace, ExtremeRangesComeBackFromTheCubeExactly) {
  const auto kLog = Distribution::kLogUniform, kNormal = Distribution::kNormal, kLogNormal = Distribution::kLogNormal;
  const std::vector<ParameterSpec> specs = {
      Real("-1e300", "1e300"),
      Real("0", "1e-289"),
      Real("1e9", "1000000000.0000001"),
      Real("1", "1.0000000000000007"),
      Real("-1e-200", "1e200"),
      Real("1e-290", "1e10", "", kLog),
      Real("1", "1e300", "", kLogNormal),
      Real("0.1", "0.100000001", "", kLogNormal),
      Real("-1e300", "1e300", "", kNormal),
      Real("123456789", "123456789.5", "", kNormal),
      Real("-3e-12", "-1e-12", "", kNormal),
      Int("-9007199254740992", "9007199254740992"),
      Int("-9007199254740992", "9007199254740992", "3"),
      Int("1", "9007199254740992", "", kLog),
      Int("1", "9007199254740992", "", kLogNormal),
      Int("-9007199254740992", "9007199254740992", "", kNormal),
      Int("1", "1099511627776", "", kLog),
      Int("9007199254740000", "9007199254740992", "", kLog),
  };
  for (const ParameterSpec& spec : specs) {
    const SearchSpace space = Make({spec});
    ExpectRoundTrips(space, 20'000, 1);
    ASSERT_FALSE(HasFatalFailure()) << "min " << spec.feasible.min << " max " << spec.feasible.max << " "
                                    << ToString(spec.feasible.distribution);
  }
}

TEST(SearchSpace, EveryLevelHasItsOwnCoordinateAndText) {
  for (Distribution d :
       {Distribution::kUniform, Distribution::kLogUniform, Distribution::kNormal, Distribution::kLogNormal})
    for (const ParameterSpec& spec : {Int("1", "1000", "", d), Int("3", "1000", "7", d), Real("0.1", "0.9", "0.1", d),
                                      Real("0.001", "10", "0.0125", d), Real("1e-30", "5e-28", "1e-30", d)}) {
      const SearchSpace space = Make({spec});
      std::set<std::string> texts;
      for (std::uint64_t level = 0; level < space.parameters()[0].levels; ++level) {
        const double unit = space.UnitOf(0, level);
        ASSERT_EQ(space.LevelOf(0, unit), level);
        texts.insert(DecodeOne(space, unit));
      }
      EXPECT_EQ(texts.size(), space.parameters()[0].levels);
      EXPECT_EQ(space.cardinality(), space.parameters()[0].levels);
    }
}

TEST(SearchSpace, SteppedValuesAreWrittenWithoutNoise) {
  const SearchSpace tenths = Make({Real("0", "1", "0.1")});
  std::vector<std::string> texts;
  for (std::uint64_t level = 0; level < tenths.parameters()[0].levels; ++level)
    texts.push_back(DecodeOne(tenths, tenths.UnitOf(0, level)));
  EXPECT_THAT(texts, ElementsAre("0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"));
  EXPECT_EQ(Make({Real("0.1", "0.45", "0.1")}).parameters()[0].levels, 4u);  // 0.4 is the last
  EXPECT_EQ(Make({Int("1", "10", "4")}).parameters()[0].levels, 3u);
  EXPECT_EQ(DecodeOne(Make({Real("1e-7", "5e-7", "1e-7")}), 0.5), "3e-07");
}

TEST(SearchSpace, UniformLevelsHaveEqualMass) {
  const SearchSpace space = Make({Int("1", "4")});
  std::map<std::string, int> counts;
  for (int i = 0; i < 4000; ++i) ++counts[DecodeOne(space, (i + 0.5) / 4000)];
  for (const auto& [text, count] : counts) EXPECT_EQ(count, 1000) << text;
}

// The mass of a level is what the distribution gives to half a step around it.
TEST(SearchSpace, OtherLevelsHaveTheMassOfTheirInterval) {
  const SearchSpace log = Make({Int("1", "100", "", Distribution::kLogUniform)});
  const SearchSpace normal = Make({Int("0", "12", "", Distribution::kNormal)});
  constexpr int kPoints = 200'000;
  std::map<std::string, int> log_counts, normal_counts;
  for (int i = 0; i < kPoints; ++i) {
    ++log_counts[DecodeOne(log, (i + 0.5) / kPoints)];
    ++normal_counts[DecodeOne(normal, (i + 0.5) / kPoints)];
  }
  for (int k : {1, 2, 10, 100})
    EXPECT_NEAR(log_counts[std::to_string(k)], kPoints * std::log((k + 0.5) / (k - 0.5)) / std::log(100.5 / 0.5), 2)
        << k;
  const double mass = NormalCdf(6.5 / 2) - NormalCdf(-6.5 / 2);
  for (int k : {0, 3, 6, 12})
    EXPECT_NEAR(normal_counts[std::to_string(k)],
                kPoints * (NormalCdf((k - 5.5) / 2) - NormalCdf((k - 6.5) / 2)) / mass, 2)
        << k;
}

TEST(SearchSpace, ContinuousDistributionsHaveTheirQuantiles) {
  EXPECT_EQ(DecodeOne(Make({Real("1e-5", "1e-1", "", Distribution::kLogUniform)}), 0.5), "0.001");
  EXPECT_EQ(DecodeOne(Make({Real("-1", "3", "", Distribution::kNormal)}), 0.5), "1");
  EXPECT_EQ(DecodeOne(Make({Real("1e-4", "1", "", Distribution::kLogNormal)}), 0.5), "0.01");
  // mu = 0, sigma = 1, cut at three sigma: the 84th percentile of the whole bell.
  const double unit = (NormalCdf(1) - NormalCdf(-3)) / (1 - 2 * NormalCdf(-3));
  EXPECT_NEAR(Number(DecodeOne(Make({Real("-3", "3", "", Distribution::kNormal)}), unit)), 1, 1e-10);
}

TEST(SearchSpace, ANumberBetweenTwoStepsMovesToTheNearerOneAndAllElseStays) {
  const SearchSpace space =
      Make({Named("i", Int("1", "9", "4")), Named("r", Real("0.1", "1", "0.25")), Named("u", Real("0", "1")),
            Named("c", List(ParameterType::kCategorical, {"0.5", "1"}))});
  const auto moved = [&](Assignments a) {
    space.MoveToSteps(&a);
    return a;
  };
  EXPECT_EQ(moved({{"r", "0.21"}, {"i", "4"}, {"u", "0.123"}, {"c", "0.5"}}),
            (Assignments{{"r", "0.1"}, {"i", "5"}, {"u", "0.123"}, {"c", "0.5"}}));
  EXPECT_EQ(moved({{"r", "1"}, {"i", "8"}}), (Assignments{{"r", "0.85"}, {"i", "9"}})) << "the last step is below max";
  const Assignments others = {{"r", "0.35000000000000003"}, {"i", "5"}, {"u", "2"}, {"c", "0.50"}};
  EXPECT_EQ(moved(others), others) << "what is on a step keeps its digits";
  const Assignments illegal = {{"r", "1.1"}, {"i", "2.5"}, {"x", "1"}, {"u", "nan"}};
  EXPECT_EQ(moved(illegal), illegal);
}

TEST(SearchSpace, NumbersAreComparedByValueAndCategoriesByText) {
  const SearchSpace space =
      Make({Named("d", List(ParameterType::kDiscrete, {"0.5", "2"})), Named("i", Int("1", "9")),
            Named("r", Real("0", "1", "0.1")), Named("c", List(ParameterType::kCategorical, {"0.5", "1"}))});
  EXPECT_TRUE(space.Check({{"d", "0.50"}, {"i", "3.0"}, {"r", "0.30000000000000004"}, {"c", "0.5"}}).ok());
  EXPECT_TRUE(space.Check({{"c", "1"}, {"r", "1e-1"}, {"i", "+4"}, {"d", "2.0"}}).ok());
  const auto fault = [&](const Assignments& a) {
    const Status status = space.Check(a);
    EXPECT_EQ(space.Encode(a).status().message(), status.message());
    return status.message();
  };
  const Assignment d{"d", "2"}, i{"i", "1"}, r{"r", "0"}, c{"c", "1"};
  EXPECT_EQ(fault({d, i, r, {"c", "0.50"}}), "parameter 'c': '0.50' is not in its list [0.5, 1]");
  EXPECT_EQ(fault({{"d", "1"}, i, r, c}), "parameter 'd': 1 is not in its list [0.5, 2]");
  EXPECT_EQ(fault({d, {"i", "10"}, r, c}), "parameter 'i': 10 is above max 9");
  EXPECT_EQ(fault({d, {"i", "0"}, r, c}), "parameter 'i': 0 is below min 1");
  EXPECT_EQ(fault({d, {"i", "1.5"}, r, c}), "parameter 'i': 1.5 is not a whole number");
  EXPECT_EQ(fault({d, i, {"r", "0.25"}, c}),
            "parameter 'r': 0.25 is off the step: it must be 0 plus a multiple of 0.1");
  EXPECT_EQ(fault({d, i, {"r", "abc"}, c}), "parameter 'r': 'abc' is not a number");
  EXPECT_EQ(fault({d, i, {"r", "nan"}, c}), "parameter 'r': 'nan' is not a number");
  EXPECT_EQ(fault({d, i, {"r", ""}, c}), "parameter 'r': '' is not a number");
  EXPECT_EQ(fault({d, i, r}), "parameter 'c' is missing");
  EXPECT_EQ(fault({d, i, r, c, d}), "parameter 'd' is given twice");
  EXPECT_EQ(fault({d, i, r, c, {"z", "1"}}), "parameter 'z' is not in the search space");
}

TEST(SearchSpace, OneValueIsAConstant) {
  for (const ParameterSpec& spec : {Int("5", "5"), Int("5", "5", "2"), Real("0.50", "0.5"), Real("5", "5", "1"),
                                    Real("3", "3", "", Distribution::kLogNormal)}) {
    const SearchSpace space = Make({spec});
    EXPECT_EQ(space.parameters()[0].levels, 1u);
    EXPECT_EQ(space.cardinality(), 1u);
    EXPECT_EQ(Number(DecodeOne(space, 0.9)), Number(spec.feasible.max));
    ExpectRoundTrips(space, 10, 1);
  }
}

TEST(SearchSpace, CardinalityIsCountedUpToTwoToThe63) {
  EXPECT_EQ(Make({Named("a", Int("1", "4294967296")), Named("b", Int("1", "2147483648"))}).cardinality(), 1ull << 63);
  EXPECT_EQ(Make({Named("a", Int("1", "4294967296")), Named("b", Int("1", "2147483649"))}).cardinality(), std::nullopt);
}

TEST(SearchSpace, AllFaultsAreToldAtOnceAndNameTheParameter) {
  EXPECT_EQ(FaultOf({Named("lr", Real("0.1", "0.001")), Named("n", Int("1", "2.5")), Named("n", Int("1", "")),
                     Named("o", List(ParameterType::kCategorical, {}))}),
            "parameter 'lr': min 0.1 is greater than max 0.001\n"
            "parameter 'n': max 2.5 is not a whole number, as an int needs; use type double for fractions\n"
            "parameter 'n': another parameter has the same name\n"
            "parameter 'n': max is missing; an int needs min and max\n"
            "parameter 'o': list is empty; a categorical needs at least one value");
}

TEST(SearchSpace, RefusesWhatMakesNoSpace) {
  const auto kLog = Distribution::kLogUniform;
  const auto fault = [](ParameterSpec spec) { return FaultOf({std::move(spec)}); };
  EXPECT_THAT(FaultOf({}), HasSubstr("no parameters"));
  EXPECT_THAT(fault(Named("", Int("1", "2"))), HasSubstr("parameter 1 has no name"));
  EXPECT_THAT(fault(Real("abc", "1")), HasSubstr("min 'abc' is not a number"));
  EXPECT_THAT(fault(Real("0", "inf")), HasSubstr("max 'inf' is not a number"));
  EXPECT_THAT(fault(Real("0", "1e999")), HasSubstr("max '1e999' is not a number"));
  EXPECT_THAT(fault(Real("0", "1 ")), HasSubstr("max '1 ' is not a number"));
  EXPECT_THAT(fault(Real("0", "0x10")), HasSubstr("max '0x10' is not a number"));
  EXPECT_THAT(fault(Real("0", "1", "0")), HasSubstr("step 0 must be greater than 0"));
  EXPECT_THAT(fault(Real("0", "1", "-1")), HasSubstr("step -1 must be greater than 0"));
  EXPECT_THAT(fault(Int("0", "3", "4")), HasSubstr("step 4 is larger than max - min = 3"));
  EXPECT_THAT(fault(Int("0", "3", "0.5")), HasSubstr("step 0.5 is not a whole number"));
  EXPECT_THAT(fault(Int("0", "1e16")), HasSubstr("too large for an int"));
  EXPECT_THAT(fault(Real("1", "2", "1e-18")), HasSubstr("step 1e-18 is too small beside 2"));
  EXPECT_THAT(fault(Real("0", "1", "", kLog)), HasSubstr("min 0 must be greater than 0 for logUniform"));
  EXPECT_THAT(fault(Real("-1", "1", "", Distribution::kLogNormal)), HasSubstr("must be greater than 0 for logNormal"));
  EXPECT_THAT(fault(Real("1e-291", "1", "", kLog)), HasSubstr("on a log scale min must be at least 1e-290"));
  EXPECT_THAT(fault(Real("1", "1.0000000000000002", "", kLog)),
              HasSubstr("too narrow: on a log scale max / min must be at least"));
  EXPECT_THAT(fault(Real("1e-290", "1e11", "", kLog)), HasSubstr("max / min must be at most 1e300"));
  EXPECT_THAT(fault(Real("0", "1e-300")), HasSubstr("is too narrow: max - min must be at least 1e-290"));
  EXPECT_THAT(fault(Real("0", "1e-300", "1e-310")), HasSubstr("is too narrow"));
  EXPECT_THAT(fault(Real("0", "1", "5e-324")), HasSubstr("step 5e-324 is too small beside 1"));
  EXPECT_THAT(fault(List(ParameterType::kDiscrete, {"1", "x"})), HasSubstr("list value 'x' is not a number"));
  EXPECT_THAT(fault(List(ParameterType::kDiscrete, {"1", "2", "1.0"})), HasSubstr("'1' and '1.0' are the same number"));
  EXPECT_THAT(fault(List(ParameterType::kCategorical, {"a", "b", "a"})), HasSubstr("list value 'a' is there twice"));
  ParameterSpec both = Real("0", "1");
  both.feasible.list = {"1"};
  EXPECT_THAT(fault(both), HasSubstr("a list is for discrete and categorical"));
  ParameterSpec ranged = List(ParameterType::kCategorical, {"a"});
  ranged.feasible.min = "1";
  EXPECT_THAT(fault(ranged), HasSubstr("a categorical has a list"));
}

TEST(SearchSpace, WordsAreKatibs) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(ParseParameterType(ToString(static_cast<ParameterType>(i))), static_cast<ParameterType>(i));
    EXPECT_EQ(ParseDistribution(ToString(static_cast<Distribution>(i))), static_cast<Distribution>(i));
  }
  EXPECT_EQ(ToString(ParameterType::kCategorical), "categorical");
  EXPECT_EQ(ToString(Distribution::kLogNormal), "logNormal");
  EXPECT_EQ(ParseDistribution("loguniform"), std::nullopt);
}

TEST(AssignmentsKey, DependsOnTheSetAndNotOnItsOrder) {
  EXPECT_EQ(AssignmentsKey({{"a", "1"}, {"b", "2"}}), AssignmentsKey({{"b", "2"}, {"a", "1"}}));
  EXPECT_NE(AssignmentsKey({{"a", "bc"}}), AssignmentsKey({{"ab", "c"}}));
  EXPECT_NE(AssignmentsKey({{"a", "1"}, {"b", "2"}}), AssignmentsKey({{"a", "2"}, {"b", "1"}}));
  EXPECT_NE(AssignmentsKey({{"a", "1"}}), AssignmentsKey({{"a", "1"}, {"a", "1"}}));
  EXPECT_NE(AssignmentsKey({}), AssignmentsKey({{"", ""}}));
}

}  // namespace
}  // namespace qalam
