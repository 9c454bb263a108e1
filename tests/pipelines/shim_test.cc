// SPDX-License-Identifier: Apache-2.0
// qalam-shim by itself: one start whoever asks, whatever is killed, and nothing of it left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "pipelines/engines/attempt_folder.h"
#include "pipelines/engines/process.h"
#include "pipelines/shim/protocol.h"
#include "tests/pipelines/local_rig.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class ShimTest : public testing::Test {
 protected:
  std::string Prepare(const std::string& name, const std::string& script, CommandFile command = {}) {
    std::string path = folder.path() + '/' + name;
    if (command.argv.empty()) command.argv = {"/bin/sh", "-c", script};
    command.cwd = path;
    if (command.grace == Duration::zero()) command.grace = milliseconds(500);
    const Status status = PrepareAttempt(path, command);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return path;
  }
  static Fd Spawn(const std::string& path) {
    auto process = SpawnDetached(ShimPath(), path);
    EXPECT_TRUE(process.ok()) << process.status().ToString();
    return process.ok() ? *std::move(process) : Fd();
  }
  static int Wait(const Fd& process) { return WaitAndReap(process); }
  // Runs it to its end.
  StepRecord Play(const std::string& name, const std::string& script, const CommandFile& command = {}) {
    const std::string path = Prepare(name, script, command);
    EXPECT_EQ(Wait(Spawn(path)), shim::kDone);
    const auto record = ReadExit(path);
    EXPECT_TRUE(record) << ReadFile(path + "/exit.json");
    return record.value_or(StepRecord());
  }
  int Lines(const std::string& file) {
    const std::string text = ReadFile(file);
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }

  TestFolder folder;
};

TEST_F(ShimTest, EightShimsForOneFolderStartItsCommandOnce) {
  for (int round = 0; round < 50; ++round) {
    const std::string path = Prepare("race-" + std::to_string(round), "echo started >> ledger; sleep 0.01; exit 4");
    std::vector<Fd> shims;
    for (int i = 0; i < 8; ++i) shims.push_back(Spawn(path));
    int done = 0;
    for (const Fd& one : shims) {
      const int code = Wait(one);
      done += code == shim::kDone;
      EXPECT_TRUE(code == shim::kDone || code == shim::kLockHeld || code == shim::kAlreadyStarted) << code;
    }
    EXPECT_EQ(done, 1);
    EXPECT_EQ(Lines(path + "/ledger"), 1);
    EXPECT_EQ(ReadExit(path)->exit_code, 4);
  }
}

TEST_F(ShimTest, ItIsKilledAtAnyMomentAndTheCommandStartsAtMostOnce) {
  constexpr int kRounds = 100;
  const auto begun = std::chrono::steady_clock::now();
  Play("measure", "exit 0");
  const auto usual = std::chrono::steady_clock::now() - begun;  // of a whole attempt: more than what it takes to start
  int killed = 0, started = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string path = Prepare("kill-" + std::to_string(round), "echo started >> ledger; exec sleep 60");
    const Fd process = Spawn(path);
    std::this_thread::sleep_for(usual * round / kRounds);
    siginfo_t info{};
    ASSERT_EQ(waitid(P_PIDFD, static_cast<id_t>(process.get()), &info, WEXITED | WNOHANG | WNOWAIT), 0);
    if (info.si_pid == 0) ++killed;
    syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    Wait(process);
    const auto record = ReadStarted(path);
    // A second shim starts the command only if the first cannot have.
    if (record) {
      int code = shim::kLockHeld;  // the command's process may have died a moment later
      WaitFor([&] { return (code = Wait(Spawn(path))) != shim::kLockHeld; });
      EXPECT_EQ(code, shim::kAlreadyStarted);
    } else {
      const Fd second = Spawn(path);
      Terminate(second);
      Wait(second);
    }
    if (const auto last = ReadStarted(path)) WaitFor([&] { return KillRemains(*last); });
    EXPECT_LE(Lines(path + "/ledger"), 1) << "round " << round;
    started += Lines(path + "/ledger");
    EXPECT_TRUE(WaitFor([&] { return CountProcesses(path) == 0; }));
  }
  EXPECT_GT(killed, 50);
  EXPECT_GT(started, 10);
}

