// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/experiment/support.h"

namespace qalam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ShortForm Form() {
  ShortForm form;
  form.parameters = {"lr=log(1e-5,1e-1)", "layers=int(1,8)", "opt=sgd,adam"};
  form.minimize = "loss";
  form.command = {"python3", "-u", "models/Train_Net.py", "--lr={lr}", "--layers", "{layers}"};
  return form;
}

struct ShortReading {
  std::optional<ExperimentSpec> spec;
  std::string lines;
};

ShortReading Read(const ShortForm& form) {
  ShortReading out;
  Diagnostics faults;
  out.spec = ReadShortForm(form, BuiltIn(), &faults);
  out.lines = Lines(faults);
  return out;
}

std::string Describe(const ParameterSpec& p) {
  std::string list;
  for (const std::string& value : p.feasible.list) list += value + ";";
  return fmt::format("{} {} {} [{},{},{}] {}", p.name, ToString(p.type), ToString(p.feasible.distribution),
                     p.feasible.min, p.feasible.max, p.feasible.step, list);
}

TEST(ShortForm, IsAnOrdinaryExperimentWithAJob) {
  ShortForm form = Form();
  form.working_dir = "/home/ann";
  form.goal = 0.01;
  form.trials = 40;
  form.parallel = 4;
  form.settings = {"random_state=7"};
  const ShortReading reading = Read(form);
  ASSERT_TRUE(reading.spec) << reading.lines;
  EXPECT_EQ(reading.lines, "");
  const ExperimentSpec& spec = *reading.spec;
  EXPECT_EQ(spec.name, "train-net");
  EXPECT_EQ(spec.max_trial_count, 40);
  EXPECT_EQ(spec.parallel_trial_count, 4);
  EXPECT_EQ(spec.objective.metric_name, "loss");
  EXPECT_EQ(spec.objective.goal, 0.01);
  EXPECT_EQ(spec.objective.strategies.at("loss"), MetricStrategy::kMin);
  EXPECT_EQ(spec.algorithm.name, "random");
  EXPECT_THAT(spec.algorithm.settings, ElementsAre(Setting{"random_state", "7"}));
  EXPECT_EQ(Describe(spec.parameters[0]), "lr double logUniform [1e-5,1e-1,] ");
  EXPECT_EQ(Describe(spec.parameters[1]), "layers int uniform [1,8,] ");
  EXPECT_EQ(Describe(spec.parameters[2]), "opt categorical uniform [,,] sgd;adam;");
  EXPECT_EQ(
      ToJson(spec.trial_template.trial_spec),
      R"({"apiVersion":"batch/v1","kind":"Job","spec":{"template":{"spec":{"containers":[{"name":"trial","command":)"
      R"(["python3","-u","models/Train_Net.py","--lr=${trialParameters.lr}","--layers","${trialParameters.layers}"],)"
      R"("workingDir":"/home/ann"}],"restartPolicy":"Never"}}}})");
  ASSERT_EQ(spec.trial_template.parameters.size(), 2u) << "opt reaches the trial by the environment";

  Diagnostics faults;
  const auto again = ReadExperiment(ToDocument(spec), BuiltIn(), &faults);
  ASSERT_TRUE(again) << Lines(faults);
  EXPECT_THAT(DifferingFields(spec, *again), IsEmpty());
  const Result<Node> manifest = RenderTrial(spec, "train-net-1", {{"lr", "0.1"}, {"layers", "2"}, {"opt", "sgd"}});
  ASSERT_TRUE(manifest.ok());
  EXPECT_EQ(ToJson(*manifest->FindPath({"spec", "template", "spec", "containers"})->items[0].Find("command")),
            R"(["python3","-u","models/Train_Net.py","--lr=0.1","--layers","2"])");
}

TEST(ShortForm, NothingButACommandAndAParameterIsNeeded) {
  ShortForm form;
  form.parameters = {"x=real(0,1)"};
  form.maximize = "score";
  form.command = {"./a.out"};
  const ShortReading reading = Read(form);
  ASSERT_TRUE(reading.spec) << reading.lines;
  EXPECT_EQ(reading.spec->name, "a-out");
  EXPECT_EQ(reading.spec->max_trial_count, 20);
  EXPECT_EQ(reading.spec->parallel_trial_count, 3);
  EXPECT_EQ(reading.spec->objective.type, ObjectiveType::kMaximize);
  EXPECT_EQ(reading.spec->resume_policy, ResumePolicy::kLongRunning);
  EXPECT_THAT(reading.spec->trial_template.parameters, IsEmpty());
  Diagnostics faults;
  EXPECT_TRUE(ReadExperiment(ToDocument(*reading.spec), BuiltIn(), &faults)) << Lines(faults);
}

