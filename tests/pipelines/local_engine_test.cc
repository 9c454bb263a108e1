// SPDX-License-Identifier: Apache-2.0
// What only real processes can show: deaths, adoption, identity, floods, crowds.
#include "pipelines/engines/local_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <thread>

#include "pipelines/engines/attempt_folder.h"
#include "pipelines/engines/process.h"
#include "pipelines/shim/protocol.h"
#include "tests/pipelines/local_rig.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

class LocalEngineTest : public testing::Test {
 protected:
  bool UntilOutput(const RunId& id, const std::string& text, int attempt = 1) {
    return rig.RunUntil([&] { return rig.seen.Output(id, attempt) == text; });
  }
  StartedRecord Started(const RunId& id, int attempt = 1) {
    const auto record = ReadStarted(rig.AttemptFolder(id, "main", attempt));
    EXPECT_TRUE(record);
    return record.value_or(StartedRecord());
  }
  static void KillShim(const StartedRecord& started) {
    ASSERT_GT(started.shim.pid, 1);
    ASSERT_TRUE(OpenProcess(started.boot, started.shim));
    kill(started.shim.pid, SIGKILL);
  }

  LocalRig rig;
};

TEST_F(LocalEngineTest, AShimThatIsKilledLosesItsAttemptAndLeavesNothing) {
  const std::string script = R"(
case ${QALAM_ATTEMPT##*/} in 2) echo second; exit 0;; esac
setsid sh -c 'trap "" TERM HUP; while :; do sleep 1; done' &
( ( setsid sh -c 'trap "" TERM; exec sleep 1000' ) & ) &
i=0; while [ $i -lt 300 ]; do sleep 1000 & i=$((i+1)); done
echo first; wait
)";
  ASSERT_TRUE(rig.Start("a-1", rig.ShellRun(script)).ok());
  ASSERT_TRUE(UntilOutput("a-1", "first\n"));
  const StartedRecord started = Started("a-1");
  KillShim(started);
  EXPECT_EQ(rig.Finish("a-1").state, StepState::kSucceeded);
  EXPECT_THAT(rig.seen.log, ElementsAre("a-1 main/1 Running", "a-1 output 1", "a-1 main/1 Lost", "a-1 main/2 Running",
                                        "a-1 output 2", "a-1 main/2 Succeeded", "a-1 end Succeeded"));
  EXPECT_EQ(CountProcesses(rig.AttemptFolder("a-1", "main", 1)), 0);
  EXPECT_EQ(ZombiesOf(getpid()), 0);
  EXPECT_TRUE(started.cgroup.empty() || !std::filesystem::exists(started.cgroup));
}

TEST_F(LocalEngineTest, AShimThatIsKilledWhileNobodyLooksIsNoticedAtTheNextStart) {
  const std::string script =
      "case ${QALAM_ATTEMPT##*/} in 2) exit 0;; esac; (setsid sleep 1000 &); echo first; exec sleep 1000";
  ASSERT_TRUE(rig.Start("a-1", rig.ShellRun(script)).ok());
  ASSERT_TRUE(UntilOutput("a-1", "first\n"));
  rig.Crash();
  KillShim(Started("a-1"));
  rig.WaitForExit("a-1", "main", 1);
  rig.Restart();
  ASSERT_TRUE(rig.Start("a-1", rig.ShellRun(script)).ok());
  EXPECT_EQ(rig.Finish("a-1").state, StepState::kSucceeded);
  EXPECT_EQ(rig.seen.steps.front().state, StepState::kLost);
  EXPECT_EQ(CountProcesses(rig.AttemptFolder("a-1", "main", 1)), 0);
}

