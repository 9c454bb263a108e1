// SPDX-License-Identifier: Apache-2.0
// get, describe, logs, best, algorithms, version: on one database that a short experiment left.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>

#include "experiment/read.h"
#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class View : public CliTest {
 protected:
  void SetUp() override {
    Write("trial.sh", "echo starting\necho loss=0.9\necho loss=$1\necho done\n");
    WriteExperiment("e.yaml", {.trials = 4, .algorithm = "sobol"});
    const Finished done = Qalam({"run", "e.yaml"});
    ASSERT_EQ(done.code, 0) << done.err << done.out;
  }
  std::string Out(const std::vector<std::string>& arguments) {
    const Finished done = Qalam(arguments);
    EXPECT_EQ(done.code, 0) << done.err;
    return done.out;
  }
};

TEST_F(View, ExperimentsAreATable) {
  EXPECT_THAT(
      Out({"get", "experiments"}),
      ContainsRegex("^NAME   STATUS     BEST +TRIALS  ALGORITHM  AGE\nsmall  Succeeded  [0-9.e-]+ +4/4     sobol "));
  EXPECT_THAT(Out({"get", "exp", "small", "-o", "wide"}),
              AllOf(HasSubstr("minimize loss"), HasSubstr("ExperimentMaxTrialsReached")));
  EXPECT_EQ(Out({"get", "experiments", "-o", "name"}), "experiment/small\n");
  EXPECT_THAT(Out({"get", "experiments", "-n", "elsewhere"}), Not(HasSubstr("small")));
}

TEST_F(View, AnExperimentIsPrintedAsKatibWould) {
  EXPECT_THAT(
      Out({"get", "experiment", "small", "-o", "yaml"}),
      AllOf(HasSubstr("apiVersion: kubeflow.org/v1beta1\nkind: Experiment\n"), HasSubstr("currentOptimalTrial:"),
            HasSubstr("trialsSucceeded: 4"), HasSubstr("reason: ExperimentMaxTrialsReached")));
  EXPECT_THAT(Out({"get", "experiments", "-o", "json"}),
              AllOf(StartsWith("{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"List\""), HasSubstr("\"trials\": 4")));
}

TEST_F(View, ATrialHasAllThatKatibsHas) {
  const auto field = [this](const std::string& path) {
    return Out({"get", "trial", "small#2", "-o", "jsonpath={" + path + "}"});
  };
  const std::string x = field(".spec.parameterAssignments[0].value");
  EXPECT_EQ(field(".spec.runSpec.kind"), "Job");
  EXPECT_EQ(field(".spec.runSpec.metadata.name"), field(".metadata.name"));
  EXPECT_THAT(field(".spec.runSpec.spec.template.spec.containers[0].command"), HasSubstr("\"" + x + "\"]"));
  EXPECT_EQ(field(".spec.objective.objectiveMetricName"), "loss");
  EXPECT_EQ(field(".spec.metricsCollector.collector.kind"), "StdOut");
  EXPECT_EQ(field(".spec.primaryContainerName"), "main");
  EXPECT_THAT(field(".spec.successCondition"), HasSubstr("Complete"));
  EXPECT_THAT(field(".spec.failureCondition"), HasSubstr("Failed"));
  EXPECT_EQ(field(".metadata.labels['katib.kubeflow.org/experiment']"), "small");
  EXPECT_EQ(field(".metadata.ownerReferences[0].uid"),
            Out({"get", "experiment", "small", "-o", "jsonpath={.metadata.uid}"}));
}

