// SPDX-License-Identifier: Apache-2.0
// The folder of a trial's checkpoint, as a command finds it: real shims and real copies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "pipelines/compile/checkpoint.h"
#include "pipelines/engines/attempt_folder.h"
#include "tests/pipelines/local_rig.h"

namespace qalam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CheckpointFolderTest : public testing::Test {
 protected:
  std::string Own(const std::string& trial) const { return rig.folder() + "/checkpoints/" + trial; }
  std::string Output(const RunId& id, int attempt = 1) {
    EXPECT_EQ(rig.Finish(id).state, StepState::kSucceeded) << ReadFile(StepOutputPath(rig.root(), id, "main", attempt));
    rig.seen.ends.erase(id);  // another start has another end
    return ReadFile(StepOutputPath(rig.root(), id, "main", attempt));
  }
  qalam::Run With(const CheckpointPlaces& places, const std::string& script) {
    qalam::Run run = rig.ShellRun(script);
    AddCheckpoint(places, &run);
    return run;
  }
  LocalRig rig;
};

TEST_F(CheckpointFolderTest, ItIsThereBeforeTheCommandAndForTheNextAttempt) {
  const std::string script = "cat " + Own("a-1") + "/state 2>/dev/null; echo learned >> " + Own("a-1") + "/state";
  ASSERT_TRUE(rig.Start("a-1", With({Own("a-1"), "", ""}, script)).ok());
  EXPECT_EQ(Output("a-1"), "");
  ASSERT_TRUE(rig.Start("a-1", With({Own("a-1"), "", ""}, script), {.after_attempt = 1}).ok());
  EXPECT_EQ(Output("a-1", 2), "learned\n");
}

TEST_F(CheckpointFolderTest, WhereItIsMountedItBeginsAsACopyAndTheOtherOneStaysAsItIs) {
  std::filesystem::create_directories(Own("a-1") + "/deep");
  std::ofstream(Own("a-1") + "/deep/state") << "of a-1\n";
  const std::string point = rig.folder() + "/points/checkpoints";
  const std::string script = "cat \"$1/deep/state\"; echo of a-2 > \"$1/deep/state\"; exit 0";
  const CheckpointPlaces places{Own("a-2"), Own("a-1"), point};
  qalam::Run run = rig.ShellRun(script);
  run.steps[0].command.insert(run.steps[0].command.end(), {"sh", point});
  AddCheckpoint(places, &run);
  ASSERT_EQ(run.steps.size(), 2u);
  EXPECT_EQ(run.steps[0].name, "qalam-checkpoint");
  EXPECT_THAT(run.steps[1].depends_on, ElementsAre("qalam-checkpoint"));
  ASSERT_TRUE(rig.Start("a-2", run).ok());
  EXPECT_EQ(Output("a-2"), "of a-1\n");
  EXPECT_EQ(ReadFile(Own("a-1") + "/deep/state"), "of a-1\n");
  EXPECT_EQ(ReadFile(Own("a-2") + "/deep/state"), "of a-2\n");
  // A later attempt keeps what the first one has learned, and does not begin with the copy again.
  ASSERT_TRUE(rig.Start("a-2", run, {.after_attempt = 1}).ok());
  EXPECT_EQ(Output("a-2", 2), "of a-2\n");
}

TEST_F(CheckpointFolderTest, ACopyThatFailsIsTheTrialsFaultWithItsReason) {
  std::filesystem::create_directories(Own("a-1"));
  std::ofstream(Own("a-1") + "/state") << "x";
  qalam::Run run = With({Own("a-2"), Own("a-1"), "/checkpoints"}, "true");
  run.steps[0].command[2] = "echo no room >&2; exit 3";
  ASSERT_TRUE(rig.Start("a-2", run).ok());
  const RunEnd end = rig.Finish("a-2");
  EXPECT_EQ(end.state, StepState::kFailed);
  EXPECT_THAT(end.message, HasSubstr("step qalam-checkpoint"));
}

TEST_F(CheckpointFolderTest, WithoutPlacesNothingIsAddedAndAMountOfTheTemplateWins) {
  EXPECT_THAT(With({}, "true").volumes, IsEmpty());
  qalam::Run run = rig.ShellRun("true");
  run.steps[0].mounts = {{"data", "/checkpoints", "", false}};
  AddCheckpoint({Own("a-1"), "", "/checkpoints"}, &run);
  EXPECT_EQ(run.steps[0].mounts.back().path, "");
}

}  // namespace
}  // namespace qalam
