// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "core/rng.h"
#include "experiment/metrics/collector.h"
#include "experiment/metrics/lines.h"

namespace qalam {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

ObjectiveSpec Objective(std::string name = "loss", std::vector<std::string> additional = {"accuracy"}) {
  ObjectiveSpec spec;
  spec.metric_name = std::move(name);
  spec.additional_metric_names = std::move(additional);
  return spec;
}
MetricsCollectorSpec StdOut(std::vector<std::string> filters = {}) {
  MetricsCollectorSpec spec;
  spec.filters = std::move(filters);
  return spec;
}
MetricsCollectorSpec JsonFile() {
  MetricsCollectorSpec spec;
  spec.kind = CollectorKind::kFile;
  spec.path = "/katib/mnist.json";
  spec.format = FileFormat::kJson;
  return spec;
}

std::unique_ptr<Collector> Make(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective,
                                std::int64_t offset = 0, std::int64_t lines = 0) {
  auto collector = MakeCollector(spec, objective, offset, lines);
  EXPECT_TRUE(collector.ok()) << collector.status().ToString();
  return *std::move(collector);
}

std::string Line(const MetricPoint& p) {
  std::string out = p.name + "=" + p.value;
  if (p.step) out += fmt::format(" step {}", *p.step);
  if (p.time != WallTime{}) out += " at " + FormatTimePrecise(p.time);
  return out;
}
std::vector<std::string> Lines(const std::vector<MetricPoint>& points) {
  std::vector<std::string> out;
  for (const MetricPoint& p : points) out.push_back(Line(p));
  return out;
}
std::vector<std::string> Read(std::string_view text, const MetricsCollectorSpec& spec = StdOut(),
                              const ObjectiveSpec& objective = Objective()) {
  auto collector = Make(spec, objective);
  std::vector<MetricPoint> points;
  collector->Feed(text, &points);
  collector->Finish(&points);
  return Lines(points);
}

TEST(TextMetrics, AreReadWithKatibsDefaultFilter) {
  EXPECT_THAT(Read("loss=0.5\n"), ElementsAre("loss=0.5"));
  EXPECT_THAT(Read("loss = 0.5 accuracy= 7\n"), ElementsAre("loss=0.5", "accuracy=7"));
  EXPECT_THAT(Read("{loss=+.5e-3}, accuracy=-1E+2;\n"), ElementsAre("loss=+.5e-3", "accuracy=-1E+2"));
  EXPECT_THAT(Read("train loss=1 loss=2\nloss=3"), ElementsAre("loss=1", "loss=2", "loss=3"));
  EXPECT_THAT(Read("Validation-accuracy=0.9\n", StdOut(), Objective("Validation-accuracy")),
              ElementsAre("Validation-accuracy=0.9"));
  EXPECT_THAT(Read("accuracy=98.5% time=12ms\n"), ElementsAre("accuracy=98.5"));
}

TEST(TextMetrics, OtherNamesAreNotTaken) {
  EXPECT_THAT(Read("val_loss=0.5\nloss_total=1\nLoss=3\nlossy=2\nmy-loss=4\nloss: 0.3\n"), IsEmpty());
}

// Katib stores an empty value for "loss=nan", a minus for "-inf", 0 for 0x1F and 1 for "1,5".
TEST(TextMetrics, WhatIsNoNumberIsKeptAsPrinted) {
  const std::vector<std::pair<std::string, std::string>> cases = {{"loss=nan", "nan"},
                                                                  {"loss=NaN,", "NaN"},
                                                                  {"loss = -nan", "-nan"},
                                                                  {"(loss=inf)", "inf"},
                                                                  {"loss=-inf accuracy", "-inf"},
                                                                  {"loss=+Infinity", "+Infinity"},
                                                                  {"loss=1e400", "1e400"},
                                                                  {"loss=0x1F", "0x1F"},
                                                                  {"loss=-0x1p3", "-0x1p3"},
                                                                  {"loss=1,5", "1,5"},
                                                                  {"loss=1_000", "1_000"},
                                                                  {"loss=1.2.3", "1.2.3"},
                                                                  {"loss=None", "None"},
                                                                  {"loss=tensor(0.3)", "tensor(0.3)"},
                                                                  {"loss=[0.3]", "[0.3]"},
                                                                  {"loss='0.5'", "0.5"},
                                                                  {"loss=\"nan\" ", "nan"},
                                                                  {"{loss=nan}", "nan"},
                                                                  {"loss=nan;", "nan"},
                                                                  {"loss=--1", "--1"},
                                                                  {"loss=diverged", "diverged"},
                                                                  {"loss=1,000,000", "1,000,000"}};
  for (const auto& [line, value] : cases) EXPECT_THAT(Read(line + "\n"), ElementsAre("loss=" + value)) << line;
}

TEST(TextMetrics, WhatOnlyLooksLikeAPartOfANumberIsNot) {
  EXPECT_THAT(Read("loss=0.5,accuracy=0.9\n"), ElementsAre("loss=0.5", "accuracy=0.9"));
  EXPECT_THAT(Read("loss=0.5,12s left\n"), ElementsAre("loss=0.5"));
  EXPECT_THAT(Read("loss=5, 7\n"), ElementsAre("loss=5"));
  EXPECT_THAT(Read("The end: loss=0.5.\n"), ElementsAre("loss=0.5"));
  EXPECT_THAT(Read("loss=0.5_best\n"), ElementsAre("loss=0.5"));
}

TEST(TextMetrics, NothingAfterTheEqualsSignIsNoReport) { EXPECT_THAT(Read("loss=\nloss= \n"), IsEmpty()); }

TEST(TextMetrics, TheFirstWordMayBeATime) {
  EXPECT_THAT(Read("2026-01-02T15:04:05.25Z loss=1\n2026-01-02T15:04:05+02:00 loss=2\nloss=3\n"
                   "2026-01-02 15:04:05 loss=4\nloss=5 2026-01-02T15:04:05Z\n"),
              ElementsAre("loss=1 at 2026-01-02T15:04:05.250000000Z", "loss=2 at 2026-01-02T13:04:05.000000000Z",
                          "loss=3", "loss=4", "loss=5"));
}

TEST(TextMetrics, AStepOnTheLineIsTheStepOfItsPoints) {
  EXPECT_THAT(Read("epoch=7 loss=0.3 accuracy=1\n"), ElementsAre("loss=0.3 step 7", "accuracy=1 step 7"));
  EXPECT_THAT(Read("loss=0.3 step=700 epoch=7\n"), ElementsAre("loss=0.3 step 700"));
  EXPECT_THAT(Read("Epoch 7/50: loss=0.3\n"), ElementsAre("loss=0.3 step 7"));
  EXPECT_THAT(Read("Epoch: 12 - loss=0.3\n"), ElementsAre("loss=0.3 step 12"));
  EXPECT_THAT(Read("{epoch=3, loss=1}\n"), ElementsAre("loss=1 step 3"));
  EXPECT_THAT(Read("loss=1 global_step=40\n"), ElementsAre("loss=1 step 40"));
  EXPECT_THAT(Read("loss=1 epoch=3.\n"), ElementsAre("loss=1 step 3"));
  // None of these is one.
  for (const char* line : {"epoch=1.5 loss=1", "epochs=50 loss=1", "timestep=4 loss=1", "step=-3 loss=1", "loss=1 step",
                           "loss=1 step=99999999999999999999"}) {
    EXPECT_THAT(Read(line), ElementsAre("loss=1")) << line;
  }
}

TEST(TextMetrics, SeveralFiltersAreTriedOneAfterTheOther) {
  const auto spec = StdOut({R"(([\w|-]+)\s*:\s*([0-9.]+))", R"(<([\w]+)> is ([0-9.]+))"});
  EXPECT_THAT(Read("loss: 0.5 and <loss> is 0.7, <accuracy> is 3\nloss=9\n", spec),
              ElementsAre("loss=0.5", "loss=0.7", "accuracy=3"));
  // What two filters find alike was printed once.
  EXPECT_THAT(Read("loss: 0.5\n", StdOut({R"((\w+): ([0-9.]+))", R"((\w+):\s*([0-9.]+))"})), ElementsAre("loss=0.5"));
}

TEST(TextMetrics, AFilterWithAnEmptyValueKeepsWhatIsThere) {
  EXPECT_THAT(Read("loss: nan,\n", StdOut({R"((\w+): (-?\d*))"})), ElementsAre("loss=nan"));
  EXPECT_THAT(Read("loss: nan\n", StdOut({R"((\w+): (\d+)?)"})), ElementsAre("loss=nan"));
}

// The filters of Katib's own examples: metrics-collector/file-metrics-collector.yaml, nas/darts-cpu.yaml and
// kubeflow-training-operator/xgboostjob-lightgbm.yaml.
TEST(TextMetrics, KatibsExampleFiltersWork) {
  EXPECT_THAT(
      Read("2022-01-01T00:00:00Z INFO {metricName: accuracy, metricValue: 0.9011};"
           "{metricName: loss, metricValue: -12}\n",
           StdOut({R"({metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)})"})),
      ElementsAre("accuracy=0.9011 at 2022-01-01T00:00:00.000000000Z", "loss=-12 at 2022-01-01T00:00:00.000000000Z"));
  EXPECT_THAT(Read("Best-Genotype=Genotype(normal=[[('skip', 0)]], concat=range(2, 5))\n",
                   StdOut({R"(([\w-]+)=(Genotype.*))"}), Objective("Best-Genotype", {})),
              ElementsAre("Best-Genotype=Genotype(normal=[[('skip', 0)]], concat=range(2, 5))"));
  EXPECT_THAT(Read("[LightGBM] valid_1 auc : 0.81\n", StdOut({R"((\w+\s\w+)\s:\s((-?\d+)(\.\d+)?))"}),
                   Objective("valid_1 auc", {})),
              ElementsAre("valid_1 auc=0.81"));
}

TEST(TextMetrics, CarriageReturnsColoursAndNulBytesDoNoHarm) {
  EXPECT_THAT(Read("loss=1\r\nloss=2\r\n"), ElementsAre("loss=1", "loss=2"));
  EXPECT_THAT(Read("\r 10% loss=3\r 20% loss=2\r100% loss=1\n"), ElementsAre("loss=3", "loss=2", "loss=1"));
  EXPECT_THAT(Read("\x1b[1;31mloss\x1b[0m=\x1b[32m0.5\x1b[0m\n"), ElementsAre("loss=0.5"));
  EXPECT_THAT(Read("\x1b]0;training loss=9\aloss=1 \x1b(B\x1b[2K\x1b"
                   "7\n"),
              ElementsAre("loss=1"));
  EXPECT_THAT(Read({"l\0o\0s\0s\0=\0001\0\n", 13}), ElementsAre("loss=1"));
  EXPECT_THAT(Read("\xff\xfe\x80 loss=1 \xc3\n"), ElementsAre("loss=1"));
  EXPECT_THAT(Read("loss=\xff\n"), ElementsAre("loss=\xEF\xBF\xBD"));  // what is stored is always UTF-8
  EXPECT_THAT(Read("<b>loss=1</b>\n"), ElementsAre("loss=1"));
  EXPECT_THAT(Read("потеря=0.25\n", StdOut({R"((\pL+)=([0-9.]+))"}), Objective("потеря")), ElementsAre("потеря=0.25"));
}

TEST(TextMetrics, ALineTooLongIsReadAtItsBeginning) {
  const std::string filler(LineCollector::kMaxLine, 'x');
  EXPECT_THAT(Read("loss=1 " + filler + " loss=2\nloss=3\n"), ElementsAre("loss=1", "loss=3"));
  EXPECT_THAT(Read(filler + "loss=1\nloss=2\n"), ElementsAre("loss=2"));
  // The cut goes through a number: 12345678 is never read as 1234.
  int cut = 0;
  for (std::size_t shift = 0; shift < 24; ++shift) {
    const std::string line = "loss=0.5 " + std::string(LineCollector::kMaxLine - 32 + shift, 'x') + " loss=12345678\n";
    const auto points = Read(line);
    ASSERT_FALSE(points.empty());
    EXPECT_EQ(points[0], "loss=0.5");
    if (points.size() == 1) {
      ++cut;
    } else {
      EXPECT_EQ(points[1], "loss=12345678") << shift;
    }
  }
  EXPECT_GT(cut, 5);
  EXPECT_LT(cut, 20);
}

const std::string& Messy() {
  static const std::string text =
      "start\n2026-01-02T15:04:05Z epoch=1 loss=0.5 accuracy=0.1\r\n\r\nnothing\n\x1b[32mepoch=2 loss=nan\x1b[0m\n"
      "\r1% loss=3\r2% loss=2\n\n" +
      std::string("\0loss=7\n", 8) +
      "{\"loss\": \"4\", \"epoch\": 3}\nval_loss=1\nloss=-inf,\nLoss: 3\n"
      "{\"accuracy\": 1e400, \"loss\": NaN}\n\xff\xfeloss=6\n{\"loss\": \"9\"}\r\nthe last loss=8";
  return text;
}

struct Progress {
  std::vector<std::string> points;
  std::int64_t consumed, lines;
  bool operator==(const Progress&) const = default;
};
Progress Whole(const MetricsCollectorSpec& spec, std::string_view text) {
  auto collector = Make(spec, Objective());
  std::vector<MetricPoint> points;
  collector->Feed(text, &points);
  collector->Finish(&points);
  return {Lines(points), collector->consumed(), collector->lines()};
}

TEST(Collectors, WhereTheChunksEndDoesNotMatter) {
  for (const MetricsCollectorSpec& spec : {StdOut(), JsonFile()}) {
    const std::string& text = Messy();
    const Progress whole = Whole(spec, text);
    EXPECT_GE(whole.points.size(), 4u);
    EXPECT_EQ(whole.consumed, static_cast<std::int64_t>(text.size()));
    EXPECT_EQ(whole.lines, std::ranges::count(text, '\n') + 1);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      auto collector = Make(spec, Objective());
      std::vector<MetricPoint> points;
      collector->Feed(std::string_view(text).substr(0, cut), &points);
      collector->Feed(std::string_view(text).substr(cut), &points);
      collector->Finish(&points);
      EXPECT_EQ((Progress{Lines(points), collector->consumed(), collector->lines()}), whole) << "cut at " << cut;
    }
    auto bytewise = Make(spec, Objective());
    std::vector<MetricPoint> points;
    for (const char& c : text) bytewise->Feed({&c, 1}, &points);
    bytewise->Finish(&points);
    EXPECT_EQ((Progress{Lines(points), bytewise->consumed(), bytewise->lines()}), whole);
  }
}

