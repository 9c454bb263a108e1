// SPDX-License-Identifier: Apache-2.0
// Trials that are stopped early: when, with which words, what they count for, and through every crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/world.h"

namespace qalam::sim {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

bool Ended(World& world, const std::string& name) {
  return IsFinal(world.Stored(name).state) && world.controller().AllSettled();
}

// A report of the loss each second, then nothing until the end of the hour.
SimulatedStep Reports(const std::vector<std::string>& losses) {
  SimulatedStep step;
  step.duration = std::chrono::hours(1);
  for (std::size_t i = 0; i < losses.size(); ++i) step.output.emplace_back(seconds(i + 1), "loss=" + losses[i] + "\n");
  return step;
}

ServicePlan With(std::vector<EarlyStoppingRule> rules) {
  ServicePlan plan;
  plan.rules = std::move(rules);
  return plan;
}

class EarlyStopping : public testing::Test {
 protected:
  void TearDown() override {
    world.CheckAtTheEnd();
    for (const std::string& breach : world.breaches()) ADD_FAILURE() << breach;
  }
  void RunToTheEnd(const ExperimentSpec& spec) {
    ASSERT_TRUE(world.Submit(spec).ok());
    ASSERT_TRUE(world.RunUntil([&] { return Ended(world, spec.name); }));
  }
  // One trial that prints these, under these rules.
  Trial Judge(const std::vector<EarlyStoppingRule>& rules, const std::vector<std::string>& losses) {
    world.service = [=](const SuggestionRequest&) { return With(rules); };
    world.behave = [=](const RunId&, int) { return Reports(losses); };
    RunToTheEnd(MakeSpec("a", 1, 1));
    return world.StoredTrials("a").front();
  }
  World world;
};

TEST_F(EarlyStopping, ATrialThatMeetsItsRuleEndsWithKatibsWordsAndCountsAsCompleted) {
  const Trial trial = Judge({{"loss", "0.5", Comparison::kGreater, 3}}, {"0.9", "0.8", "0.7", "0.1"});
  EXPECT_EQ(trial.state, TrialState::kEarlyStopped);
  EXPECT_LT(trial.completed - trial.started, seconds(4));
  EXPECT_FALSE(trial.stopping);
  ASSERT_EQ(trial.conditions.size(), 3u);
  EXPECT_EQ(trial.conditions[1].status, "False");  // Running
  EXPECT_EQ(trial.conditions[2].type, "EarlyStopped");
  EXPECT_EQ(trial.conditions[2].status, "True");
  EXPECT_EQ(trial.conditions[2].reason, "TrialEarlyStopped");
  EXPECT_EQ(trial.conditions[2].message, "Trial is early stopped");
  ASSERT_TRUE(trial.observation);
  EXPECT_EQ(trial.observation->metrics[0].min, "0.7");
  EXPECT_EQ(trial.observation->metrics[0].latest, "0.7");
  const Experiment done = world.Stored("a");
  EXPECT_EQ(done.counts.early_stopped, 1);
  EXPECT_EQ(done.conditions.back().reason, "ExperimentMaxTrialsReached");
  EXPECT_EQ(done.best_trial, trial.name);  // there is no other, and it has a value
  bool told = false;
  const auto events = world.store().Events(done.id);
  for (const Event& event : *events)
    told = told || event.message == "loss 0.7 is greater than 0.5 (the best of 3 reports)";
  EXPECT_TRUE(told);
}

TEST_F(EarlyStopping, TheRulesAreKeptWithTheTrialAndThoseOfLaterTrialsAreTheirOwn) {
  int asked = 0;
  world.service = [&](const SuggestionRequest&) {
    return ++asked == 1 ? ServicePlan{} : With({{"loss", "0.5", Comparison::kGreater, 1}});
  };
  world.behave = [](const RunId&, int) {
    SimulatedStep step = Reports({"0.9", "0.8"});
    step.duration = seconds(5);
    return step;
  };
  RunToTheEnd(MakeSpec("a", 1, 3));
  const std::vector<Trial> trials = world.StoredTrials("a");
  EXPECT_EQ(trials[0].state, TrialState::kSucceeded);
  EXPECT_TRUE(trials[0].early_stopping_rules.empty());
  EXPECT_EQ(trials[1].state, TrialState::kEarlyStopped);
  EXPECT_THAT(trials[2].early_stopping_rules, ElementsAre(EarlyStoppingRule{"loss", "0.5", Comparison::kGreater, 1}));
  // Told of the first of them; when the last one ended there was nobody left to tell.
  EXPECT_THAT(world.told_stopped(), ElementsAre(trials[1].name));
}

TEST_F(EarlyStopping, ATrialThatEndsByItselfBeforeTheStopComesHasSucceeded) {
  world.service = [](const SuggestionRequest&) { return With({{"loss", "0.5", Comparison::kGreater, 1}}); };
  world.behave = [](const RunId&, int) { return Prints("loss=0.9\n", std::chrono::milliseconds(0)); };
  RunToTheEnd(MakeSpec("a", 1, 1));
  EXPECT_EQ(world.StoredTrials("a")[0].state, TrialState::kSucceeded);
}

TEST_F(EarlyStopping, APausedTrialRunsAgainAndIsJudgedAnew) {
  world.service = [](const SuggestionRequest&) { return With({{"loss", "0.5", Comparison::kGreater, 3}}); };
  world.behave = [](const RunId&, int) { return Reports({"0.9", "0.8", "0.7"}); };
  ASSERT_TRUE(world.Submit(MakeSpec("a", 1, 1)).ok());
  world.RunFor(std::chrono::milliseconds(2'500));
  world.Command([](Controller& controller) { ASSERT_TRUE(controller.StopTrials(1).ok()); });
  ASSERT_TRUE(world.RunUntil([&] { return world.controller().AllSettled(); }));
  EXPECT_EQ(world.StoredTrials("a")[0].state, TrialState::kCreated);
  world.Command([](Controller& controller) { ASSERT_TRUE(controller.Resume(1).ok()); });
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "a"); }));
  const Trial trial = world.StoredTrials("a")[0];
  EXPECT_EQ(trial.state, TrialState::kEarlyStopped);
  EXPECT_LT(trial.completed - trial.started, seconds(4));
}

