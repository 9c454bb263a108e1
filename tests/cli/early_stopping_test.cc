// SPDX-License-Identifier: Apache-2.0
// Early stopping of real processes: those that do not listen, and reports that come in no order.
#include <gmock/gmock.h>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class EarlyStopping : public CliTest {
 protected:
  // `script` gets the number of the trial, one after the other.
  std::string AshaYaml(const std::string& script, int trials) {
    Write("n", "0");
    Write("trial.sh", "n=$(($(cat n) + 1)); echo $n > n; case $n in " + script + " esac\n");
    std::string yaml = Yaml({.command = {"bash", "trial.sh"},
                             .trials = trials,
                             .parallel = 1,
                             .spec = "  earlyStopping:\n    algorithmName: asha\n    algorithmSettings:\n"
                                     "      - {name: guard, value: \"off\"}\n"});
    return yaml;
  }
  std::string Query(const std::string& sql) {
    Program program({"sqlite3", "-readonly", Path("qalam.db"), sql}, {.folder = folder_});
    return program.Wait().out;
  }
};

TEST_F(EarlyStopping, ATrialThatIgnoresTheSignalIsKilledAfterItsGrace) {
  std::string yaml = AshaYaml(
      "1) echo loss=1 ;;"
      "*) trap '' TERM; echo loss=2; while true; do sleep 0.1; echo still >> ignored; done ;;",
      2);
  const std::string policy = "restartPolicy: Never";
  const std::size_t at = yaml.find(policy), line = yaml.rfind('\n', at) + 1;
  ASSERT_NE(at, std::string::npos);
  yaml.insert(at, "terminationGracePeriodSeconds: 2\n" + std::string(at - line, ' '));
  Write("e.yaml", yaml);
  const Finished done = Qalam({"run", "e.yaml"});
  ASSERT_EQ(done.code, 0) << done.out << done.err;
  EXPECT_EQ(Query("SELECT status FROM trials ORDER BY ordinal"), "Succeeded\nEarlyStopped\n");
  EXPECT_EQ(Query("SELECT signal FROM steps JOIN trials ON trials.name = trial_name WHERE ordinal = 2"), "9\n");
  EXPECT_GT(Lines("ignored"), 5) << "it had its grace";
  EXPECT_EQ(Query("SELECT message FROM trials WHERE ordinal = 2"),
            "Trial is early stopped: loss 2: worse than 1 of 1 trials at step 1\n");
  EXPECT_THAT(done.out, HasSubstr("1 of 2 trials stopped early; 2 steps run"));
}

TEST_F(EarlyStopping, StepsOutOfOrderAndTwiceAreRecordedAndDecideNothing) {
  Write("e.yaml",
        AshaYaml("1) for i in 1 2 3; do echo epoch=$i loss=0.4; done ;;"
                 "2) echo epoch=1 loss=0.3; echo epoch=4 loss=0.3; echo epoch=2 loss=9; echo epoch=4 loss=9;"
                 "   echo epoch=3 loss=9; sleep 1 ;;"
                 "3) echo epoch=1 loss=0.2; sleep 0.5; echo epoch=1 loss=7; echo epoch=3 loss=0.9; sleep 60 ;;",
                 3));
  const Finished done = Qalam({"run", "e.yaml"});
  ASSERT_EQ(done.code, 0) << done.out << done.err;
  EXPECT_EQ(Query("SELECT status FROM trials ORDER BY ordinal"), "Succeeded\nSucceeded\nEarlyStopped\n")
      << Query("SELECT ordinal, message FROM trials");
  EXPECT_EQ(Query("SELECT group_concat(step || ':' || value, ' ') FROM (SELECT step, value FROM observation_logs JOIN "
                  "trials ON name = trial_name WHERE ordinal = 2 ORDER BY sequence)"),
            "1:0.3 4:0.3 2:9 4:9 3:9\n");
  EXPECT_EQ(Query("SELECT message FROM trials WHERE ordinal = 3"),
            "Trial is early stopped: loss 0.9: worse than 2 of 2 trials at step 3\n");
}

