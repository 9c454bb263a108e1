// SPDX-License-Identifier: Apache-2.0
// The controller's behaviour, one story a test: Katib's counting and ends, pause and resume, faults of the service,
// of the disk and of the trials.
#include <gtest/gtest.h>

#include <set>

#include "experiment/spec.h"
#include "tests/sim/world.h"

namespace qalam::sim {
namespace {

using std::chrono::seconds;

bool Ended(World& world, const std::string& name) {
  return IsFinal(world.Stored(name).state) && world.controller().AllSettled();
}

std::string EndReason(World& world, const std::string& name) { return world.Stored(name).conditions.back().reason; }

std::vector<std::string> EventReasons(World& world, const std::string& name) {
  std::vector<std::string> reasons;
  const auto events = world.store().Events(world.Stored(name).id);
  for (const Event& event : *events) reasons.push_back(event.reason);
  return reasons;
}

class ControllerTest : public testing::Test {
 protected:
  void TearDown() override {
    world.CheckAtTheEnd();
    for (const std::string& breach : world.breaches()) ADD_FAILURE() << breach;
  }
  void RunToTheEnd(const ExperimentSpec& spec) {
    ASSERT_TRUE(world.Submit(spec).ok());
    ASSERT_TRUE(world.RunUntil([&] { return Ended(world, spec.name); }));
  }
  World world;
};

TEST_F(ControllerTest, RunsMaxTrialCountTrialsAndSucceeds) {
  RunToTheEnd(MakeSpec("a", 3, 12));
  const Experiment done = world.Stored("a");
  EXPECT_EQ(done.state, ExperimentState::kSucceeded);
  EXPECT_EQ(EndReason(world, "a"), "ExperimentMaxTrialsReached");
  EXPECT_EQ(done.counts.total, 12);
  EXPECT_EQ(done.counts.succeeded, 12);
  EXPECT_NE(done.completed, WallTime{});
  std::set<std::string> names;
  for (const Trial& trial : world.StoredTrials("a")) names.insert(trial.name);
  EXPECT_EQ(names.size(), 12u);
}

TEST_F(ControllerTest, NeverRunsMoreThanParallelTrialCountAndUsesAllOfIt) {
  int most = 0;
  ASSERT_TRUE(world.Submit(MakeSpec("a", 4, 20)).ok());
  ASSERT_TRUE(world.RunUntil([&] {
    most = std::max(most, world.engine().running());
    return Ended(world, "a");
  }));
  EXPECT_EQ(most, 4);
}

TEST_F(ControllerTest, EndsWhenTheGoalIsReachedAndCountsTrialsStillAtWork) {
  world.behave = [](const RunId&, int) { return Prints("loss=0.0005\n"); };
  ExperimentSpec spec = MakeSpec("a", 3, 12);
  spec.objective.goal = 0.001;
  RunToTheEnd(spec);
  EXPECT_EQ(EndReason(world, "a"), "ExperimentGoalReached");
  EXPECT_EQ(world.Stored("a").counts.total, 3);
  EXPECT_EQ(world.Stored("a").counts.succeeded, 3);
}

TEST_F(ControllerTest, FailsWhenMaxFailedTrialCountIsReached) {
  world.behave = [](const RunId&, int) { return Prints("loss=1\n", seconds(1), 3); };
  ExperimentSpec spec = MakeSpec("a", 1, 12);
  spec.max_failed_trial_count = 3;
  RunToTheEnd(spec);
  EXPECT_EQ(world.Stored("a").state, ExperimentState::kFailed);
  EXPECT_EQ(world.Stored("a").counts.failed, 3);
  EXPECT_EQ(world.Stored("a").best_trial, "") << "a failed trial is never the best";
}

TEST_F(ControllerTest, ATrialWithoutItsMetricSaysWhyAndCountsAsFailed) {
  world.behave = [](const RunId&, int) { return Prints("Loss: 0.5\n"); };
  ExperimentSpec spec = MakeSpec("a", 1, 12);
  spec.max_failed_trial_count = 1;
  RunToTheEnd(spec);
  const Trial trial = world.StoredTrials("a").front();
  EXPECT_EQ(trial.state, TrialState::kMetricsUnavailable);
  EXPECT_NE(trial.conditions.back().message.find("Loss: 0.5"), std::string::npos) << trial.conditions.back().message;
  EXPECT_EQ(world.Stored("a").state, ExperimentState::kFailed);
}

TEST_F(ControllerTest, TrialsWithoutMetricsCountTowardsMaxTrialCount) {
  int n = 0;
  world.behave = [&n](const RunId&, int) { return Prints(++n % 2 == 0 ? "loss=1\n" : "nothing\n"); };
  RunToTheEnd(MakeSpec("a", 3, 10));
  EXPECT_EQ(world.Stored("a").counts.total, 10);
}

TEST_F(ControllerTest, NotANumberIsNeverTheBestAndNeverSucceeds) {
  int n = 0;
  world.behave = [&n](const RunId&, int) { return Prints(++n == 1 ? "loss=nan\n" : "loss=0.25\n"); };
  RunToTheEnd(MakeSpec("a", 1, 3));
  const std::vector<Trial> trials = world.StoredTrials("a");
  EXPECT_EQ(trials[0].state, TrialState::kMetricsUnavailable);
  EXPECT_EQ(world.Stored("a").best_trial, trials[1].name) << "of equals the first";
}

TEST_F(ControllerTest, AnExhaustedSpaceEndsTheExperiment) {
  world.service = [](const SuggestionRequest& request) {
    ServicePlan plan;
    plan.exhausted = request.total_request_number > 5;
    plan.more = std::min(0, 5 - request.total_request_number);
    return plan;
  };
  RunToTheEnd(MakeSpec("a", 3, 100));
  EXPECT_EQ(EndReason(world, "a"), "ExperimentSuggestionEndReached");
  EXPECT_EQ(world.Stored("a").counts.total, 5);
}

TEST_F(ControllerTest, AForeignServiceThatHasNothingMoreEndsTheExperimentToo) {
  world.service = [](const SuggestionRequest& request) {
    ServicePlan plan;
    plan.more = std::min(0, 5 - request.total_request_number);
    return plan;
  };
  RunToTheEnd(MakeSpec("a", 3, 100));
  EXPECT_EQ(EndReason(world, "a"), "ExperimentSuggestionEndReached");
  EXPECT_EQ(world.Stored("a").counts.total, 5);
}

TEST_F(ControllerTest, TooManySuggestionsAreCutToWhatWasAskedFor) {
  world.service = [](const SuggestionRequest&) {
    ServicePlan plan;
    plan.more = 7;
    return plan;
  };
  RunToTheEnd(MakeSpec("a", 2, 9));
  EXPECT_EQ(world.Stored("a").counts.total, 9);
}

TEST_F(ControllerTest, ASuggestionNameIsUsedOnce) {
  world.service = [](const SuggestionRequest& request) {
    ServicePlan plan;
    if (request.total_request_number <= 3) plan.same_name = "chosen";
    return plan;
  };
  RunToTheEnd(MakeSpec("a", 3, 3));
  int chosen = 0;
  for (const Trial& trial : world.StoredTrials("a")) chosen += trial.name == "chosen";
  EXPECT_EQ(chosen, 1);
}

TEST_F(ControllerTest, RunningTrialsGoOnWhileTheServiceFailsAndItIsAskedAgainWithBackoff) {
  int calls = 0;
  world.service = [&calls](const SuggestionRequest&) {
    ServicePlan plan;
    if (++calls > 1 && calls < 15) plan.fault = Error(Code::kUnavailable, "nobody listens");
    return plan;
  };
  ASSERT_TRUE(world.Submit(MakeSpec("a", 2, 6)).ok());
  ASSERT_TRUE(world.RunUntil([&] {
    return world.controller().WhyWaiting(1).find("nobody listens (11 times), next try in") != std::string::npos;
  })) << world.controller().WhyWaiting(1);
  EXPECT_EQ(world.Stored("a").counts.succeeded, 2);
  EXPECT_EQ(world.Stored("a").conditions.back().type, "SuggestionUnavailable") << "the circuit is a condition";
  EXPECT_GT(world.clock().Monotonic(), seconds(100)) << "the tries are spread out";
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "a"); }));
  EXPECT_EQ(EndReason(world, "a"), "ExperimentMaxTrialsReached");
}

