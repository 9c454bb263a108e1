// SPDX-License-Identifier: Apache-2.0
// The other language: a service in Python under our client, a client in Python on our server. Both have only Katib's
// proto; the fields of ours are taken out before protoc sees it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/suggest/support.h"

namespace qalam::test {
namespace {

using ::testing::HasSubstr;

// A child with pipes to its input and from its output; waited for at the end, after its input was closed.
class Child {
 public:
  explicit Child(const std::vector<std::string>& command) {
    int in[2], out[2];
    QALAM_CHECK(::pipe2(in, O_CLOEXEC) == 0 && ::pipe2(out, O_CLOEXEC) == 0, "there are pipes");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    QALAM_CHECK(::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ) == 0, "python3 starts");
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_ = out[0];
  }
  ~Child() {
    if (pid_ > 0) (void)Wait();
    ::close(from_);
  }
  std::string ReadLine() {
    std::string line;
    for (char c = 0; ::read(from_, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  int Wait() {
    ::close(to_);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
};

std::vector<std::string> Python(const std::string& script) {
  return {QALAM_PYTHON, "-B", std::string(QALAM_SOURCE_DIR) + "/tests/suggest/" + script};
}

TEST(Python, AServiceWithOnlyKatibsProtoDrivesAnExperimentByAddress) {
  Child service(Python("python_service.py"));
  const std::string address = "127.0.0.1:" + service.ReadLine();
  WaitingLoop loop;
  const auto client = MakeRemoteClient(loop.loop(), address, {});
  ExperimentSpec spec = Spec("hill", MixedSpace());
  spec.objective.type = ObjectiveType::kMaximize;
  spec.objective.strategies = {{"loss", MetricStrategy::kMax}};
  const auto trials = std::make_shared<Trials>();
  ASSERT_TRUE(loop.Validate(*client, Request(spec, "u", trials, 0)).ok());

  double best = -1e9, last = 0;
  std::string best_name;
  for (int round = 0; round < 20; ++round) {
    const SuggestionRequest request = Request(spec, "u", trials, 3);
    const Result<SuggestionReply> reply = loop.Ask(*client, request);
    ASSERT_TRUE(reply.ok()) << reply.status().ToString();
    EXPECT_EQ(reply->rejected, 0) << reply->rejected_why;
    ASSERT_EQ(reply->suggestions.size(), 3u);
    EXPECT_EQ(reply->algorithm_settings, (std::vector<Setting>{{"asked", std::to_string(trials->all().size() + 3)}}));
    const std::size_t known = trials->all().size();
    for (const Suggestion& suggestion : reply->suggestions) {
      ASSERT_TRUE(request.space->Check(suggestion.assignments).ok());
      EXPECT_EQ(suggestion.labels.at("best"), best_name);
      EXPECT_EQ(suggestion.labels.at("seen"), std::to_string(known - (known > 3 ? 1 : 0)));
      EXPECT_THAT(suggestion.trial_name, HasSubstr("digits-hill-"));
      trials->Add(suggestion.assignments, suggestion.labels);
    }
    for (std::size_t i = known; i < trials->all().size(); ++i) {
      if (i == 3) {  // one that Katib's services must not see
        trials->End(i, TrialState::kMetricsUnavailable);
        continue;
      }
      // Best at lr = 0.03, layers = 6.
      const Assignments& a = trials->all()[i].assignments;
      last = -std::abs(std::stod(a[0].value) - 0.03) * 10 - std::abs(std::stod(a[1].value) - 6);
      if (last > best) best = last, best_name = trials->all()[i].name;
      trials->End(i, TrialState::kSucceeded, Observed(std::to_string(last)));
    }
  }
  EXPECT_GT(best, -1.2);  // it climbed: the middle of the space is at -2.2
  EXPECT_EQ(service.Wait(), 0);
}

TEST(Python, AServicesRefusalsComeWithItsWords) {
  Child service(Python("python_service.py"));
  const std::string address = "127.0.0.1:" + service.ReadLine();
  WaitingLoop loop;
  const auto client = MakeRemoteClient(loop.loop(), address, {});
  ExperimentSpec spec = Spec("hill", MixedSpace());
  spec.algorithm.settings = {{"colour", "red"}};
  const Status refused = loop.Validate(*client, Request(spec, "u", std::make_shared<Trials>(), 0));
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_EQ(refused.message(), "suggestion service hill at " + address + ": unknown setting colour for algorithm hill");
  spec.algorithm.settings = {{"crash", "1"}};
  const Status crashed = loop.Validate(*client, Request(spec, "u", std::make_shared<Trials>(), 0));
  EXPECT_EQ(crashed.code(), Code::kUnknown);
  EXPECT_THAT(crashed.message(), HasSubstr("a bug in the service"));
}

TEST(Python, ARawClientDrivesTwoExperimentsAtOnceOnOurServer) {
  const std::unique_ptr<SuggestionServer> server = Serve();
  std::vector<std::string> command = Python("raw_client.py");
  command.push_back(AddressOf(*server));
  Child client(command);
  EXPECT_EQ(client.ReadLine(), "continuous: 30 legal suggestions, none twice");
  EXPECT_EQ(client.ReadLine(), "finite: 30 legal suggestions, none twice");
  EXPECT_EQ(client.Wait(), 0);
}

TEST(Python, KatibsAndTrainersControllersGetWhatTheyExpect) {
  const std::unique_ptr<SuggestionServer> one = Serve(), other = Serve();
  std::vector<std::string> command = Python("katib_controller.py");
  command.push_back(AddressOf(*one));
  command.push_back(AddressOf(*other));
  Child client(command);
  EXPECT_EQ(client.ReadLine(), "refused with Katib's words: 8");
  EXPECT_EQ(client.ReadLine(), "exact counts over every condition: random grid sobol");
  EXPECT_EQ(client.ReadLine(), "two providers that share nothing: 18 points, none twice");
  EXPECT_EQ(client.Wait(), 0);
}

}  // namespace
}  // namespace qalam::test