// Long lists are written item by item: as whole ones they read the same.
TEST_F(View, AListOfObjectsIsWhatItsObjectsAreOneByOne) {
  const auto read = [this](const std::vector<std::string>& words) {
    Diagnostics faults;
    std::vector<Node> documents = ReadDocuments(Out(words), &faults);
    EXPECT_EQ(documents.size(), 1U) << Render(faults);
    return documents.empty() ? Node() : std::move(documents[0]);
  };
  for (const std::string output : {"json", "yaml"}) {
    const Node list = read({"get", "trials", "-o", output});
    EXPECT_EQ(list.Find("kind")->text, "List");
    const Node* items = list.Find("items");
    ASSERT_EQ(items->items.size(), 4U);
    for (const Node& item : items->items) {
      EXPECT_TRUE(SameValue(item, read({"get", "trial", item.FindPath({"metadata", "name"})->text, "-o", output})));
    }
    const Node none = read({"get", "trials", "--filter", "x>5", "-o", output});
    EXPECT_EQ(none.Find("items")->kind, Node::Kind::kSequence);
    EXPECT_TRUE(none.Find("items")->items.empty());
  }
}

TEST_F(View, TrialsAreATableAndCanBeSorted) {
  const std::string trials = Out({"get", "trials", "small"});
  EXPECT_THAT(trials, ContainsRegex("^TRIAL  NAME +STATUS     loss +x +AGE\n#1     small-[a-z0-9]{8}  Succeeded  "));
  const std::string sorted = Out({"get", "trials", "small", "--sort", "objective", "-o", "csv"});
  double last = -1;
  for (std::size_t at = sorted.find('\n') + 1; at < sorted.size(); at = sorted.find('\n', at) + 1) {
    std::size_t field = at;
    for (int i = 0; i < 3; ++i) field = sorted.find(',', field) + 1;
    const double loss = std::stod(sorted.substr(field));
    EXPECT_GE(loss, last);
    last = loss;
  }
  EXPECT_THAT(sorted, StartsWith("ordinal,name,status,loss,x,started,completed,seconds,message\n"));
}

