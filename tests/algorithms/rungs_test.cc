// SPDX-License-Identifier: Apache-2.0
// Hyperband, BOHB and ASHA: who gets how much, and what they save.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "algorithms/asha.h"
#include "algorithms/hyperband.h"
#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Ask;
using testing::ExpectGolden;
using testing::MakeSuggester;
using testing::Show;
using testing::Shown;
using testing::Space;
using testing::Text;

using Objective = std::function<Shown(const Eigen::VectorXd&, std::uint64_t)>;

SearchSpace Trained() { return Space().Real("lr", "0", "1").Int("epochs", "1", "9").Make(); }
const std::vector<Setting> kHyperband9 = {{"resource_name", "epochs"}, {"r_l", "9"}, {"eta", "3"}};

std::uint64_t EpochsOf(const SearchSpace& space, const Eigen::VectorXd& unit) { return space.LevelOf(1, unit[1]) + 1; }

Shown Near(const Eigen::VectorXd& unit, std::uint64_t ordinal) {
  return {unit, std::abs(unit[0] - 0.3), Outcome::kSucceeded, ordinal};
}

// One trial after the other.
std::vector<Shown> RunAll(const std::string& algorithm, const SearchSpace& space, const std::vector<Setting>& settings,
                          std::uint64_t trials, const Objective& objective, std::uint64_t seed = 1) {
  auto suggester = MakeSuggester(algorithm, space, seed, settings);
  std::vector<Shown> all;
  for (std::uint64_t ordinal = 1; ordinal <= trials; ++ordinal) {
    const auto proposals = Ask(*suggester, 1, ordinal - 1);
    if (proposals.empty()) break;
    all.push_back(objective(proposals[0].unit, ordinal));
    Show(*suggester, space.dim(), {all.back()});
  }
  return all;
}

std::string EpochsInTurn(const SearchSpace& space, const std::vector<Shown>& trials) {
  std::string out;
  for (const Shown& trial : trials) out += std::to_string(EpochsOf(space, trial.unit));
  return out;
}

std::string Fault(const std::string& algorithm, const std::vector<Setting>& settings) {
  const SearchSpace space = Space().Real("lr", "0", "1").Int("epochs", "1", "9").Choice("opt", {"a", "b"}).Make();
  const AlgorithmContext context{.space = space, .seed = 1, .settings = settings, .max_trials = std::nullopt};
  const Status status = ValidateAlgorithm(*FindAlgorithm(algorithm), context);
  EXPECT_EQ(status.code(), status.ok() ? Code::kOk : Code::kInvalidArgument);
  return status.message();
}

TEST(Hyperband, AllBracketsRunInTurnAndBeginAgain) {
  const SearchSpace space = Trained();
  const std::vector<Shown> trials = RunAll("hyperband", space, kHyperband9, 25, Near);
  EXPECT_EQ(EpochsInTurn(space, trials),
            "111111111"
            "333"
            "9"
            "33333"
            "9"
            "999"
            "111");
}

TEST(Hyperband, TheBestOfARungGoOnWithTheirOwnValues) {
  const SearchSpace space = Trained();
  std::vector<Shown> trials = RunAll("hyperband", space, kHyperband9, 13, Near);
  std::vector<Shown> first(trials.begin(), trials.begin() + 9);
  std::ranges::sort(first, {}, &Shown::y);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(trials[9 + i].unit[0], first[i].unit[0]) << i;
  EXPECT_EQ(trials[12].unit[0], first[0].unit[0]);
}

