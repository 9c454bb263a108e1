// SPDX-License-Identifier: Apache-2.0
// The display on a real (pseudo) terminal: what a person sees at the end, at 60, 80 and 200 columns.
#include <gmock/gmock.h>
#include <sys/ioctl.h>

#include "cli/text.h"
#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Terminal : public CliTest, public testing::WithParamInterface<int> {};

std::string Text(const std::vector<std::string>& screen) {
  std::string text;
  for (const std::string& line : screen) text += line + "\n";
  return text;
}

TEST_P(Terminal, TheScreenEndsWithTheDisplayAndTheResult) {
  Write("trial.sh", "for i in 1 2 3; do echo loss=$1; sleep 0.15; done\n");
  WriteExperiment("e.yaml", {.trials = 6, .parallel = 3});
  const Finished done = Qalam({"run", "e.yaml"}, {.columns = GetParam()});
  EXPECT_EQ(done.code, 0);
  const auto screen = Screen(done.out, GetParam());
  const std::string text = Text(screen);
  EXPECT_THAT(screen[0], StartsWith("experiment  small   random   minimize loss"));
  EXPECT_THAT(screen[1], StartsWith("  6/6 trials  ██"));
  EXPECT_THAT(text, HasSubstr("100%"));
  EXPECT_THAT(screen, Contains(StartsWith("  TRIAL  STATE      loss ")));
  EXPECT_THAT(screen, Contains(HasSubstr("* ")).Times(1)) << text;
  EXPECT_THAT(screen, Contains(HasSubstr(" 3/3 ")).Times(6)) << text;
  EXPECT_THAT(screen, Contains(StartsWith("done  6 trials in ")));
  EXPECT_THAT(screen, Contains(StartsWith("experiment")).Times(1)) << "the display was drawn in one place:\n" << text;
  EXPECT_THAT(done.out, HasSubstr("\x1b[32m"));
}
INSTANTIATE_TEST_SUITE_P(Columns, Terminal, testing::Values(60, 80, 200));

using OneTerminal = CliTest;

TEST_F(OneTerminal, NoColorIsHonoured) {
  WriteExperiment("e.yaml", {});
  const Finished done = Qalam({"run", "e.yaml"}, {.env = {{"NO_COLOR", "1"}}, .columns = 80});
  EXPECT_THAT(done.out, Not(testing::ContainsRegex("\x1b\\[[0-9]+m")));
  EXPECT_THAT(done.out, HasSubstr("\x1b["));
}

TEST_F(OneTerminal, LinesTakeTheDisplaysPlaceWhereItIsNotWelcome) {
  WriteExperiment("e.yaml", {});
  for (const auto& [arguments, options] : std::vector<std::pair<std::vector<std::string>, Program::Options>>{
           {{"run", "e.yaml", "--no-progress", "--db", "a"}, {.columns = 80}},
           {{"run", "e.yaml", "--db", "b"}, {.env = {{"CI", "1"}}, .columns = 80}},
           {{"run", "e.yaml", "--db", "c"}, {.env = {{"TERM", "dumb"}}, .columns = 80}},
           {{"run", "e.yaml", "--db", "d"}, {.columns = 59}}}) {
    const Finished done = Qalam(arguments, options);
    EXPECT_EQ(done.code, 0);
    EXPECT_THAT(done.out, Not(HasSubstr("\x1b[")));
    EXPECT_THAT(done.out, HasSubstr("#4 Succeeded loss="));
  }
}

TEST_F(OneTerminal, ManyExperimentsShareTheScreen) {
  std::vector<std::string> arguments = {"run"};
  for (int i = 0; i < 6; ++i) {
    const std::string name = "e" + std::to_string(i);
    WriteExperiment(name + ".yaml", {.name = name, .trials = 3});
    arguments.push_back(name + ".yaml");
  }
  const Finished done = Qalam(arguments, {.columns = 80, .rows = 10});
  EXPECT_EQ(done.code, 0);
  const auto screen = Screen(done.out, 80);
  EXPECT_THAT(screen, Contains(StartsWith("experiment  e0 ")).Times(1)) << Text(screen);
  EXPECT_THAT(screen, Contains(StartsWith("done  3 trials")).Times(6)) << Text(screen);
}

TEST_F(OneTerminal, AFailedTrialShowsItsReasonAndItsLogs) {
  Write("trial.sh", "exit 9\n");
  WriteExperiment("e.yaml", {.trials = 2});
  const Finished done = Qalam({"run", "e.yaml"}, {.columns = 120});
  const std::string text = Text(Screen(done.out, 120));
  EXPECT_THAT(text, HasSubstr("Failed"));
  EXPECT_THAT(text, testing::ContainsRegex("exited with code 9.*qalam logs small-"));
}

}  // namespace
}  // namespace qalam