TEST_F(View, TrialsAreFilteredCutAndTurnedRound) {
  const std::string first = Out({"get", "trials", "small", "--sort", "objective", "--limit", "1", "-o", "name"});
  EXPECT_EQ(first, "trial/" + Out({"best", "small", "-o", "jsonpath={.trial}"}) + "\n");
  const std::string worst = Out({"get", "trials", "small", "--sort", "loss", "--reverse", "--limit", "1", "-o", "csv"});
  EXPECT_THAT(worst, Not(HasSubstr(first.substr(6))));
  EXPECT_EQ(Out({"get", "trials", "small", "--filter", "ordinal<=3 and not ordinal=2 and state=Succeeded", "-o",
                 "jsonpath={.items[*].spec.parameterAssignments[0].name}"}),
            "x x");
  EXPECT_EQ(Out({"get", "trials", "--filter", "x>2", "-o", "name"}), "");
  const Finished wrong = Qalam({"get", "trials", "small", "--filter", "learning_rate<1"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("there is no column 'learning_rate'"));
  EXPECT_EQ(Qalam({"get", "trials", "small", "-o", "jsonpath={.items"}).code, 2);
}

// What is read of the trials depends on what is shown of them; what is shown does not.
TEST_F(View, AListThatIsCutIsTheBeginningOfTheWholeOne) {
  const auto lines = [](const std::string& text, int most) {
    std::size_t at = 0;
    while (most-- > 0 && at < text.size()) at = text.find('\n', at) + 1;
    return text.substr(0, at);
  };
  for (const std::vector<std::string>& chosen :
       std::vector<std::vector<std::string>>{{},
                                             {"--reverse"},
                                             {"--sort", "x"},
                                             {"--sort", "objective", "--reverse"},
                                             {"--sort", "message"},
                                             {"--filter", "x>=0 and message!=nothing"},
                                             {"--filter", "loss>=0", "--sort", "number", "--reverse"},
                                             {"--filter", "state=Failed"}}) {
    for (const std::string output : {"csv", "name"}) {
      std::vector<std::string> words = {"get", "trials", "small", "-o", output};
      words.insert(words.end(), chosen.begin(), chosen.end());
      const std::string whole = Out(words);
      words.insert(words.end(), {"--limit", "2"});
      EXPECT_EQ(Out(words), lines(whole, output == "csv" ? 3 : 2)) << testing::PrintToString(words);
    }
  }
  EXPECT_THAT(Out({"get", "trials", "small", "-o", "wide", "--sort", "objective", "--limit", "1"}),
              ContainsRegex("\n#[0-9] +small-[a-z0-9]+ +Succeeded +[0-9.e-]+ +[0-9.e-]+ .*Trial has succeeded"));
  EXPECT_EQ(
      Out({"get", "trials", "small", "--reverse", "--limit", "1", "-o",
           "jsonpath={.items[0].spec.parameterAssignments[0].name} {.items[0].status.observation.metrics[0].name}"}),
      "x loss");
}

TEST_F(View, EveryViewHasJsonPath) {
  EXPECT_EQ(Out({"get", "experiments", "-o", "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}"}), "small\n");
  EXPECT_EQ(Out({"describe", "exp", "small", "-o", "jsonpath={.status.trialsSucceeded}"}), "4");
  EXPECT_EQ(Out({"get", "suggestion", "small", "-o", "jsonpath={.status.suggestionCount}"}), "4");
  EXPECT_EQ(Out({"algorithms", "-o", "jsonpath={[?(@.name=='grid')].name}"}), "grid");
  EXPECT_THAT(Out({"algorithms", "-o", "csv"}), StartsWith("name,summary\n"));
  EXPECT_THAT(Out({"get", "experiments", "-o", "csv"}),
              AllOf(StartsWith("name,status,best,trials,max_trials,algorithm,"), HasSubstr("\nsmall,Succeeded,0.")));
}

TEST_F(View, AWatchPrintsWhatThereIsAndThenWhatChanges) {
  auto watch = Start({"get", "trials", "-w"});
  ASSERT_TRUE(watch->WaitFor("#4 "));
  WriteExperiment("other.yaml", {.name = "other", .trials = 1, .parallel = 1});
  EXPECT_EQ(Qalam({"run", "other.yaml"}).code, 0);
  ASSERT_TRUE(watch->WaitFor("other-"));
  ASSERT_TRUE(watch->WaitFor("#1     other-"));
  watch->Signal(SIGINT);
  EXPECT_EQ(watch->Wait().code, 128 + SIGINT);
}

TEST_F(View, AnExperimentIsExportedWhole) {
  const std::string trials = Out({"export", "exp", "small"});
  EXPECT_THAT(trials, StartsWith("ordinal,name,status,loss,x,started,completed,seconds,message\n1,small-"));
  EXPECT_EQ(std::ranges::count(trials, '\n'), 5);
  const std::string reports = Out({"export", "experiment", "small", "--observations"});
  EXPECT_THAT(reports, StartsWith("ordinal,trial,metric,step,value,time\n1,small-"));
  EXPECT_EQ(std::ranges::count(reports, '\n'), 9);  // two reports a trial
  EXPECT_THAT(reports, HasSubstr(",loss,1,0.9,"));

  EXPECT_EQ(Out({"export", "exp", "small", "results"}), "results/small-trials.csv\nresults/small-observations.csv\n");
  EXPECT_EQ(Read("results/small-trials.csv"), trials);
  EXPECT_EQ(Read("results/small-observations.csv"), reports);
  EXPECT_EQ(Out({"export", "exp", "small", "-o", "json", "results"}), "results/small.json\n");
  EXPECT_EQ(Read("results/small.json"), Out({"export", "exp", "small", "-o", "json"}));
  const Program::Options options = {.folder = folder_};
  Program python(
      {QALAM_PYTHON, "-c",
       "import json; d = json.load(open('results/small.json')); "
       "print(d['experiment']['status']['trials'], len(d['trials']), d['trials'][0]['observationLog'][0]['value'])"},
      options);
  EXPECT_EQ(python.Wait().out, "4 4 0.9\n");

  EXPECT_EQ(Qalam({"export", "exp", "nope"}).code, 3);
  EXPECT_EQ(Qalam({"export", "exp", "small", "-o", "json", "--observations"}).code, 2);
  EXPECT_EQ(Qalam({"export", "exp", "small", "trial.sh/no"}).code, 1);
}

TEST_F(View, AnExperimentIsClonedAsAFileThatRuns) {
  const std::string file = Out({"clone", "exp", "small", "--as", "again"});
  EXPECT_THAT(file, AllOf(StartsWith("apiVersion: kubeflow.org/v1beta1\n"), HasSubstr("  name: again\n"),
                          Not(HasSubstr("status:"))));
  Write("again.yaml", file);
  const Finished lint = Qalam({"lint", "again.yaml"});
  EXPECT_EQ(lint.err + lint.out, "0 errors\n");
  const Finished run = Qalam({"run", "again.yaml", "--trials", "2"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("2 ok"));
  EXPECT_THAT(Qalam({"clone", "exp", "small", "--as", "again"}).err,
              HasSubstr("there is an experiment 'again' already"));
  EXPECT_EQ(Qalam({"clone", "exp", "small", "--as", "Not Legal"}).code, 2);
  EXPECT_EQ(Qalam({"clone", "exp", "small"}).code, 2);
}

TEST_F(View, ExperimentsAreCompared) {
  Write("worse.sh", "echo loss=$(awk \"BEGIN { print $1 + 5 }\")\n");
  WriteExperiment("w.yaml", {.name = "worse", .command = {"sh", "worse.sh", "${trialParameters.x}"}, .trials = 5});
  ASSERT_EQ(Qalam({"run", "w.yaml"}).code, 0);
  const std::string text = Out({"compare", "exp", "small", "worse"});
  EXPECT_THAT(text,
              AllOf(StartsWith("minimize loss\nEXPERIMENT  STATUS     BEST "), HasSubstr("\nsmall       Succeeded  0."),
                    HasSubstr("\nworse       Succeeded  5."), HasSubstr("BEST AFTER  1 trial  2 trials  5 trials\n"),
                    ContainsRegex("\nsmall +0\\.[0-9]+ +0\\.[0-9]+ +-\n")));
  // Every trial of one is better: 2 / C(9, 4).
  EXPECT_THAT(text, ContainsRegex("TRIALS OF  AND OF  BETTER  P\nsmall +worse +100% +0.0159\n"));
  EXPECT_THAT(Out({"compare", "exp", "worse", "small", "-o", "jsonpath={.mannWhitney[0].better}"}), "0.0");
  const std::string csv = Out({"compare", "exp", "small", "worse", "-o", "csv"});
  EXPECT_THAT(csv, StartsWith("experiment,finished,ordinal,seconds,value,best\nsmall,1,"));
  EXPECT_EQ(std::ranges::count(csv, '\n'), 10);

  EXPECT_EQ(Qalam({"compare", "exp", "small"}).code, 2);
  EXPECT_EQ(Qalam({"compare", "exp", "small", "small"}).code, 2);
  EXPECT_EQ(Qalam({"compare", "exp", "small", "nope"}).code, 3);
  Write("up.sh", "echo score=1\n");
  ASSERT_EQ(
      Qalam({"run", "-p", "x=real(0,1)", "--maximize", "score", "-n", "1", "--name", "up", "--", "sh", "up.sh"}).code,
      0);
  EXPECT_THAT(Qalam({"compare", "exp", "small", "up"}).err, HasSubstr("no measure in common"));
}

TEST_F(View, ATrialIsPrintedAsKatibWould) {
  EXPECT_THAT(Out({"get", "trial", "small#2", "-o", "yaml"}),
              AllOf(HasSubstr("kind: Trial\n"), HasSubstr("parameterAssignments:"), HasSubstr("name: loss")));
}

// kubectl's ways to name things, alike for every verb.
TEST_F(View, ThingsAreNamedAsKubectlNamesThem) {
  WriteExperiment("o.yaml", {.name = "other", .trials = 1, .parallel = 1});
  ASSERT_EQ(Qalam({"run", "o.yaml"}).code, 0);
  const std::string all = Out({"get", "all", "-o", "name"});
  EXPECT_THAT(all, StartsWith("experiment/small\nexperiment/other\nsuggestion/small\nsuggestion/other\ntrial/small-"));
  EXPECT_EQ(std::ranges::count(all, '\n'), 9);
  EXPECT_THAT(Out({"get", "all"}), AllOf(HasSubstr("ASSIGNED"), HasSubstr("#4 "), HasSubstr("4/4")));
  const std::string small = Out({"get", "exp", "small", "-o", "yaml"});  // a table has ages
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"exp/small"}, {"experiments", "small"}, {"experiment.kubeflow.org", "small"}, {"exps/small"}}) {
    std::vector<std::string> get = {"get"};
    get.insert(get.end(), words.begin(), words.end());
    get.insert(get.end(), {"-o", "yaml"});
    EXPECT_EQ(Out(get), small) << words[0];
  }
  EXPECT_EQ(Out({"get", "exp", "other", "small", "-o", "name"}), "experiment/other\nexperiment/small\n");
  EXPECT_EQ(Out({"get", "exp,sugg", "other", "-o", "name"}), "experiment/other\nsuggestion/other\n");
  EXPECT_EQ(Out({"get", "exp/other", "exp/small", "-o", "jsonpath={.items[*].metadata.name}"}), "other small");
  EXPECT_EQ(Out({"get", "exp/small", "-o", "jsonpath={.kind}"}), "Experiment");
  const std::string trial = Out({"get", "trial", "small#2", "-o", "name"});
  const std::string name = trial.substr(6, trial.size() - 7);
  EXPECT_EQ(Out({"get", "trial/small#2", "trial/other#1", "-o", "name"}),
            trial + Out({"get", "trials", "other", "-o", "name"}));

  // What one verb prints, the next one takes.
  const std::string logs = Out({"logs", "small#2"});
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"trial/" + name}, {"trial", name}, {"trial", "small#2"}, {name}}) {
    std::vector<std::string> verb = {"logs"};
    verb.insert(verb.end(), words.begin(), words.end());
    EXPECT_EQ(Out(verb), logs);
    verb[0] = "describe";
    EXPECT_THAT(Out(verb), StartsWith("Name:         " + name + "\nExperiment:   small (#2)\n"));
  }
  EXPECT_THAT(Out({"describe", "small"}), StartsWith("Name:         small\nNamespace:"));
  EXPECT_THAT(Out({"describe", "exp/small", "trial/small#1"}),
              AllOf(StartsWith("Name:         small\n"), HasSubstr("\n\n\nName:         small-")));
  EXPECT_EQ(Out({"describe", "exp", "small", "other", "-o", "jsonpath={.items[*].metadata.name}"}), "small other");
  EXPECT_EQ(Out({"best", "exp", "small"}), Out({"best", "exp/small"}));
  EXPECT_EQ(Out({"best", "exp", "small"}), Out({"best", "small"}));
  EXPECT_EQ(Out({"clone", "exp/small", "--as", "again"}), Out({"clone", "small", "--as", "again"}));
  EXPECT_EQ(Out({"export", "small"}), Out({"export", "exp/small"}));
  EXPECT_EQ(Out({"export", "exp/small", "results"}), "results/small-trials.csv\nresults/small-observations.csv\n");
  EXPECT_EQ(Out({"compare", "small", "other"}), Out({"compare", "exp/small", "exp/other"}));
  EXPECT_THAT(Out({"top", "exp/small"}), StartsWith("experiment  small "));
  EXPECT_EQ(Out({"wait", "exp/small", "trial/small#2", "--for=succeeded"}),
            "experiment/small condition met\n" + trial.substr(0, trial.size() - 1) + " condition met\n");
  EXPECT_EQ(Out({"delete", "small", "other", "-y"}), "experiment/small deleted\nexperiment/other deleted\n");
}

