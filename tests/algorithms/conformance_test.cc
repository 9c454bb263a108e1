// SPDX-License-Identifier: Apache-2.0
// The common contract, tried on every registered algorithm. An algorithm that comes later inherits all of it; only
// those that learn nothing are named, because they promise more.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/nas_space.h"
#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Ask;
using testing::MakeSuggester;
using testing::Show;
using testing::Shown;
using testing::Space;
using testing::Text;
using testing::Texts;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Their proposals depend on the seed and the ordinal alone.
const std::set<std::string> kLearnsNothing = {"grid", "random", "sobol"};
// Their trials go on from others: what was tried may be tried again, and no space is ever used up.
const std::set<std::string> kGoesOn = {"pbt"};

// They propose one point again and again, as it is meant.
const std::set<std::string> kRepeats = {"darts"};

// A make-believe objective with an optimum inside, a failure now and then, and an early stop.
Shown Tried(const Proposal& proposal, std::uint64_t ordinal) {
  Shown trial{proposal.unit, 0, Outcome::kSucceeded, ordinal, proposal.label};
  trial.y = (trial.unit.array() - 0.3).square().sum() + 0.1 * std::sin(20 * trial.unit.sum());
  if (ordinal % 7 == 3) trial.outcome = Outcome::kFailed, trial.y = kNaN;
  if (ordinal % 7 == 5) trial.outcome = Outcome::kEarlyStopped;
  return trial;
}

class Conformance : public ::testing::TestWithParam<std::string> {
 protected:
  // What has rungs gets a resource beside the parameters of every space, and is told which.
  static bool HasRungs(const std::string& algorithm) {
    return FindAlgorithm(algorithm)->settings->Find("resource_name") != nullptr;
  }
  bool HasRungs() const { return HasRungs(GetParam()); }
  static constexpr std::uint64_t kAmounts = 9, kRungs = 3;
  static Space Begin(const std::string& algorithm) {
    Space space;
    if (HasRungs(algorithm)) space.Int("epochs", "1", "9");
    return space;
  }
  static std::vector<Setting> Required(const std::string& algorithm) {
    std::vector<Setting> settings;
    if (HasRungs(algorithm)) settings.push_back({"resource_name", "epochs"});
    if (FindAlgorithm(algorithm)->settings->Find("r_l") != nullptr) settings.push_back({"r_l", "9"});
    if (algorithm == "pbt") {
      settings = {{"suggestion_trial_dir", "/checkpoints"}, {"n_population", "5"}, {"truncation_threshold", "0.25"}};
    }
    return settings;
  }
  // Points without the resource: as many as an algorithm without rungs would see.
  std::uint64_t Configurations(const SearchSpace& space, std::uint64_t otherwise) const {
    return space.cardinality() ? *space.cardinality() / (HasRungs() ? kAmounts : 1) : otherwise;
  }
  std::string ConfigurationOf(const SearchSpace& space, const Eigen::VectorXd& unit) const {
    const std::string text = Text(space, unit);
    return HasRungs() ? text.substr(text.find(' ') + 1) : text;
  }

