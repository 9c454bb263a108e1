// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/metrics_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace qalam {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(MetricsPort, IsReplacedWhereTheCommandNamesIt) {
  Step step;
  step.command = {"serve", "--port=8080", "18080", "8080.5", "v8080", "127.0.0.1:8080", "$(QALAM_METRICS_PORT)"};
  step.env = {{"PORT", "8080"}, {"QALAM_PARAM_UNITS", "8080"}};
  ASSERT_TRUE(NamesPort(step, 8080));
  MovePort(8080, 40001, &step);
  EXPECT_THAT(step.command,
              ElementsAre("serve", "--port=40001", "18080", "8080.5", "v8080", "127.0.0.1:40001", "40001"));
  EXPECT_THAT(step.env, ElementsAre(Pair("PORT", "40001"), Pair("QALAM_PARAM_UNITS", "8080")));
}

TEST(MetricsPort, OfAProgramThatIsNotToldStaysAsItIs) {
  Step step;
  step.command = {"serve", "18080"};
  step.env = {{"QALAM_PARAM_UNITS", "8080"}};
  EXPECT_FALSE(NamesPort(step, 8080));
  step.command = {"sh", "-c", "serve $QALAM_METRICS_PORT"};
  EXPECT_TRUE(NamesPort(step, 8080));
}

TEST(MetricsPort, IsGivenOnce) {
  std::set<int> given;
  for (int i = 0; i < 50; ++i) {
    const int port = FreePort([&](int candidate) { return given.contains(candidate); });
    EXPECT_GT(port, 1024);
    EXPECT_TRUE(given.insert(port).second);
  }
}

}  // namespace
}  // namespace qalam
