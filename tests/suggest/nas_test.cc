// SPDX-License-Identifier: Apache-2.0
// Searches for an architecture over the wire: as Katib's controller asks, which sends all trials each time, and as
// ours.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "suggest/server.h"
#include "suggest/suggestion_client.h"
#include "tests/suggest/support.h"

namespace qalam::test {
namespace {

NasConfig Layers(int layers) {
  const ParameterSpec size{"filter_size", ParameterType::kCategorical, {"", "", "", {"3", "5", "7"}, {}}};
  const ParameterSpec pool{"pool_size", ParameterType::kInt, {"2", "3", "1", {}, {}}};
  return {{layers, {8, 8, 1}, {10}}, {{"convolution", {size}}, {"reduction", {pool}}}};
}

ExperimentSpec NasSpec(std::string algorithm, int layers, std::vector<Setting> settings = {}) {
  ExperimentSpec spec = Spec(std::move(algorithm), {});
  spec.nas_config = Layers(layers);
  spec.objective.type = ObjectiveType::kMaximize;
  spec.objective.strategies = {{"loss", MetricStrategy::kMax}};
  spec.algorithm.settings = std::move(settings);
  return spec;
}

std::string ValueOf(const Assignments& assignments, const std::string& name) {
  for (const Assignment& a : assignments) {
    if (a.name == name) return a.value;
  }
  return "";
}

// Runs `rounds` requests of two, every trial of which ends before the next; the value of the i-th is i. All
// architectures in order.
std::vector<std::string> Architectures(RawClient& client, const ExperimentSpec& spec, int rounds) {
  Trials trials;
  std::vector<std::string> architectures;
  for (int round = 0; round < rounds; ++round) {
    wire::GetSuggestionsReply reply;
    const grpc::Status status = client.Ask(KatibRequest(spec, trials.all(), 2), &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(reply.parameter_assignments_size(), 2);
    for (const auto& suggestion : reply.parameter_assignments()) {
      const std::size_t index = trials.all().size();
      trials.Add(AssignmentsOf(suggestion));
      architectures.push_back(ValueOf(trials.all().back().assignments, "architecture"));
      if (index % 5 == 4) {
        trials.End(index, TrialState::kFailed);
      } else {
        trials.End(index, TrialState::kSucceeded, Observed(std::to_string(index)));
      }
    }
  }
  return architectures;
}

TEST(Nas, EnasAnswersEveryRequestWithArchitecturesThatAreNew) {
  const auto server = Serve();
  RawClient client(AddressOf(*server));
  for (const char* search : {"rl", "evolution", "local", "random", "bananas"}) {
    const std::vector<std::string> all = Architectures(client, NasSpec("enas", 3, {{"search", search}}), 12);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size()) << search;
  }
}

TEST(Nas, AServerThatWasRestartedGoesOnAsTheOldOneWouldHave) {
  const ExperimentSpec spec = NasSpec("enas", 4);
  auto server = Serve();
  std::vector<std::string> steady, restarted;
  for (const bool restart : {false, true}) {
    Trials trials;
    for (int i = 0; i < 40; ++i) {
      if (restart && i % 7 == 3) server = Serve();
      RawClient client(AddressOf(*server));
      wire::GetSuggestionsReply reply;
      ASSERT_TRUE(client.Ask(KatibRequest(spec, trials.all(), 1), &reply).ok());
      trials.Add(AssignmentsOf(reply.parameter_assignments(0)));
      const std::string architecture = ValueOf(trials.all().back().assignments, "architecture");
      (restart ? restarted : steady).push_back(architecture);
      trials.End(trials.all().size() - 1, TrialState::kSucceeded,
                 Observed(std::to_string(std::count(architecture.begin(), architecture.end(), '1'))));
    }
  }
  EXPECT_EQ(restarted, steady);
}

TEST(Nas, ASmallSpaceIsUsedUpAndThenExhausted) {
  const auto server = Serve();
  wire::GetSuggestionsRequest request = KatibRequest(NasSpec("enas", 1), {}, 9);
  request.set_accepts_token(true);
  wire::GetSuggestionsReply reply;
  ASSERT_TRUE(RawClient(AddressOf(*server)).Ask(request, &reply).ok());
  EXPECT_EQ(reply.parameter_assignments_size(), 5) << "three convolutions and two reductions";
  EXPECT_TRUE(reply.exhausted());
}

// Katib's own fails at the second one.
TEST(Nas, DartsAnswersEveryRequest) {
  const auto server = Serve();
  RawClient client(AddressOf(*server));
  ExperimentSpec spec = NasSpec("darts", 2, {{"num_epochs", "1"}, {"batch_size", "None"}, {"my_own", "7"}});
  spec.nas_config->operations.pop_back();
  Trials trials;
  for (int round = 0; round < 3; ++round) {
    wire::GetSuggestionsReply reply;
    ASSERT_TRUE(client.Ask(KatibRequest(spec, trials.all(), 2), &reply).ok());
    ASSERT_EQ(reply.parameter_assignments_size(), 2);
    for (const auto& suggestion : reply.parameter_assignments()) {
      const Assignments told = AssignmentsOf(suggestion);
      EXPECT_EQ(told.size(), 3u);
      EXPECT_TRUE(ValueOf(told, "algorithm-settings").starts_with("{'num_epochs': '1', 'w_lr': 0.025, "));
      EXPECT_TRUE(ValueOf(told, "algorithm-settings").ends_with("'my_own': '7'}"));
      EXPECT_EQ(ValueOf(told, "search-space"), "['convolution_3x3', 'convolution_5x5', 'convolution_7x7']");
      EXPECT_EQ(ValueOf(told, "num-layers"), "2");
      trials.Add(told);
      trials.End(trials.all().size() - 1, TrialState::kSucceeded, Observed("Genotype(normal=[])"));
    }
  }
}

TEST(Nas, ABadNasConfigIsRefusedWithAllItsFaults) {
  const auto server = Serve();
  RawClient client(AddressOf(*server));
  const auto validate = [&](const ExperimentSpec& spec) {
    wire::ValidateAlgorithmSettingsRequest request;
    ToWire(spec, spec.algorithm.settings, request.mutable_experiment());
    const grpc::Status status = client.Validate(request);
    EXPECT_TRUE(status.ok() || status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    return std::string(status.error_message());
  };
  EXPECT_EQ(validate(NasSpec("enas", 3)), "");
  ExperimentSpec bad = NasSpec("enas", 0);
  bad.nas_config->operations[1].parameters[0].feasible = {};
  EXPECT_EQ(validate(bad),
            "nasConfig.graphConfig.numLayers: is missing: how many layers the network has\n"
            "nasConfig.operations[1].parameters[0].feasibleSpace: has neither min nor max");
  bad.nas_config.reset();
  EXPECT_EQ(validate(bad), "nasConfig is missing: algorithm enas searches an architecture");
  EXPECT_EQ(validate(NasSpec("enas", 3, {{"controller_skip_target", "2"}})),
            "controller_skip_target should be in the range of (0, 1]");
  EXPECT_EQ(validate(NasSpec("enas", 3, {{"controller_temperature", "None"}, {"controller_tanh_const", "None"}})), "");
  EXPECT_EQ(validate(NasSpec("enas", 3, {{"search", "gradient"}})), "search gradient is not supported in ENAS");
  wire::ValidateAlgorithmSettingsRequest untyped;
  ToWire(NasSpec("enas", 2), {}, untyped.mutable_experiment());
  untyped.mutable_experiment()
      ->mutable_spec()
      ->mutable_nas_config()
      ->mutable_operations()
      ->mutable_operation(1)
      ->mutable_parameter_specs()
      ->mutable_parameters(0)
      ->set_parameter_type(wire::UNKNOWN_TYPE);
  EXPECT_EQ(client.Validate(untyped).error_message(),
            "nasConfig.operations[1].parameters[0]: parameter 'pool_size': its type is 0, it must be DOUBLE, INT, "
            "DISCRETE or CATEGORICAL");
}

TEST(Nas, ATrialThatIsNoArchitectureOfTheSpaceIsLeftOut) {
  const auto server = Serve();
  RawClient client(AddressOf(*server));
  Trials trials;
  trials.Add({{"architecture", "[[0], [9, 9]]"}, {"nn_config", "{}"}});
  trials.Add({{"something", "else"}});
  for (std::size_t i = 0; i < 2; ++i) trials.End(i, TrialState::kSucceeded, Observed("1"));
  wire::GetSuggestionsReply reply;
  ASSERT_TRUE(client.Ask(KatibRequest(NasSpec("enas", 2), trials.all(), 3), &reply).ok());
  EXPECT_EQ(reply.parameter_assignments_size(), 3);
}

// ---- speed: run with --gtest_also_run_disabled_tests, in a release build

double ProcessorMs() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

double ResidentMb() {
  long all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

// 12 layers, as Katib would ask: every request has all trials. By a server that has seen those before, the median of
// 20; by one that has not; and the memory of server and client. Processor time of both sides.
TEST(Nas, DISABLED_MillisecondsPerSuggestion) {
  fmt::print("| search | trials in the request | ms | ms, a new server | MB |\n|---|---|---|---|---|\n");
  for (const char* search : {"rl", "evolution", "local", "random"}) {
    const ExperimentSpec spec = NasSpec("enas", 12, {{"search", search}});
    auto server = Serve();
    Trials trials;
    const auto ask = [&] {
      const wire::GetSuggestionsRequest request = KatibRequest(spec, trials.all(), 1);
      RawClient client(AddressOf(*server));
      wire::GetSuggestionsReply reply;
      const double before = ProcessorMs();
      EXPECT_TRUE(client.Ask(request, &reply).ok());
      const double ms = ProcessorMs() - before;
      trials.Add(AssignmentsOf(reply.parameter_assignments(0)));
      const std::string architecture = ValueOf(trials.all().back().assignments, "architecture");
      const auto ones = std::count(architecture.begin(), architecture.end(), '1');
      trials.End(trials.all().size() - 1, TrialState::kSucceeded, Observed(std::to_string(ones)));
      return ms;
    };
    for (const std::size_t count : {100, 500}) {
      while (trials.all().size() < count - 20) ask();
      std::vector<double> times;
      while (trials.all().size() < count) times.push_back(ask());
      std::ranges::nth_element(times, times.begin() + 10);
      server = Serve();
      const double anew = ask();
      fmt::print("| {} | {} | {:.2f} | {:.1f} | {:.0f} |\n", search, count, times[10], anew, ResidentMb());
      std::fflush(stdout);
    }
  }
}

}  // namespace
}  // namespace qalam::test