TEST_F(View, NamesThatAreNotUnderstoodAreAnswered) {
  const auto says = [this](const std::vector<std::string>& words) {
    const Finished done = Qalam(words);
    EXPECT_THAT(done.code, testing::AnyOf(2, 3));
    return done.err;
  };
  EXPECT_THAT(says({"logs", "small"}), HasSubstr("'small' is an experiment; its trials are 'small#1'"));
  EXPECT_THAT(says({"logs", "exp", "small"}), HasSubstr("a trial is meant here"));
  EXPECT_THAT(says({"best", "trial/small#1"}), HasSubstr("an experiment is meant here"));
  EXPECT_THAT(says({"delete", "exp"}), HasSubstr("which one? Say exp NAME"));
  EXPECT_THAT(says({"delete", "exp", "exp/small"}), HasSubstr("either KIND NAME or KIND/NAME"));
  EXPECT_THAT(says({"describe", "job/small"}), HasSubstr("'job' is neither 'exp' nor 'trial'"));
  EXPECT_THAT(says({"describe", "exp/"}), HasSubstr("a name is missing after 'exp/'"));
  EXPECT_THAT(says({"edit", "small", "small2", "--parallel", "2"}), HasSubstr("there is no experiment 'small2'"));
  EXPECT_THAT(says({"get", "exp/small", "small"}), HasSubstr("'small' among KIND/NAMEs: of which kind?"));
  EXPECT_THAT(says({"get", "all", "-w"}), HasSubstr("-w watches one kind of object"));
}

