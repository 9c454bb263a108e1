// SPDX-License-Identifier: Apache-2.0
// The verbs that change something, through the real program: on a database that a running qalam holds, and on one that
// nobody does.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <thread>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Control : public CliTest {
 protected:
  // Of the database that the test looks at, where that is not the usual one.
  Finished Qalam(std::vector<std::string> words, Program::Options options = {}) const {
    if (!db_.empty()) words.insert(words.end(), {"--db", db_});
    return CliTest::Qalam(words, std::move(options));
  }
  std::string db_;

  // Trials that wait for the file "go" (or end at once if it is there), and note when they began.
  Control() {
    Write("trial.sh",
          "echo \"$QALAM_PARAM_X $$\" >> ledger\nwhile [ ! -e go ]; do sleep 0.05; done\n[ ! -e fail ] || exit 3\n"
          "echo loss=$1\n");
  }
  bool Began(int trials) {
    for (int i = 0; i < 600; ++i) {
      if (Lines("ledger") >= trials) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  // An experiment that was killed hard while its first trial ran: nobody holds the database.
  void Abandon(const Sketch& sketch) {
    WriteExperiment("e.yaml", sketch);
    const auto run = Start({"run", "e.yaml"});
    ASSERT_TRUE(Began(sketch.parallel));
    run->Signal(SIGKILL);
    run->Wait();
  }
  pid_t FirstPid() const {
    const std::string line = Read("ledger");
    return std::atoi(line.substr(line.find(' ') + 1).c_str());
  }
};

TEST_F(Control, ABudgetIsEditedWhileItRuns) {
  WriteExperiment("e.yaml", {.trials = 2, .parallel = 1});
  const auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(Began(1));
  const Finished edited = Qalam({"edit", "exp", "small", "--max-trials", "3", "--parallel", "2"});
  EXPECT_EQ(edited.code, 0) << edited.err;
  EXPECT_EQ(edited.out, "experiment/small edited: maxTrialCount 2 -> 3, parallelTrialCount 1 -> 2\n");
  EXPECT_TRUE(Began(2)) << "the second one is launched beside the first";
  Write("go", "");
  EXPECT_THAT(run->Wait().out, HasSubstr("3 ok"));
  const Finished less = Qalam({"edit", "small", "--max-trials", "1"});
  EXPECT_EQ(less.code, 2);
  EXPECT_THAT(less.err, HasSubstr("maxTrialCount 1 is below the 3 trials"));
}

TEST_F(Control, TheSameFileAgainKeepsAnEditAndSaysSo) {
  Abandon({.trials = 2, .parallel = 1});
  const Finished edited = Qalam({"edit", "exp/small", "--max-trials", "3"});
  EXPECT_THAT(edited.out, AllOf(HasSubstr("maxTrialCount 2 -> 3"), HasSubstr("qalam resume exp small")));
  Write("go", "");
  const Finished again = Qalam({"run", "e.yaml"});
  EXPECT_THAT(again.out, AllOf(HasSubstr("keeps the budget that qalam edit has set"), HasSubstr("3 ok")));
}

TEST_F(Control, AnotherBudgetInTheFileReplacesAnEditAndSaysSo) {
  Abandon({.trials = 2, .parallel = 1});
  EXPECT_EQ(Qalam({"edit", "exp", "small", "--max-trials", "9"}).code, 0);
  Write("go", "");
  WriteExperiment("e.yaml", {.trials = 4, .parallel = 1});
  const Finished again = Qalam({"run", "e.yaml"});
  EXPECT_THAT(again.out, AllOf(HasSubstr("replaces the one that qalam edit had set"), HasSubstr("4 ok")));
}

TEST_F(Control, PauseThroughTheSocketAndResumeRunsItToItsEnd) {
  WriteExperiment("e.yaml", {.trials = 3, .parallel = 1});
  const auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(Began(1));
  EXPECT_THAT(Qalam({"pause", "small"}).out, HasSubstr("1 trial at work ends in peace"));
  Write("go", "");
  EXPECT_THAT(run->Wait().out, HasSubstr("paused at 1/3"));
  const Finished waited = Qalam({"wait", "exp/small", "--for=paused", "--timeout=10s"});
  EXPECT_EQ(waited.code, 0) << waited.err;
  const Finished resumed = Qalam({"resume", "exp", "small"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, AllOf(HasSubstr("goes on at 1/3"), HasSubstr("3 ok")));
  EXPECT_EQ(Qalam({"resume", "exp", "small"}).code, 2) << "it has ended";
}

TEST_F(Control, OneTrialIsStoppedAsFailedAndTheOthersGoOn) {
  WriteExperiment("e.yaml", {.trials = 2, .parallel = 1});
  const auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(Began(1));
  const Finished stopped = Qalam({"stop", "trial", "small#1", "--as", "failed"});
  EXPECT_EQ(stopped.code, 0) << stopped.err;
  EXPECT_THAT(stopped.out, HasSubstr("(#1) stopped: Failed"));
  Write("go", "");
  EXPECT_THAT(run->Wait().out, AllOf(HasSubstr("1 ok, 1 failed"), HasSubstr("stopped by hand")));
  EXPECT_EQ(Qalam({"stop", "trial", "small#1"}).code, 2);
}

TEST_F(Control, StoppingAnExperimentEndsItAndWhoeverFollowsItHearsSo) {
  WriteExperiment("e.yaml", {.trials = 4, .parallel = 2});
  const auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(Began(2));
  EXPECT_EQ(Qalam({"stop", "exp", "small"}).code, 0);
  const Finished ended = run->Wait();
  EXPECT_EQ(ended.code, 1) << "there is no result";
  EXPECT_THAT(ended.out, HasSubstr("stopped by hand before any trial had succeeded"));
  Write("go", "");
  const Finished resumed = Qalam({"resume", "exp", "small"});
  EXPECT_EQ(resumed.code, 0) << resumed.out << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("2 ok, 2 killed"));
}

TEST_F(Control, StopReachesTrialsWhoseQalamIsGone) {
  Abandon({.trials = 2, .parallel = 1});
  const pid_t pid = FirstPid();
  ASSERT_EQ(kill(pid, 0), 0) << "it lives under its shim";
  const Finished stopped = Qalam({"stop", "exp", "small"});
  EXPECT_EQ(stopped.code, 0) << stopped.err;
  EXPECT_THAT(stopped.out, HasSubstr("experiment/small stopped: Failed"));
  EXPECT_NE(kill(pid, 0), 0);
  EXPECT_EQ(errno, ESRCH);
  EXPECT_EQ(Lines("ledger"), 1) << "nothing was launched for it";
}

TEST_F(Control, RetryTakesUpWhatFailedAndTheExperimentWithIt) {
  Write("go", "");
  Write("fail", "");
  WriteExperiment("e.yaml", {.trials = 3, .parallel = 1, .spec = "  maxFailedTrialCount: 2\n"});
  EXPECT_EQ(Qalam({"run", "e.yaml"}).code, 1);
  std::filesystem::remove(Path("fail"));
  const Finished one = Qalam({"retry", "trial", "small#1"});
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_THAT(one.out, AllOf(HasSubstr("(#1) runs again"), HasSubstr("qalam resume exp small")));
  EXPECT_THAT(Qalam({"retry", "exp", "small", "--metrics-unavailable"}).out, HasSubstr("no trial to retry"));
  EXPECT_THAT(Qalam({"retry", "exp", "small", "--failed"}).out, HasSubstr("1 trial runs again"));
  const Finished resumed = Qalam({"resume", "small"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, AllOf(HasSubstr("3 ok"), Not(HasSubstr("failed"))));
  EXPECT_THAT(Qalam({"describe", "trial", "small#1"}).out,
              AllOf(HasSubstr("TrialRetried"), HasSubstr("/2/output.log")));
  const Finished no_need = Qalam({"retry", "trial", "small#1"});
  EXPECT_EQ(no_need.code, 2);
  EXPECT_THAT(no_need.err, HasSubstr("qalam enqueue exp small x="));
}

TEST_F(Control, EnqueuedTrialsComeBeforeWhatTheAlgorithmProposes) {
  Abandon({.trials = 3, .parallel = 1});
  for (const auto& [words, fault] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"x=2"}, "parameter 'x': 2 is above max 1"},
           {{"y=1", "x=0.5"}, "parameter 'y' is not one of the experiment"},
           {{}, "missing: x"},
           {{"x=0.5", "--count", "3"}, "has room for 2 trials"}}) {
    std::vector<std::string> arguments = {"enqueue", "exp", "small"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const Finished refused = Qalam(arguments);
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err, HasSubstr(fault));
  }
  EXPECT_THAT(Qalam({"enqueue", "exp", "small", "x=0.25"}).out, AllOf(HasSubstr("(#2) enqueued")));
  Write("go", "");
  EXPECT_THAT(Qalam({"resume", "exp", "small"}).out, HasSubstr("3 ok"));
  EXPECT_THAT(Read("ledger"), HasSubstr("\n0.25 "));
  EXPECT_EQ(Lines("ledger"), 3);
}