TEST_F(LocalEngineTest, AnAttemptWhoseFolderIsRemovedIsLostAndNotStartedAgain) {
  const std::string ledger = rig.folder() + "/ledger";
  ASSERT_TRUE(rig.Start("a-1", rig.ShellRun("cd /; echo ${QALAM_ATTEMPT##*/} >> " + ledger +
                                            "; echo up; while [ -d $QALAM_ATTEMPT ]; do sleep 0.01; "
                                            "case $QALAM_ATTEMPT in */2) exit 0;; esac; done; exit 0"))
                  .ok());
  ASSERT_TRUE(UntilOutput("a-1", "up\n"));
  std::filesystem::remove_all(rig.AttemptFolder("a-1", "main", 1));
  EXPECT_EQ(rig.Finish("a-1").state, StepState::kSucceeded);
  EXPECT_EQ(rig.seen.steps[1].state, StepState::kLost);
  EXPECT_EQ(rig.seen.steps[1].message, "its folder was removed while it ran");
  EXPECT_EQ(ReadFile(ledger), "1\n2\n");
}

TEST_F(LocalEngineTest, TheCommandDiesWithItsShim) {
  ASSERT_TRUE(rig.Start("a-1", rig.ShellRun("env -i sleep 1000 & echo up; exec env -i sleep 1000")).ok());
  ASSERT_TRUE(UntilOutput("a-1", "up\n"));
  const StartedRecord started = Started("a-1");
  rig.Crash();
  KillShim(started);
  EXPECT_TRUE(WaitFor([&] { return !OpenProcess(started.boot, started.child); }));
  EXPECT_TRUE(WaitFor([&] { return KillRemains(started); }));
  rig.Restart();
}

TEST_F(LocalEngineTest, WhatTheFolderOfAnAttemptMeansDoesNotDependOnNumbersOfProcesses) {
  // A process of ours has the number that the record names, but not its start time: it is not the shim.
  Fd innocent;
  {
    auto spawned = SpawnDetached("/bin/sleep", "1000");
    ASSERT_TRUE(spawned.ok());
    innocent = *std::move(spawned);
  }
  const std::string info = ReadFile("/proc/self/fdinfo/" + std::to_string(innocent.get()));
  const int pid = std::atoi(info.c_str() + info.find("Pid:") + 4);
  ASSERT_GT(pid, 1);
  std::string boot = ReadFile("/proc/sys/kernel/random/boot_id");
  boot.pop_back();
  const std::string folder = rig.AttemptFolder("a-1", "main", 1);
  for (const std::string& record : {"boot=" + boot + "\nshim=" + std::to_string(pid) + " 1\n",
                                    "boot=another-boot\nshim=" + std::to_string(pid) + " 1\n"}) {
    CommandFile command;
    command.argv = {"true"};
    ASSERT_TRUE(PrepareAttempt(folder, command).ok());
    std::ofstream(folder + "/started") << record
                                       << "child=1 1\nstarted=5\ncgroup=\nmemory-cgroup=\ngpus=\nmarker=" << folder
                                       << "\nend\n";
    ASSERT_TRUE(rig.Start("a-1", rig.ShellRun("exit 0")).ok());
    EXPECT_EQ(rig.Finish("a-1").state, StepState::kSucceeded);
    EXPECT_EQ(rig.seen.steps.front().state, StepState::kLost);
    EXPECT_FALSE(Reap(innocent)) << "it was killed";
    rig.Crash();
    std::filesystem::remove_all(rig.root());
    rig.Restart();
  }
  kill(pid, SIGKILL);
  WaitAndReap(innocent);
}

// As a power cut leaves it: the exit record is synced, what was printed last is not.
TEST_F(LocalEngineTest, AnEndWhoseLogIsShorterThanItWasIsLostAndTriedAgain) {
  const qalam::Run run = rig.ShellRun("sleep 0.2; echo loss=1; echo loss=2; exit 0");
  ASSERT_TRUE(rig.Start("a-1", run).ok());
  ASSERT_TRUE(rig.RunUntil([&] { return ReadStarted(rig.AttemptFolder("a-1", "main", 1)).has_value(); }));
  rig.Crash();
  rig.WaitForExit("a-1", "main", 1);
  std::filesystem::resize_file(rig.AttemptFolder("a-1", "main", 1) + "/output.log", 7);
  rig.Restart();
  ASSERT_TRUE(rig.Start("a-1", run).ok());
  EXPECT_EQ(rig.Finish("a-1").state, StepState::kSucceeded);
  EXPECT_EQ(rig.seen.steps.front().state, StepState::kLost);
  EXPECT_THAT(rig.seen.steps.front().message, testing::HasSubstr("of the 14 bytes that it printed only 7 are left"));
  EXPECT_EQ(rig.seen.Last("a-1", "main")->attempt, 2);
  EXPECT_EQ(rig.seen.Output("a-1", 2), "loss=1\nloss=2\n");
}