TEST_F(View, SuggestionsAreThere) {
  EXPECT_THAT(Out({"get", "suggestions"}), AllOf(HasSubstr("small"), HasSubstr("sobol")));
  EXPECT_THAT(Out({"get", "suggestion", "small", "-o", "yaml"}),
              AllOf(HasSubstr("kind: Suggestion"), HasSubstr("suggestionCount: 4")));
}

TEST_F(View, DescribeTellsEverythingAboutAnExperiment) {
  EXPECT_THAT(Out({"describe", "experiment", "small"}),
              AllOf(HasSubstr("Status:       Succeeded\n"), HasSubstr("Objective:    minimize loss\n"),
                    HasSubstr("Budget:       4 trials, 2 at once\n"), HasSubstr("Trials:       4 succeeded\n"),
                    HasSubstr("Directory:    " + folder_ + "\n"), HasSubstr("Conditions:\n"), HasSubstr("Events:\n"),
                    HasSubstr("ExperimentMaxTrialsReached"), Not(HasSubstr("Waiting:"))));
}

TEST_F(View, DescribeTellsHowToRepeatATrial) {
  const std::string text = Out({"describe", "trial", "small#1"});
  EXPECT_THAT(text, AllOf(HasSubstr("Experiment:   small (#1)\n"), HasSubstr("Status:       Succeeded\n"),
                          HasSubstr("cd " + folder_ + " && "), HasSubstr("sh trial.sh 0."), HasSubstr("Metrics:\n"),
                          HasSubstr("Steps:\n"), HasSubstr("Folder:       qalam.db.d/runs/small-")));
  EXPECT_THAT(text, ContainsRegex("loss +0\\.[0-9]+ .* 2\n"));
}