TEST_F(ShimTest, ATornStartedRecordIsAnAttemptThatNeverRan) {
  const std::string path = Prepare("torn", "echo started >> ledger");
  std::ofstream(path + "/started") << "boot=x\nshim=1 2\n";
  EXPECT_FALSE(ReadStarted(path));
  EXPECT_EQ(Wait(Spawn(path)), shim::kDone);
  EXPECT_EQ(Lines(path + "/ledger"), 1);
  EXPECT_TRUE(ReadStarted(path));
}

TEST_F(ShimTest, ATornCommandStartsNothing) {
  const std::string path = Prepare("torn", "echo started >> ledger");
  std::filesystem::resize_file(path + "/command", std::filesystem::file_size(path + "/command") - 5);
  EXPECT_EQ(Wait(Spawn(path)), shim::kSetupFailed + EBADMSG);
  EXPECT_FALSE(ReadStarted(path));
  EXPECT_EQ(Lines(path + "/ledger"), 0);
}

TEST_F(ShimTest, ArgumentsAndEnvironmentArriveByteForByte) {
  std::string odd;
  for (int c = 1; c < 256; ++c) odd += static_cast<char>(c);
  CommandFile command;
  command.argv = {"/bin/sh",     "-c",    "printf '%s|' \"$@\" \"$ODD\" \"$QALAM_ATTEMPT\" > out", "sh", odd, "",
                  "$(rm -rf x)", "a b\nc"};
  command.env = {{"ODD", "first"}, {"ODD", odd}};
  const StepRecord record = Play("bytes", "", command);
  EXPECT_EQ(record.state, StepState::kSucceeded) << record.message;
  const std::string path = folder.path() + "/bytes";
  EXPECT_EQ(ReadFile(path + "/out"), odd + "||$(rm -rf x)|a b\nc|" + odd + '|' + path + '|');
}

TEST_F(ShimTest, TheCommandHasACleanProcess) {
  const StepRecord record = Play("clean", R"(
ls -l /proc/self/fd > fds
readlink /proc/self/fd/0 > stdin
grep -E 'Sig(Blk|Ign)' /proc/self/status > signals
ps -o pid=,sid=,pgid= -p $$ > ids 2>/dev/null || cut -d' ' -f1,6,5 /proc/$$/stat > ids
)");
  EXPECT_EQ(record.exit_code, 0);
  const std::string path = folder.path() + "/clean/";
  EXPECT_EQ(ReadFile(path + "stdin"), "/dev/null\n");
  EXPECT_THAT(ReadFile(path + "signals"), HasSubstr("SigBlk:\t0000000000000000"));
  EXPECT_THAT(ReadFile(path + "signals"), HasSubstr("SigIgn:\t0000000000000000"));
  EXPECT_EQ(Lines(path + "fds"), 1 + 3 + 1) << ReadFile(path + "fds");  // total; 0, 1, 2; the folder that ls reads
}

TEST_F(ShimTest, WhatCannotBeStartedSaysWhy) {
  CommandFile command;
  command.argv = {"python4", "x.py"};
  StepRecord record = Play("path", "", command);
  EXPECT_EQ(record.reason, "StartError");
  EXPECT_EQ(record.message, "python4: No such file or directory; is it in PATH?");
  EXPECT_FALSE(record.exit_code);

  command.argv = {"/opt/no-such/train"};
  command.hint = "Try --image-map";
  record = Play("absolute", "", command);
  EXPECT_EQ(record.message, "/opt/no-such/train: No such file or directory. Try --image-map");

  command = {};
  command.argv = {"/etc/passwd"};
  EXPECT_EQ(Play("mode", "", command).message, "/etc/passwd: Permission denied");

  const std::string script = folder.path() + "/script";
  std::ofstream(script) << "#!/no/such/interpreter\n";
  chmod(script.c_str(), 0755);
  command.argv = {script};
  EXPECT_THAT(Play("interpreter", "", command).message, HasSubstr("the interpreter that its first line names is not"));
  std::ofstream(script) << "print('no shebang')\n";
  EXPECT_THAT(Play("format", "", command).message, HasSubstr("Exec format error; does it begin with #!"));

  const std::string path = Prepare("cwd", "true");
  CommandFile elsewhere;
  elsewhere.argv = {"/bin/true"};
  elsewhere.cwd = "/no/such/folder";
  ASSERT_TRUE(PrepareAttempt(path, elsewhere).ok());
  Wait(Spawn(path));
  EXPECT_EQ(ReadExit(path)->message, "working directory /no/such/folder: No such file or directory");
}

