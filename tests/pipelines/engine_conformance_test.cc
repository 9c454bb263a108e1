// SPDX-License-Identifier: Apache-2.0
// What every engine promises: one start an attempt, adoption, order of output, retries, stops and their reasons.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pipelines/rig.h"

namespace qalam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct EngineKind {
  std::string name;
  std::function<std::unique_ptr<Rig>()> make;
};
void PrintTo(const EngineKind& kind, std::ostream* out) { *out << kind.name; }

class EngineConformance : public testing::TestWithParam<EngineKind> {
 protected:
  qalam::Run Chain(const std::vector<std::string>& names) {
    qalam::Run run;
    for (const std::string& name : names) {
      run.steps.push_back(rig->MakeStep(name));
      if (run.steps.size() > 1) run.steps.back().depends_on = {run.steps[run.steps.size() - 2].name};
    }
    run.metrics = MetricsSource{names.back(), ""};
    return run;
  }
  bool UntilRunning(const RunId& id, const std::string& step = "main") {
    return rig->RunUntil([&] { return rig->seen.IsRunning(id, step); });
  }

  std::unique_ptr<Rig> rig = GetParam().make();
};

TEST_P(EngineConformance, ARunReportsItsStepItsOutputAndThenItsEnd) {
  rig->Say("main", 1, {{{5, "loss=1\n"}, {20, "loss=0.5\n"}}, 30, 0, false});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  EXPECT_TRUE(rig->seen.log.empty());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kSucceeded);
  EXPECT_EQ(rig->seen.log.front(), "a-1 main/1 Running");
  EXPECT_EQ(rig->seen.log.back(), "a-1 end Succeeded");
  EXPECT_EQ(rig->seen.Output("a-1", 1), "loss=1\nloss=0.5\n");
  const StepRecord* record = rig->seen.Last("a-1", "main");
  EXPECT_EQ(record->state, StepState::kSucceeded);
  EXPECT_EQ(record->exit_code, 0);
  EXPECT_EQ(record->reason, "Completed");
  EXPECT_LE(record->started, record->ended);
  EXPECT_EQ(rig->Starts("a-1", "main", 1), 1);
}

TEST_P(EngineConformance, StartingTwiceStartsOnce) {
  rig->Say("main", 1, {{}, 20, 0, false});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  ASSERT_TRUE(UntilRunning("a-1"));
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  rig->Finish("a-1");
  EXPECT_EQ(rig->Starts("a-1", "main", 1), 1);
  EXPECT_EQ(rig->seen.ends["a-1"].size(), 1U);
}

TEST_P(EngineConformance, OutputIsReadToItsEndBeforeTheRunEnds) {
  std::string all;
  for (int i = 0; i < 2'000; ++i) all += "epoch=" + std::to_string(i) + " loss=0." + std::to_string(i) + "\n";
  all += "no newline at the end";
  rig->Say("main", 1, {{{0, all}}, 0, 3, false});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kFailed);
  EXPECT_EQ(rig->seen.Output("a-1", 1), all);
}

TEST_P(EngineConformance, ARunningRunIsAdopted) {
  rig->Say("main", 1, {{{0, "one\n"}, {150, "two\n"}}, 200, 7, false});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  ASSERT_TRUE(rig->RunUntil([&] { return rig->seen.Output("a-1", 1) == "one\n"; }));
  rig->Crash();
  rig->Restart();
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep(), {.metrics_attempt = 1, .metrics_offset = 4}).ok());
  const RunEnd end = rig->Finish("a-1");
  EXPECT_EQ(end.state, StepState::kFailed);
  EXPECT_EQ(rig->seen.Last("a-1", "main")->exit_code, 7);
  EXPECT_EQ(rig->seen.first_offset.at({"a-1", 1}), 4);
  EXPECT_EQ(rig->seen.Output("a-1", 1), "two\n");
  EXPECT_EQ(rig->Starts("a-1", "main", 1), 1);
}

