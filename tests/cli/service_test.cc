// SPDX-License-Identifier: Apache-2.0
// Suggestion services by address: a Python one under qalam run, and qalam suggest under a Python client.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <signal.h>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Service : public CliTest {
 protected:
  static std::unique_ptr<Program> Python(const std::vector<std::string>& arguments) {
    std::vector<std::string> words = {QALAM_PYTHON};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return std::make_unique<Program>(words,
                                     Program::Options{.folder = QALAM_SOURCE_DIR "/tests/suggest", .hold_input = true});
  }
  static std::string FirstLineOf(Program& program) {
    EXPECT_TRUE(program.WaitFor("\n"));
    return program.out().substr(0, program.out().find('\n'));
  }
};

TEST_F(Service, APythonServiceByAddressDrivesAnExperiment) {
  auto service = Python({"python_service.py"});
  const std::string port = FirstLineOf(*service);
  WriteExperiment("e.yaml", {.trials = 6, .algorithm = "hill"});
  const Finished done = Qalam({"run", "e.yaml", "--suggest-service", "hill=127.0.0.1:" + port});
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  EXPECT_THAT(done.out, AllOf(HasSubstr("small   hill   minimize loss"), HasSubstr("6 ok")));
  EXPECT_THAT(Qalam({"get", "trials", "-o", "name"}).out, HasSubstr("trial/small-hill-0\n"));
  EXPECT_THAT(Qalam({"describe", "experiment", "small"}).out, HasSubstr("Service:      127.0.0.1:" + port));
}

TEST_F(Service, ASettingThatTheServiceRefusesFailsTheExperimentWithItsWords) {
  auto service = Python({"python_service.py"});
  const std::string port = FirstLineOf(*service);
  std::string yaml = Yaml({.algorithm = "hill"});
  yaml.insert(yaml.find("  parallelTrialCount"), "    algorithmSettings: [{name: steep, value: \"1\"}]\n");
  Write("e.yaml", yaml);
  const Finished failed = Qalam({"run", "e.yaml", "--suggest-service", "hill=127.0.0.1:" + port});
  EXPECT_EQ(failed.code, 1) << failed.err;
  EXPECT_THAT(failed.out, HasSubstr("unknown setting steep for algorithm hill"));
}

TEST_F(Service, AServiceThatCannotBeReachedIsNamedWhileItIsWaitedFor) {
  WriteExperiment("e.yaml", {.algorithm = "hill"});
  auto run = Start({"run", "e.yaml", "--suggest-service", "hill=127.0.0.1:1"});
  EXPECT_TRUE(run->WaitFor("suggestion service hill"));
  EXPECT_THAT(Qalam({"describe", "experiment", "small"}).out, HasSubstr("Waiting:      suggestion service hill"));
  run->Signal(SIGINT);
  const Finished paused = run->Wait();
  EXPECT_EQ(paused.code, 130);
  EXPECT_THAT(paused.out, HasSubstr("paused at 0/4. Resume: qalam resume exp small\n"));
}

TEST_F(Service, QalamSuggestServesUntilASignal) {
  auto server = Start({"suggest", "--listen", "127.0.0.1:0"});
  EXPECT_THAT(FirstLineOf(*server), testing::ContainsRegex("^listening on 127\\.0\\.0\\.1:[1-9][0-9]*$"));
  server->Signal(SIGTERM);
  EXPECT_EQ(server->Wait().code, 0);
}

TEST_F(Service, ARawClientGetsValidSuggestionsForTwoExperimentsAtOnce) {
  auto server = Start({"suggest", "--listen", "127.0.0.1:0"});
  const std::string line = FirstLineOf(*server);
  const Finished client = Python({"raw_client.py", line.substr(line.rfind(' ') + 1)})->Wait();
  EXPECT_EQ(client.code, 0) << client.err << client.out;
  EXPECT_THAT(client.out, AllOf(HasSubstr("continuous"), HasSubstr("finite")));
}

TEST_F(Service, AnAddressThatOthersCanReachNeedsAWord) {
  const Finished refused = Qalam({"suggest", "--listen", "0.0.0.0:0"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("insecure"));
}

}  // namespace
}  // namespace qalam