TEST_F(EarlyStopping, AControllerThatIsKilledAtEachCommitAndEffectInTurnStopsEveryTrialOnce) {
  const auto prepare = [](World& one) {
    one.service = [](const SuggestionRequest&) { return With({{"loss", "0.5", Comparison::kGreater, 2}}); };
    one.behave = [](const RunId&, int) { return Reports({"0.9", "0.8", "0.7"}); };
  };
  int points = 0;
  {
    World calm;
    prepare(calm);
    calm.kill_at = [&points](Point) { return ++points < 0; };
    ASSERT_TRUE(calm.Submit(MakeSpec("a", 2, 4)).ok());
    ASSERT_TRUE(calm.RunUntil([&] { return Ended(calm, "a"); }));
  }
  ASSERT_GT(points, 20);
  for (int victim = 1; victim <= points; ++victim) {
    World one;
    prepare(one);
    int point = 0;
    one.kill_at = [&](Point) { return ++point == victim || point == victim + 3; };
    for (int i = 0; i < 3 && !one.Submit(MakeSpec("a", 2, 4)).ok(); ++i) {
    }
    ASSERT_TRUE(one.RunUntil([&] { return Ended(one, "a"); })) << "killed at point " << victim;
    one.CheckAtTheEnd();
    for (const std::string& breach : one.breaches()) ADD_FAILURE() << "killed at point " << victim << ": " << breach;
    EXPECT_EQ(one.Stored("a").counts.early_stopped, 4) << "killed at point " << victim;
  }
}

// Katib's SetTrialStatus, as a collector calls it that has ended its trial itself.
class DeclaredStopped : public EarlyStopping {
 protected:
  Status Declare(const std::string& trial) {
    world.declared_stopped.insert(trial);
    Status said = Error(Code::kAborted, "the controller died");
    world.Command([&](Controller& controller) { said = controller.StopEarly(trial); });
    return said;
  }
  std::string Running() {
    for (const Trial& trial : world.StoredTrials("a"))
      if (trial.state == TrialState::kRunning) return trial.name;
    return "";
  }
};

TEST_F(DeclaredStopped, ItEndsWithKatibsWordsAndKeepsItsLastValue) {
  world.behave = [](const RunId&, int) { return Reports({"0.9", "0.8", "0.7"}); };
  ASSERT_TRUE(world.Submit(MakeSpec("a", 1, 1)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return !world.StoredTrials("a").empty() && !Running().empty(); }));
  world.RunFor(std::chrono::milliseconds(2'500));
  const std::string name = Running();
  ASSERT_TRUE(Declare(name).ok());
  EXPECT_TRUE(world.StoredTrials("a")[0].stopping) << "committed when it returns";
  EXPECT_TRUE(Declare(name).ok()) << "said twice";
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "a"); }));
  const Trial trial = world.StoredTrials("a")[0];
  EXPECT_EQ(trial.state, TrialState::kEarlyStopped);
  EXPECT_EQ(trial.conditions.back().reason, "TrialEarlyStopped");
  EXPECT_EQ(trial.conditions.back().message, "Trial is early stopped");
  EXPECT_EQ(trial.observation->metrics[0].latest, "0.8");
  EXPECT_LT(trial.completed - trial.started, seconds(10)) << "it is stopped, not waited for";
  EXPECT_TRUE(Declare(name).ok()) << "said again of one that has ended so";
}

TEST_F(DeclaredStopped, HoweverItsProcessesEnd) {
  world.behave = [](const RunId&, int) { return Prints("loss=0.5\n", seconds(2), 143); };
  ASSERT_TRUE(world.Submit(MakeSpec("a", 1, 1)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return world.alive() && world.Lookup("a") && !Running().empty(); }));
  world.RunFor(std::chrono::milliseconds(1'950));  // its processes are about to fail
  ASSERT_TRUE(Declare(Running()).ok());
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "a"); }));
  EXPECT_EQ(world.StoredTrials("a")[0].state, TrialState::kEarlyStopped);
  EXPECT_EQ(world.Stored("a").counts.failed, 0);
}