TEST_F(ControllerTest, AServiceThatNeverComesBackFailsTheExperimentInBoundedTime) {
  world.service = [](const SuggestionRequest&) {
    ServicePlan plan;
    plan.delay = seconds(60);
    plan.fault = Error(Code::kDeadlineExceeded, "deadline exceeded");
    return plan;
  };
  RunToTheEnd(MakeSpec("a", 2, 6));
  EXPECT_EQ(world.Stored("a").state, ExperimentState::kFailed);
  EXPECT_NE(world.Stored("a").conditions.back().message.find("deadline exceeded"), std::string::npos);
  EXPECT_LT(world.clock().Monotonic(), std::chrono::hours(2));
}

TEST_F(ControllerTest, RefusedSettingsFailTheExperimentWithTheText) {
  world.validate = [] { return InvalidArgument("unknown setting x for algorithm random"); };
  RunToTheEnd(MakeSpec("a", 2, 6));
  EXPECT_EQ(world.Stored("a").state, ExperimentState::kFailed);
  EXPECT_EQ(world.Stored("a").conditions.back().message, "Validation failed: unknown setting x for algorithm random");
  EXPECT_EQ(world.Stored("a").counts.total, 0);
}

TEST_F(ControllerTest, AServiceThatCannotValidateIsTakenAsContent) {
  world.validate = [] { return Error(Code::kUnimplemented, "no such method"); };
  RunToTheEnd(MakeSpec("a", 2, 4));
  EXPECT_EQ(world.Stored("a").state, ExperimentState::kSucceeded);
}

