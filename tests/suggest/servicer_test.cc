// SPDX-License-Identifier: Apache-2.0
// What the server remembers, and that it is only a cache: bounded, forgotten when idle, right whatever was forgotten.
#include "suggest/servicer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/suggest/support.h"

namespace qalam::test {
namespace {

class ServicerTest : public ::testing::Test {
 protected:
  void Start(ServicerLimits limits) {
    Stop();
    servicer_ = std::make_unique<Servicer>(clock_, limits);
    grpc::ServerBuilder builder;
    builder.RegisterService(servicer_.get());
    server_ = builder.BuildAndStart();
    stub_ = wire::Suggestion::NewStub(server_->InProcessChannel({}));
  }
  void Stop() {
    if (server_ == nullptr) return;
    server_->Shutdown();
    server_->Wait();
    server_ = nullptr;
  }
  ~ServicerTest() override { Stop(); }

  static wire::GetSuggestionsRequest Ask(const std::string& uid, const std::string& token = "") {
    wire::GetSuggestionsRequest request = KatibRequest(Spec("random", MixedSpace()), {}, 1);
    request.set_uid(uid);
    request.set_accepts_token(true);
    request.set_history_token(token);
    return request;
  }
  grpc::Status Send(const wire::GetSuggestionsRequest& request, wire::GetSuggestionsReply* reply,
                    std::chrono::microseconds deadline = std::chrono::seconds(30)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    return stub_->GetSuggestions(&context, request, reply);
  }
  // The token it gives, "needed" or the fault.
  std::string Token(const std::string& uid, const std::string& token = "") {
    wire::GetSuggestionsReply reply;
    const grpc::Status status = Send(Ask(uid, token), &reply);
    if (!status.ok()) return status.error_message();
    return reply.history_needed() ? "needed" : reply.history_token();
  }

