// SPDX-License-Identifier: Apache-2.0
// The bridge to Python, driven by peers that behave and peers that do not. The real ones are tried where somebody has
// installed them; what stands between them and us is the same.
#include "bench/contenders/peers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "bench/campaign.h"
#include "bench/curves.h"
#include "bench/problems/continuous.h"
#include "bench/problems/learning.h"
#include "bench/run.h"
#include "bench/step_run.h"

namespace qalam::bench {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kAdapters = R"(
import os, random, time

class Task:
    def __init__(self, parameters, seed, budget, workers):
        self.parameters, self.seed, self.budget, self.workers = parameters, seed, budget, workers

class Random:
    def __init__(self, task, how):
        self.task, self.how, self.rng, self.asked = task, how, random.Random(task.seed), 0
        print("begun", how, task.budget, task.workers)
        if how == "refuses":
            raise ValueError("it cannot do without a second knob")
    def ask(self):
        self.asked += 1
        if self.asked == 5 and self.how == "dies":
            os._exit(7)
        if self.asked == 5 and self.how == "hangs":
            time.sleep(3600)
        values = {p.name: p.from_unit(self.rng.random()) for p in self.task.parameters}
        for p in self.task.parameters:  # there and back
            again = p.from_unit(p.to_unit(values[p.name]))
            same = again == values[p.name] if p.kind != "real" else abs(again - values[p.name]) < 1e-9 * (p.high - p.low)
            assert same, (p.name, values[p.name], again)
        if self.asked == 5 and self.how == "nan":
            values[self.task.parameters[0].name] = float("nan")
        if self.asked == 5 and self.how == "outside":
            values[self.task.parameters[0].name] = 1e9
        if self.asked == 5 and self.how == "ends":
            return None
        return self.asked, values
    def tell(self, key, values, value):
        assert key <= self.asked
    def tell_foreign(self, values, value):
        assert set(values) == {p.name for p in self.task.parameters}
    def close(self):
        pass

class Halves:
    # Every other trial is trained by half, then to its end; the others are stopped at their second step.
    def __init__(self, task):
        self.task, self.begun, self.half = task, 0, []
    def next(self):
        if self.half:
            return self.half.pop() + (self.task.steps,)
        self.begun += 1
        values = {p.name: p.from_unit(self.begun / 100) for p in self.task.parameters}
        return self.begun, values, self.task.steps // 2
    def report(self, number, step, value):
        assert isinstance(value, float)
        return number % 2 == 1 or step < 2
    def end(self, number, step, value, stopped):
        assert stopped == (number % 2 == 0)
        if step == self.task.steps // 2:
            self.half.append((number, {p.name: p.from_unit(number / 100) for p in self.task.parameters}))
    def close(self):
        pass

def make(name, task):
    return Halves(task) if name == "halves" else Random(task, name)
)";

class PeersTest : public testing::Test {
 protected:
  PeersTest() {
    fs::create_directories(root_ + "/home/peers");
    fs::create_directories(root_ + "/peers/fake/bin");
    fs::create_symlink(QALAM_PYTHON, root_ + "/peers/fake/bin/python");
    fs::copy_file(QALAM_SOURCE_DIR "/bench/peers/bridge.py", root_ + "/home/peers/bridge.py");
    std::ofstream(root_ + "/home/peers/adapters.py") << kAdapters;
    std::string peers;
    for (const char* const name : {"good", "dies", "hangs", "nan", "outside", "ends", "refuses", "halves"})
      peers += fmt::format(R"("{}": {{"environment": "fake", "summary": "s"}}, )", name);
    std::ofstream(root_ + "/home/peers/peers.json")
        << R"({"peers": {)" << peers << R"("absent": {"environment": "none", "summary": "s", "slow": true}}})";
    std::ofstream(root_ + "/peers/broken.failed") << "no wheel for this planet\nmore\n";
    setenv("QALAM_PEERS", (root_ + "/peers").c_str(), 1);
  }
  ~PeersTest() override {
    unsetenv("QALAM_PEERS");
    fs::remove_all(root_);
  }