TEST(Collectors, ARestartFromWhatWasConsumedGivesTheRestExactly) {
  for (const MetricsCollectorSpec& spec : {StdOut(), JsonFile()}) {
    const std::string& text = Messy();
    const Progress whole = Whole(spec, text);
    for (std::size_t killed = 0; killed <= text.size(); ++killed) {
      auto before = Make(spec, Objective());
      std::vector<MetricPoint> points;
      before->Feed(std::string_view(text).substr(0, killed), &points);
      EXPECT_LE(before->consumed(), static_cast<std::int64_t>(killed));
      auto after = Make(spec, Objective(), before->consumed(), before->lines());
      after->Feed(std::string_view(text).substr(static_cast<std::size_t>(before->consumed())), &points);
      after->Finish(&points);
      EXPECT_EQ((Progress{Lines(points), after->consumed(), after->lines()}), whole) << "killed at " << killed;
    }
  }
}

TEST(Collectors, PointsComeAsSoonAsTheirLineIsComplete) {
  auto collector = Make(StdOut(), Objective());
  std::vector<MetricPoint> points;
  collector->Feed("loss=1\nloss=2", &points);
  EXPECT_THAT(Lines(points), ElementsAre("loss=1"));
  EXPECT_EQ(collector->consumed(), 7);
  EXPECT_EQ(collector->lines(), 1);
  collector->Feed("5\n", &points);
  EXPECT_THAT(Lines(points), ElementsAre("loss=1", "loss=25"));
  EXPECT_EQ(collector->consumed(), 15);
}

