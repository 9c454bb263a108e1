// SPDX-License-Identifier: Apache-2.0
// Whose checkpoint is kept, and how long: while anybody goes on from it or may be told to, through every crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/world.h"

namespace qalam::sim {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

class CheckpointTest : public testing::Test {
 protected:
  void TearDown() override {
    world.CheckAtTheEnd();
    for (const std::string& breach : world.breaches()) ADD_FAILURE() << breach;
  }
  bool Ended() { return IsFinal(world.Stored("a").state) && world.controller().AllSettled(); }
  std::string NameOf(std::uint64_t ordinal) { return world.StoredTrials("a").at(ordinal - 1).name; }
  // Trial n goes on from trial n-1 and takes its place; each is better than the one before.
  void ServeALine() {
    world.service = [this](const SuggestionRequest& request) {
      ServicePlan plan;
      const int before = request.total_request_number - request.current_request_number;
      if (before > 0) {
        plan.labels[kResumeFromLabel] = plan.labels[kReplacesLabel] = NameOf(static_cast<std::uint64_t>(before));
      }
      return plan;
    };
    EachIsBetter();
  }
  void EachIsBetter() {
    world.behave = [this](const RunId&, int) {
      return Prints("loss=0." + std::to_string(999 - world.StoredTrials("a").size()) + "\n");
    };
  }
  World world;
};

TEST_F(CheckpointTest, ATrialThatIsContinuedKeepsItsOwnUntilTheNextOneHasSucceeded) {
  ServeALine();
  ExperimentSpec spec = MakeSpec("a", 1, 3);
  spec.resume_policy = ResumePolicy::kLongRunning;
  ASSERT_TRUE(world.Submit(spec).ok());
  ASSERT_TRUE(world.RunUntil([&] { return world.Lookup("a") && world.StoredTrials("a").size() == 2; }));
  EXPECT_THAT(world.checkpoints_removed(), IsEmpty());
  EXPECT_EQ(world.StoredTrials("a")[1].labels.at(kResumeFromLabel), NameOf(1));
  ASSERT_TRUE(world.RunUntil([&] { return Ended(); }));
  // It may be taken up again: the last one stays, as does whatever may still be continued.
  EXPECT_THAT(world.checkpoints_removed(), UnorderedElementsAre(NameOf(1), NameOf(2)));
}

TEST_F(CheckpointTest, OfAnExperimentThatIsOverForGoodTheBestTrialsStays) {
  ASSERT_TRUE(world.Submit(MakeSpec("a", 2, 5)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return Ended(); }));
  EXPECT_EQ(world.checkpoints_removed().size(), 4u);
  EXPECT_THAT(world.checkpoints_removed(), Not(Contains(world.Stored("a").best_trial)));
}

TEST_F(CheckpointTest, AllStayWhereTheTemplateSaysRetain) {
  ServeALine();
  ExperimentSpec spec = MakeSpec("a", 1, 3);
  spec.trial_template.retain = true;
  ASSERT_TRUE(world.Submit(spec).ok());
  ASSERT_TRUE(world.RunUntil([&] { return Ended(); }));
  EXPECT_THAT(world.checkpoints_removed(), IsEmpty());
}

TEST_F(CheckpointTest, AFailedTrialLeavesTheOneItWentOnFrom) {
  ServeALine();
  world.behave = [](const RunId&, int) { return Prints("", std::chrono::seconds(1), 1); };
  ExperimentSpec spec = MakeSpec("a", 1, 2);
  spec.resume_policy = ResumePolicy::kLongRunning;
  ASSERT_TRUE(world.Submit(spec).ok());
  ASSERT_TRUE(world.RunUntil([&] { return Ended(); }));
  EXPECT_THAT(world.checkpoints_removed(), IsEmpty());
}

// While the service thinks, what it will have said to go on from is replaced: that answer is not taken.
TEST_F(CheckpointTest, NobodyIsTrainedFromACheckpointThatIsGone) {
  int asked = 0;
  EachIsBetter();  // the best trial's stays
  world.service = [&](const SuggestionRequest&) {
    ServicePlan plan;
    ++asked;
    if (asked == 2) plan.labels = {{kResumeFromLabel, NameOf(1)}, {kReplacesLabel, NameOf(1)}};
    if (asked == 3) plan.labels = {{kResumeFromLabel, NameOf(1)}};
    return plan;
  };
  ExperimentSpec spec = MakeSpec("a", 1, 3);
  ASSERT_TRUE(world.Submit(spec).ok());
  ASSERT_TRUE(world.RunUntil([&] { return Ended(); }));
  const std::vector<Trial> trials = world.StoredTrials("a");
  ASSERT_EQ(trials.size(), 3u);
  EXPECT_EQ(trials[1].labels.size(), 2u);
  EXPECT_THAT(trials[2].labels, IsEmpty());  // of the fourth answer
  EXPECT_EQ(asked, 4);
}

// A folder has the label's name: "../../home" must not become one.
TEST_F(CheckpointTest, ALabelThatNamesNoTrialOfTheExperimentIsLeftOut) {
  world.service = [](const SuggestionRequest&) {
    ServicePlan plan;
    plan.labels = {{kResumeFromLabel, "../../home"}, {kReplacesLabel, "b-12345678"}, {"mine", "stays"}};
    return plan;
  };
  ASSERT_TRUE(world.Submit(MakeSpec("a", 1, 1)).ok());
  ASSERT_TRUE(world.RunUntil([&] { return Ended(); }));
  EXPECT_THAT(world.StoredTrials("a")[0].labels, ElementsAre(testing::Pair("mine", "stays")));
  int told = 0;
  const auto events = world.store().Events(1);
  for (const Event& event : *events) told += event.reason == "SuggestionRejected";
  EXPECT_EQ(told, 2);
}

TEST_F(CheckpointTest, AControllerThatIsKilledAtEachCommitAndEffectRemovesNothingThatIsNeeded) {
  const auto run = [](int kill_at) {  // true: it was killed
    World one;
    int seen = 0;
    bool killed = false;
    one.service = [&one](const SuggestionRequest& request) {
      ServicePlan plan;
      const int before = request.total_request_number - request.current_request_number;
      if (before > 0) {
        plan.labels[kResumeFromLabel] = plan.labels[kReplacesLabel] =
            one.StoredTrials("a").at(static_cast<std::size_t>(before) - 1).name;
      }
      return plan;
    };
    one.kill_at = [&](Point) { return !killed && ++seen == kill_at && (killed = true); };
    while (!one.Submit(MakeSpec("a", 1, 4)).ok()) {
    }
    EXPECT_TRUE(one.RunUntil([&] { return IsFinal(one.Stored("a").state) && one.controller().AllSettled(); }));
    one.CheckAtTheEnd();
    for (const std::string& breach : one.breaches()) ADD_FAILURE() << "killed at " << kill_at << ": " << breach;
    EXPECT_FALSE(one.checkpoints_removed().contains(one.Stored("a").best_trial)) << "killed at " << kill_at;
    return killed;
  };
  int points = 1;
  while (run(points)) ++points;
  EXPECT_GT(points, 20);
}

}  // namespace
}  // namespace qalam::sim
