// SPDX-License-Identifier: Apache-2.0
// init and convert: the three forms of a file, from one to the other, and each of them run.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Forms : public CliTest {
 protected:
  std::string Converted(const std::string& file, const std::string& to) {
    const Finished done = Qalam({"convert", file, "--to", to});
    EXPECT_EQ(done.code, 0) << done.err;
    notes = done.err;
    return done.out;
  }
  std::string notes;
};

TEST_F(Forms, EveryStarterIsCleanAndRuns) {
  for (const std::string form : {"short", "katib", "sweep"}) {
    const std::string file = form + ".yaml";
    const Finished init = Qalam({"init", "--from", form, file});
    EXPECT_EQ(init.code, 0) << init.err;
    EXPECT_THAT(init.out, AllOf(StartsWith("wrote " + file), HasSubstr("next: qalam run " + file)));
    EXPECT_THAT(Read(file), AllOf(HasSubstr("qalam run " + file), Not(HasSubstr("FILE"))));
    const Finished lint = Qalam({"lint", "--strict", file});
    EXPECT_EQ(lint.err + lint.out, "0 errors\n") << form;
    const Finished run = Qalam({"run", file, "--trials", "3", "--db", form + ".db"});
    EXPECT_EQ(run.code, 0) << form << run.err << run.out;
    const std::string algorithm = form == "short" ? "auto" : "random";
    EXPECT_THAT(run.out, AllOf(HasSubstr("experiment  first   " + algorithm + "   minimize loss"), HasSubstr("3 ok")));
  }
}

TEST_F(Forms, InitWritesNothingOver) {
  Write("experiment.yaml", "mine\n");
  Write("train.py", "mine too\n");
  const Finished again = Qalam({"init"});
  EXPECT_EQ(again.code, 2);
  EXPECT_THAT(again.err, HasSubstr("experiment.yaml is there already"));
  EXPECT_EQ(Read("experiment.yaml"), "mine\n");
  EXPECT_EQ(Qalam({"init", "other.yaml"}).code, 0);
  EXPECT_EQ(Read("train.py"), "mine too\n");
}

// Each starter says the same, so each becomes every other.
TEST_F(Forms, TheyGoRoundWithoutLoss) {
  for (const std::string form : {"short", "katib", "sweep"}) Qalam({"init", "--from", form, form + ".yaml"});
  for (const std::string from : {"short", "katib", "sweep"}) {
    for (const std::string to : {"short", "katib", "sweep"}) {
      const std::string file = from + "-" + to + ".yaml";
      Write(file, Converted(from + ".yaml", to));
      const Finished lint = Qalam({"lint", "--strict", file});
      EXPECT_EQ(lint.err + lint.out, "0 errors\n") << file << "\n" << Read(file);
    }
  }
  const std::string parameters =
      "parameters:\n  lr: log(0.00001, 0.1)\n  layers: int(1, 8)\n  optimizer:\n  - sgd\n  - adam\n";
  EXPECT_THAT(Read("katib-short.yaml"), HasSubstr(parameters));
  EXPECT_THAT(Read("sweep-short.yaml"), HasSubstr(parameters));
  EXPECT_THAT(Read("sweep-short.yaml"),
              HasSubstr("run: python3 train.py --lr={lr} --layers={layers} --optimizer={optimizer}\n"));
  EXPECT_THAT(Read("katib-sweep.yaml"),
              AllOf(HasSubstr("program: train.py\n"), HasSubstr("method: random\n"),
                    HasSubstr("distribution: log_uniform_values\n"), HasSubstr("run_cap: 20\n"),
                    HasSubstr("command:\n- python3\n- train.py\n- ${args}\n")));
  EXPECT_THAT(Read("short-katib.yaml"), AllOf(HasSubstr("kind: Experiment\n"), HasSubstr("distribution: logUniform\n"),
                                              HasSubstr("--lr\n"), HasSubstr("${trialParameters.lr}")));
}

TEST_F(Forms, WhatCannotBeCarriedIsSaidByField) {
  Write("k.yaml", Yaml({.trials = 4,
                        .algorithm = "tpe",
                        .spec = "  maxFailedTrialCount: 2\n",
                        .job_spec = "        backoffLimit: 2\n"}));
  EXPECT_THAT(Converted("k.yaml", "short"), AllOf(HasSubstr("run: sh trial.sh {x}\n"), HasSubstr("algorithm: tpe\n")));
  EXPECT_THAT(notes, HasSubstr("k.yaml:29:9: warning: spec.trialTemplate.trialSpec.spec.backoffLimit: is not carried"));
  const Finished sweep = Qalam({"convert", "k.yaml", "--to", "sweep"});
  EXPECT_EQ(sweep.code, 2);
  EXPECT_EQ(sweep.out, "");
  EXPECT_THAT(sweep.err,
              AllOf(HasSubstr("'tpe' becomes 'bayes'"), HasSubstr("spec.maxFailedTrialCount: is not carried"),
                    HasSubstr("a sweep hands parameters over as --NAME=VALUE, and '${trialParameters.x}'")));
}