TEST(Collectors, RandomBytesAreReadWithoutHarm) {
  Rng rng(1, "test.bytes", 0);
  for (const MetricsCollectorSpec& spec : {StdOut(), StdOut({R"((.*?)=(.*))"}), JsonFile()}) {
    auto collector = Make(spec, Objective());
    std::vector<MetricPoint> points;
    std::string sent;
    for (int i = 0; i < 2000; ++i) {
      std::string chunk;
      for (std::uint64_t n = rng.Below(200); n > 0; --n) chunk += static_cast<char>(rng.Below(256));
      if (rng.Below(4) == 0) chunk += rng.Below(2) == 0 ? "loss=" : "{\"loss\":";
      sent += chunk;
      collector->Feed(chunk, &points);
    }
    collector->Finish(&points);
    EXPECT_EQ(collector->consumed(), static_cast<std::int64_t>(sent.size()));
    EXPECT_EQ(Read(sent, spec), Lines(points));
    EXPECT_FALSE(collector->Diagnosis().empty());
  }
}

std::int64_t ResidentKiB() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") return status >> word, std::stoll(word);
  }
  return 0;
}

TEST(Collectors, AnEndlessLineCostsNoMemory) {
  for (const MetricsCollectorSpec& spec : {StdOut(), JsonFile()}) {
    auto collector = Make(spec, Objective());
    std::vector<MetricPoint> points;
    const std::string chunk(1 << 16, 'l');
    collector->Feed("loss=1 ", &points);
    const std::int64_t before = ResidentKiB();
    ASSERT_GT(before, 0);
    for (int i = 0; i < 512; ++i) collector->Feed(chunk, &points);  // 32 MiB
    EXPECT_LT(ResidentKiB() - before, 4 << 10);
    EXPECT_EQ(collector->consumed(), 0);
    collector->Feed("\n", &points);
    EXPECT_EQ(collector->consumed(), 7 + 512 * (1 << 16) + 1);
    EXPECT_EQ(collector->lines(), 1);
  }
}

