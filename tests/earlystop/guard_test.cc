// SPDX-License-Identifier: Apache-2.0
// What the guard is for, on made-up curves.
#include <gtest/gtest.h>

#include "tests/earlystop/race.h"

namespace qalam::test {
namespace {

TEST(Guard, WhereCurvesDoNotCrossLittleOfTheSavingIsLost) {
  const std::vector<Setting> guarded, alone = {{"guard", "off"}};
  const MadeKind stable{.slower = 1};
  const int none = EpochsToTheBest(stable, "", {}), bare = EpochsToTheBest(stable, "asha", alone);
  const int watched = EpochsToTheBest(stable, "asha", guarded);
  RecordProperty("epochs", std::to_string(none) + " " + std::to_string(bare) + " " + std::to_string(watched));
  EXPECT_LT(bare, none / 3);
  EXPECT_LT(watched, none / 3);
}

TEST(Guard, WhereTheBestLearnSlowlyTheSearchIsNotDestroyed) {
  const std::vector<Setting> guarded, alone = {{"guard", "off"}};
  const MadeKind crossing{.slower = 6};
  const int none = EpochsToTheBest(crossing, "", {}), bare = EpochsToTheBest(crossing, "asha", alone);
  const int watched = EpochsToTheBest(crossing, "asha", guarded);
  RecordProperty("epochs", std::to_string(none) + " " + std::to_string(bare) + " " + std::to_string(watched));
  EXPECT_GT(bare, 3 * none / 2) << "else there is nothing to guard against";
  EXPECT_LT(watched, bare);
  EXPECT_LT(watched, 3 * none / 2);
}

}  // namespace
}  // namespace qalam::test
