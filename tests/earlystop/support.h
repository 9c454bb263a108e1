// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "earlystop/live_stopping.h"

namespace qalam::test {

inline ObjectiveSpec Loss() {
  ObjectiveSpec objective;
  objective.metric_name = "loss";
  return objective;
}

inline std::unique_ptr<LiveStopping> Make(const std::string& rule, std::vector<Setting> settings,
                                          const ObjectiveSpec& objective = Loss()) {
  Result<std::unique_ptr<LiveStopping>> made = LiveStopping::Make({rule, std::move(settings)}, objective);
  EXPECT_TRUE(made.ok()) << made.status().message();
  return *std::move(made);
}

inline Decision Report(LiveStopping& stopping, std::uint64_t trial, std::int64_t step, double value) {
  stopping.Add(trial, step, value);
  return stopping.Judge(trial);
}

// What is said at each step of a trial that reports these from step 1 on, until it is stopped: the step of the stop, 0
// if there was none.
inline int StoppedAt(LiveStopping& stopping, std::uint64_t trial, const std::vector<double>& values,
                     std::string* reason = nullptr) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Decision decision = Report(stopping, trial, static_cast<std::int64_t>(i) + 1, values[i]);
    if (decision.action != Decision::kStop) continue;
    if (reason != nullptr) *reason = decision.reason;
    stopping.End(trial, Standing::kStopped);
    return static_cast<int>(i) + 1;
  }
  stopping.End(trial, Standing::kSucceeded);
  return 0;
}

}  // namespace qalam::test