  // Spaces that differ in kind. Grid wants finite ones: others are left out for it by its own validation.
  static std::vector<std::pair<std::string, SearchSpace>> Spaces(const std::string& algorithm) {
    std::vector<std::pair<std::string, SearchSpace>> all;
    if (Searches(algorithm) == Searched::kNetworks) {
      for (const auto& [layers, operations] : {std::pair{1, 70}, {2, 1}, {2, 5}, {3, 4}, {4, 2}, {12, 6}})
        all.emplace_back(std::to_string(layers) + " layers",
                         NetworkSpace(layers, static_cast<std::size_t>(operations)));
      return all;
    }
    all.emplace_back("one real", Begin(algorithm).Real("x", "-1", "1").Make());
    all.emplace_back("one int", Begin(algorithm).Int("n", "1", "64").Make());
    all.emplace_back("one level", Begin(algorithm).Int("n", "3", "3").Make());
    all.emplace_back(
        "choices",
        Begin(algorithm).Choice("a", {"p", "q", "r"}).Choice("b", {"s", "t"}).Discrete("c", {"1", "10", "100"}).Make());
    all.emplace_back("weighted", Begin(algorithm)
                                     .Int("n", "1", "20", Distribution::kLogUniform)
                                     .Int("m", "0", "9", Distribution::kNormal)
                                     .Make());
    all.emplace_back("everything", Begin(algorithm)
                                       .Real("uniform", "0", "1")
                                       .Real("log", "1e-5", "1e-1", Distribution::kLogUniform)
                                       .Real("normal", "-3", "3", Distribution::kNormal)
                                       .Real("lognormal", "0.01", "100", Distribution::kLogNormal)
                                       .Real("stepped", "0", "1", Distribution::kUniform, "0.25")
                                       .Real("steppedlog", "0.5", "8", Distribution::kLogUniform, "0.5")
                                       .Int("int", "-5", "5")
                                       .Int("intlog", "1", "1000", Distribution::kLogUniform)
                                       .Int("intnormal", "1", "9", Distribution::kNormal)
                                       .Int("intstep", "0", "100", Distribution::kUniform, "10")
                                       .Discrete("discrete", {"0.1", "1", "10"})
                                       .Choice("choice", {"sgd", "adam", "rmsprop"})
                                       .Make());
    all.emplace_back("finite everything", Begin(algorithm)
                                              .Real("stepped", "0", "1", Distribution::kUniform, "0.25")
                                              .Real("steppednormal", "0", "1", Distribution::kNormal, "0.1")
                                              .Real("steppedlog", "0.5", "8", Distribution::kLogUniform, "0.5")
                                              .Int("int", "-5", "5")
                                              .Int("intlog", "1", "1000", Distribution::kLogUniform)
                                              .Int("intlognormal", "1", "30", Distribution::kLogNormal)
                                              .Discrete("discrete", {"0.1", "1", "10"})
                                              .Choice("choice", {"sgd", "adam", "rmsprop"})
                                              .Make());
    all.emplace_back("conditional", Conditional(algorithm));
    all.emplace_back("finite conditional", FiniteConditional(algorithm));
    Space wide = Begin(algorithm);
    for (int i = 0; i < 100; ++i) wide.Real("x" + std::to_string(i), "0", "1");
    all.emplace_back("100 reals", wide.Make());

    const AlgorithmInfo& info = *FindAlgorithm(algorithm);
    std::erase_if(all, [&](const auto& named) {
      const std::vector<Setting> settings = Required(algorithm);
      const AlgorithmContext context{
          .space = named.second, .seed = 1, .settings = settings, .max_trials = std::nullopt};
      return !ValidateAlgorithm(info, context).ok();
    });
    EXPECT_GE(all.size(), 4u) << algorithm << " takes too few kinds of spaces to be tried";
    return all;
  }

  // A choice with branches of every kind, one of them empty; a chain; a number as a parent; a child before its parent.
  static SearchSpace Conditional(const std::string& algorithm) {
    return Begin(algorithm)
        .Real("width", "0", "1")
        .When("layers >= 2")
        .Int("depth", "0", "4")
        .When("model == tree")
        .Choice("model", {"none", "linear", "tree", "net"})
        .Real("penalty", "1e-4", "1", Distribution::kLogUniform)
        .When("model == linear")
        .Int("layers", "1", "3")
        .When("model == net")
        .Choice("optimizer", {"sgd", "adam", "lbfgs"})
        .When("model in [net, linear]")
        .Real("momentum", "0", "0.99")
        .When("optimizer == sgd, else 0")
        .Discrete("decay", {"0.1", "1"})
        .When("momentum >= 0.5")
        .Make();
  }
  static SearchSpace FiniteConditional(const std::string& algorithm) {
    return Begin(algorithm)
        .Choice("model", {"none", "linear", "tree", "net"})
        .Discrete("penalty", {"0.1", "1"})
        .When("model == linear")
        .Int("depth", "0", "4")
        .When("model == tree")
        .Int("layers", "1", "3")
        .When("model == net")
        .Choice("optimizer", {"sgd", "adam"})
        .When("model == net")
        .Discrete("momentum", {"0", "0.5", "0.9"})
        .When("optimizer == sgd, else 0")
        .Real("width", "0", "1", Distribution::kUniform, "0.5")
        .When("layers >= 2")
        .Make();
  }
  // model none, linear, tree; net: (1 + 2 * 3 layers and width) * (adam, or sgd with 3 momenta).
  static constexpr std::uint64_t kFiniteConditional = 1 + 2 + 5 + (1 + 2 * 3) * (1 + 3);