TEST_F(LocalEngineTest, AnAttemptWithAFolderThatNeverStartedStartsUnderItsNumber) {
  CommandFile command;
  command.argv = {"false"};
  ASSERT_TRUE(PrepareAttempt(rig.AttemptFolder("a-1", "main", 1), command).ok());
  ASSERT_TRUE(rig.Start("a-1", rig.ShellRun("exit 0")).ok());
  EXPECT_EQ(rig.Finish("a-1").state, StepState::kSucceeded);
  EXPECT_EQ(rig.seen.Last("a-1", "main")->attempt, 1);
}

// The controller goes away at every stage of the launch; whoever comes next finds one start.
TEST_F(LocalEngineTest, ARestartInTheMiddleOfALaunchStartsOnce) {
  for (int round = 0; round < 40; ++round) {
    const RunId id = "a-" + std::to_string(round);
    const qalam::Run run = rig.ShellRun("echo started >> $QALAM_ATTEMPT/../../ledger; sleep 0.02; exit 3");
    ASSERT_TRUE(rig.Start(id, run).ok());
    rig.loop().After(std::chrono::microseconds(round * 100), [&] { rig.loop().Stop(); });
    rig.loop().Run();
    rig.Crash();
    rig.Restart();
    ASSERT_TRUE(rig.Start(id, run).ok());
    EXPECT_EQ(rig.Finish(id).state, StepState::kFailed);
    EXPECT_EQ(rig.seen.Last(id, "main")->exit_code, 3);
    EXPECT_EQ(rig.seen.Last(id, "main")->attempt, 1);
    EXPECT_EQ(ReadFile(rig.root() + '/' + id + "/ledger"), "started\n") << round;
  }
}

TEST_F(LocalEngineTest, ManyRunAtOnceAndAreAllAdopted) {
  constexpr int kRuns = 200;
  const qalam::Run run =
      rig.ShellRun("echo up; while [ ! -e " + rig.folder() + "/go ]; do sleep 0.1; done; echo down; exit 0");
  for (int i = 0; i < kRuns; ++i) ASSERT_TRUE(rig.Start("m-" + std::to_string(i), run).ok());
  ASSERT_TRUE(rig.RunUntil([&] {
    int up = 0;
    for (const auto& [key, text] : rig.seen.outputs) up += text == "up\n";
    return up == kRuns;
  }));
  rig.Crash();
  rig.Restart();
  for (int i = 0; i < kRuns; ++i) {
    ASSERT_TRUE(rig.Start("m-" + std::to_string(i), run, {.metrics_attempt = 1, .metrics_offset = 3}).ok());
  }
  std::ofstream(rig.folder() + "/go") << "";
  ASSERT_TRUE(rig.RunUntil([&] { return rig.seen.ends.size() == kRuns; }));
  for (int i = 0; i < kRuns; ++i) {
    const RunId id = "m-" + std::to_string(i);
    EXPECT_EQ(rig.seen.EndOf(id)->state, StepState::kSucceeded);
    EXPECT_EQ(rig.seen.Output(id, 1), "down\n");
    EXPECT_EQ(rig.seen.Last(id, "main")->attempt, 1);
  }
  EXPECT_EQ(rig.seen.fault, "");
}