TEST_F(ShimTest, ThePathOfTheStepsOwnEnvironmentIsUsed) {
  std::filesystem::create_directory(folder.path() + "/bin");
  std::ofstream(folder.path() + "/bin/mine") << "#!/bin/sh\nexit 7\n";
  chmod((folder.path() + "/bin/mine").c_str(), 0755);
  CommandFile command;
  command.argv = {"mine"};
  command.env = {{"PATH", "/nowhere:" + folder.path() + "/bin:/usr/bin:/bin"}};
  EXPECT_EQ(Play("path", "", command).exit_code, 7);
}

TEST_F(ShimTest, ExitCodesAndSignalsAreRecorded) {
  EXPECT_EQ(Play("code", "exit 3").message, "the command exited with code 3");
  const StepRecord killed = Play("signal", "kill -SEGV $$");
  EXPECT_EQ(killed.reason, "Error");
  EXPECT_EQ(killed.signal, SIGSEGV);
  EXPECT_FALSE(killed.exit_code);
  EXPECT_EQ(killed.message, "the command was ended by signal 11 (SIGSEGV)");
  const StepRecord worked = Play("work", "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done");
  EXPECT_GT(worked.cpu_seconds, 0.001);
  EXPECT_GT(worked.max_rss, 100 << 10);
  EXPECT_GT(worked.ended, worked.started);
}

TEST_F(ShimTest, NothingThatACommandStartsOutlivesIt) {
  const StepRecord record = Play("tree", R"(
setsid sh -c 'trap "" TERM HUP INT; echo $$ >> ../pids; while :; do sleep 1; done' &
( ( env -u QALAM_ATTEMPT setsid sh -c 'trap "" TERM; exec sleep 1000' ) & ) &
i=0; while [ $i -lt 300 ]; do sleep 1000 & i=$((i+1)); done
while [ ! -s ../pids ]; do sleep 0.01; done
echo done; exit 0
)");
  EXPECT_EQ(record.state, StepState::kSucceeded) << record.message;
  EXPECT_EQ(record.message, "");
  EXPECT_EQ(CountProcesses(folder.path()), 0);
  EXPECT_EQ(ZombiesOf(getpid()), 0);
}

TEST_F(ShimTest, AStopAsksFirstAndThenKills) {
  const std::string polite =
      Prepare("polite", "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.01; done");
  Fd process = Spawn(polite);
  ASSERT_TRUE(WaitFor([&] { return ReadFile(polite + "/output.log") == "ready\n"; }));
  Terminate(process);
  EXPECT_EQ(Wait(process), shim::kDone);
  EXPECT_THAT(ReadFile(polite + "/output.log"), testing::EndsWith("bye\n"));
  EXPECT_EQ(ReadExit(polite)->state, StepState::kStopped);
  EXPECT_EQ(ReadExit(polite)->exit_code, 9);

  const std::string stubborn =
      Prepare("stubborn", "trap '' TERM; (setsid sleep 1000 &) ; echo ready; while :; do sleep 0.01; done");
  process = Spawn(stubborn);
  ASSERT_TRUE(WaitFor([&] { return ReadFile(stubborn + "/output.log") == "ready\n"; }));
  Terminate(process);
  EXPECT_EQ(Wait(process), shim::kDone);
  EXPECT_EQ(ReadExit(stubborn)->state, StepState::kStopped);
  EXPECT_EQ(ReadExit(stubborn)->signal, SIGKILL);
  EXPECT_EQ(CountProcesses(stubborn), 0);
}