TEST_F(Forms, AnOptionWithAnotherNameIsWhatASweepCallsTheParameter) {
  Write("k.yaml", Yaml({.command = {"python3", "t.py", "--rate=${trialParameters.x}", "--epochs", "3"}}));
  EXPECT_THAT(Converted("k.yaml", "sweep"),
              AllOf(HasSubstr("parameters:\n  rate:\n    distribution: uniform\n"),
                    HasSubstr("command:\n- python3\n- t.py\n- ${args}\n- --epochs\n- \"3\"\n")));
  EXPECT_THAT(notes, HasSubstr("parameter 'x': is called 'rate' there"));
}

// Not one of them is half converted: what comes out is read without a fault, or nothing does.
TEST_F(Forms, KatibsOwnExamplesBecomeShortFilesOrSayWhyNot) {
  int converted = 0, refused = 0;
  for (const char* folder : {"hp-tuning", "resume-experiment", "nas", "kubeflow-training-operator"}) {
    for (const auto& entry :
         std::filesystem::directory_iterator(QALAM_SOURCE_DIR "/tests/data/katib/" + std::string(folder))) {
      if (entry.path().extension() != ".yaml") continue;
      for (const std::string to : {"short", "sweep"}) {
        const Finished done = Qalam({"convert", entry.path().string(), "--to", to});
        if (done.code == 0) {
          ++converted;
          Write("converted.yaml", done.out);
          const Finished again = Qalam({"convert", "converted.yaml", "--to", "katib"});
          EXPECT_EQ(again.code, 0) << entry.path() << "\n" << done.out << again.err;
        } else {
          ++refused;
          EXPECT_EQ(done.code, 2);
          EXPECT_EQ(done.out, "");
          EXPECT_THAT(done.err, AllOf(HasSubstr("error: "), HasSubstr("Nothing was converted.")));
        }
      }
    }
  }
  EXPECT_GE(converted, 15);
  EXPECT_GE(refused, 5);
}

TEST_F(Forms, TheDocumentedShortFileIsClean) {
  std::stringstream page;
  page << std::ifstream(QALAM_SOURCE_DIR "/docs/short-form.md").rdbuf();
  const std::string text = page.str(), fence = "```yaml short.yaml\n";
  const std::size_t start = text.find(fence) + fence.size();
  ASSERT_NE(text.find(fence), std::string::npos);
  Write("short.yaml", text.substr(start, text.find("```", start) - start));
  const Finished lint = Qalam({"lint", "--strict", "short.yaml"});
  EXPECT_EQ(lint.err + lint.out, "0 errors\n");
}

TEST_F(Forms, ASweepStartsItsProgramAsTheAgentDoes) {
  Write("show.py", "import sys\nprint(sys.argv[1:])\nprint('loss=1')\n");
  Write("s.yaml",
        "program: show.py\nmethod: grid\nmetric: {name: loss}\nrun_cap: 1\nparameters:\n"
        "  fixed: {value: 3}\n  flag: {values: [true]}\n  opt: {values: [adam]}\n  n: {values: [4]}\n");
  ASSERT_EQ(Qalam({"run", "s.yaml", "--db", "a.db"}).code, 0);
  EXPECT_THAT(Qalam({"logs", "#1", "--db", "a.db"}).out,
              StartsWith("['--fixed=3', '--flag=True', '--opt=adam', '--n=4']\n"));
  Write("j.yaml", Read("s.yaml") + "command: [python3, '${program}', '${args_json}', '${args_no_hyphens}']\nname: j\n");
  ASSERT_EQ(Qalam({"run", "j.yaml", "--db", "b.db"}).code, 0);
  EXPECT_THAT(Qalam({"logs", "#1", "--db", "b.db"}).out,
              StartsWith(R"(['{"fixed": 3, "flag": "True", "opt": "adam", "n": 4}', 'fixed=3', 'flag=True',)"));
}

TEST_F(Forms, TheWordsOfASweepMeanWhatTheyMeanThere) {
  Write("s.yaml", R"(program: t.py
method: random
metric: {name: acc, goal: maximize, target: 0.9}
run_cap: 5
early_terminate: {type: hyperband, min_iter: 3}
parameters:
  a: {distribution: log_uniform, min: -2.302585092994046, max: 0}
  b: {distribution: q_uniform, min: 0, max: 1, q: 0.25}
  c: {distribution: q_uniform, min: 0, max: 64, q: 16}
  d: {distribution: normal, mu: 1, sigma: 2}
  e: {min: 0.0, max: 1}
  f: {distribution: int_uniform, min: 1, max: 3}
)");
  const std::string text = Converted("s.yaml", "short");
  EXPECT_THAT(text, AllOf(HasSubstr("  a: log(0.1, 1)\n"), HasSubstr("  b: real(0, 1, 0.25)\n"),
                          HasSubstr("  c: int(0, 64, 16)\n"), HasSubstr("  d: normal(-5, 7)\n"),
                          HasSubstr("  e: real(0.0, 1)\n"), HasSubstr("  f: int(1, 3)\n"), HasSubstr("maximize: acc\n"),
                          HasSubstr("goal: 0.9\n"), HasSubstr("trials: 5\n")));
  EXPECT_THAT(notes, AllOf(HasSubstr("s.yaml:5:1: warning: early_terminate: is not carried over"),
                           HasSubstr("s.yaml:10:3: warning: parameters.d: is cut off at three standard deviations")));
}

