// SPDX-License-Identifier: Apache-2.0
// Our client with our server: in-process, over loopback, with and without memory on the other side.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <set>
#include <thread>

#include "core/rng.h"
#include "suggest/session.h"
#include "tests/suggest/support.h"

namespace qalam::test {
namespace {

using ::testing::HasSubstr;

std::vector<Assignments> AssignmentsOf(const Result<SuggestionReply>& reply) {
  std::vector<Assignments> out;
  if (!reply.ok()) ADD_FAILURE() << reply.status().ToString();
  if (reply.ok()) {
    for (const Suggestion& s : reply->suggestions) out.push_back(s.assignments);
  }
  return out;
}

// What any of our servers must answer to a request with the whole history and no memory of it.
std::vector<Assignments> FromScratch(const ExperimentSpec& spec, const std::string& uid, const Trials& trials,
                                     int count) {
  wire::GetSuggestionsRequest request;
  ToWire(spec, spec.algorithm.settings, request.mutable_experiment());
  request.set_uid(uid);
  request.set_namespace_(spec.namespace_name);
  request.set_current_request_number(count);
  request.set_total_request_number(static_cast<int>(trials.all().size()) + count);
  request.set_accepts_token(true);
  for (const Trial& trial : trials.all()) {
    ToWire(trial, spec.objective,
           IsSentByKatib(trial, spec.objective) ? request.add_trials() : request.add_unobserved_trials());
  }
  Result<std::unique_ptr<Session>> session = Session::Create(request);
  EXPECT_TRUE(session.ok() && (*session)->Merge(request));
  wire::GetSuggestionsReply reply;
  EXPECT_TRUE((*session)->Suggest(request, &reply).ok());
  std::vector<Assignments> out;
  for (const auto& suggestion : reply.parameter_assignments()) out.push_back(test::AssignmentsOf(suggestion));
  return out;
}

// Ends a random half of what runs, in any of the ways a trial can end.
void EndSome(Trials* trials, Rng* rng) {
  for (std::size_t i = 0; i < trials->all().size(); ++i) {
    if (IsFinal(trials->all()[i].state) || rng->Uniform() < 0.5) continue;
    switch (rng->Below(8)) {
      case 0: trials->End(i, TrialState::kFailed); break;
      case 1: trials->End(i, TrialState::kMetricsUnavailable); break;
      case 2: trials->End(i, TrialState::kKilled); break;
      case 3: trials->End(i, TrialState::kEarlyStopped); break;
      case 4: trials->End(i, TrialState::kEarlyStopped, Observed(std::to_string(rng->Uniform()))); break;
      case 5: trials->End(i, TrialState::kRunning); break;  // or only begins
      default: trials->End(i, TrialState::kSucceeded, Observed(std::to_string(rng->Uniform())));
    }
  }
}

// Stands between a client and a server, and keeps what is said.
class Proxy {
 public:
  explicit Proxy(const SuggestionServer& server) : client_(AddressOf(server)) {}
  std::string address() const { return service_.address(); }
  std::vector<wire::GetSuggestionsRequest> requests() { return service_.requests(); }