TEST_F(ShimTest, AStopThatComesBeforeTheShimIsReadyIsNotLost) {
  for (int round = 0; round < 20; ++round) {
    const std::string path = Prepare("early-" + std::to_string(round), "exec sleep 60");
    const Fd process = Spawn(path);
    Terminate(process);
    EXPECT_EQ(Wait(process), shim::kDone);
    EXPECT_EQ(ReadExit(path)->state, StepState::kStopped);
  }
}

TEST_F(ShimTest, ADeadlineIsNamed) {
  CommandFile command;
  command.timeout = milliseconds(300);
  command.grace = milliseconds(100);
  const StepRecord record = Play("late", "trap '' TERM; while :; do sleep 0.01; done", command);
  EXPECT_EQ(record.reason, "DeadlineExceeded");
  EXPECT_EQ(record.state, StepState::kFailed);
  EXPECT_EQ(record.signal, SIGKILL);
  EXPECT_GE(record.ended - record.started, milliseconds(390));
}

TEST_F(ShimTest, AMemoryLimitIsEnforcedAndNamed) {
  CommandFile command;
  command.argv = {"python3", "-c", "x = bytearray(600 << 20); print('took it')"};
  command.memory = 128 << 20;
  const StepRecord record = Play("memory", "", command);
  EXPECT_EQ(record.state, StepState::kFailed);
  const auto started = ReadStarted(folder.path() + "/memory");
  ASSERT_TRUE(started);
  if (record.message.find("RLIMIT_DATA") != std::string::npos) {
    GTEST_SKIP() << "no memory cgroup can be made here: " << record.message;
  }
  EXPECT_EQ(record.reason, "OOMKilled");
  EXPECT_EQ(record.message, "the command used more than its memory limit of 128 MiB");
  EXPECT_EQ(ReadFile(folder.path() + "/memory/output.log"), "");
}

TEST_F(ShimTest, ACommandThatOpensDevStderrCutsNothingOffItsLog) {
  Play("reopen", "echo one; echo two > /dev/stderr; echo three > /dev/stdout; echo four >&2");
  EXPECT_EQ(ReadFile(folder.path() + "/reopen/output.log"), "one\ntwo\nthree\nfour\n");
}

TEST_F(ShimTest, AllThatWasPrintedIsInTheLogWhenTheEndIsRecorded) {
  const StepRecord record = Play("flood", "(trap '' TERM; exec yes a line) & head -c 30000000 /dev/zero; exit 3");
  EXPECT_EQ(record.exit_code, 3);
  const std::string log = ReadFile(folder.path() + "/flood/output.log");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\0'), 30'000'000);
}

TEST_F(ShimTest, AnOutputBeyondTheLimitOfAFilesSizeIsCutOffAndTheRecordSaysSo) {
  const std::string path = Prepare("cut", "head -c 100000 /dev/zero; exit 3"), limited = folder.path() + "/limited";
  std::ofstream(limited) << "#!/bin/bash\nulimit -f 40\nexec " << ShimPath() << " \"$1\"\n";
  std::filesystem::permissions(limited, std::filesystem::perms::owner_all);
  const auto spawned = SpawnDetached(limited, path);
  ASSERT_TRUE(spawned.ok());
  const Fd& process = *spawned;
  EXPECT_EQ(Wait(process), shim::kDone);
  const auto record = ReadExit(path);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->exit_code, 3);
  EXPECT_THAT(record->message, HasSubstr("its output was cut off"));
  EXPECT_EQ(ReadFile(path + "/output.log").size(), 40u << 10);
}