TEST_F(ControllerTest, PauseLetsRunningTrialsEndAndResumeGoesOn) {
  ASSERT_TRUE(world.Submit(MakeSpec("a", 2, 6)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return world.engine().running() == 2; }));
  ASSERT_TRUE(world.Command([](Controller& controller) { EXPECT_TRUE(controller.Pause(1).ok()); }));
  EXPECT_FALSE(world.controller().Settled(1));
  ASSERT_TRUE(world.RunUntil([&] { return world.controller().Settled(1); }));
  EXPECT_EQ(world.Stored("a").counts.succeeded, 2);
  EXPECT_EQ(world.Stored("a").counts.total, 2);
  const auto again = world.Submit(MakeSpec("a", 2, 6));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->how, Submitted::How::kResumed);
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "a"); }));
  EXPECT_EQ(world.Stored("a").counts.succeeded, 6);
}

TEST_F(ControllerTest, StoppedTrialsRunAgainAfterResumeWithTheSameAssignments) {
  ASSERT_TRUE(world.Submit(MakeSpec("a", 2, 2)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return world.engine().running() == 2; }));
  const std::vector<Trial> before = world.StoredTrials("a");
  ASSERT_TRUE(world.Command([](Controller& controller) { EXPECT_TRUE(controller.StopTrials(1).ok()); }));
  ASSERT_TRUE(world.RunUntil([&] { return world.controller().Settled(1); }));
  EXPECT_EQ(world.engine().running(), 0);
  EXPECT_EQ(world.Stored("a").counts.created, 2);
  world.Kill();
  ASSERT_TRUE(world.Submit(MakeSpec("a", 2, 2)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "a"); }));
  const std::vector<Trial> after = world.StoredTrials("a");
  ASSERT_EQ(after.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after[i].name, before[i].name);
    EXPECT_EQ(after[i].assignments, before[i].assignments);
    EXPECT_EQ(after[i].state, TrialState::kSucceeded);
    EXPECT_EQ(world.store().Steps(after[i].name)->back().attempt, 2);
  }
}