 private:
  RawClient client_;
  ToldService service_{[this](const wire::GetSuggestionsRequest& request, wire::GetSuggestionsReply* reply) {
    return client_.Ask(request, reply);
  }};
};

enum class Way { kInProcess, kLoopback };

class ClientTest : public ::testing::TestWithParam<Way> {
 protected:
  std::unique_ptr<SuggestionServer> server_ = GetParam() == Way::kLoopback ? Serve() : nullptr;
  WaitingLoop loop_;
  std::unique_ptr<SuggestionClient> client_ =
      server_ ? MakeRemoteClient(loop_.loop(), AddressOf(*server_), {}) : MakeInProcessClient(loop_.loop(), {});
};
INSTANTIATE_TEST_SUITE_P(Ways, ClientTest, ::testing::Values(Way::kInProcess, Way::kLoopback),
                         [](const auto& way) { return way.param == Way::kInProcess ? "InProcess" : "Loopback"; });

TEST_P(ClientTest, SuggestionsAreLegalAndInTheOrderOfTheSpace) {
  for (const std::string algorithm : {"random", "sobol"}) {
    const ExperimentSpec spec = Spec(algorithm, MixedSpace());
    const SuggestionRequest request = Request(spec, "uid-" + algorithm, std::make_shared<Trials>(), 5);
    const Result<SuggestionReply> reply = loop_.Ask(*client_, request);
    ASSERT_TRUE(reply.ok()) << reply.status().ToString();
    ASSERT_EQ(reply->suggestions.size(), 5u);
    EXPECT_EQ(reply->rejected, 0);
    EXPECT_FALSE(reply->exhausted);
    for (const Suggestion& s : reply->suggestions) {
      EXPECT_TRUE(request.space->Check(s.assignments).ok());
      EXPECT_TRUE(s.trial_name.empty());
      for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(s.assignments[i].name, spec.parameters[i].name);
    }
  }
}

TEST_P(ClientTest, WrongSettingsAreRefusedWithTheServicesName) {
  ExperimentSpec spec = Spec("random", MixedSpace());
  EXPECT_TRUE(loop_.Validate(*client_, Request(spec, "u", std::make_shared<Trials>(), 0)).ok());
  spec.algorithm.settings = {{"colour", "red"}};
  const Status status = loop_.Validate(*client_, Request(spec, "u", std::make_shared<Trials>(), 0));
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("unknown setting colour for algorithm random"));
  EXPECT_THAT(status.message(), HasSubstr("suggestion service random"));
}

TEST_P(ClientTest, AUsedUpGridIsExhausted) {
  const ExperimentSpec spec = Spec("grid", FiniteSpace());
  const auto trials = std::make_shared<Trials>();
  for (const Assignments& a : AssignmentsOf(loop_.Ask(*client_, Request(spec, "u", trials, 20)))) trials->Add(a);
  const Result<SuggestionReply> reply = loop_.Ask(*client_, Request(spec, "u", trials, 20));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->suggestions.size(), 4u);
  EXPECT_TRUE(reply->exhausted);
}

TEST_P(ClientTest, TheTokenPathAnswersAsTheWholeHistoryDoes) {
  for (const std::string algorithm : {"random", "grid", "sobol"}) {
    for (const bool finite : {true, false}) {
      if (algorithm == "grid" && !finite) continue;
      ExperimentSpec spec = Spec(algorithm, finite ? FiniteSpace() : MixedSpace());
      spec.objective.type = ObjectiveType::kMaximize;
      const std::string uid = algorithm + (finite ? "-finite" : "-mixed");
      const auto trials = std::make_shared<Trials>();
      Rng rng(7, uid, 0);
      for (int round = 0; round < 25; ++round) {
        const int count = 1 + static_cast<int>(rng.Below(3));
        const std::vector<Assignments> got = AssignmentsOf(loop_.Ask(*client_, Request(spec, uid, trials, count)));
        EXPECT_EQ(got, FromScratch(spec, uid, *trials, count)) << uid << " round " << round;
        for (const Assignments& a : got) trials->Add(a);
        EndSome(trials.get(), &rng);
      }
    }
  }
}

