// SPDX-License-Identifier: Apache-2.0
// Population-based training: who goes on from whom, with which values, and what holds nobody up.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "algorithms/pbt.h"
#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Ask;
using testing::MakeSuggester;
using testing::Show;
using testing::Shown;
using testing::Space;
using testing::Text;

std::vector<Setting> Population(const std::string& members, const std::string& threshold) {
  return {{"suggestion_trial_dir", "/checkpoints"}, {"n_population", members}, {"truncation_threshold", threshold}};
}

struct Tried {
  Proposal proposal;
  Shown shown;
};
using Judge = std::function<Shown(const Proposal&, std::uint64_t ordinal)>;

Shown Succeeded(const Proposal& proposal, std::uint64_t ordinal, double y) {
  return {proposal.unit, y, Outcome::kSucceeded, ordinal, proposal.label};
}

// `parallel` at a time, the oldest finishes first; the suggester is made anew for each question.
std::vector<Tried> RunAll(const SearchSpace& space, const std::vector<Setting>& settings, std::size_t trials,
                          std::size_t parallel, const Judge& judge, std::uint64_t seed = 1) {
  std::vector<Tried> all;
  while (all.size() < trials) {
    auto suggester = MakeSuggester("pbt", space, seed, settings);
    std::vector<Shown> finished, pending;
    for (std::size_t i = 0; i < all.size(); ++i)
      (i + parallel > all.size() ? pending : finished).push_back(all[i].shown);
    if (parallel == 1) finished.insert(finished.end(), pending.begin(), pending.end()), pending.clear();
    Show(*suggester, space.dim(), finished, pending);
    const Proposal proposal = Ask(*suggester, 1, all.size()).at(0);
    all.push_back({proposal, judge(proposal, all.size() + 1)});
  }
  return all;
}

int GenerationOf(const Tried& tried) { return tried.proposal.generation.value_or(-1); }

TEST(Pbt, TheWorstGoOnFromTheBestAndTheOthersFromThemselves) {
  const SearchSpace space = Space().Real("lr", "0.01", "1").Make();
  const std::vector<Tried> all = RunAll(space, Population("10", "0.2"), 30, 1, [](const Proposal& p, std::uint64_t n) {
    return Succeeded(p, n, static_cast<double>((n - 1) % 10));  // of each generation the first two are the best
  });
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(GenerationOf(all[i]), 0);
    EXPECT_EQ(all[i].proposal.continues, 0u);
    EXPECT_EQ(all[i].proposal.replaces, 0u);
    const Proposal& next = all[10 + i].proposal;
    EXPECT_EQ(next.generation, 1);
    EXPECT_EQ(next.replaces, 0u);
    EXPECT_EQ(all[20 + i].proposal.replaces, i + 1);  // the last two stay
    if (i < 8) {
      EXPECT_EQ(next.continues, i + 1);
      EXPECT_EQ(next.unit, all[i].proposal.unit) << i;
      EXPECT_EQ(next.label, "generation 1, member " + std::to_string(i + 1) + ": goes on");
    } else {
      ASSERT_TRUE(next.continues == 1 || next.continues == 2) << next.continues;
      const double winner = all[next.continues - 1].proposal.unit[0] * 0.99 + 0.01;
      const double value = next.unit[0] * 0.99 + 0.01;
      EXPECT_TRUE(std::abs(value / winner - 0.8) < 1e-6 || std::abs(value / winner - 1.2) < 1e-6 || value > 0.999 ||
                  std::abs(value - winner) < 0.0199)
          << winner << " -> " << value;
      EXPECT_NE(value, winner);
    }
  }
}

TEST(Pbt, WithoutAThresholdNobodyIsReplaced) {
  const SearchSpace space = Space().Real("lr", "0.01", "1").Make();
  for (const Tried& tried : RunAll(space, Population("5", "0"), 20, 3, [](const Proposal& p, std::uint64_t n) {
         return Succeeded(p, n, static_cast<double>(n));
       })) {
    EXPECT_EQ(tried.proposal.label.ends_with(GenerationOf(tried) == 0 ? "drawn" : "goes on"), true);
  }
}