TEST(ShortForm, ParametersAreRangesAndLists) {
  const std::pair<const char*, const char*> cases[] = {
      {"x=real(0,1)", "x double uniform [0,1,] "},
      {" x = real( -1 , 1 , 0.5 ) ", "x double uniform [-1,1,0.5] "},
      {"x=log(1e-5,1e-1)", "x double logUniform [1e-5,1e-1,] "},
      {"x=int(0,10,2)", "x int uniform [0,10,2] "},
      {"x=logint(1,1000)", "x int logUniform [1,1000,] "},
      {"x=16,32,64", "x discrete uniform [,,] 16;32;64;"},
      {"x=16,32,big", "x categorical uniform [,,] 16;32;big;"},
      {"x=a b, c=d", "x categorical uniform [,,] a b;c=d;"},
      {"x=7", "x discrete uniform [,,] 7;"},
      {"my.p-1_x=a,b", "my.p-1_x categorical uniform [,,] a;b;"},
  };
  for (const auto& [text, expected] : cases) {
    ShortForm form = Form();
    form.parameters = {text};
    form.command = {"run"};
    const ShortReading reading = Read(form);
    ASSERT_TRUE(reading.spec) << text << "\n" << reading.lines;
    EXPECT_EQ(Describe(reading.spec->parameters[0]), expected) << text;
    EXPECT_EQ(reading.lines, "") << text;
  }
}

TEST(ShortForm, FaultsOfParametersNameTheArgument) {
  const std::pair<const char*, const char*> cases[] = {
      {"lr", "0:1: error: -p lr: has no '=': write NAME=VALUES"},
      {"1x=a,b", "0:1: error: -p 1x=a,b: '1x' must be letters, digits"},
      {"=a,b", "0:1: error: -p =a,b: '' must be letters"},
      {"x=lgo(1,2)",
       "0:1: error: -p x=lgo(1,2): 'lgo' is not one of: real, log, int, logint, normal, lognormal, or a list as in  "
       "opt=sgd,adam; did you mean 'log'?"},
      {"x=beta(0,1)", "'beta' is not one of: real, log, int, logint, normal, lognormal"},
      {"x=log(1,2", "the ')' at the end is missing"},
      {"x=log(1,2)3", "the ')' at the end is missing"},
      {"x=log(1)", "log takes log(MIN,MAX), found 1 value"},
      {"x=log(1,2,3)", "log takes log(MIN,MAX), found 3 values"},
      {"x=int(1,2,3,4)", "int takes int(MIN,MAX[,STEP]), found 4 values"},
      {"x=log(0,1)", "parameter 'x': min 0 must be greater than 0 for logUniform"},
      {"x=real(2,1)", "parameter 'x': min 2 is greater than max 1"},
      {"x=real(a,1)", "parameter 'x': min 'a' is not a number"},
      {"x=real(,1)", "parameter 'x': min is missing"},
      {"x=int(0.5,3)", "parameter 'x': min 0.5 is not a whole number"},
      {"x=", "a value is missing: write a list"},
      {"x=a,,b", "a value is missing"},
      {"x=a,a", "parameter 'x': list value 'a' is there twice"},
      {"x=1,1.0", "parameter 'x': list values '1' and '1.0' are the same number"},
  };
  for (const auto& [text, expected] : cases) {
    ShortForm form = Form();
    form.parameters = {text};
    form.command = {"run"};
    const ShortReading reading = Read(form);
    EXPECT_FALSE(reading.spec) << text;
    EXPECT_THAT(reading.lines, HasSubstr(expected)) << text;
    EXPECT_EQ(std::count(reading.lines.begin(), reading.lines.end(), '\n'), 1) << reading.lines;
  }
}

