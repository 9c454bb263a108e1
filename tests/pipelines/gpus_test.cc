// SPDX-License-Identifier: Apache-2.0
// Which devices trials share out, and that each is given to one step at a time.
#include "pipelines/engines/gpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "pipelines/engines/admission.h"

namespace qalam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Refused(std::string_view text, const std::vector<std::string>& visible = {}) {
  const auto gpus = ParseGpus(text, visible);
  return gpus.ok() ? "taken: " + JoinGpus(*gpus) : gpus.status().message();
}

TEST(GpusTest, ACountTakesTheFirstOnesAndAListTheOnesItNames) {
  EXPECT_THAT(*ParseGpus("2", {}), ElementsAre("0", "1"));
  EXPECT_THAT(*ParseGpus("0", {}), IsEmpty());
  EXPECT_THAT(*ParseGpus("2", {"4", "GPU-ab12", "7"}), ElementsAre("4", "GPU-ab12"));
  EXPECT_THAT(*ParseGpus("0,1,3", {"4"}), ElementsAre("0", "1", "3"));
  EXPECT_THAT(*ParseGpus("3,", {}), ElementsAre("3"));
  EXPECT_THAT(*ParseGpus("GPU-6ef2-11,MIG-GPU-6ef2/1/0", {}), ElementsAre("GPU-6ef2-11", "MIG-GPU-6ef2/1/0"));
}

TEST(GpusTest, WhatIsNoSetOfDevicesIsRefusedWithTheFormThatIs) {
  EXPECT_THAT(Refused("two"), HasSubstr("'two' is no device; it takes a count, or names as in 0,1,3"));
  EXPECT_THAT(Refused("0,x"), HasSubstr("'x' is no device"));
  EXPECT_THAT(Refused("-1"), HasSubstr("'-1' is no device"));
  EXPECT_THAT(Refused("1,1"), HasSubstr("1 is named twice: no two trials may share a device"));
  EXPECT_THAT(Refused(","), HasSubstr("is a count, or devices"));
  EXPECT_THAT(Refused("9999999"), HasSubstr("at most 1024"));
  EXPECT_THAT(Refused("3", {"4", "5"}), HasSubstr("--gpus 3: 2 gpus are visible here (4,5); name them"));
}

TEST(GpusTest, TheCallersCudaVisibleDevicesIsTheSet) {
  const char* const before = std::getenv("CUDA_VISIBLE_DEVICES");
  const std::string kept = before == nullptr ? "" : before;
  setenv("CUDA_VISIBLE_DEVICES", "3,GPU-ab,-1,5", 1);  // CUDA stops at the first that is none
  EXPECT_THAT(VisibleGpus(), ElementsAre("3", "GPU-ab"));
  setenv("CUDA_VISIBLE_DEVICES", "", 1);
  EXPECT_THAT(VisibleGpus(), IsEmpty());
  before == nullptr ? unsetenv("CUDA_VISIBLE_DEVICES") : setenv("CUDA_VISIBLE_DEVICES", kept.c_str(), 1);
}

TEST(GpusTest, ADeviceHasOneHolderWhateverTheOrder) {
  Admission admission({64, 1LL << 40, 0}, {"4", "7"});
  const Resources one{0, 0, 1}, two{0, 0, 2};
  for (Admission::Ticket ticket = 1; ticket <= 3; ++ticket) admission.Wait(ticket, one);
  EXPECT_EQ(admission.Next(), 1U);
  EXPECT_EQ(admission.Next(), 2U);
  EXPECT_EQ(admission.Next(), std::nullopt);
  EXPECT_THAT(admission.GpusOf(1), ElementsAre("4"));
  EXPECT_THAT(admission.GpusOf(2), ElementsAre("7"));
  EXPECT_EQ(admission.WhyWaiting(3), "waits for 1 gpu: 0 of 2 free");
  admission.Leave(1);
  EXPECT_EQ(admission.Next(), 3U);
  EXPECT_THAT(admission.GpusOf(3), ElementsAre("4"));
  admission.Wait(4, two);
  admission.Leave(2);
  EXPECT_EQ(admission.Next(), std::nullopt);
  admission.Leave(3);
  EXPECT_EQ(admission.Next(), 4U);
  EXPECT_THAT(admission.GpusOf(4), ElementsAre("4", "7"));
}

TEST(GpusTest, WhatAnAdoptedStepHoldsIsNotGivenOutEvenIfTheSetIsAnotherNow) {
  Admission admission({64, 1LL << 40, 0}, {"0", "1"});
  admission.Hold(1, {0, 0, 2}, {"1", "2"});  // by a start that had the set 0,1,2
  admission.Wait(2, {0, 0, 1});
  admission.Wait(3, {0, 0, 1});
  EXPECT_EQ(admission.Next(), 2U);
  EXPECT_THAT(admission.GpusOf(2), ElementsAre("0"));
  EXPECT_EQ(admission.Next(), std::nullopt);
  admission.Leave(1);
  EXPECT_EQ(admission.Next(), 3U);
  EXPECT_THAT(admission.GpusOf(3), ElementsAre("1"));
}

TEST(GpusTest, AStepThatCameInWhenThereWereMoreDevicesWaitsForThem) {
  Admission admission({64, 1LL << 40, 0}, {"0"});
  admission.Wait(1, {0, 0, 2});
  EXPECT_EQ(admission.Next(), std::nullopt);
  EXPECT_EQ(admission.WhyWaiting(1), "waits for 2 gpu: 1 of 1 free");
}

}  // namespace
}  // namespace qalam
