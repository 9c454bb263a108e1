// SPDX-License-Identifier: Apache-2.0
// What the program says on standard error for what collects logs, what it counts for Prometheus, and what it leaves of
// a trial that has ended.
#include <gmock/gmock.h>
#include <signal.h>

#include <sstream>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class Logging : public CliTest {};

TEST_F(Logging, AsJsonEachLineIsOneObject) {
  Write("trial.sh", "touch started\nwhile [ ! -e go ]; do sleep 0.02; done\necho loss=$1\n");
  WriteExperiment("e.yaml", {.trials = 1, .parallel = 1});
  auto first = Start({"run", "e.yaml"});
  for (int i = 0; i < 1500 && !Exists("started"); ++i) usleep(20'000);
  first->Signal(SIGKILL);
  first->Wait();
  auto again = Start({"run", "e.yaml", "--log-level", "info", "--log-format", "json"});
  for (int i = 0; i < 1500 && Qalam({"describe", "experiment", "small"}).out.find("no qalam runs") != std::string::npos;
       ++i)
    usleep(20'000);
  Write("go", "");
  const Finished done = again->Wait();
  EXPECT_EQ(done.code, 0) << done.err;
  std::istringstream lines(done.err);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    EXPECT_THAT(line, AllOf(StartsWith(R"({"ts":"20)"), HasSubstr(R"(,"msg":")"), EndsWith("}")));
  EXPECT_GT(count, 0);
  EXPECT_THAT(Qalam({"run", "e.yaml", "--log-level", "loud"}).err, HasSubstr("'loud' is not one of"));
}

TEST_F(Logging, CountersStayWhenWhatTheyCountedIsDeleted) {
  Write("trial.sh", "[ -e fail ] && exit 1\necho loss=$1\n");
  WriteExperiment("a.yaml", {.name = "a", .trials = 3});
  ASSERT_EQ(Qalam({"run", "a.yaml"}).code, 0);
  Write("fail", "");
  WriteExperiment("b.yaml", {.name = "b", .trials = 1, .spec = "  maxFailedTrialCount: 0\n"});
  EXPECT_EQ(Qalam({"run", "b.yaml"}).code, 1);
  ASSERT_EQ(Qalam({"delete", "experiment", "a", "--yes"}).code, 0);
  const std::string text = Qalam({"metrics"}).out;
  for (const char* line :
       {"# TYPE katib_trial_succeeded_total counter\nkatib_trial_succeeded_total{namespace=\"default\"} 3\n",
        "katib_trial_deleted_total{namespace=\"default\"} 3\n", "katib_trial_failed_total{namespace=\"default\"} 1\n",
        "katib_experiment_created_total{namespace=\"default\"} 2\n",
        "katib_experiment_succeeded_total{namespace=\"default\"} 1\n",
        "katib_experiment_failed_total{namespace=\"default\"} 1\n",
        "katib_experiment_deleted_total{namespace=\"default\"} 1\n",
        "katib_experiments_current{namespace=\"default\",status=\"Failed\"} 1\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_EQ(Qalam({"metrics", "--db", "none.db"}).code, 3);
}

// As docs/trials.md says: it has no effect here.
TEST_F(Logging, TtlSecondsAfterFinishedLeavesTheLogOfATrial) {
  Write("trial.sh", "echo loss=$1\n");
  WriteExperiment("e.yaml", {.trials = 2, .parallel = 1, .job_spec = "        ttlSecondsAfterFinished: 0\n"});
  const Finished done = Qalam({"run", "e.yaml"});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(Qalam({"logs", "small#1"}).out, StartsWith("loss="));
  EXPECT_EQ(Qalam({"get", "trials", "-o", "jsonpath={.items[*].status.conditions[-1:].type}"}).out,
            "Succeeded Succeeded");
}

}  // namespace
}  // namespace qalam