TEST_F(DeclaredStopped, NotOneThatHasEndedNorOneThatIsNotThere) {
  world.behave = [](const RunId&, int) { return Prints("loss=0.5\n"); };
  RunToTheEnd(MakeSpec("a", 1, 1));
  const Status ended = Declare(world.StoredTrials("a")[0].name);
  EXPECT_EQ(ended.code(), Code::kFailedPrecondition);
  EXPECT_THAT(ended.message(), testing::HasSubstr("is not running (Succeeded)"));
  EXPECT_EQ(Declare("nobody").code(), Code::kNotFound);
}

TEST_F(DeclaredStopped, NotOneThatAPersonIsStopping) {
  world.behave = [](const RunId&, int) { return Reports({"0.9"}); };
  ASSERT_TRUE(world.Submit(MakeSpec("a", 1, 1)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return !world.StoredTrials("a").empty() && !Running().empty(); }));
  const std::string name = Running();
  world.Command([&](Controller& controller) {
    ASSERT_TRUE(controller.StopTrial(name, TrialState::kKilled).ok());
    EXPECT_EQ(controller.StopEarly(name).code(), Code::kFailedPrecondition);
  });
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "a"); }));
  EXPECT_EQ(world.StoredTrials("a")[0].state, TrialState::kKilled);
}

TEST_F(DeclaredStopped, WhatWasAcknowledgedIsSoThroughEveryCrash) {
  for (int victim = 1; victim <= 8; ++victim) {
    World one;
    one.behave = [](const RunId&, int) { return Reports({"0.9", "0.8"}); };
    ASSERT_TRUE(one.Submit(MakeSpec("a", 1, 1)).ok());
    ASSERT_TRUE(one.RunUntil([&] { return one.Stored("a").counts.running == 1; }));
    one.RunFor(std::chrono::milliseconds(1'500));
    const std::string name = one.StoredTrials("a")[0].name;
    one.declared_stopped.insert(name);
    int point = 0;
    one.kill_at = [&](Point) { return ++point == victim; };
    bool acknowledged = false;
    for (int tries = 0; tries < 4 && !acknowledged; ++tries)  // as a collector that asks again
      one.Command([&](Controller& controller) {
        if (const Status said = controller.StopEarly(name); said.ok()) acknowledged = true;
      }),
          one.RunFor(std::chrono::milliseconds(100));
    ASSERT_TRUE(acknowledged) << "killed at point " << victim;
    ASSERT_TRUE(one.RunUntil([&] { return Ended(one, "a"); })) << "killed at point " << victim;
    EXPECT_EQ(one.StoredTrials("a")[0].state, TrialState::kEarlyStopped) << "killed at point " << victim;
    one.CheckAtTheEnd();
    for (const std::string& breach : one.breaches()) ADD_FAILURE() << "killed at point " << victim << ": " << breach;
  }
}

TEST_F(EarlyStopping, WhatAServiceFeedsBackIsMergedKeptAndComesWithTheNextRequest) {
  std::map<int, std::string> told;  // by the number of the suggestion
  world.service = [&](const SuggestionRequest& request) {
    std::string& line = told[request.total_request_number];
    line.clear();
    for (const Setting& setting : request.algorithm_settings) line += setting.name + "=" + setting.value + " ";
    const bool first = request.total_request_number == 1;
    ServicePlan plan;
    if (first) plan.settings.push_back({"eta", "4"});
    plan.settings.push_back({"n", first ? "9" : "3"});
    return plan;
  };
  ExperimentSpec spec = MakeSpec("a", 1, 3);
  spec.algorithm.settings = {{"eta", "3"}, {"resource_name", "epochs"}};
  ASSERT_TRUE(world.Submit(spec).ok());
  ASSERT_TRUE(world.RunUntil([&] { return world.Stored("a").counts.succeeded == 1; }));
  world.Kill();  // it is in the store
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "a"); }));
  EXPECT_EQ(told[1], "eta=3 resource_name=epochs ");
  EXPECT_EQ(told[2], "eta=4 resource_name=epochs n=9 ");
  EXPECT_EQ(told[3], "eta=4 resource_name=epochs n=3 ");
}

TEST_F(EarlyStopping, AServiceWhoseStateGrowsWithoutEndIsAFaultThatIsTold) {
  int asked = 0;
  world.service = [&](const SuggestionRequest&) {
    ServicePlan plan;
    plan.settings = {{"state-" + std::to_string(++asked), std::string(300'000, 'x')}};
    return plan;
  };
  ASSERT_TRUE(world.Submit(MakeSpec("a", 1, 10)).ok());
  world.RunFor(seconds(20));
  EXPECT_THAT(world.controller().WhyWaiting(1), testing::HasSubstr("have grown beyond"));
  EXPECT_LE(world.Stored("a").counts.total, 4);
}

}  // namespace
}  // namespace qalam::sim