TEST_F(Control, DeleteRemovesTheExperimentItsRowsAndItsFolders) {
  Abandon({.trials = 2, .parallel = 1});
  const pid_t pid = FirstPid();
  const Finished asked = Qalam({"delete", "exp", "small"});
  EXPECT_EQ(asked.code, 2);
  EXPECT_THAT(asked.err, AllOf(HasSubstr("has not ended"), HasSubstr("--yes")));
  const Finished deleted = Qalam({"delete", "exp", "small", "--yes"});
  EXPECT_EQ(deleted.code, 0) << deleted.err;
  EXPECT_NE(kill(pid, 0), 0) << "its trial was stopped first";
  EXPECT_TRUE(std::filesystem::is_empty(Path("qalam.db.d/runs")));
  EXPECT_EQ(Qalam({"describe", "exp", "small"}).code, 3);
  EXPECT_EQ(Qalam({"wait", "exp/small", "--for=deleted"}).code, 0);
  Write("go", "");
  EXPECT_EQ(Qalam({"run", "e.yaml"}).code, 0) << "the name is free again";
}

TEST_F(Control, WhoeverFollowsADeletedExperimentIsTold) {
  WriteExperiment("e.yaml", {.trials = 2, .parallel = 1});
  const auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(Began(1));
  EXPECT_EQ(Qalam({"delete", "small", "--yes"}).code, 0);
  EXPECT_EQ(run->Wait().code, 1);
}