TEST_F(LocalEngineTest, AFloodOfOutputIsDeliveredInBoundedSlicesByteForByte) {
  constexpr std::size_t kBytes = 64 << 20;
  std::mt19937_64 random(7);
  std::string block(1 << 20, '\0');
  for (char& c : block) c = static_cast<char>(random());
  std::ofstream(rig.folder() + "/block", std::ios::binary) << block;
  class Check final : public RunObserver {
   public:
    explicit Check(const std::string& expected) : block(expected) {}
    void OnStep(const StepRecord&) override {}
    void OnOutput(const RunId&, int, std::string_view, std::int64_t offset, std::string_view bytes) override {
      good = good && offset == total;
      largest = std::max(largest, bytes.size());
      for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t at = static_cast<std::size_t>(offset) + i, from = at % block.size();
        const std::size_t n = std::min(bytes.size() - i, block.size() - from);
        good = good && bytes.substr(i, n) == std::string_view(block).substr(from, n);
        i += n;
      }
      total += std::ssize(bytes);
    }
    void OnRunEnd(const RunId&, const RunEnd&) override { ended = true; }
    const std::string& block;
    std::int64_t total = 0;
    std::size_t largest = 0;
    bool good = true, ended = false;
  } check(block);
  rig.engine().SetObserver(&check);
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  ASSERT_TRUE(rig.Start("a-1", rig.ShellRun("i=0; while [ $i -lt 64 ]; do cat " + rig.folder() +
                                            "/block; i=$((i+1)); done; exit 0"))
                  .ok());
  ASSERT_TRUE(rig.RunUntil([&] { return check.ended; }));
  getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(check.total, static_cast<std::int64_t>(kBytes));
  EXPECT_TRUE(check.good);
  EXPECT_LE(check.largest, 256U << 10);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 << 10);
}

TEST_F(LocalEngineTest, OutputIsSeenWhileTheCommandRuns) {
  ASSERT_TRUE(
      rig.Start("a-1", rig.ShellRun("echo one; while [ ! -e go ]; do sleep 0.01; done; echo two; exec sleep 60")).ok());
  ASSERT_TRUE(UntilOutput("a-1", "one\n"));
  std::ofstream(rig.AttemptFolder("a-1", "main", 1) + "/files/go") << "";
  ASSERT_TRUE(UntilOutput("a-1", "one\ntwo\n"));
  EXPECT_TRUE(rig.seen.IsRunning("a-1", "main"));
}

TEST_F(LocalEngineTest, TheMetricsFileOfEachTrialIsItsOwn) {
  qalam::Run run;
  run.steps.push_back(
      rig.Shell("main", "echo \"loss=$1\" >> $(echo /no-such-katib/mnist.log | cat); cat \"$LOG\"; exit 0"));
  run.steps[0].command.insert(run.steps[0].command.end(), {"sh", "--dir=/no-such-katib:/no-such-katib2"});
  run.steps[0].env = {{"LOG", "/no-such-katib/mnist.log"}};
  run.metrics = MetricsSource{"main", "/no-such-katib/mnist.log"};
  for (const RunId id : {"a-1", "a-2"}) ASSERT_TRUE(rig.Start(id, run).ok());
  for (const RunId id : {"a-1", "a-2"}) {
    EXPECT_EQ(rig.Finish(id).state, StepState::kSucceeded);
    const std::string folder = rig.AttemptFolder(id, "main", 1) + "/files/no-such-katib";
    EXPECT_EQ(rig.seen.Output(id, 1), "loss=--dir=" + folder + ":/no-such-katib2\n");
    EXPECT_EQ(ReadFile(folder + "/mnist.log"), rig.seen.Output(id, 1));
    EXPECT_EQ(ReadFile(StepOutputPath(rig.root(), id, "main", 1)), rig.seen.Output(id, 1));
  }
}

