// SPDX-License-Identifier: Apache-2.0
// Ctrl-C, signals, death: what goes on, what stops, and that it all resumes. And a second command on a database that
// is held.
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Trials that end when a file says so: `go` lets all of them end.
constexpr const char* kWaitsForGo =
    "echo \"$1\" >> started\nwhile [ ! -e go ]; do sleep 0.02; done\necho loss=$1\necho \"$1\" >> finished\n";

class Interrupt : public CliTest {
 protected:
  Interrupt() { Write("trial.sh", kWaitsForGo); }
  ~Interrupt() override { Write("go", ""); }
  // false after half a minute.
  bool Started(int trials) const {
    for (int i = 0; i < 1500 && Lines("started") < trials; ++i) usleep(20'000);
    return Lines("started") >= trials;
  }
};

TEST_F(Interrupt, CtrlCPausesAndSaysHowToResume) {
  WriteExperiment("e.yaml", {.trials = 6, .parallel = 2});
  auto run = Start({"run", "e.yaml"}, {.columns = 100});
  ASSERT_TRUE(Started(2));
  run->Type("\x03");
  ASSERT_TRUE(run->WaitFor("pausing: waiting for 2 trials (again to stop them now)")) << run->out();
  Write("go", "");
  const Finished paused = run->Wait();
  EXPECT_EQ(paused.code, 130);
  EXPECT_THAT(paused.out, HasSubstr("paused at 2/6. Resume: qalam resume exp small\r\n"));
  EXPECT_EQ(Lines("started"), 2);
  EXPECT_THAT(Qalam({"get", "experiments"}).out, HasSubstr("Paused"));

  const Finished resumed = Qalam({"resume", "exp", "small"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, AllOf(HasSubstr("small: goes on at 2/6"), HasSubstr("done  6 trials")));
  EXPECT_EQ(Lines("started"), 6);
}

// The database, the namespace where the name alone says too little, and the devices are in the command that is shown.
TEST_F(Interrupt, TheResumeThatIsShownWorksFromAnotherFolder) {
  Write("go", "");
  WriteExperiment("e.yaml", {.trials = 1});
  ASSERT_EQ(Qalam({"run", "e.yaml", "--db", "other place.db"}).code, 0);
  std::filesystem::remove(Path("go"));
  std::string elsewhere = Yaml({.trials = 2, .parallel = 1});
  elsewhere.insert(elsewhere.find("spec:"), "  namespace: team\n");
  Write("team.yaml", elsewhere);
  auto run = Start({"run", "team.yaml", "--db", Path("other place.db"), "--gpus", "0,3"});
  ASSERT_TRUE(Started(2));
  run->Signal(SIGINT);
  ASSERT_TRUE(run->WaitFor("pausing"));
  Write("go", "");
  const std::string said = run->Wait().out;
  const std::size_t at = said.find("Resume: ");
  ASSERT_NE(at, std::string::npos) << said;
  const std::string command = said.substr(at + 8, said.find('\n', at) - at - 8);
  EXPECT_EQ(command, "qalam resume exp small -n team --db '" + Path("other place.db") + "' --gpus 0,3");
  const Finished resumed = Program({"sh", "-c", std::string(QALAM_BUILD_DIR) + "/" + command}, {.folder = "/"}).Wait();
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("done  2 trials"));
}

TEST_F(Interrupt, ASecondCtrlCStopsTheTrialsWhichRunAgainOnResume) {
  WriteExperiment("e.yaml", {.trials = 3, .parallel = 2});
  auto run = Start({"run", "e.yaml"}, {.columns = 100});
  ASSERT_TRUE(Started(2));
  run->Type("\x03");
  ASSERT_TRUE(run->WaitFor("pausing"));
  run->Type("\x03");
  const Finished stopped = run->Wait();
  EXPECT_EQ(stopped.code, 130);
  EXPECT_THAT(stopped.out, AllOf(HasSubstr("stopping 2 trials"), HasSubstr("paused at 0/3")));
  EXPECT_EQ(Lines("finished"), 0);
  Write("go", "");
  const Finished resumed = Qalam({"run", "e.yaml"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("3 ok"));
  EXPECT_EQ(Lines("finished"), 3);
}

TEST_F(Interrupt, AThirdCtrlCLeavesAtOnceAndTheTrialsEndByThemselves) {
  Write("trial.sh", std::string("trap '' TERM\n") + kWaitsForGo);
  WriteExperiment("e.yaml", {.trials = 3, .parallel = 2});
  auto run = Start({"run", "e.yaml"}, {.columns = 100});
  ASSERT_TRUE(Started(2));
  run->Type("\x03");
  ASSERT_TRUE(run->WaitFor("pausing"));
  run->Type("\x03");
  ASSERT_TRUE(run->WaitFor("stopping"));
  run->Type("\x03");
  const Finished left = run->Wait(seconds(5));
  EXPECT_EQ(left.code, 130);
  EXPECT_THAT(left.out,
              HasSubstr("left with 2 trials at work; what they report is kept. Resume: qalam resume exp small"));
  Write("go", "");
  const Finished resumed = Qalam({"run", "e.yaml"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("done  3 trials"));
}

TEST_F(Interrupt, SigtermDrainsWithinTenSecondsAndLosesNothing) {
  WriteExperiment("e.yaml", {.trials = 3, .parallel = 2});
  auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(Started(2));
  run->Signal(SIGTERM);
  const Finished drained = run->Wait(seconds(10));
  EXPECT_EQ(drained.code, 130);
  EXPECT_THAT(drained.out, HasSubstr("Resume: qalam resume exp small"));
  Write("go", "");
  const Finished resumed = Qalam({"run", "e.yaml"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("3 ok"));
  EXPECT_EQ(Lines("started"), 3) << "the two that were left running were not started again";
}

TEST_F(Interrupt, SigtermEndsARunWhoseReaderHasStoppedReading) {
  WriteExperiment("e.yaml", {.trials = 3, .parallel = 2});
  Program run({"/bin/sh", "-c",
               "mkfifo pipe; exec 3<>pipe; timeout 1 cat /dev/zero >&3; exec " QALAM_BUILD_DIR "/qalam run e.yaml >&3"},
              {.folder = folder_});
  ASSERT_TRUE(Started(2));
  run.Signal(SIGTERM);
  EXPECT_EQ(run.Wait(seconds(30)).code, 130);
  Write("go", "");
}

TEST_F(Interrupt, AfterKill9TheSameCommandGoesOnWithTheTrialsThatRun) {
  WriteExperiment("e.yaml", {.trials = 4, .parallel = 2});
  auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(Started(2));
  run->Signal(SIGKILL);
  EXPECT_EQ(run->Wait().code, 128 + SIGKILL);
  Write("go", "");
  const Finished resumed = Qalam({"run", "e.yaml"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("4 ok"));
  EXPECT_EQ(Lines("started"), 4);
}

TEST_F(Interrupt, WhatWasLeftUnfinishedGoesOnBesideAnotherExperiment) {
  WriteExperiment("a.yaml", {.name = "a", .trials = 3, .parallel = 1});
  WriteExperiment("b.yaml", {.name = "b", .trials = 2, .parallel = 1});
  auto run = Start({"run", "a.yaml"});
  ASSERT_TRUE(Started(1));
  run->Signal(SIGKILL);
  run->Wait();
  Write("go", "");
  const Finished other = Qalam({"run", "b.yaml"});
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_THAT(other.out,
              AllOf(HasSubstr("also going on with what was left unfinished: a\n"), HasSubstr("done  2 trials")));
  EXPECT_THAT(Qalam({"get", "experiment", "a"}).out, HasSubstr("3/3"));
  EXPECT_EQ(Lines("started"), 5);
}

TEST_F(Interrupt, APausedExperimentResumesFromAnotherDirectory) {
  WriteExperiment("e.yaml", {.trials = 3, .parallel = 1});
  auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(Started(1));
  run->Signal(SIGINT);
  Write("go", "");
  ASSERT_EQ(run->Wait().code, 130);
  const Finished resumed = Qalam({"run", Path("e.yaml"), "--db", Path("qalam.db")}, {.folder = "/"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("3 ok"));
}

TEST_F(Interrupt, ASecondRunIsHandedOverAndFollowed) {
  WriteExperiment("a.yaml", {.name = "a", .trials = 2, .parallel = 2});
  WriteExperiment("b.yaml", {.name = "b", .trials = 3, .parallel = 1});
  auto first = Start({"run", "a.yaml"});
  ASSERT_TRUE(Started(2));
  auto second = Start({"run", "b.yaml"});
  ASSERT_TRUE(second->WaitFor("qalam.db is held by another qalam: handed over to it, and followed from here"));
  ASSERT_TRUE(Started(3));
  Write("go", "");
  const Finished b = second->Wait();
  EXPECT_EQ(b.code, 0) << b.err;
  EXPECT_THAT(b.out, AllOf(HasSubstr("done  3 trials"), HasSubstr("#3 Succeeded"), Not(HasSubstr("a:"))));
  const Finished a = first->Wait();
  EXPECT_EQ(a.code, 0) << a.err;
  EXPECT_THAT(a.out, AllOf(HasSubstr("done  2 trials"), Not(HasSubstr("3 trials"))));
}

TEST_F(Interrupt, TheOwnerStaysUntilWhatWasHandedOverHasEnded) {
  Write("quick.sh", "sleep 0.5; echo loss=$1\n");
  WriteExperiment("a.yaml", {.name = "a", .command = {"sh", "quick.sh", "${trialParameters.x}"}, .trials = 2});
  WriteExperiment("b.yaml", {.name = "b", .trials = 2, .parallel = 1});
  auto first = Start({"run", "a.yaml"});
  ASSERT_TRUE(first->WaitFor("2 at once"));
  auto second = Start({"run", "b.yaml"});
  ASSERT_TRUE(second->WaitFor("1 at once"));
  ASSERT_TRUE(first->WaitFor("staying until other experiments of this database have ended: b")) << first->out();
  Write("go", "");
  EXPECT_EQ(second->Wait().code, 0);
  EXPECT_EQ(first->Wait().code, 0);
}

TEST_F(Interrupt, TheFollowerTakesOverWhenTheOwnerDies) {
  WriteExperiment("a.yaml", {.name = "a", .trials = 2, .parallel = 1});
  WriteExperiment("b.yaml", {.name = "b", .trials = 2, .parallel = 1});
  auto first = Start({"run", "a.yaml"});
  ASSERT_TRUE(Started(1));
  auto second = Start({"run", "b.yaml"});
  ASSERT_TRUE(Started(2));
  first->Signal(SIGKILL);
  EXPECT_EQ(first->Wait().code, 128 + SIGKILL);
  ASSERT_TRUE(second->WaitFor("the qalam that ran it is gone: going on here"));
  Write("go", "");
  const Finished b = second->Wait();
  EXPECT_EQ(b.code, 0) << b.err;
  EXPECT_THAT(b.out, HasSubstr("done  2 trials"));
  EXPECT_EQ(Lines("started"), 4) << "each trial of both experiments was started once";
}

TEST_F(Interrupt, CtrlCInTheOwnerLeavesWhatOthersFollowToThem) {
  WriteExperiment("a.yaml", {.name = "a", .trials = 2, .parallel = 1});
  WriteExperiment("b.yaml", {.name = "b", .trials = 2, .parallel = 1});
  auto first = Start({"run", "a.yaml"});
  ASSERT_TRUE(Started(1));
  auto second = Start({"run", "b.yaml"});
  ASSERT_TRUE(Started(2));
  first->Signal(SIGINT);
  ASSERT_TRUE(first->WaitFor("pausing: waiting for 1 trial "));
  first->Signal(SIGINT);
  const Finished a = first->Wait();
  EXPECT_EQ(a.code, 130);
  EXPECT_THAT(a.out, HasSubstr("paused at 0/2"));
  ASSERT_TRUE(second->WaitFor("going on here"));
  Write("go", "");
  EXPECT_EQ(second->Wait().code, 0);
  EXPECT_THAT(Qalam({"get", "experiments"}).out, AllOf(HasSubstr("Paused"), HasSubstr("Succeeded")));
}

TEST_F(Interrupt, CtrlCInTheFollowerPausesItsOwnExperimentOnly) {
  WriteExperiment("a.yaml", {.name = "a", .trials = 2, .parallel = 1});
  WriteExperiment("b.yaml", {.name = "b", .trials = 2, .parallel = 1});
  auto first = Start({"run", "a.yaml"});
  ASSERT_TRUE(Started(1));
  auto second = Start({"run", "b.yaml"});
  ASSERT_TRUE(Started(2));
  second->Signal(SIGINT);
  ASSERT_TRUE(second->WaitFor("pausing: waiting for 1 trial "));
  Write("go", "");
  const Finished b = second->Wait();
  EXPECT_EQ(b.code, 130);
  EXPECT_THAT(b.out, HasSubstr("paused at 1/2"));
  const Finished a = first->Wait();
  EXPECT_EQ(a.code, 0);
  EXPECT_THAT(a.out, HasSubstr("done  2 trials"));
}

TEST_F(Interrupt, OfEightStartedAtOnceOneHoldsTheDatabaseAndAllEndWell) {
  Write("go", "");
  std::vector<std::unique_ptr<Program>> programs;
  for (int i = 0; i < 8; ++i) {
    const std::string name = "e" + std::to_string(i);
    WriteExperiment(name + ".yaml", {.name = name, .trials = 2});
    programs.push_back(Start({"run", name + ".yaml"}));
  }
  for (auto& program : programs) {
    const Finished done = program->Wait();
    EXPECT_EQ(done.code, 0) << done.err << done.out;
    EXPECT_THAT(done.out, HasSubstr("done  2 trials"));
  }
  EXPECT_EQ(Lines("started"), 16);
}

TEST_F(Interrupt, DescribeSaysThatTheOneWhoRunsItDoesNotAnswer) {
  WriteExperiment("e.yaml", {.trials = 2, .parallel = 1});
  auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(Started(1));
  run->Signal(SIGSTOP);
  const Finished described = Qalam({"describe", "experiment", "small"});
  EXPECT_THAT(described.out, HasSubstr("the qalam that holds the database does not answer"));
  run->Signal(SIGCONT);
  Write("go", "");
  EXPECT_EQ(run->Wait().code, 0);
}

TEST_F(Interrupt, DescribeSaysWhatIsWaitedFor) {
  WriteExperiment("e.yaml", {.trials = 2, .parallel = 1});
  auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(Started(1));
  run->Signal(SIGINT);
  ASSERT_TRUE(run->WaitFor("pausing"));
  EXPECT_THAT(Qalam({"describe", "experiment", "small"}).out, HasSubstr("pausing: waits for 1 trial"));
  Write("go", "");
  run->Wait();
  EXPECT_THAT(Qalam({"describe", "experiment", "small"}).out, HasSubstr("no qalam runs on this database now"));
}

}  // namespace
}  // namespace qalam
