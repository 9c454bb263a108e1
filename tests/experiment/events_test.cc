// SPDX-License-Identifier: Apache-2.0
// Event files that tensorboardX wrote (tests/data/tfevents), and what becomes of damaged ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "experiment/metrics/collector.h"
#include "experiment/metrics/events.h"

namespace qalam {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<std::string> kFiles = {"train/events.out.tfevents.1700000000.machine.train",
                                         "test/events.out.tfevents.1700000000.machine.test",
                                         "tensors/events.out.tfevents.1700000000.machine.tensors"};

std::string Bytes(const std::string& file) {
  std::ifstream in(QALAM_SOURCE_DIR "/tests/data/tfevents/" + file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  EXPECT_GT(bytes.size(), 500u) << file;
  return bytes;
}

std::unique_ptr<Collector> Make(const std::string& objective, std::vector<std::string> additional = {}) {
  MetricsCollectorSpec spec;
  spec.kind = CollectorKind::kTensorFlowEvent;
  spec.path = "/logs/mnist/";
  spec.directory = true;
  ObjectiveSpec names;
  names.metric_name = objective;
  names.additional_metric_names = std::move(additional);
  auto collector = MakeCollector(spec, names);
  EXPECT_TRUE(collector.ok()) << collector.status().ToString();
  return *std::move(collector);
}

std::string Line(const MetricPoint& p) {
  return fmt::format("{}={} step {} at {}", p.name, p.value, p.step.value_or(-1), FormatTimePrecise(p.time));
}

// All files, in pieces of `size` bytes by turns, as live files grow.
std::vector<MetricPoint> ReadAll(Collector& collector, std::size_t size = 1 << 20) {
  std::vector<MetricPoint> points;
  std::map<std::string, std::string> contents;
  for (const std::string& file : kFiles) contents[file] = Bytes(file);
  for (std::size_t at = 0, left = kFiles.size(); left > 0; at += size) {
    left = 0;
    for (const std::string& file : kFiles) {
      const std::string& bytes = contents[file];
      if (at >= bytes.size()) continue;
      ++left;
      collector.Select(file);
      collector.Feed(std::string_view(bytes).substr(at, size), &points);
    }
  }
  collector.Finish(&points);
  return points;
}

std::vector<std::string> Values(const std::vector<MetricPoint>& points) {
  std::vector<std::string> values;
  for (const MetricPoint& point : points) values.push_back(fmt::format("{} {}", point.step.value_or(-1), point.value));
  return values;
}

TEST(Events, AScalarHasItsStepAndItsTime) {
  const auto points = ReadAll(*Make("train/loss"));
  ASSERT_THAT(points, SizeIs(5));
  EXPECT_EQ(Line(points[0]), "train/loss=1 step 1 at 2023-11-14T22:13:30.500000000Z");
  EXPECT_THAT(Values(points), ElementsAre("1 1", "2 0.5", "3 0.33333334", "4 0.25", "5 0.2"));
}

TEST(Events, AFolderInTheNameChoosesTheFile) {
  EXPECT_THAT(Values(ReadAll(*Make("test/loss"))), ElementsAre("1 1.25", "2 0.75", "3 0.5833333", "4 0.5", "5 0.45"));
  EXPECT_THAT(ReadAll(*Make("mnist/test/loss")), SizeIs(5));
  EXPECT_THAT(ReadAll(*Make("est/loss")), IsEmpty());
  EXPECT_THAT(ReadAll(*Make("loss")), SizeIs(5 + 5 + 7));  // of every file
  EXPECT_THAT(ReadAll(*Make("other/loss")), SizeIs(10));   // a tag with a slash in it
}

TEST(Events, NumbersInTensorsAreRead) {
  EXPECT_THAT(Values(ReadAll(*Make("tensors/loss"))),
              ElementsAre("1 0.5", "2 0.125", "3 0.1", "4 0.3", "5 -4", "6 1099511627776", "9 nan"));
}

TEST(Events, HowTheFilesGrowMakesNoDifference) {
  for (const std::size_t size : {1u, 7u, 100u}) {
    auto collector = Make("test/loss", {"train/accuracy"});
    EXPECT_THAT(ReadAll(*collector, size), SizeIs(10)) << size;
  }
}

TEST(Events, WhatIsStoredIsNotTakenAgainAfterARestart) {
  const auto all = ReadAll(*Make("test/loss", {"train/accuracy"}));
  for (std::size_t stored = 0; stored <= all.size(); ++stored) {
    auto collector = Make("test/loss", {"train/accuracy"});
    for (std::size_t i = 0; i < stored; ++i) collector->Know(all[i]);
    EXPECT_THAT(ReadAll(*collector), SizeIs(all.size() - stored)) << stored;
  }
}

TEST(Events, ADamagedRecordIsPassedOver) {
  std::string bytes = Bytes(kFiles[0]);
  const std::size_t first = bytes.find("accuracy");
  ASSERT_NE(first, std::string::npos);
  bytes[first] ^= 1;
  auto collector = Make("accuracy", {"loss"});
  std::vector<MetricPoint> points;
  collector->Select(kFiles[0]);
  collector->Feed(bytes, &points);
  EXPECT_THAT(points, SizeIs(9));
}

TEST(Events, AfterADamagedLengthNothingOfThatFileIsTaken) {
  std::string bytes = Bytes(kFiles[0]);
  bytes[0] ^= 1;
  auto collector = Make("loss");
  std::vector<MetricPoint> points;
  collector->Select(kFiles[0]);
  collector->Feed(bytes, &points);
  EXPECT_THAT(points, IsEmpty());
  EXPECT_THAT(collector->Diagnosis(), HasSubstr("read 0 records of 1 file below /logs/mnist, 1 of them damaged"));
  collector->Select(kFiles[1]);  // another one is read all the same
  collector->Feed(Bytes(kFiles[1]), &points);
  EXPECT_THAT(points, SizeIs(5));
}

TEST(Events, TheDiagnosisNamesTheTagsThatWereThere) {
  auto none = Make("loss");
  EXPECT_THAT(none->Diagnosis(),
              HasSubstr("no event file (its name has 'tfevents' in it) was written below /logs/mnist"));
  auto collector = Make("val_loss");
  EXPECT_THAT(ReadAll(*collector), IsEmpty());
  EXPECT_THAT(collector->Diagnosis(), HasSubstr("'accuracy' in test, 'loss' in test, 'other/loss' in test"));
}

TEST(Events, TheChecksumIsCastagnolis) {
  // 123456789 has the checksum 0xE3069283; event files rotate it by 15 bits and add a number.
  EXPECT_EQ(MaskedCrc32c("123456789"), ((0xE3069283u >> 15) | (0xE3069283u << 17)) + 0xA282EAD8u);
}

}  // namespace
}  // namespace qalam