TEST(JsonMetrics, StringsAndNumbersCount) {
  EXPECT_THAT(Read("{\"loss\": \"0.31\", \"accuracy\": 0.90, \"epoch\": 7}\n", JsonFile()),
              ElementsAre("loss=0.31 step 7", "accuracy=0.90 step 7"));
  EXPECT_THAT(Read("{\"accuracy\":1e-3,\"loss\":-2}\n\n  {\"loss\" : 3 }  \n", JsonFile()),
              ElementsAre("loss=-2", "accuracy=1e-3", "loss=3"));
  EXPECT_THAT(Read(R"({"step": "12", "epoch": 1, "loss": 0.5})", JsonFile()), ElementsAre("loss=0.5 step 12"));
}

TEST(JsonMetrics, TheTimestampIsTextOrSeconds) {
  EXPECT_THAT(Read(R"({"loss": 1, "timestamp": "2021-12-02T14:27:51Z"}
{"loss": 2, "timestamp": 1638422847.287801}
{"loss": 3, "timestamp": "1638422847"}
{"loss": 4, "timestamp": "yesterday"}
{"loss": 5, "timestamp": 1e300}
{"loss": 6, "timestamp": {"s": 1}})",
                   JsonFile()),
              ElementsAre("loss=1 at 2021-12-02T14:27:51.000000000Z", "loss=2 at 2021-12-02T05:27:27.287801000Z",
                          "loss=3 at 2021-12-02T05:27:27.000000000Z", "loss=4", "loss=5", "loss=6"));
}