TEST(Pbt, AStragglerHoldsNobodyUpAndIsNotPushedOutForBeingSlow) {
  const SearchSpace space = Space().Real("lr", "0.01", "1").Make();
  const std::vector<Setting> settings = Population("5", "0.4");
  // Member 1 runs for ever; the others reach generation 3, each better than the one before.
  std::vector<Shown> finished;
  Shown straggler;
  for (std::uint64_t n = 1; n <= 17; ++n) {
    auto suggester = MakeSuggester("pbt", space, 1, settings);
    Show(*suggester, space.dim(), finished,
         straggler.label.empty() ? std::vector<Shown>{} : std::vector<Shown>{straggler});
    const Proposal p = Ask(*suggester, 1, n - 1).at(0);
    if (n == 1) {
      straggler = Succeeded(p, n, 0);
    } else {
      finished.push_back(Succeeded(p, n, 100.0 - static_cast<double>(n)));
      EXPECT_EQ(p.generation, static_cast<int>((n - 2) / 4)) << n;
    }
  }
  // It comes in with the worst value but one of its own generation: 99.5 is worse than 98, 97, 96, 95.
  straggler.y = 95.5;
  finished.push_back(straggler);
  auto suggester = MakeSuggester("pbt", space, 1, settings);
  Show(*suggester, space.dim(), finished);
  const Proposal next = Ask(*suggester, 1, 17).at(0);
  EXPECT_EQ(next.label, "generation 1, member 1: goes on");  // third of five: compared with its own generation
}

TEST(Pbt, ALoserTakesTheWinnersNewestCheckpointWhereThatOfItsGenerationIsGone) {
  const SearchSpace space = Space().Real("lr", "0.01", "1").Make();
  std::vector<Shown> finished;
  const auto add = [&](const std::string& label, double y) {
    finished.push_back({Eigen::VectorXd::Constant(1, 0.5), y, Outcome::kSucceeded, finished.size() + 1, label});
  };
  add("generation 0, member 1: drawn", 1);
  for (int member : {2, 3, 4}) add("generation 0, member " + std::to_string(member) + ": drawn", 2);
  for (int generation : {1, 2}) {
    for (int member : {1, 2, 3, 4})
      add("generation " + std::to_string(generation) + ", member " + std::to_string(member) + ": goes on",
          member == 1 ? 0.5 : 1.5);
  }
  add("generation 0, member 5: drawn", 9);
  auto suggester = MakeSuggester("pbt", space, 1, Population("5", "0.2"));
  Show(*suggester, space.dim(), finished);
  const Proposal next = Ask(*suggester, 1, 13).at(0);
  EXPECT_EQ(next.generation, 1);
  EXPECT_EQ(next.replaces, 0u);
  EXPECT_EQ(next.continues, 9u);  // member 1 in generation 2
}