  static Searched Searches(const std::string& algorithm) { return FindAlgorithm(algorithm)->searches; }
  bool SearchesNetworks() const { return Searches(GetParam()) == Searched::kNetworks; }

  // A space that is finite and small enough to use up.
  SearchSpace SmallSpace() const {
    if (SearchesNetworks()) return NetworkSpace(1, kSmall);
    return Begin(GetParam())
        .Int("n", "1", "4")
        .Choice("c", {"a", "b", "c"})
        .Real("x", "0", "1", Distribution::kUniform, "0.5")
        .Make();
  }
  static constexpr std::uint64_t kSmall = 36;

  std::unique_ptr<Suggester> Make(const SearchSpace& space, std::uint64_t seed = 1) {
    return MakeSuggester(GetParam(), space, seed, Required(GetParam()));
  }
  bool Takes(const SearchSpace& space) const {
    const std::vector<Setting> settings = Required(GetParam());
    return ValidateAlgorithm(*FindAlgorithm(GetParam()),
                             {.space = space, .seed = 1, .settings = settings, .max_trials = std::nullopt})
        .ok();
  }
  bool LearnsNothing() const { return kLearnsNothing.contains(GetParam()); }
  bool GoesOn() const { return kGoesOn.contains(GetParam()); }

  // Runs trials one after the other, `parallel` at a time, the oldest finishing first. Returns all, by ordinal.
  std::vector<Shown> RunTrials(const SearchSpace& space, int trials, std::size_t parallel, std::uint64_t seed = 1) {
    std::vector<Shown> finished, running;
    while (finished.size() + running.size() < static_cast<std::size_t>(trials)) {
      auto suggester = Make(space, seed);
      Show(*suggester, space.dim(), finished, running);
      const std::uint64_t ordinal = finished.size() + running.size();
      const auto proposals = Ask(*suggester, 1, ordinal);
      if (proposals.empty()) break;
      running.push_back(Tried(proposals[0], ordinal + 1));
      if (running.size() == parallel) finished.push_back(running.front()), running.erase(running.begin());
    }
    finished.insert(finished.end(), running.begin(), running.end());
    return finished;
  }
};

TEST_P(Conformance, AskingAgainGivesTheSameAnswer) {
  for (const auto& [name, space] : Spaces(GetParam())) {
    const std::vector<Shown> trials = RunTrials(space, 12, 3);
    auto suggester = Make(space);
    Show(*suggester, space.dim(), trials);
    const auto first = Texts(space, Ask(*suggester, 4, trials.size()));
    EXPECT_EQ(Texts(space, Ask(*suggester, 4, trials.size())), first) << name;
    auto another = Make(space);
    Show(*another, space.dim(), trials);
    EXPECT_EQ(Texts(space, Ask(*another, 4, trials.size())), first) << name;
  }
}

TEST_P(Conformance, ASuggesterThatSawTheTrialsComeAnswersAsOneRebuiltFromAllOfThem) {
  for (const auto& [name, space] : Spaces(GetParam())) {
    const std::vector<Shown> trials = RunTrials(space, 20, 4);
    auto incremental = Make(space);
    for (std::size_t done = 0; done < trials.size(); ++done) {
      // Trial `done` finishes; the next three are pending, and a suggestion is asked for now and then.
      std::vector<Shown> pending(trials.begin() + static_cast<std::ptrdiff_t>(done) + 1,
                                 trials.begin() + static_cast<std::ptrdiff_t>(std::min(trials.size(), done + 4)));
      Show(*incremental, space.dim(), {trials[done]}, pending);
      if (done % 3 != 0) continue;
      auto rebuilt = Make(space);
      Show(*rebuilt, space.dim(), {trials.begin(), trials.begin() + static_cast<std::ptrdiff_t>(done) + 1}, pending);
      const std::uint64_t ordinal = done + 1 + pending.size();
      EXPECT_EQ(Texts(space, Ask(*incremental, 2, ordinal)), Texts(space, Ask(*rebuilt, 2, ordinal)))
          << name << " after " << done + 1;
    }
  }
}

