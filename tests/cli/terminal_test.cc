// SPDX-License-Identifier: Apache-2.0
// The documented screens, in a real terminal of 80x24 and of 200x50. tests/data/screens holds what is to be seen, with
// times and the letters of trial names masked; QALAM_UPDATE_SCREENS=1 writes it anew.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <re2/re2.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/cli/program.h"
#include "tests/cli/tmux.h"

namespace qalam {
namespace {

using testing::HasSubstr;

std::string ReadWhole(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// What differs from run to run.
std::string Masked(std::string screen) {
  RE2::GlobalReplace(&screen, R"(-[a-z0-9]{8}\b)", "-xxxxxxxx");
  RE2::GlobalReplace(&screen, R"(\b[0-9]+(\.[0-9]+)?(s|m[0-9]{2}s|m|h[0-9]{2}m|h)\b)", "TIME");
  RE2::GlobalReplace(&screen, R"( *\S*…)", " …");  // where a line was cut depends on the width of a time before it
  RE2::GlobalReplace(&screen, "(?m)([^\n ]) {2,}", "\\1  ");
  // Trials that ran side by side end in either order; the best stands first.
  std::istringstream text(screen);
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  const auto row = [](const std::string& line) { return line.starts_with("  #"); };
  const auto first = std::ranges::find_if(lines, row);
  if (first != lines.end()) std::sort(first + 1, std::find_if_not(first, lines.end(), row));
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

struct Size {
  int columns, rows;
};

class Screens : public CliTest, public testing::WithParamInterface<Size> {
 protected:
  Tmux Terminal() const { return Tmux(GetParam().columns, GetParam().rows, folder_); }
  void ExpectScreen(const Tmux& terminal, const std::string& name) const {
    const std::string golden =
        fmt::format("{}/tests/data/screens/{}-{}x{}.txt", QALAM_SOURCE_DIR, name, GetParam().columns, GetParam().rows);
    if (std::getenv("QALAM_UPDATE_SCREENS") != nullptr) std::ofstream(golden) << terminal.Screen();
    const std::string expected = Masked(ReadWhole(golden));
    std::string screen = terminal.Screen();
    // It may be seen while it is drawn again.
    for (int look = 0; look < 200 && Masked(screen) != expected; ++look) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      screen = terminal.Screen();
    }
    EXPECT_EQ(Masked(screen), expected) << "is seen:\n" << screen << "is documented: " << golden;
  }
};

constexpr const char* kMnist = R"(name: mnist
run: sh train.sh {lr} {layers} {opt}
minimize: loss
goal: 0.01
algorithm: grid
trials: 8
parallel: 2
parameters:
  lr: [0.001, 0.01]
  layers: [2, 4]
  opt: [adam, sgd]
)";
// The sixth fails; the seventh and the eighth wait in their third step, one getting better and one getting worse.
constexpr const char* kTrain = R"(
case $1-$2-$3 in
  0.001-2-adam) losses="0.9 0.5 0.3 0.21 0.2" ;;
  0.001-2-sgd) losses="0.9 0.8 0.7 0.65 0.61" ;;
  0.001-4-adam) losses="0.8 0.3 0.1 0.05 0.0312" ;;
  0.001-4-sgd) losses="0.9 0.7 0.6 0.55 0.5" ;;
  0.01-2-adam) losses="0.7 0.5 0.45 0.44 0.435" ;;
  0.01-2-sgd) echo "loss=nan"; kill -9 $$ ;;
  0.01-4-adam) losses="0.9 0.5 0.2 0.1 0.08" ;;
  0.01-4-sgd) losses="0.3 0.5 0.9 1.5 2.5" ;;
esac
step=0
for loss in $losses; do
  step=$((step + 1))
  echo "loss=$loss"
  if [ $step = 3 ] && [ "$1-$2" = 0.01-4 ]; then
    while [ ! -e go ]; do sleep 0.05; done
  fi
done
)";