TEST(JsonMetrics, WhatJsonHasNoWordForIsKeptAsText) {
  EXPECT_THAT(Read("{\"loss\": NaN, \"accuracy\": -Infinity}\n{\"loss\":1e400}\n{\"loss\": \"nan\"}\n", JsonFile()),
              ElementsAre("loss=NaN", "accuracy=-Infinity", "loss=1e400", "loss=nan"));
}

TEST(JsonMetrics, ABadLineIsSkippedAndTheOthersCount) {
  const std::string lines =
      "loss=0.5\n{\"loss\": }\n[\"loss\", 1]\n{\"loss\": 1\n\"loss\"\n{\"loss\": tensor}\n{\"loss\": null}\n"
      "{\"loss\": [1]}\n{\"loss\": true}\n{\"loss\": \"\"}\n{\"nested\": {\"loss\": 1}}\n{\"note\": \"loss\\\": 3\"}\n"
      "{'loss': 4}\n{\"loss\": \"\\ud83d\\ude00\"}\n{\"loss\": 2}\n";
  EXPECT_THAT(Read(lines, JsonFile()), ElementsAre("loss=\xF0\x9F\x98\x80", "loss=2"));
}

TEST(JsonMetrics, DeepNestingIsNoTrap) {
  EXPECT_THAT(Read("{\"loss\": 1, \"x\": " + std::string(30'000, '[') + std::string(30'000, ']') + "}\n{\"loss\": 2}\n",
                   JsonFile()),
              ElementsAre("loss=1", "loss=2"));
}

std::string Diagnosed(const std::string& text, const MetricsCollectorSpec& spec = StdOut(),
                      const ObjectiveSpec& objective = Objective()) {
  auto collector = Make(spec, objective);
  std::vector<MetricPoint> points;
  collector->Feed(text, &points);
  collector->Finish(&points);
  return collector->Diagnosis();
}

TEST(Diagnosis, ShowsTheNearestLinesAndWhatToDo) {
  std::string text;
  for (int i = 1; i <= 212; ++i) text += i == 207 ? "Loss: 0.231\n" : i == 211 ? "val_loss: 0.301\n" : "working\n";
  EXPECT_EQ(Diagnosed(text),
            R"(no line matched the objective 'loss'.
  read 212 lines of stdout with the filter  ([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)
  the nearest were  line 207: "Loss: 0.231"   line 211: "val_loss: 0.301"
  fix: print "loss=0.231", or set objectiveMetricName: Loss and add the filter  ([\w|-]+)\s*:\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)   (spec.metricsCollectorSpec.source.filter.metricsFormat))");
}

TEST(Diagnosis, TheFilterItAdvisesReadsTheLine) {
  const std::string advice = Diagnosed("Loss: 0.231\n");
  const std::size_t begin = advice.find("add the filter  ") + 16;
  const std::string filter = advice.substr(begin, advice.find("   (spec") - begin);
  EXPECT_THAT(Read("Loss: 0.231\n", StdOut({filter}), Objective("Loss")), ElementsAre("Loss=0.231"));
}

TEST(Diagnosis, AnotherNameThatTheFilterReadsIsOffered) {
  EXPECT_THAT(Diagnosed("val_loss=0.301\n"),
              HasSubstr("the nearest was  line 1: \"val_loss=0.301\"\n"
                        "  fix: print \"loss=0.301\", or set objectiveMetricName: val_loss, or add a filter"));
}

TEST(Diagnosis, SaysWhenNothingWasNear) {
  EXPECT_THAT(Diagnosed("hello\nworld\n"), HasSubstr("read 2 lines of stdout with the filter"));
  EXPECT_THAT(Diagnosed("hello\nworld\n"), HasSubstr("none of them had 'loss' in it"));
  EXPECT_THAT(Diagnosed("hello\n"), HasSubstr("fix: print \"loss=<number>\""));
}

TEST(Diagnosis, SaysWhenThereWasNothingToRead) {
  EXPECT_THAT(Diagnosed(""), HasSubstr("nothing was printed on stdout"));
  MetricsCollectorSpec file;
  file.kind = CollectorKind::kFile;
  file.path = "/var/log/katib/metrics.log";
  EXPECT_THAT(Diagnosed("", file), HasSubstr("the file /var/log/katib/metrics.log was empty, or never written"));
  EXPECT_THAT(Diagnosed("x\n", file), HasSubstr("read 1 line of /var/log/katib/metrics.log with the filter"));
}

TEST(Diagnosis, TellsANumberThatNeverCameFromOneThatIsNotFinite) {
  const std::string text = Diagnosed("loss=nan\nx\nloss=-inf\n");
  EXPECT_THAT(text, HasSubstr("the objective 'loss' came 2 times, but not as a finite number"));
  EXPECT_THAT(text, HasSubstr("the last one was \"-inf\" on line 3 of stdout"));
  EXPECT_THAT(Diagnosed("loss=nan\n"), HasSubstr("came once"));
}

TEST(Diagnosis, OfJsonSaysHowManyLinesWereNone) {
  const std::string text = Diagnosed("loss=0.5\n{\"val_loss\": 0.3}\n", JsonFile());
  EXPECT_THAT(text, HasSubstr("read 2 lines of /katib/mnist.json as JSON, 1 of them no JSON object"));
  EXPECT_THAT(text, HasSubstr("line 1: \"loss=0.5\""));
  EXPECT_THAT(text, HasSubstr("fix: write {\"loss\": \"0.5\"}"));
  EXPECT_THAT(Diagnosed("{\"val_loss\": 0.3}\n", JsonFile()),
              HasSubstr("fix: write {\"loss\": \"0.3\"}, or set objectiveMetricName: val_loss"));
}

TEST(Diagnosis, IsFitForATerminalWhateverWasPrinted) {
  const std::string text = Diagnosed("\x1b[31mLoss\x1b[0m\a: " + std::string(500, 'y') + "\n");
  EXPECT_THAT(text, HasSubstr("line 1: \"Loss: yyy"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\a")));
  EXPECT_LT(text.size(), 800u);
}

TEST(Filters, MustCompileAndHaveTwoGroups) {
  EXPECT_TRUE(CheckFilter(R"(([\w|-]+)\s*=\s*(\d+))").ok());
  EXPECT_THAT(CheckFilter("([a-z").message(), HasSubstr("filter '([a-z' does not compile: missing"));
  EXPECT_THAT(CheckFilter("loss=([0-9]+)").message(), HasSubstr("needs two groups"));
  EXPECT_THAT(CheckFilter("").message(), HasSubstr("needs two groups"));
  EXPECT_EQ(CheckFilter("(").code(), Code::kInvalidArgument);
  EXPECT_FALSE(MakeCollector(StdOut({"("}), Objective()).ok());
}

TEST(Collectors, WithoutAnObjectiveNoneIsMade) {
  EXPECT_EQ(MakeCollector(StdOut(), ObjectiveSpec{}).status().code(), Code::kInvalidArgument);
}

TEST(Collectors, OneOfReportsReadsNothingAndSaysWhatToDo) {
  for (const CollectorKind kind : {CollectorKind::kPush, CollectorKind::kNone}) {
    MetricsCollectorSpec spec;
    spec.kind = kind;
    EXPECT_THAT(Read("loss=1\n", spec), IsEmpty());
    EXPECT_THAT(Diagnosed("", spec), HasSubstr("fix: let the trial call katib.report_metrics({\"loss\": VALUE})"));
  }
}

TEST(Collectors, OfACustomOneWhatItPrintsIsRead) {
  MetricsCollectorSpec spec;
  spec.kind = CollectorKind::kCustom;
  spec.path = "/katib/mnist.log";
  EXPECT_THAT(Read("epoch=2 loss=1\n", spec), ElementsAre("loss=1 step 2"));
}

}  // namespace
}  // namespace qalam