  PeerOptions Options() const {
    return {root_ + "/home", root_ + "/logs", 2, std::chrono::milliseconds(60'000), [] { return false; }};
  }
  static ContenderSpec Peer(const std::string& name) { return {name, name, {}, ContenderSpec::Kind::kPeer, ""}; }
  static Result<RunResult> Run(Peers& peers, const std::string& name, const Problem& problem, int workers = 1,
                               int common_start = 0) {
    const RunKey key{problem.name(), name, 3, 20, workers, common_start};
    return Execute(key, problem, [&] { return peers.Make(Peer(name), problem, 3, 20); });
  }

  std::string root_ = testing::TempDir() + "peers_" + std::to_string(getpid());
  const std::unique_ptr<Problem> sphere_ = MakeBbob(1, 1, 3);
};

TEST_F(PeersTest, EveryKindOfParameterGoesThereAndBack) {
  Peers peers(Options());
  class Mixed final : public Problem {
   public:
    Mixed()
        : Problem("mixed",
                  {NumberParameter("x", ParameterType::kDouble, -0.3, 0.7),
                   NumberParameter("lr", ParameterType::kDouble, 1e-7, 1.5e-1, Distribution::kLogUniform),
                   NumberParameter("n", ParameterType::kInt, -3, 12),
                   ListParameter("b", ParameterType::kDiscrete, {"64", "8", "16"}),
                   NumberParameter("w", ParameterType::kInt, 1, 4096, Distribution::kLogUniform),
                   ListParameter("c", ParameterType::kCategorical, {"a b", "ü", "1.0"})},
                  1, 0) {}
    Evaluation Evaluate(const Assignments& point, int, std::uint64_t) const override { return {NumberOf(point[0]), 1}; }
  } mixed;
  for (const int workers : {1, 4}) {
    const auto result = Run(peers, "good", mixed, workers, 5);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->trials.size(), 20U);
    EXPECT_GT(result->trials.back().suggest_seconds, 0);
  }
}

TEST_F(PeersTest, TrainsStepByStepStopsAndGoesOn) {
  Peers peers(Options());
  const auto problem = MakeLearning("noisy", 1);
  const RunKey key{problem->name(), "halves", 3, 3, 1};
  for (int again = 0; again < 2; ++again) {
    const auto result =
        ExecuteSteps(key, *problem, [&] { return peers.MakeSteps(Peer("halves"), *problem, 3, std::nullopt); });
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    std::vector<std::array<int, 3>> jobs;
    for (const JobRow& job : result->jobs) jobs.push_back({static_cast<int>(job.trial), job.from, job.to});
    using Job = std::array<int, 3>;
    EXPECT_THAT(jobs, testing::ElementsAre(Job{1, 0, 13}, Job{1, 13, 27}, Job{2, 0, 2}, Job{3, 0, 13}, Job{3, 13, 27},
                                           Job{4, 0, 2}, Job{5, 0, 13}));
  }
}

TEST_F(PeersTest, WhatGoesWrongEndsTheRunWithAReasonAndNotTheNextOne) {
  PeerOptions options = Options();
  options.timeout = std::chrono::milliseconds(5'000);
  Peers peers(options);
  const auto why = [&](const std::string& name) {
    const auto result = Run(peers, name, *sphere_);
    EXPECT_EQ(Run(peers, "good", *sphere_).status().ToString(), "OK") << "after " << name;
    return result.status().ToString();
  };
  EXPECT_THAT(why("dies"), AllOf(HasSubstr("exit code 7"), HasSubstr("logs/dies-")));
  EXPECT_THAT(why("hangs"), HasSubstr("it did not answer within 5 s"));
  EXPECT_THAT(why("nan"), HasSubstr("is NaN"));
  EXPECT_THAT(why("outside"), HasSubstr("1000000000"));
  EXPECT_THAT(why("refuses"), HasSubstr("ValueError: it cannot do without a second knob"));
  EXPECT_THAT(why("absent"), HasSubstr("is not installed: python3 bench/peers/install.py absent"));
  EXPECT_THAT(why("unheard-of"), HasSubstr("there is no peer 'unheard-of'"));
  const auto ended = Run(peers, "ends", *sphere_);
  ASSERT_TRUE(ended.ok());
  EXPECT_TRUE(ended->exhausted);
  EXPECT_EQ(ended->trials.size(), 4U);
}

TEST_F(PeersTest, AnInterruptedRunDoesNotWaitForAPeerThatThinks) {
  PeerOptions options = Options();
  std::atomic<int> left = 3;
  options.interrupted = [&left] { return left-- <= 0; };
  Peers peers(options);
  EXPECT_EQ(Run(peers, "hangs", *sphere_).status().code(), Code::kCancelled);
}

TEST_F(PeersTest, WhyAPeerIsNotHereIsSaid) {
  EXPECT_EQ(Peers::WhyNot({"good", "fake", "", false}), "");
  EXPECT_EQ(Peers::WhyNot({"x", "broken", "", false}), "cannot be installed: no wheel for this planet");
  EXPECT_THAT(Peers::WhyNot({"x", "none", "", false}), HasSubstr("install.py x"));
  const auto listed = Peers::List(QALAM_SOURCE_DIR "/bench");
  ASSERT_TRUE(listed.ok());
  EXPECT_GE(listed->size(), 19U);
}

TEST_F(PeersTest, ACampaignWithPeersGivesTheSameBytesAgainAndNamesTheBadOnes) {
  std::string first;
  for (const char* const out : {"/a", "/b"}) {
    Peers peers(Options());
    CampaignOptions options;
    options.manifest = {{30, 2, 0, true}, {"bbob/f01/d2/i1", "bbob/f03/d3/i1"}, {Peer("good"), Peer("dies")}, 2};
    options.make = [&peers](const auto& spec, const Problem& problem, std::uint64_t seed, const auto& budget, int) {
      return peers.Make(spec, problem, seed, budget);
    };
    options.jobs = 2;
    options.out = root_ + out;
    ASSERT_TRUE(RunCampaign(
                    options, [](const Progress&) {}, [] { return false; })
                    .ok());
    const auto curves = ReadCurves(options.out, "");
    ASSERT_TRUE(curves.ok());
    EXPECT_EQ(curves->runs.size(), 4U);
    ASSERT_EQ(curves->failures.size(), 4U);
    EXPECT_THAT(curves->failures[0].why, HasSubstr("exit code 7"));
    std::string text;
    for (const RunCurve& run : curves->runs) {
      for (const double regret : run.regrets) text += fmt::format("{} ", regret);
    }
    EXPECT_TRUE(first.empty() || text == first);
    first = text;
  }
}

}  // namespace
}  // namespace qalam::bench