TEST(ShortForm, BracesOfTheCommandAreParametersOrDoubled) {
  ShortForm form = Form();
  form.command = {"sh", "-c", "echo ${{HOME}} {{lr}} {lr}{opt} \"$1\" }}{{", "x", "{lr}"};
  const ShortReading reading = Read(form);
  ASSERT_TRUE(reading.spec) << reading.lines;
  const Node& command = *reading.spec->trial_template.trial_spec.FindPath({"spec", "template", "spec", "containers"})
                             ->items[0]
                             .Find("command");
  EXPECT_EQ(command.items[2].text, "echo ${HOME} {lr} ${trialParameters.lr}${trialParameters.opt} \"$1\" }{");
  EXPECT_EQ(reading.spec->trial_template.parameters.size(), 2u);

  const std::pair<const char*, const char*> cases[] = {
      {"--lr={lrr}", "0:5: error: -- argument 2: '{lrr}' names no parameter; did you mean 'lr'?"},
      {"{print $1}",
       "0:5: error: -- argument 2: '{print $1}' is not the name of a parameter in braces; write '{{' and '}}' for "
       "braces"},
      {"{}", "'{}' is not the name of a parameter in braces"},
      {"{lr", "'{lr' is not the name of a parameter in braces"},
      {"{", "'{' is not the name of a parameter in braces"},
      {"a}b", "a '}' without its '{' in 'a}b'; write '}}' for a brace"},
      {"${{trialParameters.lr}}", "is the placeholder of Experiment files; here write '{NAME}'"},
      {"${trialParameters.lr}", "'{trialParameters.lr}' names no parameter"},
  };
  for (const auto& [argument, expected] : cases) {
    form.command = {"run", argument};
    const ShortReading bad = Read(form);
    EXPECT_FALSE(bad.spec) << argument;
    EXPECT_THAT(bad.lines, HasSubstr(expected)) << argument;
  }
}

TEST(ShortForm, TheNameIsMadeFromTheCommand) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"python3", "train.py"}, "train"},
      {{"/usr/bin/python3.11", "-u", "-m", "pkg.mod", "--x"}, "pkg-mod"},
      {{"bash", "-c", "echo loss=1"}, "bash"},
      {{"./My Program!"}, "my-program"},
      {{"9lives"}, "run-9lives"},
      {{"___"}, "run"},
      {{"Rscript", "fit.model.R"}, "fit-model"},
      {{"a-name-of-more-than-forty-characters-is--too-long"}, "a-name-of-more-than-forty-characters-is"},
  };
  for (const auto& [command, expected] : cases) {
    ShortForm form = Form();
    form.command = command;
    const ShortReading reading = Read(form);
    ASSERT_TRUE(reading.spec) << command[0] << "\n" << reading.lines;
    EXPECT_EQ(reading.spec->name, expected);
  }
  ShortForm form = Form();
  form.name = "My_Run";
  EXPECT_THAT(Read(form).lines, HasSubstr("error: --name: name 'My_Run' must be small letters"));
}

TEST(ShortForm, FaultsAreAllSaidAtOnce) {
  ShortForm form;
  form.parameters = {"x=real(1,0)", "x=1,2"};
  form.minimize = "a";
  form.maximize = "b";
  form.algorithm = "randm";
  form.settings = {"seed", "a=1", "a=2"};
  form.trials = -1;
  form.parallel = -2;
  const ShortReading reading = Read(form);
  EXPECT_FALSE(reading.spec);
  for (const char* fault :
       {"-p x=real(1,0): parameter 'x': min 1 is greater than max 0", "-p x=1,2: parameter 'x' is there twice",
        "--minimize: and --maximize exclude each other",
        "--algorithm: algorithm 'randm' is not known; did you mean 'random'?", "--setting seed: write NAME=VALUE",
        "--setting a=2: setting 'a' is there twice", "-n: -1 must be greater than 0",
        "--parallel: -2 must be greater than 0", "--: is missing: the command of a trial"}) {
    EXPECT_THAT(reading.lines, HasSubstr(fault));
  }
  EXPECT_THAT(Read({}).lines, HasSubstr("-p: is missing: what is to be tuned"));
  EXPECT_THAT(Read({}).lines, HasSubstr("--minimize: is missing: the metric"));
}

TEST(ShortForm, AForgottenLogScaleIsWarnedOf) {
  ShortForm form = Form();
  form.parameters = {"lr=real(0.0001,1)", "layers=1,2"};
  const ShortReading reading = Read(form);
  EXPECT_TRUE(reading.spec);
  EXPECT_THAT(reading.lines, HasSubstr("0:1: warning: -p lr=real(0.0001,1): 'lr' spans three decades or more"));
  EXPECT_THAT(reading.lines, HasSubstr("write  lr=log(0.0001,1)"));
}

}  // namespace
}  // namespace qalam
