// SPDX-License-Identifier: Apache-2.0
// The display of a run, as text: what it shows at several widths and heights, and what it leaves out.
#include "cli/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/text.h"

namespace qalam {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const WallTime kStart = WallTime{} + std::chrono::hours(24 * 365 * 56);
const WallTime kNow = kStart + seconds(180);

TrialRow Row(std::uint64_t ordinal, TrialState state, std::optional<double> value, const std::string& lr,
             const std::string& layers, int age) {
  TrialRow row;
  row.ordinal = ordinal;
  row.name = "mnist-" + std::to_string(ordinal);
  row.state = state;
  row.value = value;
  row.assignments = {{"lr", lr}, {"layers", layers}, {"opt", "adam"}};
  row.started = kNow - seconds(age);
  return row;
}

// 27 of 40 trials are over: the picture of docs/cli.md.
ProgressModel Model() {
  ProgressModel model;
  model.name = "mnist";
  model.algorithm = "random";
  model.objective.metric_name = "loss";
  model.objective.goal = 0.01;
  model.parameters = {"lr", "layers", "opt"};
  model.max_trials = 40;
  model.state = ExperimentState::kRunning;
  model.counts.total = 31;
  model.counts.running = 4;
  model.counts.succeeded = 24;
  model.counts.failed = 2;
  model.counts.metrics_unavailable = 1;
  model.created = model.looked_since = kStart;
  model.first_values = {{"lr", "1"}, {"layers", "1"}, {"opt", "adam"}};
  model.varies = {{"lr", true}, {"layers", true}};
  model.longest = 50;

  TrialRow best = Row(19, TrialState::kSucceeded, 0.0312, "0.00312345", "4", 120);
  best.reports.step = 50;
  model.best = best;
  TrialRow running = Row(26, TrialState::kRunning, std::nullopt, "0.00221", "5", 41);
  running.reports = {.latest = 0.0457, .step = 31, .trend = Trend::kFalling, .complete = false};
  model.running[26] = running;
  TrialRow failed = Row(17, TrialState::kFailed, std::nullopt, "0.0991", "8", 170);
  failed.message = "exit 137 (killed: out of memory?)";
  model.ended = {best, failed};
  model.last_failed = failed;
  return model;
}

std::vector<std::string> Shown(const ProgressModel& model, int width, int height = 20) {
  return RenderDisplay(model, {.width = width, .height = height, .color = false}, kNow);
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(Display, ShowsTheBestThenWhatRunsThenTheNewest) {
  EXPECT_EQ(
      Joined(Shown(Model(), 120)),
      "experiment  mnist   random   minimize loss   goal <= 0.01\n"
      "  27/40 trials  ████████████████▉········   67%   best 0.0312 (#19)   4 running   2 failed   1 no metric   "
      "ETA 1m26s\n"
      "  TRIAL  STATE      loss      step   lr       layers  AGE\n"
      "  #19    Succeeded  0.0312*   50/50  3.1e-03  4       2m\n"
      "  #26    Running    0.0457 ↘  31/50  2.2e-03  5       41s\n"
      "  #17    Failed     -         -      0.0991   8       2m   exit 137 (killed: out of memory?)   qalam logs "
      "mnist-17\n");
}

TEST(Display, NoLineIsWiderThanTheTerminalAtAnyWidth) {
  for (int width = 20; width <= 220; ++width) {
    for (const std::string& line : Shown(Model(), width)) EXPECT_LE(DisplayWidth(line), width) << line;
  }
}

TEST(Display, ColourChangesNothingButColour) {
  for (const int width : {40, 60, 80, 120, 200}) {
    const auto plain = Shown(Model(), width);
    const auto colored = RenderDisplay(Model(), {.width = width, .height = 20, .color = true}, kNow);
    ASSERT_EQ(plain.size(), colored.size());
    for (std::size_t i = 0; i < plain.size(); ++i) {
      std::string bare;
      for (std::size_t at = 0; at < colored[i].size(); ++at) {
        if (colored[i][at] == '\x1b') {
          at = colored[i].find('m', at);
        } else {
          bare += colored[i][at];
        }
      }
      bare.erase(bare.find_last_not_of(' ') + 1);
      EXPECT_EQ(bare, plain[i]);
    }
  }
}

TEST(Display, IsNoHigherThanTheTerminal) {
  ProgressModel model = Model();
  for (std::uint64_t i = 100; i < 150; ++i) model.ended.push_back(Row(i, TrialState::kSucceeded, 0.5, "0.1", "2", 10));
  for (int height = 1; height <= 60; ++height)
    EXPECT_LE(Shown(model, 80, height).size(), static_cast<std::size_t>(height));
}

TEST(Display, AtSixtyColumnsTheCountsHaveALineOfTheirOwn) {
  const auto lines = Shown(Model(), 60);
  EXPECT_THAT(lines[1], testing::StartsWith("  27/40 trials  █"));
  EXPECT_THAT(lines[1], testing::EndsWith(" 67%"));
  EXPECT_THAT(lines[2], HasSubstr("best 0.0312 (#19)   4 running"));
}

TEST(Display, AParameterThatNeverVariesHasNoColumn) {
  EXPECT_THAT(Shown(Model(), 120)[2], Not(HasSubstr("opt")));
  ProgressModel model = Model();
  model.varies["opt"] = true;
  EXPECT_THAT(Shown(model, 120)[2], HasSubstr("opt"));
}

TEST(Display, WithoutAMaximumThereIsNoBarAndNoEnd) {
  ProgressModel model = Model();
  model.max_trials.reset();
  EXPECT_EQ(Shown(model, 120)[1], "  27 trials   best 0.0312 (#19)   4 running   2 failed   1 no metric");
}

TEST(Display, SaysWhyNothingHappens) {
  ProgressModel model = Model();
  model.waiting = "suggestion service tpe: deadline exceeded (4 times), next try in 8 s";
  EXPECT_THAT(Shown(model, 120).back(), HasSubstr("next try in 8 s"));
  EXPECT_THAT(RenderSummary(model, kNow), HasSubstr("next try in 8 s"));
}

TEST(Display, TheTimeLeftIsMeasuredFromWhenWeBeganToLook) {
  ProgressModel model = Model();
  model.ended_at_start = 24;  // resumed: three ended in a minute since
  model.looked_since = kNow - seconds(60);
  EXPECT_EQ(TimeLeft(model, kNow), Duration(seconds(260)));
  model.ended_at_start = 27;
  EXPECT_EQ(TimeLeft(model, kNow), std::nullopt);
}

TEST(Lines, TheSummaryIsOneLine) {
  EXPECT_EQ(RenderSummary(Model(), kNow), "27/40 best 0.0312 (#19) running 4 failed 2 no metric 1 eta 1m26s");
}

TEST(Lines, AnEndedTrialTellsItsValueAndItsParameters) {
  const ProgressModel model = Model();
  EXPECT_THAT(RenderEndedTrial(model, *model.best),
              ElementsAre("#19 Succeeded loss=0.0312*   lr=3.1e-03 layers=4 opt=adam"));
  EXPECT_THAT(
      RenderEndedTrial(model, *model.last_failed),
      ElementsAre(
          "#17 Failed   lr=0.0991 layers=8 opt=adam   exit 137 (killed: out of memory?)   qalam logs mnist-17"));
}

TEST(Lines, ADiagnosisIsPrintedWhole) {
  TrialRow row = Row(3, TrialState::kMetricsUnavailable, std::nullopt, "0.1", "2", 10);
  row.message = "no line matched the objective 'loss'.\n  read 212 lines\n  fix: print \"loss=0.231\"";
  const auto lines = RenderEndedTrial(Model(), row);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[2], HasSubstr("fix: print"));
}

TEST(End, TellsWhatCameOutAndWhatToTypeNext) {
  ProgressModel model = Model();
  model.state = ExperimentState::kSucceeded;
  model.reason = "ExperimentMaxTrialsReached";
  model.counts.running = 0;
  model.counts.succeeded = 28;
  model.completed = kStart + seconds(362);
  model.db_option = " --db x.db";
  EXPECT_EQ(Joined(RenderEnd(model, {}, kNow)),
            "done  31 trials in 6m02s   best loss 0.0312 (#19)   28 ok, 2 failed, 1 without metric\n"
            "  lr 3.1e-03   layers 4   opt adam\n"
            "  next: qalam best mnist -o flags --db x.db   |   qalam logs mnist-17 --db x.db\n");
}

TEST(End, AFailedExperimentTellsWhyAndItsLastFailedTrial) {
  ProgressModel model = Model();
  model.state = ExperimentState::kFailed;
  model.message = "Experiment has failed because max failed count has reached";
  const std::string text = Joined(RenderEnd(model, {}, kNow));
  EXPECT_THAT(text, testing::StartsWith("failed  27 trials in 3m00s"));
  EXPECT_THAT(text, HasSubstr("max failed count has reached"));
  EXPECT_THAT(text, HasSubstr("trial mnist-17: exit 137 (killed: out of memory?)"));
}

TEST(End, AGoalThatWasReachedIsNamed) {
  ProgressModel model = Model();
  model.state = ExperimentState::kSucceeded;
  model.reason = "ExperimentGoalReached";
  EXPECT_THAT(RenderEnd(model, {}, kNow)[0], testing::StartsWith("done  goal reached: 27 trials"));
}

}  // namespace
}  // namespace qalam