TEST_F(View, LogsAreWhatTheTrialPrinted) {
  EXPECT_THAT(Out({"logs", "small#1"}), AllOf(StartsWith("starting\nloss=0.9\nloss="), testing::EndsWith("done\n")));
  EXPECT_EQ(Out({"logs", "#1", "--tail", "1"}), "done\n");
  EXPECT_EQ(Out({"logs", "#1", "--tail", "0"}), "");
  EXPECT_THAT(Out({"logs", "-f", "#1"}), testing::EndsWith("done\n"));
}

TEST_F(View, TheBestTrialComesInEveryForm) {
  EXPECT_THAT(Out({"best", "small"}),
              ContainsRegex("^small   best loss 0\\.[0-9]+   #[0-9] small-[a-z0-9]+\n  x  0\\."));
  EXPECT_THAT(Out({"best"}), StartsWith("small "));
  EXPECT_THAT(Out({"best", "small", "-o", "flags"}), ContainsRegex("^--x=0\\.[0-9]+\n$"));
  EXPECT_THAT(Out({"best", "small", "-o", "env"}), ContainsRegex("^QALAM_PARAM_X=0\\.[0-9]+\n$"));
  EXPECT_THAT(Out({"best", "small", "-o", "json"}),
              AllOf(HasSubstr("\"metric\": \"loss\""), ContainsRegex("\"x\": 0\\.")));
  EXPECT_THAT(Out({"best", "small", "-o", "yaml"}), AllOf(HasSubstr("metric: loss"), ContainsRegex("  x: 0\\.")));
}

