// SPDX-License-Identifier: Apache-2.0
// What every registered rule promises: crash safety, speed, and to take whatever trials report.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
#include <map>

#include "core/rng.h"
#include "earlystop/stopping_rule.h"
#include "tests/earlystop/support.h"

namespace qalam::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<Setting> Needed(const std::string& rule) {
  if (rule == "hyperband" || rule == "curve") return {{"r_max", "81"}};
  if (rule == "threshold") return {{"upper", "3"}};
  return {};
}

struct Said {
  std::uint64_t trial;
  std::int64_t step;
  double value;
};

// Reports of trials that run beside each other, with steps left out, said twice and out of order, and some without a
// number.
std::vector<Said> Mess(std::uint64_t seed, int trials, int reports) {
  std::vector<Said> out;
  std::map<std::uint64_t, std::int64_t> at;
  Rng rng(seed, "mess", 0);
  for (int i = 0; i < reports; ++i) {
    const std::uint64_t trial = 1 + rng.Below(static_cast<std::uint64_t>(trials));
    std::int64_t step = at[trial] += 1 + static_cast<std::int64_t>(rng.Below(3));
    if (rng.Uniform() < 0.1) step = static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(step) + 1));
    const double value =
        0.1 * static_cast<double>(trial % 17) + std::exp(-0.05 * static_cast<double>(step)) + 0.1 * rng.Normal();
    out.push_back({trial, step, rng.Uniform() < 0.02 ? kNan : value});
  }
  return out;
}

class EveryRule : public testing::TestWithParam<std::string> {};

TEST_P(EveryRule, DecidesAfterACrashAsItWouldHaveBefore) {
  const std::vector<Said> mess = Mess(7, 12, 600);
  const std::unique_ptr<LiveStopping> whole = Make(GetParam(), Needed(GetParam()));
  std::map<std::uint64_t, std::vector<Said>> told;
  std::map<std::uint64_t, Standing> ended;
  std::map<std::uint64_t, bool> spared;
  int stops = 0;
  for (std::size_t i = 0; i < mess.size(); ++i) {
    const Said& said = mess[i];
    if (ended.contains(said.trial)) continue;
    // One that is built anew, trial by trial, from what was recorded.
    std::unique_ptr<LiveStopping> anew;
    if (i % 7 == 0) {
      anew = Make(GetParam(), Needed(GetParam()));
      for (auto trial = told.rbegin(); trial != told.rend(); ++trial) {
        for (const Said& one : trial->second) anew->Add(one.trial, one.step, one.value);
        if (spared[trial->first]) anew->Spare(trial->first);
        if (ended.contains(trial->first)) anew->End(trial->first, ended[trial->first]);
      }
    }
    told[said.trial].push_back(said);
    const Decision decision = Report(*whole, said.trial, said.step, said.value);
    if (anew != nullptr) {
      const Decision again = Report(*anew, said.trial, said.step, said.value);
      ASSERT_EQ(again.action, decision.action) << "report " << i;
      EXPECT_EQ(again.reason, decision.reason);
      EXPECT_EQ(anew->Note(), whole->Note());
    }
    if (decision.action == Decision::kSpare) spared[said.trial] = true;
    if (decision.action != Decision::kStop && said.step < 81) continue;
    stops += decision.action == Decision::kStop ? 1 : 0;
    ended[said.trial] = decision.action == Decision::kStop ? Standing::kStopped : Standing::kSucceeded;
    whole->End(said.trial, ended[said.trial]);
  }
  EXPECT_GT(ended.size(), 0u);
}

TEST_P(EveryRule, ATrialThatBeginsAnewIsAsIfItHadReportedNothing) {
  const std::unique_ptr<LiveStopping> one = Make(GetParam(), Needed(GetParam()));
  const std::unique_ptr<LiveStopping> other = Make(GetParam(), Needed(GetParam()));
  for (const Said& said : Mess(3, 9, 300)) {
    one->Add(said.trial, said.step, said.value);
    if (said.trial != 4) other->Add(said.trial, said.step, said.value);
  }
  one->Forget(4);
  for (std::int64_t step = 1; step <= 81; ++step) {
    const double value = 2 - 0.01 * static_cast<double>(step);
    const Decision a = Report(*one, 4, step, value), b = Report(*other, 4, step, value);
    ASSERT_EQ(a.action, b.action) << "step " << step;
    ASSERT_EQ(a.reason, b.reason);
  }
}