TEST_F(EarlyStopping, WhatWasSavedIsShownWithTheRungs) {
  Write("e.yaml", AshaYaml("1) for i in 1 2 3 4 5 6 7 8 9; do echo epoch=$i loss=0.4; done ;;"
                           "*) echo epoch=1 loss=0.9; sleep 60 ;;",
                           3));
  const Finished done = Qalam({"run", "e.yaml"});
  ASSERT_EQ(done.code, 0) << done.out << done.err;
  EXPECT_THAT(done.out, HasSubstr("\n  2 of 3 trials stopped early; 11 of 27 steps run (59 % saved)\n"));
  EXPECT_THAT(Qalam({"describe", "exp", "small"}).out,
              AllOf(HasSubstr("Stopping:     asha   guard=off\n"
                              "Saved:        2 of 3 trials stopped early; 11 of 27 steps run (59 % saved)\n"),
                    HasSubstr("Rungs:\n"
                              "  STEP  TRIALS  STOPPED  BEST\n"
                              "  1     3       2        0.4\n"
                              "  3     1       0        0.4\n"
                              "  9     1       0        0.4\n")));
  const std::string json = Qalam({"describe", "exp", "small", "-o", "jsonpath={.status.savings}"}).out;
  EXPECT_THAT(json, AllOf(HasSubstr("\"unit\":\"steps\""), HasSubstr("\"run\":11"), HasSubstr("\"withoutSaving\":27"),
                          HasSubstr("\"trialsStopped\":2"), HasSubstr("\"rungs\":[{")))
      << json;
  EXPECT_THAT(Qalam({"export", "exp", "small", "-o", "json"}).out, HasSubstr("\"savings\""));
}

// A search by rungs stops nobody: it trains most configurations only a little.
TEST_F(EarlyStopping, ASearchByRungsShowsWhatItHasSavedToo) {
  std::string yaml = Yaml({.command = {"sh", "-c", "echo loss=${trialParameters.x}"},
                           .trials = 20,
                           .parallel = 1,
                           .algorithm = "asha",
                           .spec = ""});
  const std::string algorithm = "    algorithmName: asha\n";
  yaml.insert(
      yaml.find(algorithm) + algorithm.size(),
      "    algorithmSettings:\n      - {name: resource_name, value: epochs}\n      - {name: r_max, value: \"9\"}\n");
  const std::string parameters = "  parameters:\n";
  yaml.insert(yaml.find(parameters) + parameters.size(),
              "    - {name: epochs, parameterType: int, feasibleSpace: {min: \"1\", max: \"9\"}}\n");
  Write("e.yaml", yaml);
  const Finished done = Qalam({"run", "e.yaml"});
  ASSERT_EQ(done.code, 0) << done.out << done.err;
  EXPECT_THAT(done.out, testing::ContainsRegex("\n  [0-9]+ configurations in 20 trials; [0-9]+ of [0-9]+ epochs run "
                                               "\\([0-9]+ % saved\\)\n"));
  EXPECT_THAT(Qalam({"describe", "exp", "small"}).out,
              testing::ContainsRegex("Rungs:\n  epochs +TRIALS +WENT ON +BEST\n  1 +[0-9]+ +[0-9]+ +0"));
}

TEST_F(EarlyStopping, WithoutItNothingIsSaidOfIt) {
  WriteExperiment("e.yaml", {.command = {"sh", "-c", "echo loss=1"}, .trials = 1});
  EXPECT_THAT(Qalam({"run", "e.yaml"}).out, testing::Not(HasSubstr("stopped early")));
  EXPECT_THAT(Qalam({"describe", "exp", "small"}).out, testing::Not(HasSubstr("Saved:")));
}

}  // namespace
}  // namespace qalam