TEST_P(Conformance, HowSuggestionsAreGroupedDoesNotMatter) {
  for (const auto& [name, space] : Spaces(GetParam())) {
    const std::vector<Shown> trials = RunTrials(space, 9, 1);
    const std::uint64_t start = trials.size();
    auto at_once = Make(space);
    Show(*at_once, space.dim(), trials);
    const auto all = Ask(*at_once, 8, start);
    for (const std::vector<int>& groups : {std::vector<int>{1, 1, 1, 1, 1, 1, 1, 1}, {3, 5}, {7, 1}}) {
      auto grouped = Make(space);
      Show(*grouped, space.dim(), trials);
      std::vector<Proposal> got;
      std::vector<Shown> pending;
      for (int count : groups) {
        for (Proposal& p : Ask(*grouped, count, start + got.size())) got.push_back(std::move(p));
        pending.clear();
        for (std::size_t i = 0; i < got.size(); ++i)
          pending.push_back({got[i].unit, 0, Outcome::kSucceeded, start + i + 1, got[i].label});
        Show(*grouped, space.dim(), {}, pending);
      }
      EXPECT_EQ(Texts(space, got), Texts(space, all)) << name << ", groups beginning with " << groups[0];
    }
  }
}

TEST_P(Conformance, ProposalsAreLegalPointsOfTheCube) {
  for (const auto& [name, space] : Spaces(GetParam())) {
    for (const Shown& trial : RunTrials(space, 30, 4)) {
      ASSERT_EQ(trial.unit.size(), space.dim()) << name;
      EXPECT_TRUE((trial.unit.array() >= 0).all() && (trial.unit.array() <= 1).all()) << name;
      EXPECT_TRUE(space.Check(space.Decode(trial.unit)).ok()) << name;
    }
  }
}

TEST_P(Conformance, ANewExperimentGetsItsFirstPoints) {
  for (const auto& [name, space] : Spaces(GetParam())) {
    const std::size_t expected = GoesOn() ? 5
                                          : static_cast<std::size_t>(std::min<std::uint64_t>(
                                                5, Configurations(space, 5) * (HasRungs() ? kRungs : 1)));
    EXPECT_EQ(Ask(*Make(space), 5, 0).size(), expected) << name << ", never told anything";
    auto told = Make(space);
    Show(*told, space.dim(), {});
    EXPECT_EQ(Ask(*told, 5, 0).size(), expected) << name << ", told that there is nothing";
    EXPECT_TRUE(Ask(*told, 0, 0).empty()) << name;
  }
}

TEST_P(Conformance, NoPointIsProposedTwiceWhileUnseenOnesExistAndThenTheSpaceIsExhausted) {
  if (GoesOn()) GTEST_SKIP() << "its trials differ by more than their point";
  const SearchSpace space = SmallSpace();
  ASSERT_EQ(Configurations(space, 0), kSmall);
  for (std::size_t parallel : {1u, 5u}) {
    const std::vector<Shown> trials = RunTrials(space, 1000, parallel);
    std::set<std::string> distinct, configurations;
    for (const Shown& trial : trials) distinct.insert(Text(space, trial.unit));
    for (const Shown& trial : trials) configurations.insert(ConfigurationOf(space, trial.unit));
    EXPECT_EQ(trials.size(), distinct.size()) << parallel << " in parallel";
    EXPECT_EQ(configurations.size(), kSmall) << parallel << " in parallel";
  }
}