TEST(Hyperband, ARungThatWaitsHoldsNobodyUp) {
  const SearchSpace space = Trained();
  auto suggester = MakeSuggester("hyperband", space, 1, kHyperband9);
  std::string epochs;
  for (const Proposal& p : Ask(*suggester, 20, 0)) epochs += std::to_string(EpochsOf(space, p.unit));
  EXPECT_EQ(epochs,
            "111111111"
            "33333"
            "999"
            "111");  // nobody has finished: the brackets begin one after the other

  // All of the first rung but one have finished; then the last one does.
  auto waiting = MakeSuggester("hyperband", space, 1, kHyperband9);
  std::vector<Shown> begun;
  for (const Proposal& p : Ask(*waiting, 9, 0)) begun.push_back(Near(p.unit, begun.size() + 1));
  Show(*waiting, space.dim(), {begun.begin(), begun.end() - 1}, {begun.back()});
  EXPECT_EQ(EpochsOf(space, Ask(*waiting, 1, 9)[0].unit), 3u);
  EXPECT_EQ(Ask(*waiting, 1, 9)[0].label, "rung 2 of 3: random");
  Show(*waiting, space.dim(), {begun.back()});
  EXPECT_EQ(Ask(*waiting, 1, 9)[0].label, "rung 2 of 3: promoted");
}

TEST(Hyperband, TrialsThatFailOrAreStoppedDoNotGoOnAndDoNotHoldUpTheOthers) {
  const SearchSpace space = Trained();
  const std::vector<Shown> trials =
      RunAll("hyperband", space, kHyperband9, 18, [](const Eigen::VectorXd& unit, std::uint64_t ordinal) {
        Shown trial = Near(unit, ordinal);
        if (ordinal <= 4) trial.outcome = Outcome::kFailed, trial.y = NAN;
        if (ordinal > 4 && ordinal <= 7) trial.outcome = Outcome::kEarlyStopped, trial.y = -1;
        return trial;
      });
  // Two of nine are left: both go on, the better one to the end, and the next bracket follows.
  EXPECT_EQ(EpochsInTurn(space, trials),
            "111111111"
            "33"
            "9"
            "33333"
            "9");
  const std::vector<Shown> none =
      RunAll("hyperband", space, kHyperband9, 14, [](const Eigen::VectorXd& unit, std::uint64_t ordinal) {
        return Shown{unit, NAN, Outcome::kFailed, ordinal};
      });
  EXPECT_EQ(EpochsInTurn(space, none),
            "111111111"
            "33333");
}

TEST(Hyperband, AClientThatDoesNotNumberItsSuggestionsGetsTheSameBrackets) {
  const SearchSpace space = Trained();
  std::vector<Shown> trials;
  for (std::uint64_t ordinal = 0; ordinal < 22; ++ordinal) {
    auto suggester = MakeSuggester("hyperband", space, 1, kHyperband9);
    Show(*suggester, space.dim(), trials);
    trials.push_back(Near(Ask(*suggester, 1, ordinal)[0].unit, 0));
  }
  EXPECT_EQ(EpochsInTurn(space, trials),
            "111111111"
            "333"
            "9"
            "33333"
            "9"
            "999");
}

TEST(Hyperband, WhatKatibsServiceWouldWriteToItselfIsAcceptedAndChangesNothing) {
  const SearchSpace space = Trained();
  std::vector<Setting> with = kHyperband9;
  for (const char* name : {"b_l", "s_max", "r", "n", "current_s", "current_i", "evaluating_trials"}) {
    with.push_back({name, "-1"});
  }
  const auto points = [&](const std::vector<Setting>& settings) {
    std::string out;
    for (const Shown& trial : RunAll("hyperband", space, settings, 15, Near)) out += Text(space, trial.unit) + "\n";
    return out;
  };
  EXPECT_EQ(points(with), points(kHyperband9));
}