TEST_F(Control, DeleteAsksOnATerminal) {
  Write("go", "");
  WriteExperiment("e.yaml", {.trials = 1, .parallel = 1});
  EXPECT_EQ(Qalam({"run", "e.yaml"}).code, 0);
  for (const std::string answer : {"n", "y"}) {
    const auto asking = Start({"delete", "exp", "small"}, {.columns = 100});
    ASSERT_TRUE(asking->WaitFor("[y/N]"));
    asking->Type(answer + "\n");
    EXPECT_EQ(asking->Wait().code, 0);
    EXPECT_EQ(Qalam({"describe", "exp", "small"}).code, answer == "n" ? 0 : 3);
  }
}

TEST_F(Control, WaitSaysByItsExitCodeHowItWent) {
  WriteExperiment("e.yaml", {.trials = 1, .parallel = 1});
  const auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(Began(1));
  const Finished timed_out = Qalam({"wait", "exp/small", "--for=succeeded", "--timeout=300ms"});
  EXPECT_EQ(timed_out.code, 5);
  EXPECT_THAT(timed_out.err, HasSubstr("is running, not succeeded"));
  Write("go", "");
  EXPECT_EQ(Qalam({"wait", "exp/small", "--for=succeeded", "--timeout=1m"}).code, 0);
  EXPECT_EQ(run->Wait().code, 0);
  EXPECT_EQ(Qalam({"wait", "small", "--for=condition=Complete"}).code, 0);
  const Finished never = Qalam({"wait", "exp/small", "--for=failed"});
  EXPECT_EQ(never.code, 1);
  EXPECT_THAT(never.err, HasSubstr("it ended Succeeded (ExperimentMaxTrialsReached)"));
  EXPECT_EQ(Qalam({"wait", "exp/other"}).code, 3);
  EXPECT_EQ(Qalam({"wait", "exp/small", "--timeout=soon"}).code, 2);
  EXPECT_EQ(Qalam({"wait", "exp/small", "--for=nonsense"}).code, 2);
}

