// SPDX-License-Identifier: Apache-2.0
// The small value types: words of states, counts, observations, history, log lines.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "core/experiment.h"
#include "core/history.h"
#include "core/log.h"
#include "core/run.h"

namespace qalam {
namespace {

TEST(Words, OfStatesAreReadBack) {
  for (int i = 0; i <= static_cast<int>(TrialState::kEarlyStopped); ++i)
    EXPECT_EQ(ParseTrialState(ToString(static_cast<TrialState>(i))), static_cast<TrialState>(i));
  for (int i = 0; i <= static_cast<int>(ExperimentState::kFailed); ++i)
    EXPECT_EQ(ParseExperimentState(ToString(static_cast<ExperimentState>(i))), static_cast<ExperimentState>(i));
  for (int i = 0; i <= static_cast<int>(StepState::kLost); ++i)
    EXPECT_EQ(ParseStepState(ToString(static_cast<StepState>(i))), static_cast<StepState>(i));
  EXPECT_EQ(ToString(TrialState::kMetricsUnavailable), "MetricsUnavailable");
  EXPECT_EQ(ToString(ExperimentState::kRestarting), "Restarting");
  EXPECT_EQ(ToString(StepState::kLost), "Lost");
  EXPECT_EQ(ParseTrialState("running"), std::nullopt);
}

TEST(TrialCounts, HasOneCounterForEachState) {
  TrialCounts counts;
  std::set<int*> counters;
  for (int i = 0; i <= static_cast<int>(TrialState::kEarlyStopped); ++i)
    counters.insert(&counts.Of(static_cast<TrialState>(i)));
  EXPECT_EQ(counters.size(), 7u);
  EXPECT_EQ(counters.count(&counts.total), 0u);
  counts.Of(TrialState::kKilled) = 3;
  EXPECT_EQ(counts.killed, 3);
}

TEST(Observation, FindsAMetricByName) {
  const Observation observation{{{"loss", "1", "2", "1"}, {"accuracy"}}};
  EXPECT_EQ(observation.Find("accuracy")->latest, "unavailable");
  EXPECT_EQ(observation.Find("Loss"), nullptr);
}

TEST(History, ShowsColumnsOldestFirst) {
  History history(2);
  EXPECT_EQ(history.View().size(), 0);
  const double infinity = std::numeric_limits<double>::infinity();
  history.Append(Eigen::Vector2d(0.1, 0.2), 3, Outcome::kSucceeded, 1);
  history.Append(Eigen::Vector2d(0.3, 0.4), infinity, Outcome::kFailed, 2);
  history.Append(Eigen::Vector2d(0.5, 0.6), -1, Outcome::kEarlyStopped, 5);
  const HistoryView all = history.View();
  ASSERT_EQ(all.size(), 3);
  EXPECT_EQ(all.x.col(1), Eigen::Vector2d(0.3, 0.4));
  EXPECT_EQ(all.y[0], 3);
  EXPECT_TRUE(std::isnan(all.y[1]));
  const HistoryView fresh = history.View(2);
  ASSERT_EQ(fresh.size(), 1);
  EXPECT_EQ(fresh.x.col(0), Eigen::Vector2d(0.5, 0.6));
  EXPECT_EQ(fresh.outcome[0], Outcome::kEarlyStopped);
  EXPECT_EQ(fresh.ordinal[0], 5u);
  EXPECT_EQ(history.View(3).size(), 0);
}

class LogTest : public testing::Test {
 protected:
  ~LogTest() override {
    SetLogLevel(LogLevel::kWarning);
    SetLogFormat(LogFormat::kText);
  }
};

TEST_F(LogTest, AValueFromOutsideCannotPassForAnotherField) {
  testing::internal::CaptureStderr();
  Log(LogLevel::kWarning, "lost", {{"reason", R"(x" trial="other\)"}, {"empty", ""}, {"attempt", 2}});
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find(R"(event=lost reason="x\" trial=\"other\\" empty="" attempt=2)"), std::string::npos) << line;
}

TEST_F(LogTest, AsJsonALineIsOneObject) {
  SetLogFormat(LogFormat::kJson);
  testing::internal::CaptureStderr();
  Log(LogLevel::kWarning, "lost", {{"trial", "a\n\"b\xff"}, {"attempt", 2}});
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_TRUE(line.starts_with(R"({"ts":")")) << line;
  const std::string tail = R"(Z","level":"warning","msg":"lost","trial":"a\n\"b)"
                           "\xEF\xBF\xBD"
                           R"(","attempt":2})"
                           "\n";
  EXPECT_TRUE(line.ends_with(tail)) << line;
}

TEST_F(LogTest, AnEventIsOneLineWhateverTheTextHolds) {
  testing::internal::CaptureStderr();
  Log(LogLevel::kWarning, "lost", {{"trial", "mnist-1"}, {"reason", "first\nsecond\x1b[31m\ttab {}"}});
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find(" level=warning event=lost trial=mnist-1 reason=\"first\\nsecond\\x1b[31m\\ttab {}\"\n"),
            std::string::npos)
      << line;
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(line.substr(0, 5), "time=");
}

TEST_F(LogTest, IsQuietBelowItsLevel) {
  testing::internal::CaptureStderr();
  Log(LogLevel::kInfo, "hidden", {});
  SetLogLevel(LogLevel::kDebug);
  Log(LogLevel::kDebug, "shown", {});
  SetLogLevel(LogLevel::kOff);
  Log(LogLevel::kError, "hidden", {});
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("level=debug event=shown\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_FALSE(LogEnabled(LogLevel::kOff));
}

}  // namespace
}  // namespace qalam