  ManualClock clock_;
  std::unique_ptr<Servicer> servicer_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<wire::Suggestion::Stub> stub_;
};

TEST_F(ServicerTest, TheLongestUnusedExperimentIsForgottenFirst) {
  Start({.experiments = 2});
  const std::string a = Token("a");
  clock_.Advance(std::chrono::seconds(1));
  const std::string b = Token("b");
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(Token("a", a), a);
  clock_.Advance(std::chrono::seconds(1));
  const std::string c = Token("c");
  EXPECT_EQ(Token("a", a), a);
  EXPECT_EQ(Token("c", c), c);
  EXPECT_EQ(Token("b", b), "needed");
}

// A population in the way of Katib's controller, which sends neither labels nor numbers back: the names carry them.
TEST_F(ServicerTest, APopulationGoesOnUnderAClientThatSendsNothingBackButNames) {
  Start({});
  wire::GetSuggestionsRequest request = KatibRequest(Spec("pbt", MixedSpace()), {}, 1);
  for (const auto& [name, value] :
       {std::pair{"suggestion_trial_dir", "/checkpoints"}, {"n_population", "5"}, {"truncation_threshold", "0.2"}}) {
    wire::AlgorithmSetting& setting =
        *request.mutable_experiment()->mutable_spec()->mutable_algorithm()->add_algorithm_settings();
    setting.set_name(name);
    setting.set_value(value);
  }
  const std::string generation(kGenerationLabel), parent(kParentLabel);
  std::set<std::string> names;
  for (int number = 1; number <= 15; ++number) {
    request.set_total_request_number(number);
    wire::GetSuggestionsReply reply;
    ASSERT_TRUE(Send(request, &reply).ok());
    ASSERT_EQ(reply.parameter_assignments_size(), 1);
    const auto& suggestion = reply.parameter_assignments(0);
    const std::string expected = std::to_string((number - 1) / 5);
    EXPECT_EQ(suggestion.labels().at(generation), expected);
    EXPECT_TRUE(suggestion.trial_name().starts_with(request.experiment().name() + "-")) << suggestion.trial_name();
    EXPECT_EQ(suggestion.labels().contains(parent), number > 5);
    if (number > 5) {
      EXPECT_TRUE(names.contains(suggestion.labels().at(parent)));
      EXPECT_EQ(suggestion.labels().at(kResumeFromLabel), suggestion.labels().at(parent));
    }
    EXPECT_TRUE(names.insert(suggestion.trial_name()).second);
    wire::Trial& trial = *request.add_trials();
    trial.set_name(suggestion.trial_name());
    for (const auto& a : suggestion.assignments())
      *trial.mutable_spec()->mutable_parameter_assignments()->add_assignments() = a;
    trial.mutable_status()->set_condition(wire::TrialStatus::SUCCEEDED);
    wire::Metric& metric = *trial.mutable_status()->mutable_observation()->add_metrics();
    metric.set_name("loss");
    metric.set_value(std::to_string(number % 5));
  }
}

TEST_F(ServicerTest, AnIdleExperimentIsForgotten) {
  Start({.idle = std::chrono::minutes(10)});
  const std::string a = Token("a");
  clock_.Advance(std::chrono::minutes(9));
  EXPECT_EQ(Token("a", a), a);
  clock_.Advance(std::chrono::minutes(11));
  Token("b");
  EXPECT_EQ(Token("a", a), "needed");
}

TEST_F(ServicerTest, LargeExperimentsPushOthersOut) {
  Start({.bytes = 2u << 20});
  const std::string small = Token("small");
  clock_.Advance(std::chrono::seconds(1));
  wire::GetSuggestionsRequest large = Ask("large");
  for (int i = 0; i < 20'000; ++i) large.add_trials()->set_name("a-trial-of-some-length-" + std::to_string(i));
  wire::GetSuggestionsReply reply;
  ASSERT_TRUE(Send(large, &reply).ok());
  large.clear_trials();
  large.set_history_token(reply.history_token());
  ASSERT_TRUE(Send(large, &reply).ok());
  EXPECT_FALSE(reply.history_needed());
  EXPECT_EQ(Token("small", small), "needed");
}

TEST_F(ServicerTest, ATokenOfAnotherExperimentOrServerIsNotHonoured) {
  Start({});
  const std::string a = Token("a");
  Token("b");
  EXPECT_EQ(Token("b", a), "needed");
  Start({});  // another server, which counts from one as well
  Token("a");
  EXPECT_EQ(Token("a", a), "needed");
}

TEST_F(ServicerTest, AnotherSpecUnderAKnownTokenNeedsTheHistory) {
  Start({});
  wire::GetSuggestionsRequest request = Ask("a", Token("a"));
  wire::GetSuggestionsReply reply;
  ASSERT_TRUE(Send(request, &reply).ok());
  EXPECT_FALSE(reply.history_needed());
  request.mutable_experiment()->mutable_spec()->mutable_objective()->set_type(wire::MAXIMIZE);
  ASSERT_TRUE(Send(request, &reply).ok());
  EXPECT_TRUE(reply.history_needed());
  request.clear_history_token();
  ASSERT_TRUE(Send(request, &reply).ok());
  EXPECT_EQ(reply.parameter_assignments_size(), 1);
}

TEST_F(ServicerTest, TooManyUnfinishedRequestsAreRefused) {
  Start({.unfinished = 0});
  wire::GetSuggestionsReply reply;
  EXPECT_EQ(Send(Ask("a"), &reply).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServicerTest, ADrainingServerTakesNothingNew) {
  Start({});
  servicer_->Drain(std::chrono::milliseconds(1'000));
  wire::GetSuggestionsReply reply;
  EXPECT_EQ(Send(Ask("a"), &reply).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServicerTest, ManyCallersAtOnceEachGetTheirOwnAnswers) {
  Start({.experiments = 3});  // some are forgotten while they are used
  std::vector<std::string> expected;
  const auto point = [](const wire::GetSuggestionsReply& reply) {
    return reply.parameter_assignments_size() == 1 ? reply.parameter_assignments(0).SerializeAsString() : "none";
  };
  for (int e = 0; e < 6; ++e) {
    wire::GetSuggestionsReply reply;
    ASSERT_TRUE(Send(Ask("e" + std::to_string(e)), &reply).ok());
    expected.push_back(point(reply));
  }
  std::atomic<int> wrong = 0, answered = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 8; ++c) {
    callers.emplace_back([&, c] {
      for (int i = 0; i < 150; ++i) {
        const int e = (c + i) % 6;
        wire::GetSuggestionsReply reply;
        const bool hurried = i % 5 == 0;  // leaves before the answer can be there
        const grpc::Status status = Send(Ask("e" + std::to_string(e)), &reply,
                                         hurried ? std::chrono::microseconds(50) : std::chrono::seconds(60));
        if (status.ok()) {
          ++answered;
          if (point(reply) != expected[static_cast<std::size_t>(e)]) ++wrong;
        } else if (!hurried) {
          ++wrong;
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(answered, 8 * 120);
}

}  // namespace
}  // namespace qalam::test