TEST(Hyperband, RungsThatTheResourceCannotTellApartAreOne) {
  // As Katib's own example has it: r_l is 2 and the parameter 1 to 1.
  const SearchSpace narrow = Space().Real("lr", "0", "1").Int("epochs", "1", "1").Make();
  for (const Shown& trial :
       RunAll("hyperband", narrow, {{"resource_name", "epochs"}, {"r_l", "2"}, {"eta", "2"}}, 10, Near)) {
    EXPECT_NE(Text(narrow, trial.unit).find("epochs=1"), std::string::npos);
  }
  // A list, a step and a real one take the nearest below.
  const SearchSpace list = Space().Real("lr", "0", "1").Discrete("epochs", {"1", "4", "10"}).Make();
  const SearchSpace step = Space().Real("lr", "0", "1").Int("epochs", "1", "9", Distribution::kUniform, "4").Make();
  const SearchSpace real = Space().Real("lr", "0", "1").Real("epochs", "0.5", "100", Distribution::kLogUniform).Make();
  const auto values = [](const SearchSpace& space) {
    std::map<double, int> counts;
    for (const Shown& trial : RunAll("hyperband", space, kHyperband9, 22, Near))
      ++counts[std::stod(space.Decode(trial.unit)[1].value)];
    return counts;
  };
  EXPECT_EQ(values(list), (std::map<double, int>{{1, 17}, {4, 5}}));
  EXPECT_EQ(values(step), (std::map<double, int>{{1, 17}, {9, 5}}));
  EXPECT_EQ(values(real), (std::map<double, int>{{1, 9}, {3, 8}, {9, 5}}));
}

TEST(Hyperband, SettingsAreKatibsAndSayWhatIsWrongInItsWords) {
  EXPECT_EQ(Fault("hyperband", kHyperband9), "");
  EXPECT_EQ(Fault("hyperband", {{"resource_name", "epochs"}, {"r_l", "2.5"}, {"eta", "-1"}}), "");
  EXPECT_EQ(Fault("hyperband", {{"r_l", "9"}}), "r_l and resource_name must be set.");
  EXPECT_EQ(Fault("hyperband", {{"resource_name", "epochs"}}), "r_l and resource_name must be set.");
  EXPECT_EQ(Fault("hyperband", {{"resource_name", "epochs"}, {"r_l", "nine"}}), "r_l must be a positive float number.");
  EXPECT_EQ(Fault("hyperband", {{"resource_name", "epochs"}, {"r_l", "-1"}}), "r_l must be a positive float number.");
  EXPECT_EQ(Fault("hyperband", {{"resource_name", "steps"}, {"r_l", "9"}}),
            "value of resource_name setting must be in parameters.");
  EXPECT_EQ(Fault("hyperband", {{"resource_name", "epochs"}, {"r_l", "9"}, {"eta", "1"}}),
            "eta is 1: every trial would go on; it must be 2 or more");
  EXPECT_EQ(Fault("hyperband", {{"resource_name", "opt"}, {"r_l", "9"}}),
            "resource_name is 'opt', a categorical parameter; it must be a number: double, int or discrete");
  EXPECT_EQ(Fault("bohb", {{"resource_name", "epochs"}, {"r_l", "9"}, {"random_fraction", "2"}}),
            "random_fraction should be in the range of [0, 1]");
}

TEST(Asha, ATrialGoesUpAsSoonAsItIsAmongTheBestThird) {
  const SearchSpace space = Trained();
  const std::vector<Setting> settings = {{"resource_name", "epochs"}, {"guard", "off"}};
  const std::vector<Shown> trials =
      RunAll("asha", space, settings, 13, [](const Eigen::VectorXd& unit, std::uint64_t ordinal) {
        return Shown{unit, static_cast<double>(ordinal), Outcome::kSucceeded, ordinal};  // the first are the best
      });
  EXPECT_EQ(EpochsInTurn(space, trials),
            "111"
            "3"
            "111"
            "3"
            "111"
            "3"
            "9");
  EXPECT_EQ(trials[3].unit[0], trials[0].unit[0]);
  EXPECT_EQ(trials[12].unit[0], trials[0].unit[0]);
}

