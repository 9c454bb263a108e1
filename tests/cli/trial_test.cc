// SPDX-License-Identifier: Apache-2.0
// Trials that misbehave end in a state with a reason, and the program says it.
#include <gmock/gmock.h>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using BadTrials = CliTest;

TEST_F(BadTrials, AMetricThatNeverCameIsDiagnosed) {
  Write("trial.sh", "echo 'Loss: 0.231'\necho val_loss=0.301\n");
  WriteExperiment("e.yaml", {.trials = 2, .parallel = 1});
  const Finished done = Qalam({"run", "e.yaml"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("#1 No metric"));
  EXPECT_THAT(done.out, AllOf(HasSubstr("'loss'"), HasSubstr("2 lines"), HasSubstr("Loss: 0.231")));
  EXPECT_THAT(done.out, HasSubstr("2 without metric"));
  const Finished described = Qalam({"describe", "trial", "#1"});
  EXPECT_EQ(described.code, 0);
  EXPECT_THAT(described.out,
              AllOf(HasSubstr("MetricsUnavailable"), HasSubstr("Loss: 0.231"), HasSubstr("sh trial.sh ")));
}

TEST_F(BadTrials, NanIsNeverTheBest) {
  Write("trial.sh", "echo run >> ledger\nif [ $(wc -l < ledger) = 1 ]; then echo loss=nan; else echo loss=0.5; fi\n");
  WriteExperiment("e.yaml", {.trials = 3, .parallel = 1});
  const Finished done = Qalam({"run", "e.yaml"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("#1 No metric"));
  EXPECT_THAT(done.out, HasSubstr("best loss 0.5 (#2)"));
  EXPECT_THAT(Qalam({"get", "trials", "-o", "json"}).out, Not(HasSubstr("NaN")));
}

TEST_F(BadTrials, AHangingTrialEndsAtItsDeadline) {
  Write("trial.sh", "sleep 300\n");
  WriteExperiment("e.yaml", {.trials = 1, .parallel = 1, .job_spec = "        activeDeadlineSeconds: 1\n"});
  const Finished done = Qalam({"run", "e.yaml"});
  EXPECT_THAT(done.out, HasSubstr("#1 Failed"));
  EXPECT_THAT(Qalam({"describe", "trial", "#1"}).out, HasSubstr("DeadlineExceeded"));
}

TEST_F(BadTrials, AFloodOfOutputHidesNoMetric) {
  Write("trial.sh", "yes 'a line that says nothing at all, again and again' | head -c 50000000\necho\necho loss=$1\n");
  WriteExperiment("e.yaml", {.trials = 2});
  const Finished done = Qalam({"run", "e.yaml"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("2 ok"));
}

TEST_F(BadTrials, ACommandThatDoesNotExistIsNamed) {
  WriteExperiment("e.yaml", {.command = {"no-such-program", "${trialParameters.x}"}, .trials = 1, .parallel = 1});
  const Finished done = Qalam({"run", "e.yaml"});
  EXPECT_THAT(done.out, AllOf(HasSubstr("#1 Failed"), HasSubstr("no-such-program")));
}

TEST_F(BadTrials, EscapeSequencesInItsOutputStayText) {
  Write("trial.sh", "printf '\\033[2J\\033]0;title\\007 boom\\n'\nexit 1\n");
  WriteExperiment("e.yaml", {.trials = 1, .parallel = 1, .spec = "  maxFailedTrialCount: 1\n"});
  const Finished failed = Qalam({"run", "e.yaml"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.out, AllOf(HasSubstr("boom"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace qalam
