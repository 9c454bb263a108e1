// SPDX-License-Identifier: Apache-2.0
// Shims started by the helper that forks them: each is ours, shows its folder, and none depends on the helper's life.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "pipelines/engines/attempt_folder.h"
#include "pipelines/engines/process.h"
#include "tests/pipelines/local_rig.h"

namespace qalam {
namespace {

class SpawnerTest : public testing::Test {
 protected:
  std::string Prepare(const std::string& name, const std::string& script) {
    std::string folder = folder_.path() + "/runs/" + name;
    CommandFile command;
    command.argv = {"/bin/sh", "-c", script};
    command.cwd = "/";
    EXPECT_TRUE(PrepareAttempt(folder, command).ok());
    return folder;
  }
  // Our children whose command line holds `text`.
  static std::vector<pid_t> Children(const std::string& text) {
    std::vector<pid_t> found;
    std::istringstream children(ReadFile("/proc/thread-self/children"));
    for (pid_t pid = 0; children >> pid;) {
      const std::string line = ReadFile("/proc/" + std::to_string(pid) + "/cmdline");
      if (line.find(text) != std::string::npos) found.push_back(pid);
    }
    return found;
  }
  static bool Ends(const Result<Fd>& shim) {
    return shim.ok() && WaitFor([&] { return Reap(*shim).has_value(); });
  }

  TestFolder folder_;
  ShimSpawner spawner_{ShimPath(), folder_.path() + "/runs"};
};

TEST_F(SpawnerTest, AShimIsOurChildAndShowsItsFolder) {
  const std::string folder = Prepare("a", "while [ ! -e " + folder_.path() + "/go ]; do sleep 0.01; done; exit 7");
  const auto shim = spawner_.Spawn(folder);
  ASSERT_TRUE(shim.ok()) << shim.status().ToString();
  ASSERT_TRUE(WaitFor([&] { return ReadStarted(folder).has_value(); }));
  const pid_t pid = ReadStarted(folder)->shim.pid;
  EXPECT_EQ(Children(folder), std::vector<pid_t>{pid});
  EXPECT_EQ(getsid(pid), pid);
  std::filesystem::create_directory(folder_.path() + "/go");
  ASSERT_TRUE(Ends(shim));
  const auto record = ReadExit(folder);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->exit_code, 7);
}

TEST_F(SpawnerTest, AHelperThatIsKilledIsReplacedAndTakesNoShimWithIt) {
  const std::string first = Prepare("a", "while [ ! -e " + folder_.path() + "/go ]; do sleep 0.01; done");
  const auto early = spawner_.Spawn(first);
  ASSERT_TRUE(WaitFor([&] { return ReadStarted(first).has_value(); }));
  ASSERT_EQ(Children("--spawn").size(), 1U);
  const pid_t helper = Children("--spawn").front();
  ASSERT_EQ(kill(helper, SIGKILL), 0);
  const std::string second = Prepare("b", "exit 0");
  const auto late = spawner_.Spawn(second);
  ASSERT_TRUE(Ends(late));
  EXPECT_EQ(ReadExit(second)->exit_code, 0);
  EXPECT_NE(Children("--spawn"), std::vector<pid_t>{helper});
  EXPECT_FALSE(ReadExit(first));
  std::filesystem::create_directory(folder_.path() + "/go");
  ASSERT_TRUE(Ends(early));
  EXPECT_EQ(ReadExit(first)->exit_code, 0);
}

TEST_F(SpawnerTest, TheHelperEndsWithItsOwner) {
  {
    ShimSpawner other(ShimPath(), folder_.path());
    ASSERT_TRUE(Ends(other.Spawn(Prepare("a", "exit 0"))));
    ASSERT_FALSE(Children("--spawn").empty());
  }
  EXPECT_TRUE(Children("--spawn").empty());
}

}  // namespace
}  // namespace qalam