TEST_F(Control, AskGivesWhatTheRunTries) {
  Write("go", "");
  std::string yaml = Yaml({.trials = 2, .parallel = 1});
  const std::string name = "algorithmName: random";
  ASSERT_NE(yaml.find(name), std::string::npos) << yaml;
  Write("e.yaml", yaml);
  const Finished before = Qalam({"ask", "e.yaml", "-n", "2"});
  EXPECT_EQ(before.code, 0) << before.err;
  EXPECT_FALSE(Exists("qalam.db")) << "nothing is recorded";
  EXPECT_EQ(Qalam({"run", "e.yaml"}).code, 0);
  const Finished third = Qalam({"ask", "e.yaml", "-n", "1"});
  EXPECT_THAT(third.out, HasSubstr("#3 "));
  EXPECT_EQ(Qalam({"run", "e.yaml", "--trials", "3", "--db", "again.db"}).code, 0);
  EXPECT_EQ(third.out, Qalam({"ask", "e.yaml", "-n", "1"}).out) << "asking changes nothing";
}

TEST_F(Control, NoDatabaseIsMadeForACommandOnNone) {
  EXPECT_EQ(Qalam({"pause", "exp", "small"}).code, 3);
  EXPECT_FALSE(Exists("qalam.db"));
}

// ---------------------------------------------------------------- where an experiment came from

TEST_F(Control, AnExperimentRemembersItsCommandItsCommitAndTheNamesOfItsEnvironment) {
  Write("go", "");
  WriteExperiment("e.yaml", {.trials = 1, .parallel = 1});
  const auto sh = [&](const std::string& line) { return Program({"sh", "-c", line}, {.folder = folder_}).Wait().code; };
  const bool git = sh("git init -q . && git add trial.sh && git -c user.name=a -c user.email=a@b commit -qm first && "
                      "echo >> trial.sh") == 0;
  EXPECT_EQ(Qalam({"run", "e.yaml"}, {.env = {{"SOME_NAME", "its-hidden-value"}}}).code, 0);
  const std::string described = Qalam({"describe", "exp", "small"}).out;
  EXPECT_THAT(described, AllOf(HasSubstr("qalam run e.yaml"), HasSubstr(" SOME_NAME "), HasSubstr("Version:")));
  if (git) {
    EXPECT_THAT(described, testing::ContainsRegex("Git commit: +[0-9a-f]{40} \\(dirty\\)"));
  }
  for (const std::string file : {"qalam.db", "qalam.db-wal"})
    EXPECT_THAT(Read(file), Not(HasSubstr("its-hidden-value")));
}

TEST_F(Control, WithoutGitAnExperimentRunsAllTheSame) {
  Write("go", "");
  WriteExperiment("e.yaml", {.trials = 1, .parallel = 1});
  std::filesystem::create_directory(Path("bin"));
  Write("bin/git", "#!/bin/sh\nexit 1\n");
  std::filesystem::permissions(Path("bin/git"), std::filesystem::perms::owner_all);
  const Finished done = Qalam({"run", "e.yaml"}, {.env = {{"PATH", Path("bin") + ":" + std::getenv("PATH")}}});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(Qalam({"describe", "exp", "small"}).out, Not(HasSubstr("Git commit")));
}

