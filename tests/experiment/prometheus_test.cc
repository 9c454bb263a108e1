// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiment/metrics/collector.h"

namespace qalam {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PrometheusPages : public testing::Test {
 protected:
  explicit PrometheusPages(const std::string& objective = "loss") {
    MetricsCollectorSpec spec;
    spec.kind = CollectorKind::kPrometheusMetric;
    spec.path = "/metrics";
    spec.port = 8080;
    ObjectiveSpec names;
    names.metric_name = objective;
    names.additional_metric_names = {R"(accuracy{split="va}l"})"};
    collector_ = *MakeCollector(spec, names);
  }
  std::vector<std::string> Page(std::string_view text) {
    std::vector<MetricPoint> points;
    collector_->Feed(text, &points);
    std::vector<std::string> lines;
    for (const MetricPoint& p : points) {
      lines.push_back(p.name + "=" + p.value);
      if (p.step) lines.back() += fmt::format(" step {}", *p.step);
      if (p.time != WallTime{}) lines.back() += " at " + FormatTimePrecise(p.time);
    }
    return lines;
  }
  std::unique_ptr<Collector> collector_;
};

TEST_F(PrometheusPages, EachNewValueIsAReport) {
  EXPECT_THAT(Page("# HELP loss a loss\n# TYPE loss gauge\nloss 0.5\nloss_total 9\n"), ElementsAre("loss=0.5"));
  EXPECT_THAT(Page("loss 0.5\n"), IsEmpty());
  EXPECT_THAT(Page("loss 2.5e-01\r\n"), ElementsAre("loss=2.5e-01"));
  EXPECT_THAT(Page("loss 0.5"), ElementsAre("loss=0.5"));
  EXPECT_THAT(Page("loss NaN\n"), ElementsAre("loss=NaN"));
}

TEST_F(PrometheusPages, ANewStepMakesTheSameValueANewReport) {
  EXPECT_THAT(Page("loss 0.5\nepoch 1.0\n"), ElementsAre("loss=0.5 step 1"));
  EXPECT_THAT(Page("loss 0.5\nepoch 1.0\n"), IsEmpty());
  EXPECT_THAT(Page("epoch 2\nloss 0.5\n"), ElementsAre("loss=0.5 step 2"));
}

TEST_F(PrometheusPages, ASeriesMayBeNamedWithItsLabels) {
  EXPECT_THAT(Page("accuracy{split=\"train\"} 1\naccuracy{split=\"va}l\"} 0.75 1700000000500\n"),
              ElementsAre("accuracy{split=\"va}l\"}=0.75 at 2023-11-14T22:13:20.500000000Z"));
}

TEST_F(PrometheusPages, EachSeriesOfAMetricIsAReportWhenItMoves) {
  EXPECT_THAT(Page("loss{of=\"a\"} 0.5\nloss{of=\"b\"} 0.7\n"), ElementsAre("loss=0.5", "loss=0.7"));
  EXPECT_THAT(Page("loss{of=\"a\"} 0.5\nloss{of=\"b\"} 0.7\n"), IsEmpty());
  EXPECT_THAT(Page("loss{of=\"b\"} 0.6\nloss{of=\"a\"} 0.5\n"), ElementsAre("loss=0.6"));
  EXPECT_THAT(Page("loss{of=\"a\"} 0.4\nloss{of=\"a\"} 0.3\n"), ElementsAre("loss=0.3")) << "the later one is so";
}

TEST_F(PrometheusPages, WhatIsStoredIsNoReportAfterARestart) {
  collector_->Know({"loss", "0.5", {}, 3});
  EXPECT_THAT(Page("loss 0.5\nstep 3\n"), IsEmpty());
  EXPECT_THAT(Page("loss 0.5\nstep 4\n"), ElementsAre("loss=0.5 step 4"));
}

TEST_F(PrometheusPages, WhatIsNoneIsPassedOver) {
  EXPECT_THAT(Page("<html>\nloss\nloss{a=\"\nloss{} \n\n# loss 1\n"), IsEmpty());
}

TEST_F(PrometheusPages, TheDiagnosisNamesTheMetricsThatWereThere) {
  EXPECT_THAT(collector_->Diagnosis(), HasSubstr("no page /metrics came from the trial's port"));
  Page("val_loss 1\n");
  EXPECT_THAT(collector_->Diagnosis(), HasSubstr("read 1 page of /metrics; metrics there: val_loss"));
}

}  // namespace
}  // namespace qalam
