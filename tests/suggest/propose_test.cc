// SPDX-License-Identifier: Apache-2.0
// What Propose gives is what a run would try.
#include "suggest/propose.h"

#include <gmock/gmock.h>

#include "tests/suggest/support.h"

namespace qalam {
namespace {

using test::Choice;
using test::FiniteSpace;
using test::MixedSpace;
using test::Observed;
using test::Spec;

class ProposeTest : public testing::Test {
 protected:
  Result<Proposals> Ask(const ExperimentSpec& spec, std::vector<Trial> history, int count) {
    const auto client = MakeInProcessClient(loop, {});
    return Propose(loop, *client, spec, "uid-1", std::move(history), count);
  }
  static Trial Ended(std::uint64_t ordinal, const Assignments& assignments) {
    Trial trial;
    trial.ordinal = ordinal;
    trial.name = "digits-" + std::to_string(ordinal);
    trial.assignments = assignments;
    trial.state = TrialState::kSucceeded;
    trial.observation = Observed("0.5");
    return trial;
  }
  SystemClock clock;
  EventLoop loop{clock};
};

TEST_F(ProposeTest, AskingInTwoPartsGivesTheSameAsAskingOnce) {
  for (const char* algorithm : {"random", "sobol"}) {
    const ExperimentSpec spec = Spec(algorithm, MixedSpace());
    const auto all = Ask(spec, {}, 6);
    ASSERT_TRUE(all.ok()) << all.status().ToString();
    ASSERT_EQ(all->suggestions.size(), 6u);
    std::vector<Trial> history;
    for (std::uint64_t i = 1; i <= 4; ++i) history.push_back(Ended(i, all->suggestions[i - 1].assignments));
    const auto rest = Ask(spec, history, 2);
    ASSERT_TRUE(rest.ok());
    ASSERT_EQ(rest->suggestions.size(), 2u);
    EXPECT_EQ(rest->suggestions[0].assignments, all->suggestions[4].assignments) << algorithm;
    EXPECT_EQ(rest->suggestions[1].assignments, all->suggestions[5].assignments) << algorithm;
  }
}

TEST_F(ProposeTest, AnEnqueuedTrialTakesNoSuggestionsPlace) {
  const ExperimentSpec spec = Spec("random", MixedSpace());
  const auto all = Ask(spec, {}, 2);
  ASSERT_TRUE(all.ok());
  std::vector<Trial> history = {Ended(1, all->suggestions[0].assignments),
                                Ended(2, {{"lr", "0.01"}, {"layers", "2"}, {"solver", "adam"}})};
  history[1].labels[kEnqueuedLabel] = "true";
  const auto next = Ask(spec, history, 1);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->suggestions[0].assignments, all->suggestions[1].assignments);
}

TEST_F(ProposeTest, TheEndOfAFiniteSpaceIsSaid) {
  const auto all = Ask(Spec("grid", FiniteSpace()), {}, 100);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->suggestions.size(), 24u);
  EXPECT_TRUE(all->exhausted);
}

TEST_F(ProposeTest, SettingsThatAreNotUnderstoodAreRefusedWithTheAlgorithmsText) {
  ExperimentSpec spec = Spec("random", MixedSpace());
  spec.algorithm.settings = {{"colour", "red"}};
  const auto refused = Ask(spec, {}, 1);
  EXPECT_EQ(refused.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.status().message(), testing::HasSubstr("colour"));
}

}  // namespace
}  // namespace qalam