TEST_F(View, WhatIsNotThereIsExitCodeThree) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"get", "experiment", "nope"},
                                                    {"describe", "trial", "nope"},
                                                    {"describe", "trial", "#99"},
                                                    {"logs", "nope"},
                                                    {"best", "nope"},
                                                    {"get", "experiments", "--db", "none.db"},
                                                    {"algorithms", "describe", "nope"}}) {
    const Finished missing = Qalam(arguments);
    EXPECT_EQ(missing.code, 3) << arguments[0];
    EXPECT_THAT(missing.err, StartsWith("qalam: "));
    EXPECT_EQ(missing.out, "");
  }
  EXPECT_FALSE(Exists("none.db"));
}

TEST_F(View, AMistypedWordIsExitCodeTwo) {
  EXPECT_EQ(Qalam({"get", "trails"}).code, 2);
  EXPECT_EQ(Qalam({"get", "trials", "-o", "xml"}).code, 2);
  EXPECT_EQ(Qalam({"frobnicate"}).code, 2);
  EXPECT_EQ(Qalam({}).code, 2);
  EXPECT_EQ(Qalam({"describe", "trial", "small#x"}).code, 2);
}

using NoDatabase = CliTest;

TEST_F(NoDatabase, FollowedLogsEndWithTheTrial) {
  Write("trial.sh", "echo one\nwhile [ ! -e go ]; do sleep 0.02; done\necho two\necho loss=$1\n");
  WriteExperiment("e.yaml", {.trials = 1, .parallel = 1});
  auto run = Start({"run", "e.yaml"});
  ASSERT_TRUE(run->WaitFor("1 at once"));
  auto logs = Start({"logs", "-f", "#1"});
  for (int i = 0; i < 100 && !logs->WaitFor("one\n", std::chrono::seconds(1)); ++i) logs = Start({"logs", "-f", "#1"});
  Write("go", "");
  const Finished end = logs->Wait();
  EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_THAT(end.out, StartsWith("one\ntwo\nloss="));
  EXPECT_EQ(run->Wait().code, 0);
}

TEST_F(NoDatabase, AlgorithmsComeFromTheirTables) {
  const Finished list = Qalam({"algorithms"});
  EXPECT_EQ(list.code, 0);
  EXPECT_THAT(list.out, AllOf(HasSubstr("\ngrid "), HasSubstr("\nrandom "), HasSubstr("\nsobol ")));
  const Finished one = Qalam({"algorithms", "describe", "random"});
  EXPECT_THAT(one.out, AllOf(StartsWith("random: "), HasSubstr("random_state")));
  EXPECT_THAT(Qalam({"algorithms", "describe", "randm"}).err, HasSubstr("did you mean 'random'?"));
}

TEST_F(NoDatabase, TheVersionIsTold) {
  EXPECT_THAT(Qalam({"--version"}).out, ContainsRegex("^qalam [0-9]+\\.[0-9]+\\.[0-9]+\n$"));
  EXPECT_THAT(Qalam({"version"}).out, ContainsRegex("^qalam [0-9]+\\.[0-9]+\\.[0-9]+\n$"));
  EXPECT_THAT(Qalam({"version", "-o", "json"}).out, HasSubstr("\"version\": \""));
}

TEST_F(NoDatabase, HelpHasExamples) {
  const Finished help = Qalam({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("Examples:"), HasSubstr("Exit codes:")));
  EXPECT_THAT(Qalam({"run", "--help"}).out, HasSubstr("--minimize loss -n 40 -- python3 train.py"));
}

}  // namespace
}  // namespace qalam