TEST_P(ClientTest, TwoExperimentsAtOnceDoNotMix) {
  const ExperimentSpec spec = Spec("random", MixedSpace());  // the same file twice
  std::map<std::string, std::vector<Assignments>> got;
  int left = 2;
  const std::map<std::string, std::shared_ptr<Trials>> trials = {{"a", std::make_shared<Trials>()},
                                                                 {"b", std::make_shared<Trials>()}};
  EventLoop& loop = static_cast<EventLoop&>(loop_.loop());
  std::function<void(const std::string&)> ask = [&](const std::string& uid) {
    client_->GetSuggestions(Request(spec, uid, trials.at(uid), 1), [&, uid](const Result<SuggestionReply>& reply) {
      for (const Assignments& a : AssignmentsOf(reply)) {
        trials.at(uid)->Add(a);
        got[uid].push_back(a);
      }
      if (got[uid].size() < 30 && reply.ok()) return ask(uid);
      if (--left == 0) loop.Stop();
    });
  };
  ask("a");
  ask("b");
  loop.Run();
  for (const std::string uid : {"a", "b"}) EXPECT_EQ(got[uid], FromScratch(spec, uid, Trials(), 30)) << uid;
  EXPECT_NE(got["a"], got["b"]);
}

TEST_P(ClientTest, AnEditedBudgetDoesNotChangeWhatIsSuggested) {
  ExperimentSpec spec = Spec("random", FiniteSpace());
  spec.max_trial_count = 5;
  const auto trials = std::make_shared<Trials>();
  for (int i = 0; i < 10; ++i) {
    if (i == 5) spec.max_trial_count = 50, spec.parallel_trial_count = 7;
    for (const Assignments& a : AssignmentsOf(loop_.Ask(*client_, Request(spec, "u", trials, 1)))) trials->Add(a);
  }
  std::vector<Assignments> all;
  for (const Trial& trial : trials->all()) all.push_back(trial.assignments);
  EXPECT_EQ(all, FromScratch(spec, "u", Trials(), 10));
}

TEST_P(ClientTest, ADestroyedClientIsNotHeardOfAgain) {
  const ExperimentSpec spec = Spec("random", MixedSpace());
  for (int i = 0; i < 50; ++i) {
    const std::unique_ptr<SuggestionClient> client =
        server_ ? MakeRemoteClient(loop_.loop(), AddressOf(*server_), {}) : MakeInProcessClient(loop_.loop(), {});
    for (int j = 0; j < 4; ++j) {
      client->GetSuggestions(Request(spec, "u" + std::to_string(j), std::make_shared<Trials>(), 1),
                             [](const Result<SuggestionReply>&) { ADD_FAILURE() << "the client is gone"; });
      client->Validate(Request(spec, "v", std::make_shared<Trials>(), 0),
                       [](const Status&) { ADD_FAILURE() << "the client is gone"; });
    }
    if (i % 2 == 1) std::this_thread::yield();
  }
  // Whatever was posted runs before this.
  EventLoop& loop = static_cast<EventLoop&>(loop_.loop());
  loop.Post([&] { loop.Stop(); });
  loop.Run();
}

TEST_P(ClientTest, AForgottenExperimentGetsNoAnswer) {
  const ExperimentSpec spec = Spec("random", MixedSpace());
  client_->GetSuggestions(Request(spec, "gone", std::make_shared<Trials>(), 1),
                          [](const Result<SuggestionReply>&) { ADD_FAILURE() << "forgotten"; });
  client_->Forget("gone");
  EXPECT_TRUE(loop_.Ask(*client_, Request(spec, "kept", std::make_shared<Trials>(), 1)).ok());
}

// ---- what travels

class TravelTest : public ::testing::Test {
 protected:
  std::unique_ptr<SuggestionServer> server_ = Serve();
  Proxy proxy_{*server_};
  WaitingLoop loop_;
  std::unique_ptr<SuggestionClient> client_ = MakeRemoteClient(loop_.loop(), proxy_.address(), {});
};

