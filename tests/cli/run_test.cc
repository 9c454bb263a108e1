// SPDX-License-Identifier: Apache-2.0
// qalam run and lint through pipes: what is printed, what is left behind, which exit code.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using RunCommand = CliTest;

TEST_F(RunCommand, AnExperimentEndsWithItsBestTrial) {
  WriteExperiment("e.yaml", {.trials = 5});
  const Finished done = Qalam({"run", "e.yaml"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, StartsWith("experiment  small   random   minimize loss   5 trials, 2 at once\n"));
  EXPECT_THAT(done.out, ContainsRegex("#5 Succeeded loss=[0-9.e-]+\\*?   x="));
  EXPECT_THAT(done.out, HasSubstr("done  5 trials in "));
  EXPECT_THAT(done.out, HasSubstr("5 ok\n  x "));
  EXPECT_THAT(done.out, HasSubstr("  next: qalam best small -o flags\n"));
  EXPECT_EQ(done.err, "");
  EXPECT_THAT(Files(), ElementsAre("e.yaml", "qalam.db", "qalam.db.d", "qalam.db.lock", "trial.sh"));
}

TEST_F(RunCommand, ClosedStandardStreamsAreNotTakenForFilesOfItsOwn) {
  WriteExperiment("e.yaml", {.trials = 2});
  Program run({"/bin/sh", "-c", "exec " QALAM_BUILD_DIR "/qalam run e.yaml <&- >&- 2>&-"}, {.folder = folder_});
  EXPECT_EQ(run.Wait().code, 0);
  EXPECT_THAT(Qalam({"get", "experiments"}).out, HasSubstr("2/2"));
}

TEST_F(RunCommand, InAPipeThereIsNothingButLines) {
  WriteExperiment("e.yaml", {.trials = 3});
  const Finished done = Qalam({"run", "e.yaml"});
  EXPECT_THAT(done.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(done.out, Not(HasSubstr("\r")));
}

TEST_F(RunCommand, TheSameFileAgainPrintsTheResultAndStartsNothing) {
  Write("trial.sh", "echo started >> ledger\necho loss=$1\n");
  WriteExperiment("e.yaml", {.trials = 3});
  ASSERT_EQ(Qalam({"run", "e.yaml"}).code, 0);
  ASSERT_EQ(Lines("ledger"), 3);
  const Finished again = Qalam({"run", "e.yaml"});
  EXPECT_EQ(again.code, 0);
  EXPECT_THAT(again.out, AllOf(HasSubstr("small has ended already"), HasSubstr("done  3 trials")));
  EXPECT_EQ(Lines("ledger"), 3);
}

TEST_F(RunCommand, AFailedExperimentExitsWithOneAndShowsWhatItsLastTrialSaid) {
  Write("trial.sh", "echo first line\necho 'ValueError: bad shape' >&2\nexit 3\n");
  WriteExperiment("e.yaml", {.trials = 6, .parallel = 1, .spec = "  maxFailedTrialCount: 2\n"});
  const Finished failed = Qalam({"run", "e.yaml"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.out, HasSubstr("#1 Failed"));
  EXPECT_THAT(failed.out, HasSubstr("exited with code 3"));
  EXPECT_THAT(failed.out, HasSubstr("failed  2 trials"));
  EXPECT_THAT(failed.out, HasSubstr("  | ValueError: bad shape\n"));
  EXPECT_THAT(failed.out, HasSubstr("qalam logs small-"));
  EXPECT_EQ(Qalam({"run", "e.yaml"}).code, 1) << "and again when it is asked for again";
}

TEST_F(RunCommand, EveryFaultIsNamedAndNothingIsWritten) {
  std::string yaml = Yaml({.algorithm = "randomm", .spec = "  resumePolicy: Sometimes\n"});
  yaml.replace(yaml.find("min: \"0\""), 8, "min: \"7\"");
  Write("bad.yaml", yaml);
  const auto before = Files();
  const Finished refused = Qalam({"run", "bad.yaml"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, HasSubstr("bad.yaml:10:"));
  EXPECT_THAT(refused.err, HasSubstr("did you mean 'random'?"));
  EXPECT_THAT(refused.err, HasSubstr("Sometimes"));
  EXPECT_THAT(refused.err, HasSubstr("min 7 is"));
  EXPECT_THAT(refused.err, HasSubstr("3 errors"));
  EXPECT_THAT(refused.err, HasSubstr("Nothing was started.\n"));
  EXPECT_EQ(Files(), before);
}

TEST_F(RunCommand, FaultsOfAllFilesAreShownAtOnce) {
  WriteExperiment("good.yaml", {});
  WriteExperiment("a.yaml", {.name = "a", .algorithm = "no"});
  Write("b.yaml", "a: [1\n");
  const Finished refused = Qalam({"run", "good.yaml", "a.yaml", "b.yaml", "missing.yaml"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr("a.yaml:"), HasSubstr("b.yaml:"), HasSubstr("missing.yaml: error: cannot be read")));
  EXPECT_FALSE(Exists("qalam.db"));
}

TEST_F(RunCommand, ATemplateThatCannotRunIsFoundBeforeAnythingStarts) {
  WriteExperiment("e.yaml", {.command = {"sh", "trial.sh", "${trialParameters.y}"}});
  const Finished refused = Qalam({"run", "e.yaml"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("trialParameters.y"));
  EXPECT_FALSE(Exists("qalam.db"));
}

TEST_F(RunCommand, AnotherSpecUnderTheSameNameIsRefusedWithTheFieldsThatDiffer) {
  WriteExperiment("e.yaml", {.trials = 2});
  ASSERT_EQ(Qalam({"run", "e.yaml"}).code, 0);
  WriteExperiment("e.yaml", {.trials = 2, .algorithm = "sobol"});
  const Finished refused = Qalam({"run", "e.yaml"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("spec.algorithm"));
}

TEST_F(RunCommand, SeveralExperimentsOfOneFileAreAllRun) {
  Write("two.yaml", Yaml({.name = "one", .trials = 2}) + "---\n" + Yaml({.name = "two", .trials = 2}));
  WriteExperiment("three.yaml", {.name = "three", .trials = 2});
  const Finished done = Qalam({"run", "two.yaml", "three.yaml"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, AllOf(HasSubstr("one:\ndone  2 trials"), HasSubstr("two:\ndone  2 trials"),
                              HasSubstr("three:\ndone  2 trials")));
}

TEST_F(RunCommand, TwoExperimentsOfOneNameAreAFault) {
  Write("two.yaml", Yaml({.name = "same"}) + "---\n" + Yaml({.name = "same"}));
  const Finished refused = Qalam({"run", "two.yaml"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("two experiments named 'same'"));
}

TEST_F(RunCommand, AnExperimentComesFromStandardInput) {
  const Finished done = Qalam({"run", "-"}, {.input = Yaml({.trials = 2})});
  EXPECT_EQ(done.code, 0) << done.err;
}

TEST_F(RunCommand, ATemplateComesFromAConfigMapBeside) {
  std::string yaml = Yaml({.name = "mapped", .trials = 2});
  const std::size_t at = yaml.find("    trialSpec:");
  const std::string job = yaml.substr(yaml.find('\n', at) + 1);
  yaml.erase(at);
  Write("e.yaml", yaml +
                      "    configMap:\n      configMapName: templates\n      configMapNamespace: default\n"
                      "      templatePath: job.yaml\n    successCondition: s\n    failureCondition: f\n");
  std::string indented = "    ";
  for (const char c : job) indented += c == '\n' ? std::string("\n    ") : std::string(1, c);
  Write("map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: templates\n  namespace: default\ndata:\n  job.yaml: |-\n" +
            indented);
  const Finished done = Qalam({"run", "e.yaml", "-f", "map.yaml"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("2 ok"));
  EXPECT_EQ(Qalam({"run", "e.yaml"}).code, 2) << "without the ConfigMap it is not whole";
}

TEST_F(RunCommand, AnImageMapIsRememberedWithTheExperiment) {
  std::string yaml = Yaml({.trials = 2});
  yaml.replace(yaml.find("command: "), 8, "args:");
  yaml.replace(yaml.find("\"sh\", \"trial.sh\", "), 18, "");
  yaml.replace(yaml.find("image: none"), 11, "image: example.com/trainer:v1");
  Write("e.yaml", yaml);
  EXPECT_EQ(Qalam({"run", "e.yaml"}).code, 2) << "no command, and no image map";
  Write("images.yaml", "images:\n  - image: example.com/trainer:*\n    command: {to: [sh, trial.sh]}\n");
  const Finished done = Qalam({"run", "e.yaml", "--image-map", "images.yaml"});
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  const Finished again = Qalam({"run", "e.yaml"});
  EXPECT_EQ(again.code, 0) << again.err;
  Write("images.yaml", "images:\n  - image: example.com/trainer:*\n    command: {to: [sh, other.sh]}\n");
  const Finished refused = Qalam({"run", "e.yaml", "--image-map", "images.yaml"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("the image map"));
}

TEST_F(RunCommand, ALargerBudgetOnTheCommandLineGoesOn) {
  WriteExperiment("e.yaml", {.trials = 2, .spec = "  resumePolicy: LongRunning\n"});
  ASSERT_EQ(Qalam({"run", "e.yaml"}).code, 0);
  const Finished more = Qalam({"run", "e.yaml", "-n", "5"});
  EXPECT_EQ(more.code, 0) << more.err;
  EXPECT_THAT(more.out, AllOf(HasSubstr("small: goes on at 2/5 with the new budget"), HasSubstr("5 ok")));
}

TEST_F(RunCommand, TheShortFormTunesACommandInThisDirectory) {
  Write("train.sh", "echo \"loss=$2\"; pwd >> ledger\n");
  const Finished done =
      Qalam({"run", "-p", "lr=log(1e-5,1e-1)", "-p", "opt=sgd,adam", "--minimize", "loss", "-n", "6", "--parallel", "2",
             "--setting", "random_state=7", "--", "sh", "train.sh", "--lr", "{lr}", "{opt}"});
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  EXPECT_THAT(done.out, HasSubstr("6 ok"));
  EXPECT_THAT(done.out, HasSubstr("minimize loss   6 trials, 2 at once"));
  EXPECT_EQ(Lines("ledger"), 6);
  EXPECT_THAT(Read("ledger"), StartsWith(folder_ + "\n"));
}

TEST_F(RunCommand, AShortFormThatIsResumedElsewhereRunsWhereItBegan) {
  Write("trial.sh", "pwd >> places\necho loss=$1\n");
  const auto arguments = [this](const std::string& trials) {
    return std::vector<std::string>{"run", "-p",   "x=real(0,1)", "--minimize", "loss", "-n",       trials, "--name",
                                    "far", "--db", Path("q.db"),  "--",         "sh",   "trial.sh", "{x}"};
  };
  ASSERT_EQ(Qalam(arguments("1")).code, 0);
  ASSERT_TRUE(std::filesystem::create_directory(Path("other")));
  const Finished resumed = Qalam(arguments("3"), {.folder = Path("other")});
  EXPECT_EQ(resumed.code, 0) << resumed.err << resumed.out;
  EXPECT_EQ(Read("places"), folder_ + "\n" + folder_ + "\n" + folder_ + "\n");
}

TEST_F(RunCommand, AShortFormFaultNamesTheArgument) {
  const Finished refused = Qalam({"run", "-p", "lr=logg(1,2)", "--minimize", "loss", "--", "true"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("logg"));
  EXPECT_FALSE(Exists("qalam.db"));
}

TEST_F(RunCommand, AValueIsOneArgumentByteForByte) {
  Write("train.sh", "printf '%s\\n' \"$1\" >> ledger; echo loss=1\n");
  const Finished done = Qalam({"run", "-p", "x=`touch canary`,a b;rm", "--minimize", "loss", "--algorithm", "grid",
                               "-n", "2", "--", "sh", "train.sh", "{x}"});
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  EXPECT_THAT(Read("ledger"), AllOf(HasSubstr("`touch canary`\n"), HasSubstr("a b;rm\n")));
  EXPECT_FALSE(Exists("canary"));
}

TEST_F(RunCommand, WithoutAFileOrACommandItSaysWhatIsNeeded) {
  const Finished refused = Qalam({"run"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("an Experiment file is needed, or a command after --"));
}

TEST_F(RunCommand, AForeignFileIsNotADatabase) {
  WriteExperiment("e.yaml", {});
  const Finished refused = Qalam({"run", "e.yaml", "--db", "trial.sh"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("not a database"));
  EXPECT_EQ(Read("trial.sh"), "echo loss=$1\n");
}

TEST_F(RunCommand, WhatItWritesIsForItsOwnerOnly) {
  WriteExperiment("e.yaml", {.trials = 1});
  ASSERT_EQ(Qalam({"run", "e.yaml"}).code, 0);
  for (const auto& [name, mode] : {std::pair{"qalam.db", 0600}, std::pair{"qalam.db.d", 0700}}) {
    struct stat info {};
    ASSERT_EQ(stat(Path(name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, static_cast<mode_t>(mode)) << name;
  }
}

using Lint = CliTest;

TEST_F(Lint, AGoodFileHasNoFaults) {
  WriteExperiment("e.yaml", {});
  const Finished good = Qalam({"lint", "e.yaml"});
  EXPECT_EQ(good.code, 0);
  EXPECT_EQ(good.out, "0 errors\n");
}

TEST_F(Lint, FaultsStandWithTheirLine) {
  WriteExperiment("e.yaml", {.algorithm = "randomm"});
  const Finished bad = Qalam({"validate", "e.yaml"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.out, HasSubstr("e.yaml:10:20: error: "));
  EXPECT_THAT(bad.out, HasSubstr("algorithmName: randomm"));
  EXPECT_THAT(bad.out, HasSubstr("1 error\n"));
}

TEST_F(Lint, UnknownFieldsAreFaultsOnlyWhenStrict) {
  WriteExperiment("e.yaml", {.spec = "  maxTrialCoun: 4\n"});
  const Finished lax = Qalam({"lint", "e.yaml"});
  EXPECT_EQ(lax.code, 0);
  EXPECT_THAT(lax.out, AllOf(HasSubstr("warning"), HasSubstr("maxTrialCount")));
  EXPECT_EQ(Qalam({"lint", "--strict", "e.yaml"}).code, 2);
}

TEST_F(Lint, AnAlgorithmOfAnotherServiceIsKnownWhenItsAddressIsGiven) {
  WriteExperiment("e.yaml", {.algorithm = "hill"});
  EXPECT_EQ(Qalam({"lint", "e.yaml"}).code, 2);
  EXPECT_EQ(Qalam({"lint", "e.yaml", "--suggest-service", "hill=127.0.0.1:1"}).code, 0);
  EXPECT_EQ(Qalam({"lint", "e.yaml", "--suggest-service", "hill"}).code, 2);
}

TEST_F(CliTest, ANumberThatIsNoneIsToldInAFewWords) {
  WriteExperiment("e.yaml", {});
  for (const auto& [words, said] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"ask", "e.yaml", "-n", "0"}, "--count: 0 is too small: the least is 1"},
           {{"edit", "exp", "small", "--max-trials", "99999999999"}, "--max-trials: '99999999999' is too large"},
           {{"get", "trials", "--limit", "2.5"}, "--limit: '2.5' is not a whole number"},
           {{"logs", "small#1", "--tail", "-1"}, "--tail: -1 is too small: the least is 0"},
           {{"run", "-p", "x=real(0,1)", "--minimize", "loss", "--goal", "nan", "--", "true"},
            "--goal: 'nan' is not a number"}}) {
    const Finished done = Qalam(words);
    EXPECT_EQ(done.code, 2) << words[0];
    EXPECT_THAT(done.err, testing::StartsWith(said + "\n"));
  }
}

}  // namespace
}  // namespace qalam
