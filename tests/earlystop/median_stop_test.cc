// SPDX-License-Identifier: Apache-2.0
#include "earlystop/median_stop.h"

#include <gtest/gtest.h>

#include <string>

namespace qalam {
namespace {

using Curves = std::vector<std::vector<double>>;

TEST(MedianStop, SettingsAreKatibs) {
  const MedianStopSettings none = kMedianStopSettings.Parse({});
  EXPECT_EQ(none.min_trials_required, 3);
  EXPECT_EQ(none.start_step, 4);
  const std::vector<Setting> given = {{"min_trials_required", "1"}, {"start_step", "7"}, {"compat", "katib"}};
  ASSERT_TRUE(ValidateStoppingRule("medianstop", given).ok());
  const MedianStopSettings all = kMedianStopSettings.Parse(given);
  EXPECT_EQ(all.min_trials_required, 1);
  EXPECT_EQ(all.start_step, 7);
  EXPECT_EQ(all.compat, "katib");
}

TEST(MedianStop, WrongSettingsAreToldInKatibsWords) {
  const auto fault = [](const std::string& name, const std::string& value) {
    return ValidateStoppingRule("medianstop", std::vector<Setting>{{name, value}}).message();
  };
  EXPECT_EQ(fault("min_trials_required", "0"), "min_trials_required must be greater than zero (>0)");
  EXPECT_EQ(fault("start_step", "-1"), "start_step must be greater or equal than one (>=1)");
  EXPECT_EQ(fault("start_step", "4.5"), "start_step must be greater or equal than one (>=1)");
  EXPECT_EQ(fault("start_step", ""), "start_step must be greater or equal than one (>=1)");
  EXPECT_EQ(fault("min_trials", "3"), "unknown setting min_trials for algorithm medianstop");
  EXPECT_EQ(fault("compat", "vizier"), "compat vizier is not supported in medianstop");
}

TEST(MedianStop, TheBoundIsTheMedianOfTheFirstMeans) {
  MedianStopSettings settings;
  settings.start_step = 2;
  EXPECT_EQ(MedianStopBound(settings, {}), std::nullopt);
  EXPECT_EQ(MedianStopBound(settings, Curves{{1, 1}, {2, 2}, {}}), std::nullopt) << "one has no values";
  EXPECT_EQ(MedianStopBound(settings, Curves{{1, 3, 99}, {8}, {100, 100}}), 8) << "later values do not matter";
  EXPECT_EQ(MedianStopBound(settings, Curves{{1, 1}, {100, 100}, {2, 2}, {4, 4}}), 3);
  settings.compat = "katib";
  EXPECT_EQ(MedianStopBound(settings, Curves{{1, 3}, {4}, {30, 30}}), 12) << "the mean, as Katib has it";
}

}  // namespace
}  // namespace qalam