TEST_F(LocalEngineTest, AMetricsFileIsFollowedLiveAndToItsEnd) {
  qalam::Run run = rig.ShellRun(
      "sleep 0.05; printf 'a\\nb' > /no-such-katib/m.log; while [ ! -e go ]; do sleep 0.01; done; "
      "printf '\\nc' >> /no-such-katib/m.log; exit 0");
  run.metrics->path = "/no-such-katib/m.log";
  ASSERT_TRUE(rig.Start("a-1", run).ok());
  ASSERT_TRUE(UntilOutput("a-1", "a\nb"));
  EXPECT_TRUE(rig.seen.IsRunning("a-1", "main"));
  std::ofstream(rig.AttemptFolder("a-1", "main", 1) + "/files/go") << "";
  rig.Finish("a-1");
  EXPECT_EQ(rig.seen.Output("a-1", 1), "a\nb\nc");
}

TEST_F(LocalEngineTest, WhatATrialPlantsAsItsMetricsFileIsNotFollowedElsewhere) {
  std::ofstream(rig.folder() + "/secret") << "loss=1\n";
  int number = 0;
  for (const std::string& plant : {"ln -s " + rig.folder() + "/secret", std::string("ln -s ../../../../../../secret"),
                                   std::string("ln -s /etc/passwd"), std::string("mkfifo"), std::string("mkdir")}) {
    const RunId id = "a-" + std::to_string(++number);
    qalam::Run run = rig.ShellRun(plant + " /no-such-katib/m.log; sleep 0.05; exit 0");
    run.metrics->path = "/no-such-katib/m.log";
    ASSERT_TRUE(rig.Start(id, run).ok());
    EXPECT_EQ(rig.Finish(id).state, StepState::kSucceeded);
    EXPECT_EQ(rig.seen.Output(id, 1), "") << plant;
  }
}

TEST_F(LocalEngineTest, AFolderThatIsNamedNowhereIsMountedOrRefused) {
  const std::string shared = rig.folder() + "/shared";
  std::filesystem::create_directory(shared);
  std::ofstream(rig.folder() + "/train.sh") << "echo loss=1 > " << shared << "/m.log\n";
  qalam::Run run;
  run.steps.push_back(rig.Shell("main", ""));
  run.steps[0].command = {"/bin/sh", rig.folder() + "/train.sh"};
  run.metrics = MetricsSource{"main", shared + "/m.log"};
  const Status status = rig.Start("a-1", run);
  if (!status.ok()) {
    EXPECT_THAT(status.message(), HasSubstr("cannot be mounted for each trial on this machine"));
    GTEST_SKIP() << "no mount namespace here: " << status.message();
  }
  EXPECT_EQ(rig.Finish("a-1").state, StepState::kSucceeded);
  EXPECT_EQ(rig.seen.Output("a-1", 1), "loss=1\n");
  EXPECT_FALSE(std::filesystem::exists(shared + "/m.log"));
  qalam::Run rooted = run;
  rooted.metrics->path = "/m.log";
  EXPECT_THAT(rig.Start("a-2", rooted).message(), HasSubstr("give the path to the command as an argument"));
  rooted.metrics->path = "m.log";
  EXPECT_THAT(rig.Start("a-3", rooted).message(), HasSubstr("absolute"));
}

TEST_F(LocalEngineTest, AStepRunsInItsOwnFolderUnlessItSaysOtherwise) {
  qalam::Run run = rig.ShellRun("pwd; exit 0");
  ASSERT_TRUE(rig.Start("a-1", run).ok());
  rig.Finish("a-1");
  EXPECT_EQ(rig.seen.Output("a-1", 1), rig.AttemptFolder("a-1", "main", 1) + "/files\n");
  run.steps[0].working_dir = "/usr";
  ASSERT_TRUE(rig.Start("a-2", run).ok());
  rig.Finish("a-2");
  EXPECT_EQ(rig.seen.Output("a-2", 1), "/usr\n");
}

TEST_F(LocalEngineTest, FoldersAndFilesAreForTheOwnerOnly) {
  ASSERT_TRUE(rig.Start("a-1", rig.ShellRun("exit 0")).ok());
  rig.Finish("a-1");
  namespace fs = std::filesystem;
  for (const auto& entry : fs::recursive_directory_iterator(rig.root())) {
    EXPECT_EQ(entry.status().permissions() & (fs::perms::group_all | fs::perms::others_all), fs::perms::none)
        << entry.path();
  }
}