TEST_P(EngineConformance, ARunThatEndedWhileNobodyLookedReportsItsEnd) {
  rig->Say("main", 1, {{{0, "a=1\n"}, {20, "b=2\n"}}, 30, 5, false});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  ASSERT_TRUE(UntilRunning("a-1"));
  rig->Crash();
  rig->WaitForExit("a-1", "main", 1);
  rig->Restart();
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kFailed);
  EXPECT_EQ(rig->seen.Output("a-1", 1), "a=1\nb=2\n");
  EXPECT_EQ(rig->seen.Last("a-1", "main")->exit_code, 5);
  EXPECT_EQ(rig->Starts("a-1", "main", 1), 1);
  EXPECT_EQ(rig->Starts("a-1", "main", 2), 0);
}

TEST_P(EngineConformance, AnEndCanBeReportedAgain) {
  rig->Say("main", 1, {{{0, "a=1\n"}}, 1, 0, false});
  for (int life = 0; life < 3; ++life) {
    ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
    EXPECT_EQ(rig->Finish("a-1").state, StepState::kSucceeded);
    EXPECT_EQ(rig->seen.Output("a-1", 1), "a=1\n");
    rig->Crash();
    rig->Restart();
  }
  EXPECT_EQ(rig->Starts("a-1", "main", 1), 1);
}

TEST_P(EngineConformance, AFailedStepIsRepeatedAsOftenAsItSays) {
  rig->Say("main", 1, {{{0, "first\n"}}, 1, 1, false});
  rig->Say("main", 2, {{{0, "second\n"}}, 1, 1, false});
  rig->Say("main", 3, {{{0, "third\n"}}, 1, 0, false});
  qalam::Run run = rig->OneStep();
  run.steps[0].retries = 2;
  ASSERT_TRUE(rig->Start("a-1", run).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kSucceeded);
  EXPECT_THAT(rig->seen.log,
              ElementsAre("a-1 main/1 Running", "a-1 output 1", "a-1 main/1 Failed", "a-1 main/2 Running",
                          "a-1 output 2", "a-1 main/2 Failed", "a-1 main/3 Running", "a-1 output 3",
                          "a-1 main/3 Succeeded", "a-1 end Succeeded"));
  EXPECT_EQ(rig->seen.Output("a-1", 3), "third\n");
}

TEST_P(EngineConformance, RetriesEnd) {
  for (int attempt = 1; attempt <= 3; ++attempt) rig->Say("main", attempt, {{}, 0, 9, false});
  qalam::Run run = rig->OneStep();
  run.steps[0].retries = 1;
  ASSERT_TRUE(rig->Start("a-1", run).ok());
  const RunEnd end = rig->Finish("a-1");
  EXPECT_EQ(end.state, StepState::kFailed);
  EXPECT_EQ(end.reason, "Error");
  EXPECT_THAT(end.message, HasSubstr("exited with code 9"));
  EXPECT_EQ(rig->Starts("a-1", "main", 2), 1);
  EXPECT_EQ(rig->Starts("a-1", "main", 3), 0);
}

TEST_P(EngineConformance, ALostAttemptIsFollowedByANewOne) {
  rig->Say("main", 1, {{{0, "lost\n"}}, 5, 0, true});
  rig->Say("main", 2, {{{0, "found\n"}}, 5, 0, false});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kSucceeded);
  EXPECT_THAT(rig->seen.log, ElementsAre("a-1 main/1 Running", "a-1 output 1", "a-1 main/1 Lost", "a-1 main/2 Running",
                                         "a-1 output 2", "a-1 main/2 Succeeded", "a-1 end Succeeded"));
  EXPECT_EQ(rig->seen.Output("a-1", 2), "found\n");
}

TEST_P(EngineConformance, AnAttemptLostWhileNobodyLookedIsFollowedByANewOne) {
  rig->Say("main", 1, {{}, 5, 0, true});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  ASSERT_TRUE(UntilRunning("a-1"));
  rig->Crash();
  rig->WaitForExit("a-1", "main", 1);
  rig->Restart();
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kSucceeded);
  EXPECT_THAT(rig->seen.log,
              ElementsAre("a-1 main/1 Lost", "a-1 main/2 Running", "a-1 main/2 Succeeded", "a-1 end Succeeded"));
  EXPECT_EQ(rig->Starts("a-1", "main", 1), 1);
  EXPECT_EQ(rig->Starts("a-1", "main", 2), 1);
}