TEST_P(EveryRule, SaysNothingOfAStepThatIsNotNew) {
  const std::unique_ptr<LiveStopping> stopping = Make(GetParam(), Needed(GetParam()));
  for (std::uint64_t trial = 1; trial <= 12; ++trial) {
    for (std::int64_t step = 1; step <= 81; ++step) stopping->Add(trial, step, 0.1);
    stopping->End(trial, Standing::kSucceeded);
  }
  for (std::int64_t step = 1; step <= 9; ++step) stopping->Add(99, step, 0.1);
  EXPECT_EQ(Report(*stopping, 99, 3, 5).action, Decision::kGoOn) << "out of order";
  EXPECT_EQ(Report(*stopping, 99, 9, 5).action, Decision::kGoOn) << "twice";
}

// CPU time of the thread, which other work on the machine does not change; a few may meet an interrupt or a page fault.
// Sanitizers multiply it.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kSlow = 20e-3;
#else
constexpr double kSlow = 1e-3;
#endif

TEST_P(EveryRule, TakesAHundredThousandReports) {
  const std::unique_ptr<LiveStopping> stopping = Make(GetParam(), Needed(GetParam()));
  Rng rng(1, "many", 0);
  int reports = 0, slow = 0;
  double longest = 0;
  for (std::uint64_t trial = 1; reports < 100'000; ++trial) {
    const double last = rng.Uniform();
    bool stopped = false;
    for (std::int64_t step = 1; step <= 81 && !stopped; ++step, ++reports) {
      const double value = last + std::exp(-0.1 * static_cast<double>(step));
      const double begin = CpuSeconds();
      stopped = Report(*stopping, trial, step, value).action == Decision::kStop;
      const double took = CpuSeconds() - begin;
      slow += took > kSlow ? 1 : 0;
      longest = std::max(longest, took);
    }
    stopping->End(trial, stopped ? Standing::kStopped : Standing::kSucceeded);
  }
  RecordProperty("longest_decision_us", static_cast<int>(1e6 * longest));
  EXPECT_LE(slow, 3) << "of " << reports << " decisions took more than " << 1e3 * kSlow << " ms";
}

TEST_P(EveryRule, TakesStepsAndValuesOfAnySize) {
  const std::unique_ptr<LiveStopping> stopping = Make(GetParam(), Needed(GetParam()));
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (std::uint64_t trial = 1; trial <= 8; ++trial) {
    for (const std::int64_t step : {-kMost, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, kMost - 1, kMost})
      for (const double value : {1e308, -1e308, kNan, 0.0}) (void)Report(*stopping, trial, step, value);
    stopping->End(trial, Standing::kSucceeded);
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const StoppingRuleInfo& rule : StoppingRules()) names.emplace_back(rule.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Rules, EveryRule, testing::ValuesIn(Names()), [](const auto& one) { return one.param; });

TEST(StoppingRules, WrongOnesAreToldInWords) {
  const auto fault = [](const std::string& rule, std::vector<Setting> settings) {
    return LiveStopping::Make({rule, std::move(settings)}, Loss()).status().message();
  };
  EXPECT_EQ(fault("meanstop", {}), "unknown algorithm name meanstop");
  EXPECT_EQ(fault("asha", {{"etas", "3"}}), "unknown setting etas for algorithm asha");
  EXPECT_EQ(fault("asha", {{"r_min", "9"}, {"r_max", "9"}}), "r_max 9 is not above r_min 9");
  EXPECT_EQ(fault("hyperband", {}), "r_max is not given: the steps of a whole trial");
  EXPECT_EQ(fault("threshold", {{"upper", "1"}, {"lower", "2"}}), "lower 2 is above upper 1");
  EXPECT_EQ(fault("asha", {{"guard", "maybe"}}), "guard maybe is not supported in early stopping");
}

}  // namespace
}  // namespace qalam::test