TEST_F(Forms, FaultsOfTheOtherFormsStandWhereTheyAre) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"run: x {lr}\nminimize: loss\nparameters:\n  lr: lgo(1, 2)\n", "4:7: error: parameters.lr: 'lgo' is not one of"},
      {"run: x {lr}\nminimize: loss\nparameters:\n  lr: log(0, 2)\n",
       "4:7: error: parameters.lr: parameter 'lr': min 0 must be greater than 0"},
      {"run: x {lrr}\nminimize: loss\nparameters:\n  lr: log(1, 2)\n",
       "1:6: error: run: '{lrr}' names no parameter; did"},
      {"run: x > y\nminimize: loss\nparameters:\n  lr: log(1, 2)\n", "1:6: error: run: '>' is for a shell"},
      {"run: x\nminimize: loss\nparameters:\n  lr: log(1, 2)\ntrails: 4\n",
       "5:1: warning: trails: unknown field, not used; "
       "did you mean 'trials'?"},
      {"run: x\nminimize: loss\nparameters:\n  lr: log(1, 2)\ntrials: 0\n",
       "5:9: error: trials: 0 must be greater than 0"},
      {"run: x\nminimize: loss\nparameters:\n  lr: log(1, 2)\nalgorithm: randm\n",
       "5:12: error: algorithm: algorithm 'randm' is not known"},
      {"run: x\nparameters: {x: [1, 2]}\n", "error: minimize: is missing"},
      {"run: x\nminimize: loss\nparameters:\n  opt: {kind: {sort: {a: [1]}}}\n",
       "4:9: error: parameters.opt.kind: a group of parameters cannot hold another one"},
      {"run: x\nminimize: loss\nparameters:\n  opt: [a, b]\n  m: {is: \"real(0,1)\", when: opt == c}\n",
       "5:30: error: parameters.m.when: condition 'opt == c': 'opt' has no value 'c'"},
      {"run: x\nminimize: loss\nparameters:\n  opt: [a, b]\n  m: {is: \"real(0,1)\", when: opt = a}\n",
       "5:30: error: parameters.m.when: '=' is not a comparison; write  =="},
      {"run: x\nminimize: loss\nparameters:\n  opt: [a, b]\n  m: {when: opt == a}\n",
       "5:3: error: parameters.m.is: is missing"},
      {"run: x\nminimize: loss\nparameters:\n  opt: [a, b]\n  m: {is: \"real(0,1)\", else: 0}\n",
       "5:30: error: parameters.m.else: says what counts where the parameter is not there"},
      {"run: x {m}\nminimize: loss\nparameters:\n  opt: [a, b]\n  m: {is: \"real(0,1)\", when: opt == a}\n",
       "5:30: warning: parameters.m.when: where opt == a is not so, the template's ${trialParameters.m} becomes an "
       "empty"},
      {"program: x.py\nmethod: random\nparameters: {x: {values: [1]}}\n", "error: metric: is missing"},
      {"program: x.py\nmethod: best\nmetric: {name: l}\nparameters: {x: {values: [1]}}\n",
       "2:9: error: method: 'best' is not one of: random, grid, bayes"},
      {"program: x.py\nmethod: grid\nmetric: {name: l, goal: up}\nparameters: {x: {values: [1]}}\n",
       "3:25: error: metric.goal: 'up' is not one of: minimize, maximize"},
      {"program: x.py\nmethod: grid\nmetric: {name: l}\nparameters:\n  x: {distribution: beta, min: 0, max: 1}\n",
       "5:21: error: parameters.x.distribution: 'beta' cannot be carried over"},
      {"program: x.py\nmethod: grid\nmetric: {name: l}\nparameters:\n  x: {min: 3, max: 1}\n",
       "5:12: error: parameters.x: parameter 'x': min 3 is greater than max 1"},
  };
  for (const auto& [text, expected] : cases) {
    Write("f.yaml", text);
    const Finished lint = Qalam({"lint", "f.yaml"});
    EXPECT_THAT(lint.out + lint.err, HasSubstr(expected)) << text;
    EXPECT_EQ(lint.code, expected.find("warning") == std::string::npos ? 2 : 0) << text;
  }
}

TEST_F(Forms, AShortFileOfAnEndedExperimentGoesOnWithMoreTrials) {
  Write("e.yaml", "run: sh trial.sh {x}\nminimize: loss\nparameters: {x: 'real(0, 1)'}\ntrials: 2\nname: e\n");
  ASSERT_EQ(Qalam({"run", "e.yaml"}).code, 0);
  const Finished more = Qalam({"run", "e.yaml", "--trials", "4"});
  EXPECT_EQ(more.code, 0) << more.err;
  EXPECT_THAT(more.out, HasSubstr("4 ok"));
}

}  // namespace
}  // namespace qalam