TEST(Asha, BracketsBeginOnRungsInTurnAsHyperbandSharesThemOut) {
  const SearchSpace space = Trained();
  auto suggester = MakeSuggester("asha", space, 1, {{"resource_name", "epochs"}, {"brackets", "3"}});
  std::map<std::uint64_t, int> begun;
  for (const Proposal& p : Ask(*suggester, 110, 0)) ++begun[EpochsOf(space, p.unit)];
  EXPECT_NEAR(begun[1], 60, 2);  // as 3 : 1.5 : 1
  EXPECT_NEAR(begun[3], 30, 2);
  EXPECT_NEAR(begun[9], 20, 2);
}

// The later a configuration, the worse it is on all rungs but the last, and the better there.
TEST(Asha, WhereRanksDoNotHoldFromRungToRungAllGoUpAndItSaysSo) {
  const SearchSpace space = Trained();
  std::map<std::string, int> labels;
  std::map<double, double> configurations;  // by their coordinate: when they came
  const auto run = [&](const std::vector<Setting>& settings) {
    labels.clear(), configurations.clear();
    auto suggester = MakeSuggester("asha", space, 3, settings);
    int whole = 0;
    for (std::uint64_t ordinal = 1; ordinal <= 120; ++ordinal) {
      const Proposal p = Ask(*suggester, 1, ordinal - 1)[0];
      const double came = configurations.try_emplace(p.unit[0], static_cast<double>(ordinal)).first->second;
      const bool last = EpochsOf(space, p.unit) == 9;
      whole += last ? 1 : 0;
      ++labels[p.label];
      Show(*suggester, space.dim(), {{p.unit, last ? -came : came, Outcome::kSucceeded, ordinal}});
    }
    return whole;
  };
  EXPECT_LT(run({{"resource_name", "epochs"}, {"guard", "off"}}), 12);
  EXPECT_GT(run({{"resource_name", "epochs"}}), 30);
  EXPECT_GT(labels["rung 3 of 3: promoted to see whether ranks hold"], 0) << ::testing::PrintToString(labels);
  EXPECT_GT(labels["rung 3 of 3: promoted with all others, ranks do not hold"], 10) << ::testing::PrintToString(labels);
}

TEST(Asha, SettingsSayWhatIsWrong) {
  EXPECT_EQ(Fault("asha", {{"resource_name", "epochs"}, {"searcher", "gp"}, {"brackets", "2"}}), "");
  EXPECT_EQ(Fault("asha", {}), "resource_name must be set.");
  EXPECT_EQ(Fault("asha", {{"resource_name", "epochs"}, {"r_min", "10"}}),
            "r_min is 10, the longest trials get 9: it must not be more");
  EXPECT_EQ(Fault("asha", {{"resource_name", "epochs"}, {"eta", "1"}}), "eta should be in the range of [2, 1000]");
  EXPECT_EQ(Fault("asha", {{"resource_name", "epochs"}, {"searcher", "best"}}),
            "searcher best is not supported in asha");
}

// Curves that fall towards a floor which depends on the configuration: long training tells more, and costs more.
Shown Learned(const SearchSpace& space, const Eigen::VectorXd& unit, std::uint64_t ordinal) {
  const double epochs = std::stod(space.Decode(unit).back().value);
  const double away = (unit.head(3).array() - 0.4).square().sum();
  return {unit, away + 1 / epochs, Outcome::kSucceeded, ordinal};
}

// The best floor that a budget of epochs found among the trials that were trained to the end.
double FloorFor(const std::string& algorithm, const std::vector<Setting>& settings, std::uint64_t seed) {
  const SearchSpace space =
      Space().Real("x", "0", "1").Real("y", "0", "1").Real("z", "0", "1").Int("epochs", "1", "27").Make();
  double left = 27 * 40, best = 10;
  auto suggester = MakeSuggester(algorithm, space, seed, settings);
  for (std::uint64_t ordinal = 1; left > 0; ++ordinal) {
    Eigen::VectorXd unit = Ask(*suggester, 1, ordinal - 1).at(0).unit;
    if (settings.empty()) unit[3] = space.UnitOf(3, 26);
    const Shown trial = Learned(space, unit, ordinal);
    const double epochs = static_cast<double>(space.LevelOf(3, unit[3]) + 1);
    left -= epochs;
    if (epochs > 26) best = std::min(best, trial.y);
    Show(*suggester, space.dim(), {trial});
  }
  return best;
}

