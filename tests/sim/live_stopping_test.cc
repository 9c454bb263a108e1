// SPDX-License-Identifier: Apache-2.0
// Rules that decide live: in the commit of the report that they judge, and the same through every crash.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiment/status.h"
#include "tests/sim/world.h"

namespace qalam::sim {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;

// A report of the loss each second, the end a second after the last.
SimulatedStep Reports(const std::vector<std::string>& losses) {
  SimulatedStep step;
  step.duration = seconds(losses.size() + 1);
  for (std::size_t i = 0; i < losses.size(); ++i) step.output.emplace_back(seconds(i + 1), "loss=" + losses[i] + "\n");
  return step;
}

ExperimentSpec Spec(int parallel, int trials, const std::string& rule, std::vector<Setting> settings) {
  ExperimentSpec spec = MakeSpec("a", parallel, trials);
  spec.early_stopping = AlgorithmSpec{rule, std::move(settings)};
  return spec;
}

class LiveStoppingSim : public testing::Test {
 protected:
  void TearDown() override {
    world.CheckAtTheEnd();
    for (const std::string& breach : world.breaches()) ADD_FAILURE() << breach;
  }
  void RunToTheEnd(const ExperimentSpec& spec) {
    ASSERT_TRUE(world.Submit(spec).ok());
    ASSERT_TRUE(world.RunUntil([&] { return IsFinal(world.Stored("a").state) && world.controller().AllSettled(); }));
  }
  std::string Events() {
    std::string text;
    const auto events = world.store().Events(world.Stored("a").id);
    for (const Event& event : *events) text += event.object + " " + event.reason + ": " + event.message + "\n";
    return text;
  }
  // What the trials print, by the order in which they begin.
  void Print(const std::vector<std::vector<std::string>>& losses) {
    world.behave = [this, losses](const RunId& run, int) {
      const auto [place, fresh] = begun.emplace(run, begun.size());
      return Reports(losses[place->second]);
    };
  }
  World world;
  std::map<RunId, std::size_t> begun;
};

TEST_F(LiveStoppingSim, ATrialThatIsWorseAtARungEndsThereAndSaysWhy) {
  Print({{"0.5", "0.4", "0.3"}, {"0.9", "0.8", "0.7"}, {"0.4", "0.4", "0.9"}});
  RunToTheEnd(Spec(1, 3, "asha", {{"guard", "off"}}));
  const std::vector<Trial> trials = world.StoredTrials("a");
  EXPECT_EQ(trials[0].state, TrialState::kSucceeded);
  ASSERT_EQ(trials[1].state, TrialState::kEarlyStopped);
  EXPECT_EQ(trials[1].conditions.back().reason, "TrialEarlyStopped");
  EXPECT_EQ(trials[1].conditions.back().message,
            "Trial is early stopped: loss 0.9: worse than 1 of 1 trials at step 1");
  EXPECT_LT(trials[1].completed - trials[1].started, seconds(3));
  EXPECT_EQ(trials[1].observation->metrics[0].latest, "0.9");
  EXPECT_EQ(FindCondition(trials[1].conditions, kStoppingCondition), nullptr);
  EXPECT_EQ(trials[2].state, TrialState::kEarlyStopped) << "0.4 at step 3, where the first had 0.3";
  EXPECT_THAT(Events(),
              HasSubstr("trial/" + trials[1].name + " EarlyStopping: loss 0.9: worse than 1 of 1 trials at step 1"));
  EXPECT_EQ(world.Stored("a").best_trial, trials[0].name);
  EXPECT_EQ(world.Stored("a").counts.early_stopped, 2);
}

TEST_F(LiveStoppingSim, WhatIsNoNumberIsCaughtAtOnce) {
  Print({{"0.5", "nan", "0.3"}});
  RunToTheEnd(Spec(1, 1, "threshold", {}));
  const Trial trial = world.StoredTrials("a")[0];
  EXPECT_EQ(trial.state, TrialState::kEarlyStopped);
  EXPECT_EQ(trial.conditions.back().message, "Trial is early stopped: loss nan: no finite number at step 2");
}

TEST_F(LiveStoppingSim, WhatIsNoNumberAtARungIsWorseThanAllAndCostsTheOthersNothing) {
  Print({{"nan", "0.1"}, {"0.5", "0.4"}, {"nan", "0.1"}});
  RunToTheEnd(Spec(1, 3, "asha", {}));
  const std::vector<Trial> trials = world.StoredTrials("a");
  EXPECT_EQ(trials[0].conditions.back().message, "Trial is early stopped: loss nan: no finite number at step 1");
  EXPECT_EQ(trials[1].state, TrialState::kSucceeded);
  EXPECT_EQ(trials[2].conditions.back().message, "Trial is early stopped: loss nan: no finite number at step 1");
  EXPECT_EQ(world.Stored("a").best_trial, trials[1].name);
}

TEST_F(LiveStoppingSim, ATrialThatDiesBetweenItsReportAndTheStopEndsAsItDoes) {
  world.behave = [this](const RunId& run, int) {
    const auto [place, fresh] = begun.emplace(run, begun.size());
    return place->second == 0 ? Reports({"0.5"}) : Prints("loss=0.9\n", std::chrono::milliseconds(0), 3);
  };
  RunToTheEnd(Spec(1, 2, "asha", {{"guard", "off"}}));
  EXPECT_EQ(world.StoredTrials("a")[1].state, TrialState::kFailed);
  EXPECT_EQ(world.Stored("a").counts.early_stopped, 0);
}

// Its supervisor dies with it before the stop arrives: the next attempt is stopped, and the one that was judged counts.
TEST_F(LiveStoppingSim, ATrialThatIsLostBetweenItsReportAndTheStopKeepsWhatItReported) {
  world.behave = [this](const RunId& run, int attempt) {
    const auto [place, fresh] = begun.emplace(run, begun.size());
    if (place->second == 0) return Reports({"0.5"});
    SimulatedStep step = Reports({"0.9"});
    step.lost = attempt == 1;
    if (step.lost) step.duration = step.output.front().first;
    if (attempt > 1) step.output.clear();
    return step;
  };
  RunToTheEnd(Spec(1, 2, "asha", {{"guard", "off"}}));
  const Trial trial = world.StoredTrials("a")[1];
  EXPECT_EQ(trial.state, TrialState::kEarlyStopped);
  ASSERT_TRUE(trial.observation.has_value());
  EXPECT_EQ(trial.observation->metrics[0].latest, "0.9");
  EXPECT_EQ(world.Stored("a").counts.early_stopped, 1);
}

TEST_F(LiveStoppingSim, APausedTrialBeginsAnewAndSoDoesItsCurve) {
  Print({{"0.5", "0.5", "0.5", "0.5"}, {"0.1", "0.2", "0.3", "0.3"}});
  ASSERT_TRUE(world.Submit(Spec(1, 2, "asha", {{"guard", "off"}})).ok());
  ASSERT_TRUE(world.RunUntil([&] { return world.Stored("a").counts.succeeded == 1; }));
  world.RunFor(std::chrono::milliseconds(1'500));
  world.Command([](Controller& controller) { ASSERT_TRUE(controller.StopTrials(1).ok()); });
  ASSERT_TRUE(world.RunUntil([&] { return world.controller().AllSettled(); }));
  world.Command([](Controller& controller) { ASSERT_TRUE(controller.Resume(1).ok()); });
  ASSERT_TRUE(world.RunUntil([&] { return IsFinal(world.Stored("a").state) && world.controller().AllSettled(); }));
  EXPECT_EQ(world.StoredTrials("a")[1].state, TrialState::kSucceeded) << "better than the other at every rung";
}

// Each victim replays the whole history: the trials that are stopped, and why, are those of the calm one.
TEST_F(LiveStoppingSim, AControllerThatIsKilledAtEachCommitAndEffectInTurnDecidesTheSame) {
  const ExperimentSpec spec = Spec(1, 6, "asha", {{"guard", "off"}});
  // Each trial has a level that its place in the order decides, the same in every attempt.
  const auto prepare = [](World& one) {
    one.behave = [begun = std::map<RunId, std::size_t>()](const RunId& run, int) mutable {
      const auto [place, fresh] = begun.emplace(run, begun.size());
      std::vector<std::string> losses;
      for (int i = 9; i >= 0; --i) losses.push_back(fmt::format("{}.{}", (5 * place->second + 3) % 7, i));
      return Reports(losses);
    };
  };
  const auto ends = [](World& one) {
    std::vector<std::string> out;
    for (const Trial& trial : one.StoredTrials("a"))
      out.push_back(std::string(ToString(trial.state)) + " " + trial.conditions.back().message);
    return out;
  };
  int points = 0;
  std::vector<std::string> calm_ends;
  {
    World calm;
    prepare(calm);
    calm.kill_at = [&points](Point) { return ++points < 0; };
    ASSERT_TRUE(calm.Submit(spec).ok());
    ASSERT_TRUE(calm.RunUntil([&] { return IsFinal(calm.Stored("a").state) && calm.controller().AllSettled(); }));
    calm_ends = ends(calm);
  }
  EXPECT_THAT(calm_ends, testing::Contains(HasSubstr("worse than"))) << "else this shows nothing";
  for (int victim = 1; victim <= points; ++victim) {
    World one;
    prepare(one);
    int point = 0;
    one.kill_at = [&](Point) { return ++point == victim || point == victim + 3; };
    for (int i = 0; i < 3 && !one.Submit(spec).ok(); ++i) {
    }
    ASSERT_TRUE(one.RunUntil([&] { return IsFinal(one.Stored("a").state) && one.controller().AllSettled(); }))
        << "killed at point " << victim;
    one.CheckAtTheEnd();
    for (const std::string& breach : one.breaches()) ADD_FAILURE() << "killed at point " << victim << ": " << breach;
    EXPECT_EQ(ends(one), calm_ends) << "killed at point " << victim;
  }
}

// A hundred thousand trials have very many reports: they are read once, and only by who is to decide over new ones.
TEST_F(LiveStoppingSim, CurvesAreReadOnceAndNotToChangeABudget) {
  Print({{"0.5", "0.4"}, {"0.9", "0.8"}, {"0.9", "0.8"}, {"0.9", "0.8"}});
  ExperimentSpec spec = Spec(1, 2, "asha", {{"guard", "off"}});
  spec.resume_policy = ResumePolicy::kLongRunning;
  RunToTheEnd(spec);
  EXPECT_EQ(world.Stored("a").counts.early_stopped, 1);
  EXPECT_EQ(world.scans(), 1);
  world.CommandOnNobody(
      [](Controller& c) { ASSERT_TRUE(c.Edit(1, {.parallel = {}, .max_trials = 4, .max_failed = {}}).ok()); }, 100);
  EXPECT_EQ(world.scans(), 1);
  ASSERT_TRUE(world.RunUntil([&] { return IsFinal(world.Stored("a").state) && world.controller().AllSettled(); }));
  EXPECT_EQ(world.scans(), 2);
  const std::vector<Trial> trials = world.StoredTrials("a");
  EXPECT_EQ(trials.back().conditions.back().message,
            "Trial is early stopped: loss 0.9: worse than 1 of 3 trials at step 1")
      << "judged against those of the former process";
}

// One that decides elsewhere: half a second after the report, what a test says of it.
class LateStopping final : public LiveStopping {
 public:
  LateStopping(std::function<void(std::uint64_t)> ask) : ask_(std::move(ask)) {}
  void Add(std::uint64_t, std::int64_t, double) override {}
  Decision Judge(std::uint64_t trial) override { return ask_(trial), Decision{}; }
  void Spare(std::uint64_t) override {}
  void End(std::uint64_t, Standing) override {}
  void Forget(std::uint64_t) override {}
  std::string Note() override { return ""; }

 private:
  std::function<void(std::uint64_t)> ask_;
};

TEST_F(LiveStoppingSim, WhatIsDecidedLateStopsATrialThatStillRuns) {
  LateDecision say;
  std::vector<std::uint64_t> asked;
  world.live_stopping = [&](const SuggestionRequest&, const LateDecision& late) {
    say = late;
    return std::make_unique<LateStopping>([&](std::uint64_t trial) { asked.push_back(trial); });
  };
  Print({{"0.5", "0.4", "0.3"}, {"0.9", "0.8", "0.7"}});
  ASSERT_TRUE(world.Submit(Spec(1, 2, "asha", {})).ok());
  ASSERT_TRUE(world.RunUntil([&] { return !asked.empty() && asked.back() == 2; }));
  say(1, {Decision::kStop, "loss 0.5: too late, it has ended"});
  say(0, {Decision::kGoOn, "nobody answers; trials go on"});
  say(2, {Decision::kStop, "loss 0.9: worse"});
  say(2, {Decision::kStop, "loss 0.9: said twice"});
  ASSERT_TRUE(world.RunUntil([&] { return IsFinal(world.Stored("a").state) && world.controller().AllSettled(); }));
  const std::vector<Trial> trials = world.StoredTrials("a");
  EXPECT_EQ(trials[0].state, TrialState::kSucceeded);
  ASSERT_EQ(trials[1].state, TrialState::kEarlyStopped);
  EXPECT_EQ(trials[1].conditions.back().message, "Trial is early stopped: loss 0.9: worse");
  EXPECT_EQ(trials[1].observation->metrics[0].latest, "0.9");
  EXPECT_THAT(Events(), AllOf(HasSubstr("experiment/a EarlyStoppingFailed: nobody answers; trials go on"),
                              testing::Not(HasSubstr("said twice"))));
}

TEST_F(LiveStoppingSim, TheGuardSaysThatCurvesCross) {
  // The later the better at first, the earlier the better at last; nothing on the way tells how far a curve falls.
  std::vector<std::vector<std::string>> losses;
  for (int trial = 0; trial < 8; ++trial) {
    std::vector<std::string> curve;
    for (int step = 1; step <= 9; ++step) curve.push_back(fmt::format("{}", step < 9 ? 20 - trial : trial));
    losses.push_back(curve);
  }
  Print(losses);
  RunToTheEnd(Spec(1, 8, "percentile", {{"min_trials_required", "1"}}));
  EXPECT_THAT(Events(), AllOf(HasSubstr("EarlyStoppingGuard: learning curves cross")));
  EXPECT_EQ(world.Stored("a").counts.succeeded, 8) << Events();
}

}  // namespace
}  // namespace qalam::sim