TEST_P(Conformance, WhatIsNotActiveIsNotProposed) {
  if (SearchesNetworks()) GTEST_SKIP() << "has no conditions";
  for (const SearchSpace& space : {Conditional(GetParam()), FiniteConditional(GetParam())}) {
    if (!Takes(space)) continue;
    for (const Shown& trial : RunTrials(space, 40, 4)) {
      Eigen::VectorXd rested = trial.unit;
      space.Rest(&rested);
      EXPECT_EQ(rested, trial.unit) << Text(space, trial.unit);
      EXPECT_TRUE(space.Check(space.Decode(trial.unit)).ok()) << Text(space, trial.unit);
    }
  }
}

TEST_P(Conformance, PointsThatDifferInNothingActiveAreOne) {
  if (SearchesNetworks() || GoesOn()) GTEST_SKIP() << "has no conditions, or repeats";
  const SearchSpace finite = FiniteConditional(GetParam());
  ASSERT_EQ(Configurations(finite, 0), kFiniteConditional);
  if (Takes(finite)) {
    for (std::size_t parallel : {1u, 5u}) {
      const std::vector<Shown> trials = RunTrials(finite, 1000, parallel);
      std::set<std::string> distinct, configurations;
      for (const Shown& trial : trials) distinct.insert(Text(finite, trial.unit));
      for (const Shown& trial : trials) configurations.insert(ConfigurationOf(finite, trial.unit));
      EXPECT_EQ(trials.size(), distinct.size()) << parallel << " in parallel";
      EXPECT_EQ(configurations.size(), kFiniteConditional) << parallel << " in parallel";
    }
  }
  const SearchSpace endless = Conditional(GetParam());
  if (!Takes(endless)) return;
  std::set<std::string> distinct;
  const std::vector<Shown> trials = RunTrials(endless, 60, 4);
  for (const Shown& trial : trials) distinct.insert(Text(endless, trial.unit));
  EXPECT_EQ(trials.size(), 60u);
  EXPECT_EQ(trials.size(), distinct.size());
}

TEST_P(Conformance, AWeightedFiniteSpaceIsUsedUpToo) {
  if (SearchesNetworks()) GTEST_SKIP() << "has no weights";
  if (GoesOn()) GTEST_SKIP() << "its trials differ by more than their point";
  const SearchSpace space =
      Begin(GetParam()).Int("n", "1", "12", Distribution::kLogUniform).Int("m", "0", "6", Distribution::kNormal).Make();
  const std::vector<Shown> trials = RunTrials(space, 1000, 3);
  std::set<std::string> distinct, configurations;
  for (const Shown& trial : trials) distinct.insert(Text(space, trial.unit));
  for (const Shown& trial : trials) configurations.insert(ConfigurationOf(space, trial.unit));
  EXPECT_EQ(trials.size(), distinct.size());
  EXPECT_EQ(configurations.size(), 84u);
}

TEST_P(Conformance, MoreThanIsLeftIsAnsweredWithWhatIsLeft) {
  if (GoesOn()) GTEST_SKIP() << "its trials differ by more than their point";
  const SearchSpace space = SmallSpace();
  if (HasRungs()) {
    std::set<std::string> distinct, configurations;
    const auto all = Ask(*Make(space), 1000, 0);
    for (const Proposal& p : all) distinct.insert(Text(space, p.unit));
    for (const Proposal& p : all) configurations.insert(ConfigurationOf(space, p.unit));
    EXPECT_EQ(distinct.size(), all.size());
    EXPECT_EQ(configurations.size(), kSmall);
    return;
  }
  EXPECT_EQ(Ask(*Make(space), 100, 0).size(), kSmall);
  const std::vector<Shown> trials = RunTrials(space, kSmall - 3, 1);
  auto suggester = Make(space);
  Show(*suggester, space.dim(), trials);
  EXPECT_EQ(Ask(*suggester, 100, trials.size()).size(), 3u);
  EXPECT_TRUE(Ask(*suggester, 5, kSmall).empty());
  EXPECT_TRUE(Ask(*suggester, 5, 1'000'000'000'000).empty());
}