double Median(const std::string& algorithm, const std::vector<Setting>& settings) {
  std::vector<double> floors;
  for (std::uint64_t seed = 1; seed <= 11; ++seed) floors.push_back(FloorFor(algorithm, settings, seed) - 1.0 / 27);
  std::ranges::sort(floors);
  return floors[5];
}

// Random search with the same epochs has 40 full trials. Above the best floor, in the median of 11 seeds: random
// 0.0336, hyperband 0.0110, asha 0.0083, asha with a Gaussian process 0.0014, bohb 0.0008.
TEST(Rungs, TheSameEpochsFindMoreThanRandomSearchAndAModelFindsMoreThanChance) {
  const double random = Median("random", {});
  const double hyperband = Median("hyperband", {{"resource_name", "epochs"}, {"r_l", "27"}});
  const double asha = Median("asha", {{"resource_name", "epochs"}});
  const double bohb = Median("bohb", {{"resource_name", "epochs"}, {"r_l", "27"}});
  const double model = Median("asha", {{"resource_name", "epochs"}, {"searcher", "gp"}});
  RecordProperty("floors", ::testing::PrintToString(std::vector<double>{random, hyperband, asha, bohb, model}));
  EXPECT_LT(hyperband, 0.7 * random);
  EXPECT_LT(asha, 0.6 * random);
  EXPECT_LT(bohb, 0.7 * hyperband);
  EXPECT_LT(model, 0.5 * asha);
}

TEST(Rungs, SequencesMatchTheGoldenFiles) {
  const SearchSpace space = Space()
                                .Real("lr", "1e-5", "1e-1", Distribution::kLogUniform)
                                .Choice("optimizer", {"sgd", "adam", "rmsprop"})
                                .Int("epochs", "1", "9")
                                .Make();
  for (const std::string algorithm : {"hyperband", "bohb", "asha"}) {
    auto suggester = MakeSuggester(
        algorithm, space, 42, algorithm == "asha" ? std::vector<Setting>{{"resource_name", "epochs"}} : kHyperband9);
    std::string text;
    for (std::uint64_t ordinal = 1; ordinal <= 40; ++ordinal) {
      const Proposal proposal = Ask(*suggester, 1, ordinal - 1).at(0);
      text += Text(space, proposal.unit) + "  " + proposal.label + "\n";
      const double y = std::abs(proposal.unit[0] - 0.6) + 0.2 * std::abs(proposal.unit[1] - 0.5);
      Show(*suggester, space.dim(), {{proposal.unit, y, Outcome::kSucceeded, ordinal}});
    }
    ExpectGolden(algorithm + ".txt", text);
  }
}

TEST(Rungs, TheResourceHasNoConditionAndNothingDependsOnIt) {
  const auto verdict = [](const SearchSpace& space) {
    return ValidateAlgorithm(*FindAlgorithm("hyperband"),
                             {.space = space, .seed = 1, .settings = kHyperband9, .max_trials = std::nullopt})
        .message();
  };
  EXPECT_EQ(verdict(Space().Choice("a", {"p", "q"}).Int("epochs", "1", "9").When("a == p").Make()),
            "resource_name is 'epochs', which is there only if a == p: every trial needs the resource");
  EXPECT_EQ(
      verdict(Space().Int("epochs", "1", "9").Choice("a", {"p", "q"}).When("epochs >= 3").Make()),
      "resource_name is 'epochs', and parameter 'a' depends on it: a trial that gets more of the resource must stay "
      "the same in all else");
  EXPECT_EQ(
      verdict(Space().Choice("b", {"p", "q"}).Int("epochs", "1", "9").Choice("a", {"p", "q"}).When("b == p").Make()),
      "");
}

}  // namespace
}  // namespace qalam