TEST_F(TravelTest, OnlyWhatChangedIsSentToAServerThatRemembers) {
  const ExperimentSpec spec = Spec("random", MixedSpace());
  const auto trials = std::make_shared<Trials>();
  constexpr int kTrials = 200;
  for (int i = 0; i < kTrials; ++i) {
    for (const Assignments& a : AssignmentsOf(loop_.Ask(*client_, Request(spec, "u", trials, 1)))) trials->Add(a);
    ASSERT_EQ(trials->all().size(), static_cast<std::size_t>(i + 1));
    if (i > 0) {
      trials->End(static_cast<std::size_t>(i - 1),
                  i % 5 == 0 ? TrialState::kMetricsUnavailable : TrialState::kSucceeded,
                  i % 5 == 0 ? std::nullopt : std::optional(Observed("0.5")));
    }
  }
  const std::vector<wire::GetSuggestionsRequest> requests = proxy_.requests();
  ASSERT_EQ(requests.size(), static_cast<std::size_t>(kTrials));  // no repeats
  EXPECT_TRUE(requests[0].history_token().empty());
  for (std::size_t i = 1; i < requests.size(); ++i) {
    EXPECT_FALSE(requests[i].history_token().empty());
    EXPECT_LE(requests[i].trials_size() + requests[i].unobserved_trials_size(), 2) << i;
    EXPECT_LT(requests[i].ByteSizeLong(), requests[1].ByteSizeLong() + 400);
  }
}

TEST_F(TravelTest, TheRequestSaysWhoAsksAndForWhat) {
  ExperimentSpec spec = Spec("random", MixedSpace());
  spec.namespace_name = "team-a";
  const auto trials = std::make_shared<Trials>();
  trials->Add({{"lr", "0.01"}, {"layers", "2"}, {"solver", "sgd"}}, {{std::string(kModelLabel), "random"}});
  trials->End(0, TrialState::kMetricsUnavailable);
  trials->Add({{"lr", "0.02"}, {"layers", "2"}, {"solver", "sgd"}});
  SuggestionRequest request = Request(spec, "the-uid", trials, 4);
  request.algorithm_settings = {{"random_state", "9"}};
  ASSERT_TRUE(loop_.Ask(*client_, request).ok());
  const wire::GetSuggestionsRequest sent = proxy_.requests().at(0);
  EXPECT_EQ(sent.uid(), "the-uid");
  EXPECT_EQ(sent.namespace_(), "team-a");
  EXPECT_TRUE(sent.accepts_token());
  EXPECT_EQ(sent.current_request_number(), 4);
  EXPECT_EQ(sent.total_request_number(), 6);
  EXPECT_EQ(sent.experiment().spec().algorithm().algorithm_settings(0).value(), "9");
  ASSERT_EQ(sent.trials_size(), 1);
  EXPECT_EQ(sent.trials(0).ordinal(), 2u);
  ASSERT_EQ(sent.unobserved_trials_size(), 1);
  EXPECT_EQ(sent.unobserved_trials(0).ordinal(), 1u);
  EXPECT_EQ(sent.unobserved_trials(0).model_label(), "random");
}

TEST_F(TravelTest, OtherTrialsUnderTheSameUidAreSentWhole) {
  const ExperimentSpec spec = Spec("random", FiniteSpace());
  const auto many = std::make_shared<Trials>();
  for (const Assignments& a : FromScratch(spec, "u", Trials(), 9)) many->Add(a);
  ASSERT_TRUE(loop_.Ask(*client_, Request(spec, "u", many, 1)).ok());
  const auto few = std::make_shared<Trials>();
  few->Add(many->all()[0].assignments);
  const auto got = AssignmentsOf(loop_.Ask(*client_, Request(spec, "u", few, 1)));
  EXPECT_EQ(got, FromScratch(spec, "u", *few, 1));
  EXPECT_TRUE(proxy_.requests().at(1).history_token().empty());
}

TEST_F(TravelTest, AForgottenExperimentStartsFromTheWholeHistory) {
  const ExperimentSpec spec = Spec("random", MixedSpace());
  const auto trials = std::make_shared<Trials>();
  for (const Assignments& a : AssignmentsOf(loop_.Ask(*client_, Request(spec, "u", trials, 3)))) trials->Add(a);
  client_->Forget("u");
  ASSERT_TRUE(loop_.Ask(*client_, Request(spec, "u", trials, 1)).ok());
  EXPECT_TRUE(proxy_.requests().at(1).history_token().empty());
  EXPECT_EQ(proxy_.requests().at(1).trials_size(), 3);
}