TEST_P(Conformance, PendingTrialsAreNotProposedAgain) {
  if (GoesOn()) GTEST_SKIP() << "its trials differ by more than their point";
  const SearchSpace space = SmallSpace();
  std::vector<Shown> pending;
  for (std::uint64_t ordinal = 0; ordinal < kSmall; ++ordinal) {
    auto suggester = Make(space);
    Show(*suggester, space.dim(), {}, pending);
    const auto proposals = Ask(*suggester, 1, ordinal);
    ASSERT_EQ(proposals.size(), 1u) << ordinal;
    for (const Shown& p : pending) ASSERT_NE(Text(space, p.unit), Text(space, proposals[0].unit));
    pending.push_back({proposals[0].unit, 0, Outcome::kSucceeded, ordinal + 1});
  }
}

TEST_P(Conformance, PointsFromElsewhereAreNotProposedAndTheRestStillIs) {
  if (GoesOn()) GTEST_SKIP() << "its trials differ by more than their point";
  const SearchSpace space = SmallSpace();
  const std::vector<Shown> own = RunTrials(space, kSmall, 1);
  // Every third point comes from elsewhere: some before the experiment, some in the middle of it, one of them a point
  // that was proposed already.
  std::vector<Shown> finished;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < own.size(); i += 3) {
    finished.push_back(own[i]);
    finished.back().ordinal = 0;
    seen.insert(Text(space, own[i].unit));
  }
  std::uint64_t ordinal = 0;
  for (; ordinal < 1000; ++ordinal) {
    if (ordinal == 6) {
      for (std::size_t i : {1u, 32u}) {
        finished.push_back(own[i]);
        finished.back().ordinal = 0;
        seen.insert(Text(space, own[i].unit));
      }
    }
    auto suggester = Make(space);
    Show(*suggester, space.dim(), finished);
    const auto proposals = Ask(*suggester, 1, ordinal);
    if (proposals.empty()) break;
    EXPECT_TRUE(seen.insert(Text(space, proposals[0].unit)).second) << "seen: " << Text(space, proposals[0].unit);
    finished.push_back(Tried(proposals[0], ordinal + 1));
  }
  std::set<std::string> configurations;
  for (const Shown& trial : finished) configurations.insert(ConfigurationOf(space, trial.unit));
  EXPECT_EQ(configurations.size(), kSmall);
}

TEST_P(Conformance, AHistoryOfFailuresIsNoReasonToStop) {
  for (const auto& [name, space] : Spaces(GetParam())) {
    if (Configurations(space, 1000) < 50) continue;
    for (Outcome outcome : {Outcome::kFailed, Outcome::kEarlyStopped, Outcome::kSucceeded}) {
      for (double y : {kNaN, 0.0, 1e300, -1e300}) {
        auto suggester = Make(space);
        std::vector<Shown> trials;
        for (const Proposal& p : Ask(*suggester, 25, 0))
          trials.push_back({p.unit, y, outcome, trials.size() + 1, p.label});
        Show(*suggester, space.dim(), trials);
        const auto proposals = Ask(*suggester, 3, trials.size());
        EXPECT_EQ(proposals.size(), 3u) << name << " y=" << y;
        for (const Proposal& p : proposals) EXPECT_TRUE(p.unit.allFinite()) << name << " y=" << y;
      }
    }
  }
}

TEST_P(Conformance, AnExperimentOfTheSameSeedIsTheSameAndOfAnotherSeedAnother) {
  for (const auto& [name, space] : Spaces(GetParam())) {
    if (Configurations(space, 1000) < 50) continue;
    const auto points = [&, &space = space](std::uint64_t seed, std::vector<Setting> settings) {
      for (Setting& setting : Required(GetParam())) settings.push_back(std::move(setting));
      return Texts(space, Ask(*MakeSuggester(GetParam(), space, seed, std::move(settings)), 10, 0));
    };
    EXPECT_EQ(points(5, {}), points(5, {})) << name;
    if (FindAlgorithm(GetParam())->settings->Find("random_state") == nullptr) continue;
    EXPECT_EQ(points(5, {{"random_state", "7"}}), points(6, {{"random_state", "7"}})) << name;
    EXPECT_NE(points(5, {{"random_state", "7"}}), points(5, {{"random_state", "8"}})) << name;
  }
}

