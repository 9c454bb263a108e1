// SPDX-License-Identifier: Apache-2.0
// --gpus: trials that ask for devices share them out, through the program with real processes, a kill -9 included.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <thread>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::HasSubstr;
using testing::Not;

class GpusCommand : public CliTest {
 protected:
  // Trials that ask for `count` devices and note when they meet another on one of them.
  void WriteTrials(int count, int trials) const {
    std::string yaml = Yaml({.name = "gpus", .trials = trials, .parallel = trials});
    yaml.insert(yaml.find("                command:"),
                fmt::format("                resources: {{limits: {{nvidia.com/gpu: {}}}}}\n", count));
    Write("e.yaml", yaml);
    Write("trial.sh",
          "echo \"$CUDA_VISIBLE_DEVICES\" >> devices\n"
          "[ \"$CUDA_VISIBLE_DEVICES\" = \"$NVIDIA_VISIBLE_DEVICES\" ] || echo differ >> clashes\n"
          "for gpu in $(echo $CUDA_VISIBLE_DEVICES | tr , ' '); do mkdir on-$gpu || echo $gpu >> clashes; done\n"
          "sleep 0.2\n"
          "for gpu in $(echo $CUDA_VISIBLE_DEVICES | tr , ' '); do rmdir on-$gpu; done\n"
          "echo loss=$1\n");
  }
};

TEST_F(GpusCommand, EightTrialsShareTwoDevicesAndNeverMeetEvenIfQalamIsKilled) {
  WriteTrials(1, 8);
  auto first = Start({"run", "e.yaml", "--gpus", "2"});
  ASSERT_TRUE(first->WaitFor("#1 Succeeded"));
  first->Signal(SIGKILL);
  first->Wait();
  const Finished done = Qalam({"run", "e.yaml", "--gpus", "2"});
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  EXPECT_THAT(done.out, HasSubstr("done  8 trials"));
  EXPECT_EQ(Read("clashes"), "");
  EXPECT_EQ(Lines("devices"), 8);
  EXPECT_THAT(Read("devices"), testing::AllOf(HasSubstr("0\n"), HasSubstr("1\n"), Not(HasSubstr(","))));
}

// Killed again and again while trials hold devices, and restarted with the same ones named in another order, or with
// fewer: who runs keeps its own, and nobody is given it beside them.
TEST_F(GpusCommand, NoDeviceIsGivenTwiceOverRestarts) {
  WriteTrials(1, 14);
  Write("trial.sh",
        "echo \"$QALAM_TRIAL_NAME $CUDA_VISIBLE_DEVICES\" >> ledger\n"
        "mkdir on-$CUDA_VISIBLE_DEVICES || echo \"$CUDA_VISIBLE_DEVICES\" >> clashes\n"
        "sleep 0.6\n"
        "rmdir on-$CUDA_VISIBLE_DEVICES\n"
        "echo loss=$1\n");
  int begun = 1;
  const std::vector<std::string> devices = {"3", "2,1,0", "0,1", "1,2", "3"};
  for (std::size_t i = 0; i < devices.size(); ++i) {
    auto run = Start({"run", "e.yaml", "--gpus", devices[i]});
    for (int n = 0; Lines("ledger") < begun && n < 3000; ++n)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_GE(Lines("ledger"), begun) << run->out();
    std::this_thread::sleep_for(std::chrono::milliseconds(70 * i));
    run->Signal(SIGKILL);
    run->Wait();
    begun = Lines("ledger") + 1;
  }
  const Finished done = Qalam({"run", "e.yaml", "--gpus", "3"});
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  EXPECT_THAT(done.out, HasSubstr("done  14 trials"));
  EXPECT_EQ(Read("clashes"), "");
  EXPECT_EQ(Lines("ledger"), 14) << "each began once, on one device:\n" << Read("ledger");
  for (const char* gpu : {" 0\n", " 1\n", " 2\n"}) EXPECT_THAT(Read("ledger"), HasSubstr(gpu));
}

TEST_F(GpusCommand, ATrialThatAsksForMoreThanThereIsIsRefusedBeforeAnythingStarts) {
  WriteTrials(3, 2);
  const Finished run = Qalam({"run", "e.yaml", "--gpus", "2"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("spec.template.spec.containers[0].resources"));
  EXPECT_THAT(run.err, HasSubstr("step main asks for 3 gpu; this machine has 2. Lower its resources.requests"));
  EXPECT_THAT(run.err, HasSubstr("Nothing was started."));
  EXPECT_FALSE(Exists("qalam.db"));
  const Finished lint = Qalam({"lint", "e.yaml", "--gpus", "2"});
  EXPECT_EQ(lint.code, 2);
  EXPECT_THAT(lint.out, HasSubstr("step main asks for 3 gpu; this machine has 2"));
  EXPECT_EQ(Qalam({"lint", "e.yaml"}).code, 0);
}

TEST_F(GpusCommand, TheDevicesAreThoseThatAreNamed) {
  WriteTrials(2, 1);
  ASSERT_EQ(Qalam({"run", "e.yaml", "--gpus", "5,GPU-ab12,7"}).code, 0);
  EXPECT_EQ(Read("devices"), "5,GPU-ab12\n");
}

TEST_F(GpusCommand, WithoutTheOptionTheCallersVisibleDevicesAreTheSet) {
  WriteTrials(2, 1);
  ASSERT_EQ(Qalam({"run", "e.yaml"}, {.env = {{"CUDA_VISIBLE_DEVICES", "3,6"}}}).code, 0);
  EXPECT_EQ(Read("devices"), "3,6\n");
}

TEST_F(GpusCommand, WhatIsNoSetOfDevicesIsBadInput) {
  WriteTrials(1, 1);
  const Finished run = Qalam({"run", "e.yaml", "--gpus", "0,0"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("--gpus 0,0: 0 is named twice: no two trials may share a device"));
}

}  // namespace
}  // namespace qalam