TEST_P(Screens, ARunIsSeenAsItIsDocumented) {
  Write("mnist.yaml", kMnist);
  Write("train.sh", kTrain);
  const Tmux terminal = Terminal();
  terminal.Run("clear; qalam run mnist.yaml");
  ASSERT_TRUE(terminal.WaitFor("6/8 trials"));
  // Both that are held have said their third loss.
  ASSERT_TRUE(terminal.WaitFor("0.2 ↘"));
  ASSERT_TRUE(terminal.WaitFor("0.9 ↗"));
  ExpectScreen(terminal, "run");
  Write("go", "");
  ASSERT_TRUE(terminal.WaitFor("next: "));
  ASSERT_TRUE(terminal.WaitFor("8/8 trials"));
  ExpectScreen(terminal, "end");
}

TEST_P(Screens, CtrlCPausesAndSaysHowToResume) {
  Write("mnist.yaml", kMnist);
  Write("train.sh", kTrain);
  const Tmux terminal = Terminal();
  terminal.Run("clear; qalam run mnist.yaml");
  ASSERT_TRUE(terminal.WaitFor("0.2 ↘"));
  ASSERT_TRUE(terminal.WaitFor("0.9 ↗"));
  terminal.Press("C-c");
  ASSERT_TRUE(terminal.WaitFor("pausing: waiting for 2 trials (again to stop them now)"));
  terminal.Press("C-c");
  ASSERT_TRUE(terminal.WaitFor("paused at 6/8"));
  EXPECT_THAT(terminal.Screen(), HasSubstr("Resume: qalam resume exp mnist"));
}

TEST_P(Screens, FaultsOfAFileReadLikeACompilers) {
  Write("exp.yaml",
        "apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata:\n  name: exp\nspec:\n"
        "  objective:\n    objectiveMetricName: loss\n    type: minimise\n  algorithm: {algorithmName: random}\n"
        "  parameters:\n    - name: lr\n      parameterType: double\n      feasibleSpace: {min: \"0.1\", max: "
        "\"0.001\"}\n"
        "    - name: wd\n      parameterType: double\n      feasibleSpace: {min: \"0.0001\", max: \"1\"}\n"
        "  trialTemplate:\n    primaryContainerName: main\n    trialParameters: [{name: lr, reference: lr}]\n"
        "    trialSpec:\n      apiVersion: batch/v1\n      kind: Job\n      spec:\n        template:\n          spec:\n"
        "            containers:\n              - name: main\n                image: none\n"
        "                command: [train, \"--lr=${trialParameters.lr}\"]\n            restartPolicy: Never\n");
  const Tmux terminal = Terminal();
  terminal.Run("clear; qalam run exp.yaml; echo exit code $?");
  ASSERT_TRUE(terminal.WaitFor("exit code 2"));
  ExpectScreen(terminal, "faults");
}

TEST_P(Screens, AMetricThatNeverCameIsDiagnosed) {
  Write("exp.yaml",
        "name: exp\nrun: sh train.sh {lr}\nminimize: loss\nalgorithm: grid\ntrials: 1\nmax_failed: 0\n"
        "parameters:\n  lr: [0.1]\n");
  Write("train.sh",
        "for i in $(seq 205); do echo step $i; done\n"
        "echo Loss: 0.231\necho saved\necho val_loss: 0.301\necho bye\n");
  const Tmux terminal = Terminal();
  terminal.Run("clear; qalam run exp.yaml; echo exit code $?");
  ASSERT_TRUE(terminal.WaitFor("exit code "));
  ExpectScreen(terminal, "no-metric");
}

