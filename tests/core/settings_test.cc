// SPDX-License-Identifier: Apache-2.0
#include "core/settings.h"

#include <gtest/gtest.h>

namespace qalam {
namespace {

struct Knobs {
  double gamma = 0.25;
  double weight = 1;
  int candidates = 24;
  std::int64_t budget = 5;
  std::optional<std::int64_t> random_state;
  std::string_view kernel = "matern";
};
constexpr std::array<std::string_view, 2> kKernels = {"matern", "rbf"};
constexpr auto kKnobs = Settings<Knobs>(
    Real("gamma", &Knobs::gamma, Inside(0, 1), "share of good trials"), Real("weight", &Knobs::weight, Above(0), "w"),
    Int("n_candidates", &Knobs::candidates, AtLeast(1), "points scored"),
    Int("budget", &Knobs::budget, Between(1, 10), "b"), Int("random_state", &Knobs::random_state, AtLeast(0), "seed"),
    Choice("kernel", &Knobs::kernel, kKernels, "knob turning", "covariance"));

std::string Fault(std::vector<Setting> settings) {
  const Status status = kKnobs.Check("knobs", settings);
  EXPECT_EQ(status.code(), status.ok() ? Code::kOk : Code::kInvalidArgument);
  return status.message();
}

TEST(Settings, WhatIsNotGivenHasItsPreset) {
  const Knobs knobs = kKnobs.Parse({});
  EXPECT_EQ(knobs.gamma, 0.25);
  EXPECT_EQ(knobs.candidates, 24);
  EXPECT_EQ(knobs.random_state, std::nullopt);
  EXPECT_EQ(knobs.kernel, "matern");
}

TEST(Settings, GivenValuesAreParsedAndTheLastOfANameCounts) {
  const std::vector<Setting> settings = {{"gamma", "0.5"},  {"n_candidates", "+7"}, {"random_state", " 9 "},
                                         {"kernel", "rbf"}, {"gamma", "1e-1"},      {"budget", "10"}};
  EXPECT_EQ(Fault(settings), "");
  const Knobs knobs = kKnobs.Parse(settings);
  EXPECT_EQ(knobs.gamma, 0.1);
  EXPECT_EQ(knobs.candidates, 7);
  EXPECT_EQ(knobs.random_state, 9);
  EXPECT_EQ(knobs.kernel, "rbf");
  EXPECT_EQ(knobs.budget, 10);
}

TEST(Settings, FaultsAreToldInKatibsWords) {
  EXPECT_EQ(Fault({{"gama", "0.5"}}), "unknown setting gama for algorithm knobs");
  EXPECT_EQ(Fault({{"random_state", "-1"}}), "random_state should be great or equal than zero");
  EXPECT_EQ(Fault({{"weight", "0"}}), "weight should be great than zero");
  EXPECT_EQ(Fault({{"gamma", "1"}}), "gamma should be in the range of (0, 1)");
  EXPECT_EQ(Fault({{"gamma", "0"}}), "gamma should be in the range of (0, 1)");
  EXPECT_EQ(Fault({{"budget", "11"}}), "budget should be in the range of [1, 10]");
  EXPECT_EQ(Fault({{"n_candidates", "0"}}), "n_candidates should be great or equal than 1");
}

TEST(Settings, WhatDoesNotParseIsNamedWithItsValueAndTheCause) {
  EXPECT_EQ(Fault({{"random_state", "abc"}}), "failed to validate random_state(abc): not a whole number");
  EXPECT_EQ(Fault({{"random_state", ""}}), "failed to validate random_state(): not a whole number");
  EXPECT_EQ(Fault({{"random_state", "1.5"}}), "failed to validate random_state(1.5): not a whole number");
  EXPECT_EQ(Fault({{"random_state", "+-1"}}), "failed to validate random_state(+-1): not a whole number");
  EXPECT_EQ(Fault({{"random_state", "99999999999999999999"}}),
            "failed to validate random_state(99999999999999999999): out of range");
  EXPECT_EQ(Fault({{"gamma", "half"}}), "failed to validate gamma(half): not a number");
  EXPECT_EQ(Fault({{"gamma", "nan"}}), "failed to validate gamma(nan): not a finite number");
  EXPECT_EQ(Fault({{"weight", "inf"}}), "failed to validate weight(inf): not a finite number");
  EXPECT_EQ(Fault({{"kernel", "RBF"}}), "kernel RBF is not supported in knob turning");
}

TEST(Settings, AnIntThatDoesNotFitItsMemberIsRefused) {
  EXPECT_EQ(Fault({{"n_candidates", "2147483647"}}), "");
  EXPECT_NE(Fault({{"n_candidates", "2147483648"}}), "");
}

TEST(Settings, TheTableDescribesItself) {
  const std::vector<SettingHelp> rows = kKnobs.Describe();
  ASSERT_EQ(rows.size(), 6u);
  const auto line = [](const SettingHelp& r) {
    return r.name + "|" + r.type + "|" + r.range + "|" + r.preset + "|" + r.doc;
  };
  EXPECT_EQ(line(rows[0]), "gamma|float|(0, 1)|0.25|share of good trials");
  EXPECT_EQ(line(rows[1]), "weight|float|> 0|1|w");
  EXPECT_EQ(line(rows[2]), "n_candidates|int|>= 1|24|points scored");
  EXPECT_EQ(line(rows[3]), "budget|int|[1, 10]|5|b");
  EXPECT_EQ(line(rows[4]), "random_state|int|>= 0|none|seed");
  EXPECT_EQ(line(rows[5]), "kernel|choice|matern, rbf|matern|covariance");
}

}  // namespace
}  // namespace qalam
