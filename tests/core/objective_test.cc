// SPDX-License-Identifier: Apache-2.0
#include "core/objective.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/rng.h"

namespace qalam {
namespace {

ObjectiveSpec Loss(ObjectiveType type = ObjectiveType::kMinimize, MetricStrategy strategy = MetricStrategy::kMin) {
  ObjectiveSpec spec;
  spec.type = type;
  spec.metric_name = "loss";
  spec.additional_metric_names = {"accuracy"};
  spec.strategies = {{"loss", strategy}, {"accuracy", MetricStrategy::kMax}};
  return spec;
}

Observation Folded(const ObjectiveSpec& spec, const std::vector<std::string>& values) {
  Observation out = EmptyObservation(spec);
  for (const std::string& value : values) Fold("loss", value, &out);
  return out;
}

// Sixty spellings of what is no finite number, and what a sampler must never see as one.
const std::vector<std::string> kNoNumbers = {"",
                                             " ",
                                             "nan",
                                             "NaN",
                                             "NAN",
                                             "-nan",
                                             "+nan",
                                             "nan(0x1)",
                                             "nan(ind)",
                                             "1.#QNAN",
                                             "1.#INF",
                                             "inf",
                                             "-inf",
                                             "+inf",
                                             "Inf",
                                             "INF",
                                             "-Inf",
                                             "infinity",
                                             "Infinity",
                                             "-Infinity",
                                             "+Infinity",
                                             "∞",
                                             "-∞",
                                             "1e400",
                                             "-1e400",
                                             "1e+309",
                                             "9e999999999",
                                             "1.8e308",
                                             "0x10",
                                             "0x1p3",
                                             "0X1P-2",
                                             "-0x8",
                                             "0b101",
                                             "0o17",
                                             "1,5",
                                             "1.000,5",
                                             "1,000",
                                             "1_000",
                                             "1 000",
                                             "1.2.3",
                                             "1..2",
                                             ".",
                                             "-",
                                             "+",
                                             "+-1",
                                             "-+1",
                                             "--1",
                                             "e5",
                                             "1e",
                                             "1e+",
                                             "1.5e1.5",
                                             "12abc",
                                             "98.5%",
                                             "$3",
                                             "None",
                                             "null",
                                             "true",
                                             "unavailable",
                                             "tensor(0.3)",
                                             "[0.5]",
                                             "\"0.5\"",
                                             "0.5f",
                                             "1/2",
                                             "1+2j",
                                             std::string("\xE2\x88\x92") + "1",
                                             "\xD9\xA1",
                                             std::string("1\0", 2),
                                             "1\xFF"};

TEST(MetricValue, WhatIsNoFiniteNumberIsNone) {
  ASSERT_GE(kNoNumbers.size(), 60u);
  for (const std::string& text : kNoNumbers) EXPECT_EQ(ParseMetricValue(text), std::nullopt) << '"' << text << '"';
}

TEST(MetricValue, FiniteNumbersAreReadInEverySpellingThatPrintersUse) {
  const std::vector<std::pair<std::string, double>> numbers = {
      {"0", 0},
      {"0.5", 0.5},
      {"-7.5e-01", -0.75},
      {" 3 ", 3},
      {"+4", 4},
      {"\t1e3\r\n", 1000},
      {".25", 0.25},
      {"5.", 5},
      {"-0", 0},
      {"1E+2", 100},
      {"007", 7},
      {"1e-400", 0},
      {"-1e-400", 0},
      {"1e308", 1e308},
      {"4.9e-324", 4.9e-324},
      {"0.1", 0.1},
      {"123456789012345678901234567890", 1.2345678901234568e29}};
  for (const auto& [text, value] : numbers) EXPECT_EQ(ParseMetricValue(text), value) << text;
  EXPECT_EQ(ParseMetricValue("0." + std::string(400, '0') + "1"), 0.0);
  EXPECT_EQ(ParseMetricValue("1" + std::string(400, '0')), std::nullopt);
}

TEST(Fold, KeepsSmallestLargestAndLatestAsPrinted) {
  const Observation o = Folded(Loss(), {"0.50", "2e-1", "+0.30"});
  EXPECT_EQ(o.Find("loss")->min, "2e-1");
  EXPECT_EQ(o.Find("loss")->max, "0.50");
  EXPECT_EQ(o.Find("loss")->latest, "+0.30");
  EXPECT_EQ(o.Find("accuracy")->latest, "unavailable");
}

TEST(ObjectiveWords, AreWhatASearchForAnArchitectureFindsAndNoNumberThatWentWrong) {
  for (const std::string text : {"Genotype(normal=[('skip', 0)])", "[[1], [2, 0]]", "{'a': 1}", "resnet-50"})
    EXPECT_EQ(ObjectiveWords(Loss(), Folded(Loss(), {text})), text);
  for (const std::string text :
       {"0.5", "nan", "-nan", "NaN(3)", "inf", "-Infinity", "1e400", "0x1p3", "0,5", "None", "", " "})
    EXPECT_EQ(ObjectiveWords(Loss(), Folded(Loss(), {text})), "") << text;
  EXPECT_EQ(ObjectiveWords(Loss(), Folded(Loss(), {"0.5", "diverged"})), "") << "there is a number";
  EXPECT_EQ(ObjectiveWords(Loss(), EmptyObservation(Loss())), "");
}

TEST(Fold, IgnoresMetricsThatNobodyAskedFor) {
  Observation o = EmptyObservation(Loss());
  Fold("epoch", "7", &o);
  EXPECT_EQ(o.metrics.size(), 2u);
}

// Katib's trap: a NaN that comes first sticks as minimum and maximum.
TEST(Fold, WhatIsNoNumberNeverBecomesMinimumOrMaximum) {
  for (const std::string& text : kNoNumbers) {
    for (const auto& values :
         {std::vector<std::string>{text, "0.5", "0.7"}, {"0.5", text, "0.7"}, {"0.5", "0.7", text}}) {
      const Observation o = Folded(Loss(), values);
      EXPECT_EQ(o.Find("loss")->min, "0.5") << text;
      EXPECT_EQ(o.Find("loss")->max, "0.7") << text;
      EXPECT_EQ(ObjectiveValue(Loss(), o), 0.5) << text;
    }
    const Observation alone = Folded(Loss(), {text});
    EXPECT_EQ(alone.Find("loss")->min, "unavailable") << text;
    EXPECT_EQ(ObjectiveValue(Loss(), alone), std::nullopt) << text;
    EXPECT_EQ(StrategyValue(Loss(), "loss", alone), "unavailable") << text;
  }
}

TEST(Fold, AnEmptyReportIsUnavailable) { EXPECT_EQ(Folded(Loss(), {"0.5", " "}).Find("loss")->latest, "unavailable"); }

TEST(ObjectiveValue, FollowsTheStrategy) {
  const std::vector<std::string> values = {"0.5", "0.2", "0.9", "0.4"};
  for (const auto& [strategy, value, text] : {std::tuple{MetricStrategy::kMin, 0.2, "0.2"},
                                              {MetricStrategy::kMax, 0.9, "0.9"},
                                              {MetricStrategy::kLatest, 0.4, "0.4"}}) {
    const ObjectiveSpec spec = Loss(ObjectiveType::kMinimize, strategy);
    EXPECT_EQ(ObjectiveValue(spec, Folded(spec, values)), value);
    EXPECT_EQ(StrategyValue(spec, "loss", Folded(spec, values)), text);
  }
}

TEST(ObjectiveValue, WithoutAStrategyTheDirectionDecides) {
  ObjectiveSpec spec = Loss();
  spec.strategies.clear();
  EXPECT_EQ(ObjectiveValue(spec, Folded(spec, {"1", "3", "2"})), 1);
  spec.type = ObjectiveType::kMaximize;
  EXPECT_EQ(ObjectiveValue(spec, Folded(spec, {"1", "3", "2"})), 3);
}

TEST(ObjectiveValue, TheLatestCountsEvenIfItIsNoNumber) {
  const ObjectiveSpec spec = Loss(ObjectiveType::kMinimize, MetricStrategy::kLatest);
  EXPECT_EQ(ObjectiveValue(spec, Folded(spec, {"0.5", "nan"})), std::nullopt);
  EXPECT_EQ(StrategyValue(spec, "loss", Folded(spec, {"0.5", "nan"})), "unavailable");
}

TEST(ObjectiveValue, AnObservationFromElsewhereThatHasOnlyALatestValueCounts) {
  Observation o;
  o.metrics = {{.name = "loss", .min = "unavailable", .max = "unavailable", .latest = "0.25"}};
  EXPECT_EQ(ObjectiveValue(Loss(), o), 0.25);
  EXPECT_EQ(StrategyValue(Loss(), "no such metric", o), "unavailable");
  EXPECT_EQ(ObjectiveValue(Loss(), Observation{}), std::nullopt);
}

TEST(Goal, IsReachedFromItsOwnSideAndByEquality) {
  ObjectiveSpec spec = Loss();
  EXPECT_FALSE(ReachesGoal(spec, -1e300));  // none set
  spec.goal = 0.1;
  EXPECT_TRUE(ReachesGoal(spec, 0.1));
  EXPECT_TRUE(ReachesGoal(spec, 0.05));
  EXPECT_FALSE(ReachesGoal(spec, 0.11));
  spec.type = ObjectiveType::kMaximize;
  EXPECT_TRUE(ReachesGoal(spec, 0.1));
  EXPECT_FALSE(ReachesGoal(spec, 0.05));
  EXPECT_FALSE(ReachesGoal(spec, std::numeric_limits<double>::quiet_NaN()));
}

// Whatever a trial prints in whatever order, its value is that of its numbers alone.
TEST(ObjectiveValue, IsTheBestOfTheFiniteValuesInAnyMixture) {
  Rng rng(1, "test.mixture", 0);
  for (int round = 0; round < 500; ++round) {
    const ObjectiveType type = rng.Below(2) == 0 ? ObjectiveType::kMinimize : ObjectiveType::kMaximize;
    const ObjectiveSpec spec =
        Loss(type, type == ObjectiveType::kMinimize ? MetricStrategy::kMin : MetricStrategy::kMax);
    Observation o = EmptyObservation(spec);
    std::optional<double> best;
    for (std::uint64_t i = rng.Below(12); i > 0; --i) {
      if (rng.Below(3) == 0) {
        Fold("loss", kNoNumbers[rng.Below(kNoNumbers.size())], &o);
        continue;
      }
      const double value = rng.Normal();
      Fold("loss", fmt::format("{}", value), &o);
      if (!best || IsBetter(type, value, *best)) best = value;
    }
    EXPECT_EQ(ObjectiveValue(spec, o), best);
  }
}

}  // namespace
}  // namespace qalam