TEST_F(ShimTest, WhatACommandPutsInTheWayOfItsExitRecordIsPutAside) {
  EXPECT_EQ(Play("folder", "mkdir exit.json exit.json.tmp; exit 3").exit_code, 3);
  EXPECT_EQ(Play("full", "mkdir -p exit.json/kept exit.json.tmp/kept; exit 3").exit_code, 3);
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/full/exit.json.not-ours/kept"));
  EXPECT_EQ(Play("link", "ln -s /dev/full exit.json.tmp; chmod 500 .; exit 3").exit_code, 3);
}

TEST_F(ShimTest, ItLeavesNoCgroup) {
  Play("group", "true");
  const auto started = ReadStarted(folder.path() + "/group");
  for (const std::string& group : {started->cgroup, started->memory_cgroup}) {
    EXPECT_TRUE(group.empty() || !std::filesystem::exists(group)) << group;
  }
}

TEST_F(ShimTest, AFullDiskDelaysTheExitRecordAndLosesNothing) {
  const std::string mount = folder.path() + "/small";
  std::filesystem::create_directory(mount);
  if (std::system(("mount -t tmpfs -o size=128k tmpfs " + mount + " 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << "no tmpfs can be mounted here";
  }
  CommandFile command;
  command.argv = {"/bin/sh", "-c", "cat /dev/zero > filler 2>/dev/null; exit 5"};
  const std::string path = mount + "/a";
  command.cwd = path;
  EXPECT_TRUE(PrepareAttempt(path, command).ok());
  const Fd process = Spawn(path);
  EXPECT_TRUE(WaitFor([&] { return std::filesystem::exists(path + "/exit.json.tmp"); }));
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_FALSE(ReadExit(path));
  EXPECT_FALSE(Reap(process));
  std::filesystem::remove(path + "/filler");
  EXPECT_EQ(Wait(process), shim::kDone);
  EXPECT_EQ(ReadExit(path)->exit_code, 5);
  EXPECT_EQ(std::system(("umount " + mount).c_str()), 0);
}

TEST_F(ShimTest, AFullDiskMakesACommandThatPrintsWaitAndFailsNothing) {
  const std::string mount = folder.path() + "/little";
  std::filesystem::create_directory(mount);
  if (std::system(("mount -t tmpfs -o size=128k tmpfs " + mount + " 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << "no tmpfs can be mounted here";
  }
  CommandFile command;
  command.argv = {"/bin/sh", "-c", "cat /dev/zero > filler 2>/dev/null; head -c 100000 /dev/zero && echo end"};
  const std::string path = mount + "/a";
  command.cwd = path;
  EXPECT_TRUE(PrepareAttempt(path, command).ok());
  const Fd process = Spawn(path);
  EXPECT_TRUE(WaitFor([&] { return std::filesystem::space(mount).available == 0; }));
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_FALSE(Reap(process));
  std::filesystem::remove(path + "/filler");
  EXPECT_EQ(Wait(process), shim::kDone);
  EXPECT_EQ(ReadExit(path)->exit_code, 0);
  EXPECT_EQ(ReadFile(path + "/output.log"), std::string(100'000, '\0') + "end\n");
  EXPECT_EQ(std::system(("umount " + mount).c_str()), 0);
}

TEST_F(ShimTest, ItIsSmall) {
  const std::string path = Prepare("small", "echo ready; exec sleep 60");
  const Fd process = Spawn(path);
  ASSERT_TRUE(WaitFor([&] { return ReadFile(path + "/output.log") == "ready\n"; }));
  const std::string status = ReadFile("/proc/" + std::to_string(ReadStarted(path)->shim.pid) + "/status");
  const int kib = std::atoi(status.c_str() + status.find("VmRSS:") + 6);
  EXPECT_LT(kib, 1024);
  Terminate(process);
  Wait(process);
}

TEST_F(ShimTest, WithoutAFolderItSaysWhoItIs) {
  const auto process = SpawnDetached(ShimPath(), "/no/such/folder");
  EXPECT_EQ(Wait(*process), shim::kSetupFailed + ENOENT);
}

}  // namespace
}  // namespace qalam