TEST_F(Control, TheCommandThatDescribeShowsDoesAgainWhatTheTrialDid) {
  Write("odd.sh", "printf '%s|' \"$@\" \"$MODE\" \"$QALAM_PARAM_X\"\necho\necho loss=$1\n");
  std::string yaml = Yaml(
      {.command = {"sh", "odd.sh", "${trialParameters.x}", "it's", "a b", "$HOME", "*"}, .trials = 1, .parallel = 1});
  Write("e.yaml", yaml);
  const Finished run = Qalam({"run", "e.yaml"});
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string described = Qalam({"describe", "trial", "small#1"}).out;
  const std::size_t at = described.find("Command:");
  ASSERT_NE(at, std::string::npos);
  const std::string line = described.substr(at + 14, described.find('\n', at) - at - 14);
  const Finished repeated = Program({"sh", "-c", line}, {.folder = "/"}).Wait();
  EXPECT_EQ(repeated.code, 0) << line << "\n" << repeated.err;
  EXPECT_EQ(repeated.out, Qalam({"logs", "small#1"}).out);
  EXPECT_THAT(repeated.out, HasSubstr("|it's|a b|$HOME|*|"));
}

// A value of a Secret is not shown; pasted where the variable is set, the command does what the trial did. (A shell
// that drops variables whose names are not its own, as dash does, cannot know odd.name.)
TEST_F(Control, TheCommandThatDescribeShowsTakesSecretsFromTheEnvironment) {
  Write("odd.sh", "printf '%s|' \"$@\" \"$TOKEN\" \"$(printenv odd.name)\"\necho\necho loss=0.5\n");
  std::string yaml = Yaml({.command = {"sh", "odd.sh", "--token=$(TOKEN) it's", "$(odd.name)/$(PLAIN)$$1", "$(TOKEN)"},
                           .trials = 1,
                           .parallel = 1});
  const std::size_t at = yaml.find("command:");
  ASSERT_NE(at, std::string::npos);
  const std::string indent(at - yaml.rfind('\n', at) - 1, ' ');
  std::string env = "env:\n";
  for (const auto& [name, key] : {std::pair{"TOKEN", "t"}, {"odd.name", "o"}}) {
    env +=
        indent + "- name: " + name + "\n" + indent + "  valueFrom: {secretKeyRef: {name: vault, key: " + key + "}}\n";
  }
  env += indent + "- {name: PLAIN, value: \"a b\"}\n" + indent;
  Write("e.yaml", yaml.insert(at, env) + R"(
---
apiVersion: v1
kind: Secret
metadata: {name: vault, namespace: default}
stringData: {t: "s3 cret$HOME", o: "0dd"}
)");
  const Finished run = Qalam({"run", "e.yaml"});
  ASSERT_EQ(run.code, 0) << run.out << run.err;
  const std::string described = Qalam({"describe", "trial", "small#1"}).out;
  EXPECT_THAT(described, AllOf(Not(HasSubstr("s3 cret")), Not(HasSubstr("0dd"))));
  const std::size_t begin = described.find("Command:");
  const std::string line = described.substr(begin + 14, described.find('\n', begin) - begin - 14);
  const Finished repeated =
      Program({"env", "odd.name=0dd", "bash", "-c", line}, {.folder = "/", .env = {{"TOKEN", "s3 cret$HOME"}}}).Wait();
  EXPECT_EQ(repeated.code, 0) << line << "\n" << repeated.err;
  EXPECT_EQ(repeated.out, Qalam({"logs", "small#1"}).out) << line;
  EXPECT_THAT(repeated.out, HasSubstr("--token=s3 cret$HOME it's|0dd/a b$1|s3 cret$HOME|"));
}