TEST_P(EngineConformance, ThreeLostAttemptsInARowEndTheRun) {
  for (int attempt = 1; attempt <= 4; ++attempt) rig->Say("main", attempt, {{}, 2, 0, true});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  const RunEnd end = rig->Finish("a-1");
  EXPECT_EQ(end.state, StepState::kLost);
  EXPECT_EQ(end.reason, "Lost");
  EXPECT_EQ(rig->Starts("a-1", "main", 3), 1);
  EXPECT_EQ(rig->Starts("a-1", "main", 4), 0);
}

TEST_P(EngineConformance, AStopEndsARunningRun) {
  rig->Say("main", 1, {{{0, "begun\n"}}, 30'000, 0, false});
  qalam::Run run = rig->OneStep();
  run.steps[0].retries = 5;
  ASSERT_TRUE(rig->Start("a-1", run).ok());
  ASSERT_TRUE(rig->RunUntil([&] { return rig->seen.Output("a-1", 1) == "begun\n"; }));
  rig->Stop("a-1");
  rig->Stop("a-1");
  const RunEnd end = rig->Finish("a-1");
  EXPECT_EQ(end.state, StepState::kStopped);
  EXPECT_EQ(end.reason, "Stopped");
  EXPECT_EQ(rig->seen.Last("a-1", "main")->state, StepState::kStopped);
  EXPECT_EQ(rig->Starts("a-1", "main", 2), 0);
  rig->Stop("a-1");
  rig->Settle();
  EXPECT_EQ(rig->seen.ends["a-1"].size(), 1U);
}

TEST_P(EngineConformance, AStopIsNotForgottenByTheNextController) {
  rig->Say("main", 1, {{{0, "begun\n"}}, 30'000, 0, false});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  ASSERT_TRUE(rig->RunUntil([&] { return rig->seen.Output("a-1", 1) == "begun\n"; }));
  rig->Stop("a-1");
  rig->Finish("a-1");
  rig->Crash();
  rig->Restart();
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kStopped);
  EXPECT_EQ(rig->Starts("a-1", "main", 1), 1);
  EXPECT_EQ(rig->Starts("a-1", "main", 2), 0);
}

TEST_P(EngineConformance, AnAdoptedRunCanBeStopped) {
  rig->Say("main", 1, {{{0, "begun\n"}}, 30'000, 0, false});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  ASSERT_TRUE(rig->RunUntil([&] { return rig->seen.Output("a-1", 1) == "begun\n"; }));
  rig->Crash();
  rig->Restart();
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  rig->Stop("a-1");
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kStopped);
  EXPECT_EQ(rig->Starts("a-1", "main", 1), 1);
}

TEST_P(EngineConformance, AStopBeforeTheLaunchStartsNothing) {
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  rig->Stop("a-1");
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kStopped);
  EXPECT_EQ(rig->Starts("a-1", "main", 1), 0);
}

TEST_P(EngineConformance, AStopOfAnUnknownRunIsNothing) {
  rig->Stop("nobody");
  rig->Settle();
  EXPECT_TRUE(rig->seen.log.empty());
}

TEST_P(EngineConformance, AttemptsThatAreHistoryAreNotLookedAt) {
  rig->Say("main", 1, {{{0, "old\n"}}, 30'000, 0, false});
  rig->Say("main", 2, {{{0, "new\n"}}, 1, 0, false});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  ASSERT_TRUE(UntilRunning("a-1"));
  rig->Stop("a-1");
  rig->Finish("a-1");
  rig->Crash();
  rig->Restart();
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep(), {.after_attempt = 1}).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kSucceeded);
  EXPECT_THAT(rig->seen.log,
              ElementsAre("a-1 main/2 Running", "a-1 output 2", "a-1 main/2 Succeeded", "a-1 end Succeeded"));
}

TEST_P(EngineConformance, StepsRunWhenTheStepsTheyDependOnHaveSucceeded) {
  rig->Say("first", 1, {{}, 20, 0, false});
  rig->Say("second", 1, {{{0, "loss=1\n"}}, 1, 0, false});
  ASSERT_TRUE(rig->Start("a-1", Chain({"first", "second"})).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kSucceeded);
  EXPECT_THAT(rig->seen.log, ElementsAre("a-1 first/1 Running", "a-1 first/1 Succeeded", "a-1 second/1 Running",
                                         "a-1 output 1", "a-1 second/1 Succeeded", "a-1 end Succeeded"));
}

TEST_P(EngineConformance, ADagGoesOnAfterARestart) {
  rig->Say("first", 1, {{}, 20, 0, false});
  ASSERT_TRUE(rig->Start("a-1", Chain({"first", "second"})).ok());
  ASSERT_TRUE(UntilRunning("a-1", "first"));
  rig->Crash();
  rig->WaitForExit("a-1", "first", 1);
  rig->Restart();
  ASSERT_TRUE(rig->Start("a-1", Chain({"first", "second"})).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kSucceeded);
  EXPECT_EQ(rig->Starts("a-1", "first", 1), 1);
  EXPECT_EQ(rig->Starts("a-1", "second", 1), 1);
}

TEST_P(EngineConformance, AFailureStopsTheOtherSteps) {
  rig->Say("bad", 1, {{}, 30, 4, false});
  rig->Say("long", 1, {{}, 30'000, 0, false});
  qalam::Run run = Chain({"bad", "after"});
  run.steps.push_back(rig->MakeStep("long"));
  ASSERT_TRUE(rig->Start("a-1", run).ok());
  const RunEnd end = rig->Finish("a-1");
  EXPECT_EQ(end.state, StepState::kFailed);
  EXPECT_THAT(end.message, HasSubstr("step bad: the command exited with code 4"));
  EXPECT_EQ(rig->seen.Last("a-1", "long")->state, StepState::kStopped);
  EXPECT_EQ(rig->Starts("a-1", "after", 1), 0);
}

TEST_P(EngineConformance, ASidecarIsStoppedWhenTheOthersAreDone) {
  rig->Say("side", 1, {{}, 600'000, 0, false});
  rig->Say("main", 1, {{}, 60, 0, false});
  qalam::Run run = rig->OneStep();
  run.steps.push_back(rig->MakeStep("side"));
  run.steps[1].sidecar = true;
  run.steps[0].depends_on = {"side"};  // which is to say: on its start
  ASSERT_TRUE(rig->Start("a-1", run).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kSucceeded);
  EXPECT_EQ(rig->seen.log.front(), "a-1 side/1 Running");
  EXPECT_EQ(rig->seen.Last("a-1", "side")->state, StepState::kStopped);
  EXPECT_EQ(rig->Starts("a-1", "side", 1), 1);
}

TEST_P(EngineConformance, ASidecarThatRestartsIsStartedAgainAndFailsNothing) {
  rig->Say("side", 1, {{}, 1, 7, false});
  rig->Say("side", 2, {{}, 600'000, 0, false});
  rig->Say("main", 1, {{}, 500, 0, false});
  qalam::Run run = rig->OneStep();
  run.steps.push_back(rig->MakeStep("side"));
  run.steps[1].sidecar = run.steps[1].restarts = true;
  ASSERT_TRUE(rig->Start("a-1", run).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kSucceeded);
  EXPECT_EQ(rig->Starts("a-1", "side", 2), 1);
}

TEST_P(EngineConformance, ASidecarThatFailsForGoodFailsTheRunOnceTheOthersAreDone) {
  rig->Say("side", 1, {{}, 1, 7, false});
  rig->Say("main", 1, {{{100, "loss=1\n"}}, 120, 0, false});
  qalam::Run run = rig->OneStep();
  run.steps.push_back(rig->MakeStep("side"));
  run.steps[1].sidecar = true;
  ASSERT_TRUE(rig->Start("a-1", run).ok());
  const RunEnd end = rig->Finish("a-1");
  EXPECT_EQ(end.state, StepState::kFailed);
  EXPECT_THAT(end.message, HasSubstr("step side: the command exited with code 7"));
  EXPECT_EQ(rig->seen.Last("a-1", "main")->state, StepState::kSucceeded);
  EXPECT_EQ(rig->seen.Output("a-1", 1), "loss=1\n");
}

TEST_P(EngineConformance, ASidecarGoesWithAFailureAndAStopAndIsAdoptedLikeAStep) {
  rig->Say("side", 1, {{}, 600'000, 0, false});
  rig->Say("main", 1, {{}, 30, 5, false});
  qalam::Run run = rig->OneStep();
  run.steps.push_back(rig->MakeStep("side"));
  run.steps[1].sidecar = run.steps[1].restarts = true;
  ASSERT_TRUE(rig->Start("a-1", run).ok());
  ASSERT_TRUE(UntilRunning("a-1", "side") && UntilRunning("a-1"));
  rig->Crash();
  rig->Restart();
  ASSERT_TRUE(rig->Start("a-1", run).ok());
  EXPECT_EQ(rig->Finish("a-1").state, StepState::kFailed);
  EXPECT_EQ(rig->seen.Last("a-1", "side")->state, StepState::kStopped);
  EXPECT_EQ(rig->Starts("a-1", "side", 1), 1);
  EXPECT_EQ(rig->Starts("a-1", "side", 2), 0);
}

TEST_P(EngineConformance, TheRunsDeadlineIsThatOfAllStepsTogether) {
  rig->Say("first", 1, {{}, 700, 0, false});
  rig->Say("second", 1, {{}, 30'000, 0, false});
  qalam::Run run = Chain({"first", "second"});
  run.timeout = std::chrono::seconds(1);
  ASSERT_TRUE(rig->Start("a-1", run).ok());
  const RunEnd end = rig->Finish("a-1");
  EXPECT_EQ(end.reason, "DeadlineExceeded");
  EXPECT_LT(rig->seen.Last("a-1", "second")->ended - rig->seen.Last("a-1", "second")->started,
            std::chrono::milliseconds(900));
}

TEST_P(EngineConformance, ADeadlineEndsAStepForGood) {
  rig->Say("main", 1, {{{0, "begun\n"}}, 30'000, 0, false});
  qalam::Run run = rig->OneStep();
  run.steps[0].timeout = std::chrono::seconds(1);
  run.steps[0].retries = 3;
  ASSERT_TRUE(rig->Start("a-1", run).ok());
  const RunEnd end = rig->Finish("a-1");
  EXPECT_EQ(end.state, StepState::kFailed);
  EXPECT_EQ(end.reason, "DeadlineExceeded");
  EXPECT_EQ(rig->seen.Output("a-1", 1), "begun\n");
  EXPECT_EQ(rig->Starts("a-1", "main", 2), 0);
}

TEST_P(EngineConformance, WhatCanNeverRunIsRefused) {
  const qalam::Run good = rig->OneStep();
  for (const std::string id : {"", "..", "../up", "a/b", "/etc", "A", "-a", "a-", "a..b"}) {
    EXPECT_FALSE(rig->Start(id, good).ok()) << id;
  }
  EXPECT_FALSE(rig->Start(std::string("a\0b", 3), good).ok());
  for (const std::string name : {"", "..", "a/b", "a.b", "Main"}) {
    qalam::Run run = good;
    run.steps[0].name = name;
    EXPECT_FALSE(rig->Start("a-1", run).ok()) << name;
  }
  qalam::Run circle = Chain({"one", "two"});
  circle.steps[0].depends_on = {"two"};
  EXPECT_THAT(rig->Start("a-1", circle).message(), HasSubstr("in a circle"));
  qalam::Run dangling = good;
  dangling.steps[0].depends_on = {"nobody"};
  EXPECT_THAT(rig->Start("a-1", dangling).message(), HasSubstr("depends on nobody"));
  qalam::Run empty = good;
  empty.steps[0].command.clear();
  EXPECT_THAT(rig->Start("a-1", empty).message(), HasSubstr("no command"));
  qalam::Run twins = good;
  twins.steps.push_back(twins.steps[0]);
  EXPECT_FALSE(rig->Start("a-1", twins).ok());
  qalam::Run nul = good;
  nul.steps[0].command.push_back(std::string("a\0b", 3));
  EXPECT_THAT(rig->Start("a-1", nul).message(), HasSubstr("NUL"));
  rig->Settle();
  EXPECT_TRUE(rig->seen.log.empty());
}

TEST_P(EngineConformance, NothingIsReportedAfterTheControllerDied) {
  rig->Say("main", 1, {{{0, "x\n"}}, 20, 0, false});
  ASSERT_TRUE(rig->Start("a-1", rig->OneStep()).ok());
  ASSERT_TRUE(UntilRunning("a-1"));
  rig->engine().SetObserver(nullptr);
  const auto before = rig->seen.log;
  rig->WaitForExit("a-1", "main", 1);
  rig->Settle();
  EXPECT_EQ(rig->seen.log, before);
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineConformance,
                         testing::Values(EngineKind{"Simulated", MakeSimulatedRig}, EngineKind{"Local", MakeLocalRig}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace qalam
