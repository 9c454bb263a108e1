// SPDX-License-Identifier: Apache-2.0
#include "earlystop/median_stop.h"

#include <gtest/gtest.h>

#include <string>

namespace qalam {
namespace {

using Curves = std::vector<std::vector<double>>;

TEST(MedianStop, SettingsAreKatibs) {
  const Result<MedianStopSettings> none = ReadMedianStop({});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->min_trials_required, 3);
  EXPECT_EQ(none->start_step, 4);
  EXPECT_FALSE(none->as_katib);
  const Result<MedianStopSettings> all =
      ReadMedianStop({{"min_trials_required", "1"}, {"start_step", "7"}, {"compat", "katib"}});
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->min_trials_required, 1);
  EXPECT_EQ(all->start_step, 7);
  EXPECT_TRUE(all->as_katib);
}

TEST(MedianStop, WrongSettingsAreToldInKatibsWords) {
  const auto fault = [](const std::string& name, const std::string& value) {
    return ReadMedianStop({{name, value}}).status().message();
  };
  EXPECT_EQ(fault("min_trials_required", "0"), "min_trials_required must be greater than zero (>0)");
  EXPECT_EQ(fault("start_step", "-1"), "start_step must be greater or equal than one (>=1)");
  EXPECT_EQ(fault("start_step", "4.5"), "failed to validate start_step(4.5): it is not a whole number");
  EXPECT_EQ(fault("start_step", ""), "failed to validate start_step(): it is not a whole number");
  EXPECT_EQ(fault("min_trials", "3"), "unknown setting min_trials for algorithm medianstop");
  EXPECT_EQ(fault("compat", "vizier"), "compat is 'vizier'; it is katib, or not given");
}

TEST(MedianStop, TheBoundIsTheMedianOfTheFirstMeans) {
  MedianStopSettings settings{.min_trials_required = 3, .start_step = 2};
  EXPECT_EQ(MedianStopBound(settings, {}), std::nullopt);
  EXPECT_EQ(MedianStopBound(settings, Curves{{1, 1}, {2, 2}, {}}), std::nullopt) << "one has no values";
  EXPECT_EQ(MedianStopBound(settings, Curves{{1, 3, 99}, {8}, {100, 100}}), 8) << "later values do not matter";
  EXPECT_EQ(MedianStopBound(settings, Curves{{1, 1}, {100, 100}, {2, 2}, {4, 4}}), 3);
  settings.as_katib = true;
  EXPECT_EQ(MedianStopBound(settings, Curves{{1, 3}, {4}, {30, 30}}), 12) << "the mean, as Katib has it";
}

}  // namespace
}  // namespace qalam
