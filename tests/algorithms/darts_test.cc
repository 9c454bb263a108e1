// SPDX-License-Identifier: Apache-2.0
#include "algorithms/darts.h"

#include "tests/algorithms/testing.h"

namespace qalam {
namespace {

using testing::Ask;
using testing::MakeSuggester;
using testing::Show;
using testing::Shown;

TEST(Darts, EveryRequestIsAnsweredInFull) {
  const SearchSpace nothing;
  auto darts = MakeSuggester("darts", nothing);
  EXPECT_EQ(Ask(*darts, 2, 0).size(), 2u);
  Show(*darts, 0, {{Eigen::VectorXd(0), 0.5, Outcome::kSucceeded, 1}, {Eigen::VectorXd(0), 0.5, Outcome::kFailed, 2}},
       {{Eigen::VectorXd(0), 0, Outcome::kSucceeded, 3}});
  EXPECT_EQ(Ask(*darts, 3, 3).size(), 3u);
}

TEST(Darts, SettingsAreCheckedInKatibsWordsAndUnknownOnesPass) {
  const auto check = [](std::string name, std::string value) {
    return kDartsSettings.Check("darts", std::vector<Setting>{{std::move(name), std::move(value)}}).message();
  };
  EXPECT_EQ(check("num_epochs", "0"), "num_epochs should be greater than zero");
  EXPECT_EQ(check("w_lr", "-1"), "w_lr should be greater than or equal to zero");
  EXPECT_EQ(check("batch_size", "0"), "batch_size should be greater than or equal to one");
  EXPECT_EQ(check("batch_size", "None"), "");
  EXPECT_EQ(check("num_workers", "0"), "");
  EXPECT_EQ(check("num_epochs", "None"), "num_epochs should be greater than zero");
  EXPECT_EQ(check("stem_multiplier", "x"), "stem_multiplier should be greater than or equal to one");
  EXPECT_EQ(check("my_own", "anything"), "");
}

}  // namespace
}  // namespace qalam