// What a larger budget means for an experiment that has ended by it.
TEST_F(Control, AResumePolicyOtherThanNeverLetsALargerBudgetGoOn) {
  Write("go", "");
  for (const std::string policy : {"Never", "LongRunning", "FromVolume"}) {
    SCOPED_TRACE(policy);
    const Sketch sketch{
        .name = "p" + std::to_string(policy.size()), .trials = 2, .spec = "  resumePolicy: " + policy + "\n"};
    WriteExperiment("e.yaml", sketch);
    ASSERT_EQ(Qalam({"run", "e.yaml"}).code, 0);
    const int ran = Lines("ledger");
    const std::string first = Qalam({"get", "trials", sketch.name, "-o", "csv"}).out;
    const bool never = policy == "Never";
    // By the file with another number, as `kubectl apply` would, and by `edit`.
    const Finished again = Qalam({"run", "e.yaml", "-n", "4"});
    EXPECT_EQ(again.code, never ? 2 : 0) << again.out << again.err;
    const Finished edited = Qalam({"edit", "exp", sketch.name, "--max-trials", "5"});
    EXPECT_EQ(edited.code, never ? 2 : 0) << edited.out << edited.err;
    if (never) {
      EXPECT_THAT(again.err, HasSubstr("resumePolicy is Never"));
      EXPECT_THAT(edited.err, HasSubstr("resumePolicy is Never"));
      EXPECT_EQ(Lines("ledger"), ran) << "nothing was started";
      EXPECT_EQ(Qalam({"get", "trials", sketch.name, "-o", "csv"}).out, first) << "and nothing is changed";
      continue;
    }
    EXPECT_EQ(Qalam({"resume", "exp", sketch.name}).code, 0);
    EXPECT_EQ(Lines("ledger"), ran + 3) << "the first two did not run again";
    const std::string all = Qalam({"get", "trials", sketch.name, "-o", "csv"}).out;
    EXPECT_TRUE(all.starts_with(first)) << first << all;
    EXPECT_THAT(Qalam({"get", "experiment", sketch.name, "-o", "yaml"}).out,
                AllOf(HasSubstr("trialsSucceeded: 5"), HasSubstr("reason: ExperimentMaxTrialsReached")));
  }
}

// The qalam that holds the database is killed while a verb is on its way: before it came, while it is done, or after. A
// verb that said so has done it; one that failed has done all of it or nothing; and the experiment goes on to its end.
class KilledHolder : public Control, public testing::WithParamInterface<int> {};

INSTANTIATE_TEST_SUITE_P(Milliseconds, KilledHolder, testing::Values(0, 12, 18, 25, 60));

TEST_P(KilledHolder, WhatAVerbSaidIsDoneAndNothingIsHalfDone) {
  struct Case {
    std::vector<std::string> words;
    std::function<bool(const std::string& name)> done;
  };
  const auto experiment = [this](const std::string& name) { return Qalam({"get", "experiment", name, "-o", "yaml"}); };
  const std::vector<Case> cases = {
      {{"edit", "exp", "NAME", "--max-trials", "6", "--parallel", "1"},
       [&](const std::string& name) {
         const std::string now = experiment(name).out;
         const bool max = now.find("maxTrialCount: 6") != std::string::npos,
                    parallel = now.find("parallelTrialCount: 1") != std::string::npos;
         EXPECT_EQ(max, parallel) << now;
         return max;
       }},
      {{"pause", "exp", "NAME"},
       [&](const std::string& name) {
         return Qalam({"get", "exp", name}).out.find("Paused") != std::string::npos;
       }},
      {{"enqueue", "exp", "NAME", "x=0.125", "--count", "2"},
       [&](const std::string& name) {
         const std::string trials = Qalam({"get", "trials", name, "--filter", "x=0.125", "-o", "name"}).out;
         const auto n = std::ranges::count(trials, '\n');
         EXPECT_TRUE(n == 0 || n == 2) << trials;
         return n == 2;
       }},
      {{"stop", "trial", "NAME#1", "--as", "killed"},
       [&](const std::string& name) {  // it may still be ending
         const std::string trial = Qalam({"describe", "trial", name + "#1"}).out;
         return trial.find("Killed") != std::string::npos || trial.find("Stopping") != std::string::npos;
       }},
      {{"stop", "exp", "NAME"},
       [&](const std::string& name) {
         const std::string now = experiment(name).out;
         return now.find("ExperimentStopped") != std::string::npos || now.find("Stopping") != std::string::npos;
       }},
      {{"delete", "exp", "NAME", "-y"}, [&](const std::string& name) { return experiment(name).code == 3; }},
  };
  int number = 0;
  for (const Case& c : cases) {
    const std::string name = "k" + std::to_string(++number);
    SCOPED_TRACE(c.words[0] + " " + c.words[1]);
    std::filesystem::remove(Path("go"));
    std::filesystem::remove(Path("ledger"));
    WriteExperiment("e.yaml", {.name = name, .trials = 5, .parallel = 2});
    const auto run = Start({"run", "e.yaml", "--db", name + ".db"});
    ASSERT_TRUE(Began(2));
    std::vector<std::string> words = c.words;
    words[2].replace(words[2].find("NAME"), 4, name);
    words.insert(words.end(), {"--db", name + ".db"});
    const auto verb = Start(words);
    std::this_thread::sleep_for(std::chrono::milliseconds(GetParam()));
    run->Signal(SIGKILL);
    run->Wait();
    const Finished said = verb->Wait(std::chrono::seconds(120));
    ASSERT_TRUE(said.code == 0 || said.code == 1) << said.out << said.err;
    db_ = name + ".db";
    const bool done = c.done(name);
    if (said.code == 0) {
      EXPECT_TRUE(done) << "it said: " << said.out;
    }

    // Asked for again, what was on its way is brought to its end, though no trial ends by itself.
    if (c.words[0] == "stop" || c.words[0] == "delete") {
      const Finished again = Qalam({words.begin(), words.end() - 2});
      EXPECT_TRUE(again.code == 0 || again.code == (c.words[0] == "stop" ? 2 : 3)) << again.err;
      EXPECT_EQ(Qalam({"get", "trials", name, "--filter", "number=1 and state=Running", "-o", "name"}).out, "");
    }
    Write("go", "");
    if (c.words[0] == "delete") {
      EXPECT_EQ(experiment(name).code, 3);
      continue;
    }
    const Finished resumed = Qalam({"resume", "exp", name});
    EXPECT_EQ(resumed.code, 0) << resumed.out << resumed.err;
    const std::string status = experiment(name).out;
    EXPECT_THAT(status, HasSubstr("reason: ExperimentMaxTrialsReached"));
    EXPECT_THAT(status, Not(HasSubstr("trialsFailed")));
    EXPECT_THAT(status, HasSubstr(c.words[0] == "edit" && done ? "trials: 6" : "trials: ")) << status;
    const Finished doctor = Qalam({"doctor"});
    EXPECT_THAT(doctor.out, Not(HasSubstr("damaged"))) << doctor.out;
  }
}