TEST_F(ControllerTest, ALostAttemptIsRunAgainAndOnlyTheLastOnesMetricsCount) {
  world.behave = [](const RunId&, int attempt) {
    SimulatedStep step = Prints(attempt == 1 ? "loss=0.01\n" : "loss=0.7\n");
    step.lost = attempt == 1;
    return step;
  };
  RunToTheEnd(MakeSpec("a", 1, 1));
  const Trial trial = world.StoredTrials("a").front();
  ASSERT_TRUE(trial.observation);
  EXPECT_EQ(trial.observation->metrics.front().min, "0.7");
  const auto reasons = EventReasons(world, "a");
  EXPECT_NE(std::find(reasons.begin(), reasons.end(), "Lost"), reasons.end());
}

TEST_F(ControllerTest, AFullDiskLaunchesNothingAndGoesOnByItself) {
  bool full = false;
  world.before_commit = [&full] { return full ? Error(Code::kResourceExhausted, "no space left") : OkStatus(); };
  ASSERT_TRUE(world.Submit(MakeSpec("a", 2, 6)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return world.engine().running() == 2; }));
  full = true;
  world.RunFor(seconds(20));
  EXPECT_EQ(world.StoredTrials("a").size(), 2u);
  EXPECT_EQ(world.engine().running(), 0);
  EXPECT_NE(world.controller().WhyWaiting(1).find("no space left"), std::string::npos);
  full = false;
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "a"); }));
  EXPECT_EQ(world.Stored("a").counts.succeeded, 6);
}

TEST_F(ControllerTest, ASubmissionThatCannotBeWrittenIsRefused) {
  bool full = true;
  world.before_commit = [&full] { return full ? Error(Code::kResourceExhausted, "no space left") : OkStatus(); };
  EXPECT_EQ(world.Submit(MakeSpec("a", 2, 6)).status().code(), Code::kResourceExhausted);
  full = false;
  RunToTheEnd(MakeSpec("a", 2, 2));
}

// Found by the simulation: asked once more, it was told "done" of what no commit held yet.
TEST_F(ControllerTest, WhatIsAskedForTwiceIsNotAcknowledgedBeforeItIsCommitted) {
  bool full = false;
  world.before_commit = [&full] { return full ? Error(Code::kResourceExhausted, "no space left") : OkStatus(); };
  ASSERT_TRUE(world.Submit(MakeSpec("a", 2, 6)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return world.engine().running() == 2; }));
  full = true;
  BudgetEdit edit;
  edit.max_trials = 4;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(world.controller().Edit(1, edit).code(), Code::kResourceExhausted);
    EXPECT_EQ(world.controller().Pause(1).code(), Code::kResourceExhausted);
  }
  full = false;
  EXPECT_TRUE(world.controller().Edit(1, edit).ok());
  EXPECT_TRUE(world.controller().Pause(1).ok());
  EXPECT_TRUE(world.Stored("a").paused);
}

TEST_F(ControllerTest, TheSameExperimentAgainIsUnchangedOnceItHasEnded) {
  RunToTheEnd(MakeSpec("a", 2, 4));
  const auto again = world.Submit(MakeSpec("a", 2, 4));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->how, Submitted::How::kUnchanged);
}

TEST_F(ControllerTest, AnotherSpecUnderTheSameNameIsRefusedNamingTheFields) {
  RunToTheEnd(MakeSpec("a", 2, 4));
  ExperimentSpec other = MakeSpec("a", 2, 4);
  other.parameters[0].feasible.max = "0.9";
  const auto again = world.Submit(other);
  EXPECT_EQ(again.status().code(), Code::kAlreadyExists);
  EXPECT_NE(again.status().message().find("spec.parameters"), std::string::npos) << again.status().message();
}