TEST_P(Conformance, TheOrderInWhichTrialsFinishDoesNotChangeWhichPointsAreTried) {
  if (!LearnsNothing()) GTEST_SKIP() << "it learns from what has finished";
  for (const auto& [name, space] : Spaces(GetParam())) {
    const auto run = [&, &space = space](std::uint64_t shuffle) {
      Rng rng(shuffle, "test.finish", 0);
      std::vector<Shown> finished, running;
      std::map<std::uint64_t, std::string> by_ordinal;
      auto suggester = Make(space);
      std::size_t told = 0;
      for (std::uint64_t ordinal = 0; ordinal < 40;) {
        if (rng.Below(4) == 0) suggester = Make(space), told = 0;  // a restart
        Show(*suggester, space.dim(), {finished.begin() + static_cast<std::ptrdiff_t>(told), finished.end()}, running);
        told = finished.size();
        const auto proposals = Ask(*suggester, static_cast<int>(rng.Below(3)) + 1, ordinal);
        for (const Proposal& p : proposals) {
          running.push_back(Tried(p, ++ordinal));
          by_ordinal[ordinal] = Text(space, p.unit);
        }
        if (proposals.empty()) break;
        while (running.size() > 6 || (!running.empty() && rng.Below(2) == 0)) {  // any of them finishes
          const auto which = running.begin() + static_cast<std::ptrdiff_t>(rng.Below(running.size()));
          finished.push_back(*which);
          running.erase(which);
        }
      }
      return by_ordinal;
    };
    const auto undisturbed = run(1);
    for (std::uint64_t shuffle = 2; shuffle < 6; ++shuffle) {
      auto other = run(shuffle);
      for (const auto& [ordinal, text] : undisturbed) {
        if (!other.contains(ordinal)) continue;
        EXPECT_EQ(other[ordinal], text) << name << " #" << ordinal;
      }
    }
  }
}

TEST_P(Conformance, AnOrdinalFarAwayIsAnsweredAtOnce) {
  if (!LearnsNothing()) GTEST_SKIP() << "needs the trials before it";
  const SearchSpace space =
      Space().Int("n", "1", "2000000000", Distribution::kLogUniform).Int("m", "0", "1000000").Make();
  const auto proposals = Ask(*Make(space), 3, 2'000'000'000);
  EXPECT_EQ(proposals.size(), 3u);
  EXPECT_EQ(Texts(space, Ask(*Make(space), 3, 2'000'000'000)), Texts(space, proposals));
}

TEST_P(Conformance, AnUnknownSettingIsRefusedInKatibsWords) {
  const SearchSpace space = SmallSpace();
  const std::vector<Setting> settings = {{"no_such_setting", "1"}};
  const AlgorithmContext context{.space = space, .seed = 1, .settings = settings, .max_trials = std::nullopt};
  const Status status = ValidateAlgorithm(*FindAlgorithm(GetParam()), context);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.message(), "unknown setting no_such_setting for algorithm " + GetParam());
}

TEST_P(Conformance, EverySettingIsDescribed) {
  for (const SettingHelp& help : FindAlgorithm(GetParam())->settings->Describe()) {
    EXPECT_FALSE(help.name.empty() || help.type.empty() || help.range.empty() || help.preset.empty() ||
                 help.doc.empty())
        << help.name;
  }
  EXPECT_FALSE(FindAlgorithm(GetParam())->summary.empty());
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const AlgorithmInfo& info : Algorithms()) {
    if (!kRepeats.contains(std::string(info.name))) names.emplace_back(info.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Algorithms, Conformance, ::testing::ValuesIn(Names()), [](const auto& test) {
  std::string name = test.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Registry, FindsByNameWhatItLists) {
  EXPECT_TRUE(std::ranges::is_sorted(Algorithms(), {}, &AlgorithmInfo::name));
  for (const AlgorithmInfo& info : Algorithms()) EXPECT_EQ(FindAlgorithm(info.name), &info);
  EXPECT_EQ(FindAlgorithm("tpee"), nullptr);
  EXPECT_EQ(FindAlgorithm(""), nullptr);
}

}  // namespace
}  // namespace qalam