TEST_P(Screens, TopFillsTheScreenAndLeavesItAsItWas) {
  Write("mnist.yaml", kMnist);
  Write("train.sh", kTrain);
  auto run = Start({"run", "mnist.yaml", "--no-progress"});
  ASSERT_TRUE(run->WaitFor("#6 "));
  const Tmux terminal = Terminal();
  terminal.Run("clear; echo before");
  ASSERT_TRUE(terminal.WaitFor("before"));
  terminal.Run("qalam top exp mnist");
  ASSERT_TRUE(terminal.WaitFor("0.2 ↘"));
  ASSERT_TRUE(terminal.WaitFor("0.9 ↗"));
  const std::vector<std::string> lines = terminal.Lines();
  EXPECT_THAT(lines.front(), testing::StartsWith("experiment  mnist   grid   minimize loss   goal <= 0.01"));
  EXPECT_EQ(lines.size(), static_cast<std::size_t>(GetParam().rows));
  EXPECT_THAT(lines.back(), HasSubstr("q leaves"));
  Write("go", "");
  EXPECT_EQ(run->Wait().code, 0);
  ASSERT_TRUE(terminal.WaitFor("done  8 trials in"));
  terminal.Type("q");
  ASSERT_TRUE(terminal.WaitFor("before"));
  EXPECT_THAT(terminal.Screen(), testing::Not(HasSubstr("experiment  mnist")));
}

INSTANTIATE_TEST_SUITE_P(Sizes, Screens, testing::Values(Size{80, 24}, Size{200, 50}),
                         [](const auto& size) { return fmt::format("{}x{}", size.param.columns, size.param.rows); });

using ScreensOfDocs = CliTest;

TEST_F(ScreensOfDocs, TheDocumentedScreensAreThose) {
  const std::string page = ReadWhole(QALAM_SOURCE_DIR "/docs/cli.md");
  for (const char* name : {"run", "end", "faults", "no-metric"}) {
    const std::string screen = ReadWhole(fmt::format("{}/tests/data/screens/{}-80x24.txt", QALAM_SOURCE_DIR, name));
    // Without the prompts around it.
    std::istringstream lines(screen);
    std::string shown;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("$") && !line.starts_with("exit code")) shown += line + "\n";
    }
    EXPECT_THAT(page, HasSubstr("```\n" + shown + "```\n")) << name;
  }
}

class Shells : public CliTest, public testing::WithParamInterface<const char*> {};

TEST_P(Shells, CompleteVerbsOptionsAndNames) {
  const std::string shell = GetParam();
  ASSERT_EQ(Qalam({"run", "-p", "x=real(0,1)", "--minimize", "loss", "-n", "2", "--name", "digits", "--", "sh",
                   "trial.sh", "{x}"})
                .code,
            0);
  const Tmux terminal(120, 40, folder_, shell);
  if (shell == "zsh") terminal.Run("autoload -U compinit && compinit -u -d $HOME/dump");
  terminal.Run(shell == "fish" ? "qalam completion fish | source" : "source <(qalam completion " + shell + ")");
  terminal.Run("clear");
  const auto expect = [&](const std::string& typed, const std::string& seen) {
    terminal.Type(typed);
    terminal.Press("Tab");
    EXPECT_TRUE(terminal.WaitFor(seen)) << shell << ": " << typed;
    terminal.Press("C-u");
  };
  expect("qalam descr", "qalam describe");
  expect("qalam get trials dig", "qalam get trials digits");
  expect("qalam best dig", "qalam best digits");
  expect("qalam get trials --namesp", "--namespace");
  expect("qalam get trials -o jsonp", "-o jsonpath=");
  expect("qalam algorithms describe sob", "qalam algorithms describe sobol");
  expect("qalam lint trial.", "qalam lint trial.sh");
  expect("qalam export exp dig", "qalam export exp digits");
  // TARGET: a kind and a name, or the name alone.
  expect("qalam pause dig", "qalam pause digits");
  expect("qalam resume ex", "qalam resume exp");
  expect("qalam edit exp dig", "qalam edit exp digits");
  expect("qalam stop tri", "qalam stop trial");
  expect("qalam retry trial dig", "qalam retry trial digits-");
  expect("qalam logs trial/dig", "qalam logs trial/digits-");
  expect("qalam describe exp/dig", "qalam describe exp/digits");
  expect("qalam get sug", "qalam get suggestions");
  expect("qalam enqueue exp digits x", "qalam enqueue exp digits x=");
}
INSTANTIATE_TEST_SUITE_P(Each, Shells, testing::Values("bash", "zsh", "fish"),
                         [](const auto& shell) { return std::string(shell.param); });

}  // namespace
}  // namespace qalam