TEST_F(ControllerTest, ALargerBudgetRestartsOnlyUnderAPolicyThatAllowsIt) {
  RunToTheEnd(MakeSpec("never", 2, 4));
  EXPECT_EQ(world.Submit(MakeSpec("never", 2, 8)).status().code(), Code::kFailedPrecondition);

  ExperimentSpec spec = MakeSpec("long", 2, 4);
  spec.resume_policy = ResumePolicy::kLongRunning;
  RunToTheEnd(spec);
  spec.max_trial_count = 8;
  const auto again = world.Submit(spec);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->how, Submitted::How::kConfigured);
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "long"); }));
  EXPECT_EQ(world.Stored("long").counts.succeeded, 8);
}

TEST_F(ControllerTest, BudgetsMayChangeWhileItRuns) {
  ASSERT_TRUE(world.Submit(MakeSpec("a", 1, 100)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return world.Stored("a").counts.succeeded == 3; }));
  ASSERT_TRUE(world.Submit(MakeSpec("a", 4, 10)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "a"); }));
  EXPECT_EQ(world.Stored("a").counts.total, 10);
}

TEST_F(ControllerTest, ExperimentsShareAControllerWithoutMixing) {
  ASSERT_TRUE(world.Submit(MakeSpec("a", 2, 7)).ok());
  ASSERT_TRUE(world.Submit(MakeSpec("b", 3, 9)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return world.controller().AllSettled(); }));
  EXPECT_EQ(world.Stored("a").counts.succeeded, 7);
  EXPECT_EQ(world.Stored("b").counts.succeeded, 9);
}

TEST_F(ControllerTest, AJumpOfTheWallClockChangesNothing) {
  ASSERT_TRUE(world.Submit(MakeSpec("a", 2, 6)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return world.Stored("a").counts.succeeded == 2; }));
  world.clock().JumpWall(-std::chrono::hours(24));
  ASSERT_TRUE(world.RunUntil([&] { return world.Stored("a").counts.succeeded == 4; }));
  world.clock().JumpWall(std::chrono::hours(48));
  ASSERT_TRUE(world.RunUntil([&] { return Ended(world, "a"); }));
  EXPECT_EQ(world.Stored("a").counts.succeeded, 6);
}

TEST_F(ControllerTest, AControllerThatIsKilledAtEachCommitAndEffectInTurnLosesNothing) {
  std::vector<Assignments> undisturbed;
  int points = 0;
  {
    World calm;
    calm.kill_at = [&points](Point) { return ++points < 0; };
    ASSERT_TRUE(calm.Submit(MakeSpec("a", 2, 5)).ok());
    ASSERT_TRUE(calm.RunUntil([&] { return Ended(calm, "a"); }));
    for (const Trial& trial : calm.StoredTrials("a")) undisturbed.push_back(trial.assignments);
  }
  ASSERT_GT(points, 20);
  for (int victim = 1; victim <= points; ++victim) {
    for (int again = 1; again <= points; ++again) {  // and so often after that in the recovery, or in what follows it
      const std::string where = fmt::format("killed at point {}, then {} later", victim, again);
      World one;
      int point = 0;
      one.kill_at = [&](Point) { return ++point == victim || point == victim + again; };
      for (int i = 0; i < 3 && !one.Submit(MakeSpec("a", 2, 5)).ok(); ++i) {
      }
      ASSERT_TRUE(one.RunUntil([&] { return Ended(one, "a"); })) << where;
      one.CheckAtTheEnd();
      for (const std::string& breach : one.breaches()) ADD_FAILURE() << where << ": " << breach;
      std::vector<Assignments> assignments;
      for (const Trial& trial : one.StoredTrials("a")) assignments.push_back(trial.assignments);
      EXPECT_EQ(assignments, undisturbed) << where;
      EXPECT_EQ(one.Stored("a").counts.succeeded, 5) << where;
    }
  }
}

}  // namespace
}  // namespace qalam::sim
