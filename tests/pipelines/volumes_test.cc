// SPDX-License-Identifier: Apache-2.0
// Volumes, secrets and the file of parameters as a command finds them: real shims, real mounts where there are any.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "pipelines/engines/attempt_folder.h"
#include "tests/pipelines/local_rig.h"

namespace qalam {
namespace {

using testing::HasSubstr;
using testing::Not;

class VolumesTest : public testing::Test {
 protected:
  static Volume Make(const std::string& name, Volume::Kind kind, const std::string& path = "") {
    Volume volume;
    volume.name = name;
    volume.kind = kind;
    volume.path = path;
    return volume;
  }
  // Below a folder that is there, as in a container whose image has it.
  std::string Point(const std::string& name) const { return rig.folder() + "/points/" + name; }
  std::string Output(const RunId& id) {
    EXPECT_EQ(rig.Finish(id).state, StepState::kSucceeded) << ReadFile(StepOutputPath(rig.root(), id, "main", 1));
    return ReadFile(StepOutputPath(rig.root(), id, "main", 1));
  }
  LocalRig rig;
};

TEST_F(VolumesTest, AClaimLastsAndIsSharedAndScratchIsEachRunsOwn) {
  qalam::Run run =
      rig.ShellRun("cat \"$1/seen\" \"$2/seen\" 2>/dev/null; echo $QALAM_VOLUME_WORK > $1/seen; echo x > $2/seen");
  run.steps[0].command.insert(run.steps[0].command.end(), {"sh", Point("claim"), Point("work")});
  run.volumes = {Make("data", Volume::Kind::kClaim, "default/data"), Make("work", Volume::Kind::kScratch)};
  run.steps[0].mounts = {{"data", Point("claim"), "", false}, {"work", Point("work"), "", false}};
  ASSERT_TRUE(rig.Start("a-1", run).ok());
  EXPECT_EQ(Output("a-1"), "");
  ASSERT_TRUE(rig.Start("a-2", run).ok());
  EXPECT_EQ(Output("a-2"), rig.root() + "/a-1/_volumes/1/work\n");
  EXPECT_NE(ReadFile(rig.folder() + "/volumes/default/data/seen"), "");
}

TEST_F(VolumesTest, AnInitStepLeavesItsWorkForTheNextAndSeesSubPathsAndHostPaths) {
  std::filesystem::create_directory(rig.folder() + "/host");
  std::ofstream(rig.folder() + "/host/in") << "from the host\n";
  qalam::Run run = rig.ShellRun("cat " + Point("work") + "/sub/made; exit 0");
  Step fetch = rig.Shell("fetch", "cat " + Point("host") + "/in > " + Point("out") + "/made; exit 0");
  fetch.mounts = {{"host", Point("host"), "", true}, {"work", Point("out"), "sub", false}};
  run.steps[0].depends_on = {"fetch"};
  run.steps[0].mounts = {{"work", Point("work"), "", false}};
  run.steps.push_back(fetch);
  run.volumes = {Make("host", Volume::Kind::kHost, rig.folder() + "/host"), Make("work", Volume::Kind::kScratch)};
  ASSERT_TRUE(rig.Start("a-1", run).ok());
  EXPECT_EQ(Output("a-1"), "from the host\n");
}

TEST_F(VolumesTest, APathThatOnlyTheProgramKnowsIsReachedByAMountWhichMayBeReadOnly) {
  std::filesystem::create_directories(Point("data"));
  std::ofstream(rig.folder() + "/train.sh")
      << "cat " << Point("data") << "/a/text\necho x > " << Point("data") << "/b && echo written\nexit 0\n";
  qalam::Run run = rig.ShellRun("");
  run.steps[0].command = {"/bin/sh", rig.folder() + "/train.sh"};
  Volume files = Make("files", Volume::Kind::kFiles);
  files.files = {{"a/text", "hello\n", 0400}};
  run.volumes = {files};
  run.steps[0].mounts = {{"files", Point("data"), "", true}};
  ASSERT_TRUE(rig.Start("a-1", run).ok());
  const std::string output = Output("a-1");
  if (output.find("No such file") != std::string::npos) GTEST_SKIP() << "no mount namespace here";
  EXPECT_THAT(output, HasSubstr("hello\n"));
  EXPECT_THAT(output, Not(HasSubstr("written")));
  EXPECT_FALSE(std::filesystem::exists(Point("data") + "/a"));  // on the machine nothing is there
}

TEST_F(VolumesTest, SecretsReachTheCommandAndAreInNoFileThatLasts) {
  qalam::Run run = rig.ShellRun(
      "[ \"$TOKEN\" = canary-''4711 ] && [ \"$1\" = --t=canary-''4711 ] && grep -q canary-''4711 \"$2/token\" && echo "
      "all "
      "there; exit 0");
  Step& step = run.steps[0];
  step.command.insert(step.command.end(), {"sh", "--t=canary-4711", Point("keys")});
  step.shown_command = step.command;
  step.shown_command[4] = "--t=$(TOKEN)";
  step.secret_env = {{"TOKEN", "canary-4711"}};
  Volume keys = Make("keys", Volume::Kind::kFiles);
  keys.secret = true;
  keys.files = {{"token", "canary-4711", 0644}};
  run.volumes = {keys};
  step.mounts = {{"keys", Point("keys"), "", true}};
  ASSERT_TRUE(rig.Start("a-1", run).ok());
  EXPECT_EQ(Output("a-1"), "all there\n");
  EXPECT_THAT(ReadFile(rig.AttemptFolder("a-1", "main", 1) + "/command"), HasSubstr("arg=--t=$(TOKEN)"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(rig.folder())) {
    if (!entry.is_regular_file()) continue;
    EXPECT_THAT(ReadFile(entry.path()), Not(HasSubstr("canary-4711"))) << entry.path();
  }
}

TEST_F(VolumesTest, TheMetricsFileMayLieInAVolume) {
  qalam::Run run = rig.ShellRun("echo loss=1 > " + Point("logs") + "/m.log; exit 0");
  run.volumes = {Make("logs", Volume::Kind::kClaim, "default/logs")};
  run.steps[0].mounts = {{"logs", Point("logs"), "", false}};
  run.metrics->path = Point("logs") + "/m.log";
  ASSERT_TRUE(rig.Start("a-1", run).ok());
  rig.Finish("a-1");
  EXPECT_EQ(rig.seen.Output("a-1", 1), "loss=1\n");
}

TEST_F(VolumesTest, AWorkingDirectoryInAVolumeIsMade) {
  qalam::Run run = rig.ShellRun("pwd; echo x > here; exit 0");
  run.volumes = {Make("work", Volume::Kind::kScratch)};
  run.steps[0].mounts = {{"work", Point("work"), "", false}};
  run.steps[0].working_dir = Point("work") + "/deep/er";
  ASSERT_TRUE(rig.Start("a-1", run).ok());
  EXPECT_THAT(Output("a-1"), HasSubstr("deep/er\n"));
  EXPECT_EQ(ReadFile(rig.root() + "/a-1/_volumes/1/work/deep/er/here"), "x\n");
}

TEST_F(VolumesTest, ParametersAreInTheFileThatAVariableNames) {
  qalam::Run run = rig.ShellRun("cat \"$QALAM_PARAMS_JSON\"; exit 0");
  run.steps[0].parameters = "{\"lr\":0.1}\n";
  ASSERT_TRUE(rig.Start("a-1", run).ok());
  EXPECT_EQ(Output("a-1"), "{\"lr\":0.1}\n");
}

TEST_F(VolumesTest, AHostPathThatIsNotThereIsRefusedUnlessItMayBeMade) {
  qalam::Run run = rig.ShellRun("ls -d " + Point("host") + "; exit 0");
  run.volumes = {Make("host", Volume::Kind::kHost, rig.folder() + "/later")};
  run.steps[0].mounts = {{"host", Point("host"), "", false}};
  EXPECT_THAT(rig.Start("a-1", run).message(), HasSubstr("is not on this machine; make it, or give it the type"));
  run.volumes[0].make = Volume::Make::kFolder;
  ASSERT_TRUE(rig.Start("a-2", run).ok());
  Output("a-2");
  EXPECT_TRUE(std::filesystem::is_directory(rig.folder() + "/later"));
}

}  // namespace
}  // namespace qalam