// The first two trials fail, and two more are at work when the retry comes. Whatever becomes of it: all of its trials
// run once more, or none; asked for again the rest does, and no attempt is begun twice.
TEST_P(KilledHolder, ARetryRunsEachOfItsTrialsOnceMore) {
  Write("trial.sh",
        "echo \"$QALAM_TRIAL_NAME $QALAM_ATTEMPT\" >> ledger\n"
        "mkdir failed-1 2>&- && exit 3\nmkdir failed-2 2>&- && exit 3\n"
        "while [ ! -e go ]; do sleep 0.05; done\necho loss=$1\n");
  for (const std::string what : {"exp", "trial"}) {
    SCOPED_TRACE(what);
    const std::string name = "r" + what;
    for (const char* file : {"go", "ledger", "failed-1", "failed-2"}) std::filesystem::remove(Path(file));
    WriteExperiment("e.yaml", {.name = name, .trials = 5, .parallel = 2});
    db_ = name + ".db";
    const auto run = Start({"run", "e.yaml", "--db", db_});
    ASSERT_TRUE(Began(4));
    const auto failed = [&] {
      const std::string names = Qalam({"get", "trials", name, "--filter", "state=Failed", "-o", "name"}).out;
      return std::ranges::count(names, '\n');
    };
    ASSERT_EQ(failed(), 2);
    const int retried = what == "exp" ? 2 : 1;
    const std::vector<std::string> words = {"retry", what, what == "exp" ? name : name + "#1"};
    const auto verb = Start({words[0], words[1], words[2], "--db", db_});
    std::this_thread::sleep_for(std::chrono::milliseconds(GetParam()));
    run->Signal(SIGKILL);
    run->Wait();
    const Finished said = verb->Wait(std::chrono::seconds(120));
    const auto left = failed();
    // 2: it was done, the answer was lost with the holder, and who asks again hears that the trial runs.
    const bool unheard = said.code == 2 && what == "trial" && left == 1;
    ASSERT_TRUE(said.code == 0 || said.code == 1 || unheard) << said.out << said.err;
    EXPECT_TRUE(left == 2 || left == 2 - retried) << left << " of 2 are left";
    if (said.code == 0) {
      EXPECT_EQ(left, 2 - retried) << "it said: " << said.out;
    }
    const Finished again = Qalam(words);
    EXPECT_EQ(again.code, what == "trial" && left == 1 ? 2 : 0) << again.out << again.err;
    EXPECT_EQ(failed(), 2 - retried);
    Write("go", "");
    const Finished resumed = Qalam({"resume", "exp", name});
    EXPECT_EQ(resumed.code, 0) << resumed.out << resumed.err;
    EXPECT_THAT(resumed.out, HasSubstr(what == "exp" ? "5 ok" : "4 ok, 1 failed"));
    EXPECT_EQ(Lines("ledger"), 5 + retried) << Read("ledger");
  }
}