TEST(Pbt, FailedTrialsAreDoneAgainFromAnotherMemberAndStopNobody) {
  const SearchSpace space = Space().Real("lr", "0.01", "1").Make();
  const std::vector<Tried> all = RunAll(space, Population("5", "0.2"), 60, 2, [](const Proposal& p, std::uint64_t n) {
    Shown shown = Succeeded(p, n, static_cast<double>(n % 5));
    if (n % 4 == 0) shown.outcome = Outcome::kFailed, shown.y = NAN;
    if (n % 9 == 0) shown.outcome = Outcome::kEarlyStopped;
    if (n % 11 == 0) shown.y = NAN;
    return shown;
  });
  std::map<std::uint64_t, const Tried*> by_ordinal;
  for (const Tried& tried : all) by_ordinal[tried.shown.ordinal] = &tried;
  EXPECT_GT(GenerationOf(all.back()), 5);
  for (const Tried& tried : all) {
    for (const std::uint64_t ordinal : {tried.proposal.continues, tried.proposal.replaces}) {
      if (ordinal == 0) continue;
      EXPECT_EQ(by_ordinal[ordinal]->shown.outcome, Outcome::kSucceeded);
      EXPECT_TRUE(std::isfinite(by_ordinal[ordinal]->shown.y));
    }
  }
  // Members end up within a generation of each other.
  std::map<std::string, int> reached;
  for (const Tried& tried : all) {
    const std::string& label = tried.proposal.label;
    if (tried.shown.outcome == Outcome::kSucceeded && std::isfinite(tried.shown.y))
      reached[label.substr(label.find("member"), 8)] = GenerationOf(tried);
  }
  ASSERT_EQ(reached.size(), 5u);
  const auto by_generation = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto [least, most] = std::minmax_element(reached.begin(), reached.end(), by_generation);
  EXPECT_LE(most->second - least->second, 2);
}

TEST(Pbt, MoreTrialsAtOnceThanMembersMakeThePopulationLarger) {
  const SearchSpace space = Space().Real("lr", "0.01", "1").Make();
  auto suggester = MakeSuggester("pbt", space, 1, Population("5", "0.2"));
  const auto proposals = Ask(*suggester, 8, 0);
  ASSERT_EQ(proposals.size(), 8u);
  for (const Proposal& p : proposals) EXPECT_EQ(p.generation, 0);
  EXPECT_EQ(proposals[7].label, "generation 0, member 8: drawn");
}

// Katib's int(1 * 1.2) stays 1 for ever, and -1 in a list of choices is its last but one by accident.
TEST(Pbt, OtherValuesAreOtherInsideTheirRangeAndOnTheirSteps) {
  const SearchSpace space = Space()
                                .Int("layers", "1", "4")
                                .Real("step", "0.0001", "0.02", Distribution::kUniform, "0.0001")
                                .Real("log", "1e-5", "1e-1", Distribution::kLogUniform)
                                .Real("about-zero", "-1", "1")
                                .Int("logint", "1", "1024", Distribution::kLogUniform)
                                .Discrete("batch", {"16", "32", "64"})
                                .Choice("opt", {"a", "b", "c"})
                                .Int("fixed", "7", "7")
                                .Make();
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Eigen::VectorXd unit(space.dim());
    Rng rng(seed, "test.unit", 0);
    for (double& u : unit) u = seed == 1 ? 0 : seed == 2 ? 1 : rng.Uniform();
    if (seed == 3) unit[3] = 0.5;  // zero itself
    const Assignments before = space.Decode(unit);
    unit = *space.Encode(before);
    for (std::uint64_t ordinal = 1; ordinal <= 10; ++ordinal) {
      const Assignments after = space.Decode(Explore(space, unit, 0, seed, ordinal));
      EXPECT_TRUE(space.Check(after).ok());
      for (std::size_t i = 0; i + 1 < after.size(); ++i) EXPECT_NE(after[i].value, before[i].value) << after[i].name;
      EXPECT_EQ(after.back().value, "7");
      const double ratio = std::stod(after[2].value) / std::stod(before[2].value);
      EXPECT_TRUE(std::abs(ratio - 0.8) < 1e-6 || std::abs(ratio - 1.2) < 1e-6 || after[2].value == "0.1" ||
                  after[2].value == "1e-05" || after[2].value == "0.00001")
          << before[2].value << " -> " << after[2].value;
    }
  }
}

TEST(Pbt, ValuesAreDrawnAnewAsOftenAsResampleProbabilitySays) {
  const SearchSpace space = Space().Real("lr", "1e-5", "1e-1", Distribution::kLogUniform).Make();
  const Eigen::VectorXd unit = Eigen::VectorXd::Constant(1, 0.5);
  for (const double share : {0.0, 0.25, 1.0}) {
    int anew = 0;
    for (std::uint64_t ordinal = 0; ordinal < 1000; ++ordinal)
      anew += std::abs(Explore(space, unit, share, 1, ordinal)[0] - 0.5) > 0.03;  // 1.2 is 0.02 of the range
    EXPECT_NEAR(anew / 1000.0, share * 0.94, 0.05);
  }
}