TEST_F(LocalEngineTest, TheLimitOfOpenFilesIsTheCallersForTheCommand) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit before = limit;
  limit.rlim_cur = 512;
  setrlimit(RLIMIT_NOFILE, &limit);
  rig.Crash();
  rig.Restart();
  getrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(limit.rlim_cur, before.rlim_max);
  ASSERT_TRUE(rig.Start("a-1", rig.ShellRun("ulimit -n; exit 0")).ok());
  rig.Finish("a-1");
  EXPECT_EQ(rig.seen.Output("a-1", 1), "512\n");
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(LocalEngineTest, ADiskThatIsFullDelaysTheStartAndSaysSo) {
  const std::string mount = rig.folder() + "/runs";
  std::filesystem::create_directory(mount);
  if (std::system(("mount -t tmpfs -o size=64k tmpfs " + mount + " 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << "no tmpfs can be mounted here";
  }
  std::ignore = std::system(("cat /dev/zero > " + mount + "/filler 2>/dev/null").c_str());
  ASSERT_TRUE(rig.Start("a-1", rig.ShellRun("exit 0")).ok());
  EXPECT_TRUE(rig.RunUntil([&] {
    return rig.engine().WhyWaiting("a-1").find("No space left on device") != std::string::npos;
  })) << rig.engine().WhyWaiting("a-1");
  std::filesystem::remove(mount + "/filler");
  EXPECT_EQ(rig.Finish("a-1").state, StepState::kSucceeded);
  EXPECT_EQ(rig.seen.Last("a-1", "main")->attempt, 1);
  rig.Crash();
  EXPECT_EQ(std::system(("umount " + mount).c_str()), 0);
  rig.Restart();
}

TEST_F(LocalEngineTest, ARunThatWasNotStartedYetCanBeStoppedThough) {
  const std::string mount = rig.folder() + "/runs";
  std::ofstream(mount) << "a file where the folder should be";
  ASSERT_TRUE(rig.Start("a-1", rig.ShellRun("exit 0")).ok());
  ASSERT_TRUE(rig.RunUntil([&] { return !rig.engine().WhyWaiting("a-1").empty(); }));
  rig.Stop("a-1");
  EXPECT_EQ(rig.Finish("a-1").state, StepState::kStopped);
}

TEST(LocalEngineAdmission, StepsWaitForTheirTurnAndSayWhy) {
  LocalRig rig({2, 1 << 30, 0});
  const auto asks = [&rig](double cpu) {
    qalam::Run run =
        rig.ShellRun("while [ ! -e " + rig.folder() + "/go-$KATIB_TRIAL_NAME ]; do sleep 0.01; done; exit 0");
    run.steps[0].requests.cpu = cpu;
    return run;
  };
  const auto named = [](qalam::Run run, const RunId& id) {
    run.steps[0].env = {{"KATIB_TRIAL_NAME", id}};
    return run;
  };
  ASSERT_TRUE(rig.Start("one", named(asks(1), "one")).ok());
  ASSERT_TRUE(rig.Start("two", named(asks(2), "two")).ok());
  ASSERT_TRUE(rig.Start("three", named(asks(1), "three")).ok());
  ASSERT_TRUE(rig.Start("free", named(asks(0), "free")).ok());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.seen.IsRunning("one", "main") && rig.seen.IsRunning("free", "main"); }));
  EXPECT_EQ(rig.engine().WhyWaiting("one"), "");
  EXPECT_EQ(rig.engine().WhyWaiting("two"), "waits for 2 cpu: 1 of 2 free");
  EXPECT_EQ(rig.engine().WhyWaiting("three"), "waits for its turn; 1 ahead of it");
  EXPECT_EQ(rig.engine().WhyWaiting("nobody"), "");
  std::ofstream(rig.folder() + "/go-one") << "";
  ASSERT_TRUE(rig.RunUntil([&] { return rig.seen.IsRunning("two", "main"); }));
  EXPECT_EQ(rig.seen.Last("three", "main"), nullptr);
  EXPECT_EQ(rig.engine().WhyWaiting("three"), "waits for 1 cpu: 0 of 2 free");
  rig.Stop("two");
  ASSERT_TRUE(rig.RunUntil([&] { return rig.seen.IsRunning("three", "main"); }));
  for (const char* id : {"three", "free"}) std::ofstream(rig.folder() + "/go-" + id) << "";
  ASSERT_TRUE(rig.RunUntil([&] { return rig.seen.ends.size() == 4; }));
}