// ---------------------------------------------------------------- resume policies

// Only an experiment that ended by its budget is restarted by a larger one, as in Katib.
TEST_F(Control, WhatEndedByItsGoalOrItsFailuresIsNotRestartedUnderAnyPolicy) {
  Write("go", "");
  for (const std::string policy : {"Never", "LongRunning", "FromVolume"}) {
    SCOPED_TRACE(policy);
    const std::string resume = "  resumePolicy: " + policy + "\n", goal = "g" + std::to_string(policy.size()),
                      bad = "b" + std::to_string(policy.size());
    std::string yaml = Yaml({.name = goal, .trials = 2, .parallel = 1, .spec = resume});
    const std::size_t at = yaml.find("objectiveMetricName");
    ASSERT_NE(at, std::string::npos);
    yaml.insert(at, "goal: 5\n" + std::string(at - yaml.rfind('\n', at) - 1, ' '));
    Write("e.yaml", yaml);
    ASSERT_EQ(Qalam({"run", "e.yaml"}).code, 0);
    const Finished more = Qalam({"edit", goal, "--max-trials", "9"});
    EXPECT_EQ(more.code, 2);
    EXPECT_THAT(more.err, AllOf(HasSubstr("has ended (ExperimentGoalReached) and its resumePolicy is " + policy),
                                HasSubstr("restarts only one that ended with ExperimentMaxTrialsReached")));
    EXPECT_EQ(Qalam({"run", "e.yaml", "-n", "9"}).code, 2);

    Write("fail", "");
    WriteExperiment("f.yaml", {.name = bad, .trials = 3, .parallel = 1, .spec = resume + "  maxFailedTrialCount: 1\n"});
    EXPECT_EQ(Qalam({"run", "f.yaml"}).code, 1);
    std::filesystem::remove(Path("fail"));
    const Finished failed = Qalam({"edit", bad, "--max-trials", "9"});
    EXPECT_EQ(failed.code, 2);
    EXPECT_THAT(failed.err, HasSubstr("has ended (ExperimentFailed)"));
  }
}

// Raised by the count at which it ended, and then by one more: Katib refuses the first.
TEST_F(Control, ARestartNeedsMoreTrialsThanThereAre) {
  Write("go", "");
  WriteExperiment("e.yaml", {.trials = 3, .spec = "  resumePolicy: LongRunning\n"});
  ASSERT_EQ(Qalam({"run", "e.yaml"}).code, 0);
  for (const char* count : {"2", "1"}) EXPECT_EQ(Qalam({"edit", "small", "--max-trials", count}).code, 2);
  EXPECT_EQ(Qalam({"edit", "small", "--parallel", "1"}).code, 2) << "nothing else takes it up";
  EXPECT_EQ(Lines("ledger"), 3);
  ASSERT_EQ(Qalam({"edit", "small", "--max-trials", "4"}).code, 0);
  const std::string restarted = Qalam({"get", "exp", "small", "-o", "yaml"}).out;
  EXPECT_THAT(restarted, AllOf(HasSubstr("reason: ExperimentRestarting"), Not(HasSubstr("type: Succeeded"))));
  EXPECT_THAT(Qalam({"resume", "small"}).out, HasSubstr("4 ok"));
  EXPECT_EQ(Lines("ledger"), 4);
}

}  // namespace
}  // namespace qalam