// Ends its first trial in the middle of being told.
class ChangingTrials final : public TrialSource {
 public:
  explicit ChangingTrials(std::shared_ptr<Trials> trials) : trials_(std::move(trials)) {}
  std::uint64_t revision() const override { return trials_->revision(); }
  void Visit(std::uint64_t since, const std::function<void(const Trial&)>& visit) const override {
    if (++visits_ == 2) trials_->End(0, TrialState::kSucceeded, Observed("0.125"));
    trials_->Visit(since, visit);
  }

 private:
  std::shared_ptr<Trials> trials_;
  mutable int visits_ = 0;
};

TEST_F(TravelTest, ALongHistoryIsToldInPiecesToAServerThatRemembers) {
  const ExperimentSpec spec = Spec("random", MixedSpace());
  ASSERT_TRUE(loop_.Ask(*client_, Request(spec, "other", std::make_shared<Trials>(), 1)).ok());  // now it is known
  const auto trials = std::make_shared<Trials>();
  for (const Assignments& a : FromScratch(spec, "u", Trials(), 10'000)) trials->Add(a);
  SuggestionRequest request = Request(spec, "u", trials, 2);
  request.trials = std::make_shared<ChangingTrials>(trials);
  EXPECT_EQ(AssignmentsOf(loop_.Ask(*client_, request)), FromScratch(spec, "u", *trials, 2));
  const std::vector<wire::GetSuggestionsRequest> requests = proxy_.requests();
  ASSERT_EQ(requests.size(), 5u);
  int told = 0;
  for (std::size_t i = 1; i < 4; ++i) {
    told += requests[i].trials_size();
    EXPECT_LE(requests[i].trials_size(), 4096);
    EXPECT_EQ(requests[i].current_request_number(), 0);
    EXPECT_EQ(requests[i].history_token().empty(), i == 1);
  }
  EXPECT_EQ(told, 10'000);
  EXPECT_EQ(requests[4].current_request_number(), 2);
  ASSERT_EQ(requests[4].trials_size(), 1);  // what changed meanwhile
  EXPECT_EQ(requests[4].trials(0).status().condition(), wire::TrialStatus::SUCCEEDED);
}

TEST_F(TravelTest, AServiceThatIsNotKnownToRememberIsSentALongHistoryWhole) {
  const ExperimentSpec spec = Spec("random", MixedSpace());
  const auto trials = std::make_shared<Trials>();
  for (const Assignments& a : FromScratch(spec, "u", Trials(), 10'000)) trials->Add(a);
  ASSERT_TRUE(loop_.Ask(*client_, Request(spec, "u", trials, 2)).ok());
  ASSERT_EQ(proxy_.requests().size(), 1u);
  EXPECT_EQ(proxy_.requests()[0].trials_size(), 10'000);
}

TEST_F(TravelTest, AResultThatIsCorrectedLaterIsTakenOver) {
  const ExperimentSpec spec = Spec("random", FiniteSpace());
  const auto trials = std::make_shared<Trials>();
  for (const Assignments& a : AssignmentsOf(loop_.Ask(*client_, Request(spec, "u", trials, 3)))) trials->Add(a);
  trials->End(1, TrialState::kFailed);
  for (const Assignments& a : AssignmentsOf(loop_.Ask(*client_, Request(spec, "u", trials, 1)))) trials->Add(a);
  trials->End(1, TrialState::kSucceeded, Observed("0.5"));
  EXPECT_EQ(AssignmentsOf(loop_.Ask(*client_, Request(spec, "u", trials, 1))), FromScratch(spec, "u", *trials, 1));
  const std::vector<wire::GetSuggestionsRequest> requests = proxy_.requests();
  ASSERT_EQ(requests.size(), 4u);  // the third needed the history
  EXPECT_EQ(requests[2].trials_size(), 2);
  EXPECT_EQ(requests[3].trials_size(), 4);
}

TEST(Restart, AServerRestartedBetweenEveryTwoCallsGivesTheSameSuggestions) {
  for (const std::string algorithm : {"random", "grid", "sobol"}) {
    const ExperimentSpec spec = Spec(algorithm, FiniteSpace());
    WaitingLoop loop;
    std::unique_ptr<SuggestionServer> server = Serve();
    const int port = server->port();
    const std::unique_ptr<SuggestionClient> client = MakeRemoteClient(loop.loop(), AddressOf(*server), {});
    const auto trials = std::make_shared<Trials>();
    Rng rng(3, algorithm, 0);
    for (int i = 0; i < 8; ++i) {
      const auto got = AssignmentsOf(loop.Ask(*client, Request(spec, "u", trials, 2)));
      EXPECT_EQ(got, FromScratch(spec, "u", *trials, 2)) << algorithm << " " << i;
      for (const Assignments& a : got) trials->Add(a);
      EndSome(trials.get(), &rng);
      server.reset();
      server = Serve(port);
    }
    EXPECT_EQ(trials->all().size(), 16u);
  }
}

TEST(Restart, AServerThatIsDownIsUnavailableAndBackWhenItIsBack) {
  WaitingLoop loop;
  std::unique_ptr<SuggestionServer> server = Serve();
  const int port = server->port();
  const auto client = MakeRemoteClient(loop.loop(), AddressOf(*server), {});
  const SuggestionRequest request = Request(Spec("random", MixedSpace()), "u", std::make_shared<Trials>(), 1);
  const auto before = AssignmentsOf(loop.Ask(*client, request));
  server.reset();
  const Result<SuggestionReply> down = loop.Ask(*client, request);
  ASSERT_FALSE(down.ok());
  EXPECT_EQ(down.status().code(), Code::kUnavailable);
  EXPECT_THAT(down.status().message(), HasSubstr("suggestion service random at 127.0.0.1:"));
  server = Serve(port);
  Result<SuggestionReply> back = loop.Ask(*client, request);
  // The channel waits a little before it tries again; each refusal comes at once.
  for (int i = 0; i < 10'000 && !back.ok(); ++i) {
    std::this_thread::yield();
    back = loop.Ask(*client, request);
  }
  EXPECT_EQ(AssignmentsOf(back), before);
}

// ---- speed: run with --gtest_also_run_disabled_tests, in a release build

TEST_P(ClientTest, DISABLED_MicrosecondsPerSuggestion) {
  for (const int known : {10, 10'000, 100'000}) {
    const ExperimentSpec spec = Spec("random", MixedSpace());
    const auto trials = std::make_shared<Trials>();
    const std::string uid = "u" + std::to_string(known);
    for (const Assignments& a : FromScratch(spec, uid, Trials(), known)) {
      trials->Add(a);
      trials->End(trials->all().size() - 1, TrialState::kSucceeded, Observed("0.5"));
    }
    const auto cpu = [] {
      rusage usage{};
      ::getrusage(RUSAGE_SELF, &usage);
      return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
             static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    };
    const auto wall = [] {
      return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
    };
    const auto ask = [&](int calls) {
      const double wall_before = wall(), cpu_before = cpu();
      for (int i = 0; i < calls; ++i) ASSERT_TRUE(loop_.Ask(*client_, Request(spec, uid, trials, 1)).ok());
      std::cout << fmt::format("{:.0f} us, {:.0f} of them cpu on both sides", (wall() - wall_before) / calls,
                               (cpu() - cpu_before) / calls);
    };
    std::cout << known << " trials: whole history ";
    ask(1);
    std::cout << "; then a call ";
    ask(2'000);
    std::cout << "\n";
  }
}

}  // namespace
}  // namespace qalam::test