TEST(LocalEngineAdmission, WhatAsksForMoreThanThereIsIsRefused) {
  LocalRig rig({2, 1 << 30, 0});
  qalam::Run run = rig.ShellRun("exit 0");
  run.steps[0].requests.cpu = 8;
  EXPECT_THAT(rig.Start("a-1", run).message(), HasSubstr("step main asks for 8 cpu; this machine has 2"));
  run.steps[0].requests = {0, 3LL << 30, 0};
  EXPECT_THAT(rig.Start("a-1", run).message(), HasSubstr("asks for 3Gi of memory; this machine has 1Gi"));
  run.steps[0].requests = {0, 0, 1};
  EXPECT_THAT(rig.Start("a-1", run).message(), HasSubstr("asks for 1 gpu; this machine has 0"));
}

TEST(LocalEngineAdmission, DevicesAreGivenOutOnceAndKeptOverARestart) {
  LocalRig rig({64, 64LL << 30, 3});
  qalam::Run run =
      rig.ShellRun("echo $CUDA_VISIBLE_DEVICES; while [ ! -e " + rig.folder() + "/go ]; do sleep 0.01; done; exit 0");
  run.steps[0].requests.gpu = 2;
  qalam::Run single = run;
  single.steps[0].requests.gpu = 1;
  ASSERT_TRUE(rig.Start("pair", run).ok());
  ASSERT_TRUE(rig.Start("single", single).ok());
  ASSERT_TRUE(
      rig.RunUntil([&] { return rig.seen.Output("pair", 1) == "0,1\n" && rig.seen.Output("single", 1) == "2\n"; }));
  rig.Crash();
  rig.Restart();
  ASSERT_TRUE(rig.Start("single", single).ok());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.seen.IsRunning("single", "main"); }));
  ASSERT_TRUE(rig.Start("another", run).ok());
  EXPECT_TRUE(rig.RunUntil([&] { return rig.seen.Output("another", 1) == "0,1\n"; })) << rig.seen.Output("another", 1);
  std::ofstream(rig.folder() + "/go") << "";
  EXPECT_TRUE(rig.RunUntil([&] { return rig.seen.ends.size() == 2; }));
}

TEST(LocalEngineAdmission, AdoptedRunsHoldWhatTheyAskedFor) {
  LocalRig rig({1, 1 << 30, 0});
  qalam::Run run = rig.ShellRun("while [ ! -e " + rig.folder() + "/go ]; do sleep 0.01; done; exit 0");
  run.steps[0].requests.cpu = 1;
  ASSERT_TRUE(rig.Start("old", run).ok());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.seen.IsRunning("old", "main"); }));
  ASSERT_TRUE(WaitFor([&] { return ReadStarted(rig.AttemptFolder("old", "main", 1)).has_value(); }));
  rig.Crash();
  rig.Restart();
  ASSERT_TRUE(rig.Start("old", run).ok());
  ASSERT_TRUE(rig.Start("new", run).ok());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.seen.IsRunning("old", "main"); }));
  rig.Settle();
  EXPECT_EQ(rig.engine().WhyWaiting("new"), "waits for 1 cpu: 0 of 1 free");
  std::ofstream(rig.folder() + "/go") << "";
  EXPECT_TRUE(rig.RunUntil([&] { return rig.seen.ends.size() == 2; }));
}

}  // namespace
}  // namespace qalam