TEST(Pbt, SettingsAreKatibsAndSayWhatIsWrongInItsWords) {
  const SearchSpace space = Space().Real("lr", "0", "1").Make();
  const auto fault = [&](std::vector<Setting> settings) {
    const AlgorithmContext context{.space = space, .seed = 1, .settings = settings, .max_trials = std::nullopt};
    return ValidateAlgorithm(*FindAlgorithm("pbt"), context).message();
  };
  const auto with = [](std::string name, std::string value) {
    std::vector<Setting> settings = Population("5", "0.2");
    std::erase_if(settings, [&](const Setting& s) { return s.name == name; });
    settings.push_back({std::move(name), std::move(value)});
    return settings;
  };
  EXPECT_EQ(fault(Population("40", "0.2")), "");
  EXPECT_EQ(fault(with("resample_probability", "0.3")), "");
  EXPECT_EQ(fault({}), "Required params missing: suggestion_trial_dir, n_population, truncation_threshold");
  EXPECT_EQ(fault({{"n_population", "5"}}), "Required params missing: suggestion_trial_dir, truncation_threshold");
  EXPECT_EQ(fault(with("n_population", "4")), "Param(n_population) should be >= 5");
  EXPECT_EQ(fault(with("truncation_threshold", "2")),
            "Param(truncation_threshold) should be between 0 and 1, inclusive");
  EXPECT_EQ(fault(with("resample_probability", "-1")),
            "Param(resample_probability) should be null to perturb at 0.8 or 1.2, or be between 0 and 1, inclusive, to "
            "resample");
  EXPECT_EQ(fault(with("suggestion_trial_dir", "/")),
            "suggestion_trial_dir is '/': it must be the absolute path of a folder below /");
}

// A model whose best learning rate falls as it is trained: no fixed value is right, and what counts is what has been
// learned. `state` is the distance that is left, kept by ordinal as a checkpoint would be.
TEST(Pbt, FindsAScheduleThatNoFixedValueIs) {
  const SearchSpace space = Space().Real("lr", "1e-4", "1", Distribution::kLogUniform).Make();
  const auto train = [&](double left, const Eigen::VectorXd& unit, int generation) {
    const double lr = std::stod(space.Decode(unit)[0].value), best = 0.3 * std::pow(0.75, generation);
    return left * (0.35 + 0.65 * std::min(1.0, std::pow(std::log(lr / best) / 1.5, 2)));
  };
  constexpr std::size_t kMembers = 10, kGenerations = 10;
  int won = 0;
  for (std::uint64_t seed = 1; seed <= 11; ++seed) {
    std::map<std::uint64_t, double> left;
    const auto all = RunAll(
        space, Population("10", "0.2"), kMembers * kGenerations, 1,
        [&](const Proposal& p, std::uint64_t n) {
          left[n] = train(p.continues == 0 ? 1.0 : left[p.continues], p.unit, *p.generation);
          return Succeeded(p, n, left[n]);
        },
        seed);
    double ours = 1, theirs = 1;
    for (const auto& [ordinal, value] : left) ours = std::min(ours, value);
    auto random = MakeSuggester("random", space, seed);
    for (const Proposal& p : Ask(*random, kMembers, 0)) {
      double value = 1;
      for (std::size_t g = 0; g < kGenerations; ++g) value = train(value, p.unit, static_cast<int>(g));
      theirs = std::min(theirs, value);
    }
    won += ours < theirs;
  }
  EXPECT_GE(won, 10);  // of 11: by chance 1 in 170
}

}  // namespace
}  // namespace qalam
