// SPDX-License-Identifier: Apache-2.0
// Our server as Katib's controller meets it: over the network, with none of our fields.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <netdb.h>

#include <algorithm>
#include <limits>
#include <set>
#include <thread>

#include "tests/suggest/support.h"

namespace qalam::test {
namespace {

using ::testing::HasSubstr;

class ServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<SuggestionServer> server_ = Serve();
  RawClient client_{AddressOf(*server_)};

  std::vector<Assignments> MustAsk(const wire::GetSuggestionsRequest& request) {
    wire::GetSuggestionsReply reply;
    const grpc::Status status = client_.Ask(request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<Assignments> out;
    for (const auto& suggestion : reply.parameter_assignments()) out.push_back(AssignmentsOf(suggestion));
    return out;
  }
};

TEST_F(ServerTest, GivesExactlyTheWantedNumberOfLegalSuggestions) {
  for (const std::string algorithm : {"random", "sobol"}) {
    const ExperimentSpec spec = Spec(algorithm, MixedSpace());
    const SearchSpace space = *SearchSpace::Create(spec.parameters);
    for (const int count : {1, 3, 17}) {
      const std::vector<Assignments> got = MustAsk(KatibRequest(spec, {}, count));
      ASSERT_EQ(got.size(), static_cast<std::size_t>(count)) << algorithm;
      for (const Assignments& assignments : got) EXPECT_TRUE(space.Check(assignments).ok());
    }
  }
}

TEST_F(ServerTest, HowSuggestionsAreGroupedIntoRequestsDoesNotMatter) {
  const ExperimentSpec spec = Spec("random", MixedSpace());
  const std::vector<Assignments> at_once = MustAsk(KatibRequest(spec, {}, 6));
  Trials trials;
  std::vector<Assignments> one_by_one;
  for (int i = 0; i < 6; ++i) {
    for (const Assignments& a : MustAsk(KatibRequest(spec, trials.all(), 1))) one_by_one.push_back(a);
    trials.Add(one_by_one.back());
  }
  EXPECT_EQ(at_once, one_by_one);
}

TEST_F(ServerTest, ClientsWithoutATotalGetNewPointsToo) {
  const ExperimentSpec spec = Spec("random", FiniteSpace());
  Trials trials;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 24; ++i) {
    wire::GetSuggestionsRequest request = KatibRequest(spec, trials.all(), 1);
    request.clear_total_request_number();
    const std::vector<Assignments> got = MustAsk(request);
    ASSERT_EQ(got.size(), 1u);
    EXPECT_TRUE(seen.insert(AssignmentsKey(got[0])).second) << "point " << i << " is a repeat";
    trials.Add(got[0]);
    trials.End(trials.all().size() - 1, TrialState::kSucceeded, Observed("0.5"));
  }
}

TEST_F(ServerTest, AGridThatIsUsedUpSaysSo) {
  const ExperimentSpec spec = Spec("grid", FiniteSpace());
  wire::GetSuggestionsReply reply;
  ASSERT_TRUE(client_.Ask(KatibRequest(spec, {}, 20), &reply).ok());
  EXPECT_EQ(reply.parameter_assignments_size(), 20);
  EXPECT_FALSE(reply.exhausted());
  Trials trials;
  for (const auto& suggestion : reply.parameter_assignments()) trials.Add(AssignmentsOf(suggestion));
  wire::GetSuggestionsRequest request = KatibRequest(spec, trials.all(), 10);
  request.set_accepts_token(true);
  ASSERT_TRUE(client_.Ask(request, &reply).ok());
  EXPECT_EQ(reply.parameter_assignments_size(), 4);
  EXPECT_TRUE(reply.exhausted());
}

// It would ask for ever for what is missing.
TEST_F(ServerTest, AControllerThatWantsAnExactCountGetsItFromAGridThatIsUsedUp) {
  const ExperimentSpec spec = Spec("grid", FiniteSpace());
  const auto space = SearchSpace::Create(spec.parameters);
  Trials trials;
  std::set<std::uint64_t> distinct;
  for (int round = 0; round < 4; ++round) {
    const std::vector<Assignments> got = MustAsk(KatibRequest(spec, trials.all(), 10));
    ASSERT_EQ(got.size(), 10u) << "round " << round;
    for (const Assignments& point : got) {
      EXPECT_TRUE(space->Check(point).ok());
      distinct.insert(AssignmentsKey(point));
      trials.Add(point);
      if (round != 1) trials.End(trials.all().size() - 1, TrialState::kSucceeded, Observed("0.5"));
    }
    EXPECT_EQ(distinct.size(), std::min<std::size_t>(24, 10 * (static_cast<std::size_t>(round) + 1)));
  }
}

TEST_F(ServerTest, TwoExperimentsAtOnceDoNotMix) {
  const ExperimentSpec a = Spec("random", MixedSpace());
  ExperimentSpec b = Spec("sobol", FiniteSpace());
  b.name = "other";
  const std::vector<Assignments> a_alone = MustAsk(KatibRequest(a, {}, 20)), b_alone = MustAsk(KatibRequest(b, {}, 20));
  std::vector<Assignments> a_both, b_both;
  const auto run = [&](const ExperimentSpec& spec, std::vector<Assignments>* out) {
    RawClient client(AddressOf(*server_));
    Trials trials;
    for (int i = 0; i < 20; ++i) {
      wire::GetSuggestionsReply reply;
      ASSERT_TRUE(client.Ask(KatibRequest(spec, trials.all(), 1), &reply).ok());
      ASSERT_EQ(reply.parameter_assignments_size(), 1);
      out->push_back(AssignmentsOf(reply.parameter_assignments(0)));
      trials.Add(out->back());
      trials.End(static_cast<std::size_t>(i), TrialState::kSucceeded, Observed("1"));
    }
  };
  std::thread first([&] { run(a, &a_both); });
  run(b, &b_both);
  first.join();
  EXPECT_EQ(a_both, a_alone);
  EXPECT_EQ(b_both, b_alone);
}

TEST_F(ServerTest, TheSameNameWithAnotherSpaceIsAnotherExperiment) {
  const ExperimentSpec a = Spec("random", MixedSpace()), b = Spec("random", FiniteSpace());
  const std::vector<Assignments> first = MustAsk(KatibRequest(a, {}, 2));
  const std::vector<Assignments> second = MustAsk(KatibRequest(b, {}, 2));
  EXPECT_TRUE(SearchSpace::Create(b.parameters)->Check(second.at(0)).ok());
  EXPECT_EQ(MustAsk(KatibRequest(a, {}, 2)), first);
}

TEST_F(ServerTest, ATrialThatDisappearsIsForgotten) {  // Katib deletes trials when a budget is lowered
  const ExperimentSpec spec = Spec("random", FiniteSpace());
  Trials trials;
  for (const Assignments& a : MustAsk(KatibRequest(spec, {}, 24))) trials.Add(a);
  wire::GetSuggestionsRequest whole = KatibRequest(spec, trials.all(), 1);
  whole.set_accepts_token(true);  // a client that knows `exhausted`
  EXPECT_EQ(MustAsk(whole).size(), 0u);
  std::vector<Trial> fewer(trials.all().begin(), trials.all().end() - 1);
  wire::GetSuggestionsRequest request = KatibRequest(spec, fewer, 1);
  request.set_total_request_number(24);  // the last one again
  EXPECT_EQ(MustAsk(request).at(0), trials.all().back().assignments);
}

TEST_F(ServerTest, BrokenTrialsNeverFailARequest) {
  const ExperimentSpec spec = Spec("random", FiniteSpace());
  wire::GetSuggestionsRequest request = KatibRequest(spec, {}, 3);
  request.add_trials();  // nothing at all
  request.add_trials();  // and once more: names are equal
  wire::Trial& missing = *request.add_trials();
  missing.set_name("missing");
  missing.mutable_status()->set_condition(wire::TrialStatus::SUCCEEDED);
  wire::Trial& outside = *request.add_trials();
  outside.set_name("outside");
  outside.mutable_status()->set_condition(wire::TrialStatus::SUCCEEDED);
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"layers", "99"}, {"solver", ""}}) {
    auto& a = *outside.mutable_spec()->mutable_parameter_assignments()->add_assignments();
    a.set_name(name);
    a.set_value(value);
  }
  wire::Trial& words = *request.add_trials();
  words = outside;
  words.set_name("words");
  words.mutable_spec()->mutable_parameter_assignments()->mutable_assignments(0)->set_value("3");
  words.mutable_spec()->mutable_parameter_assignments()->mutable_assignments(1)->set_value("sgd");
  auto& metric = *words.mutable_status()->mutable_observation()->add_metrics();
  metric.set_name("loss");
  metric.set_value("not a number");
  wire::Trial& killed = *request.add_trials();
  killed = words;
  killed.set_name("killed");
  killed.mutable_status()->set_condition(wire::TrialStatus::KILLED);
  EXPECT_EQ(MustAsk(request).size(), 3u);
  // The trial whose value is no number has used its point up all the same.
  request.set_current_request_number(24);
  request.set_total_request_number(24);
  request.set_accepts_token(true);
  const std::vector<Assignments> rest = MustAsk(request);
  EXPECT_EQ(rest.size(), 23u);
  EXPECT_EQ(std::ranges::count(rest, Assignments{{"layers", "3"}, {"solver", "sgd"}}), 0);
}

TEST_F(ServerTest, SpacesThatKatibsServicesTakeAreTaken) {
  ExperimentSpec spec = Spec("random", {{"n", ParameterType::kInt, {"1", "10", "0.5", {}, {}}},
                                        {"x", ParameterType::kDouble, {"0", "1", "0.3", {}, {}}}});
  spec.objective.metric_name = "";
  Trials trials;
  for (const Assignments& a : MustAsk(KatibRequest(spec, {}, 5))) trials.Add(a);
  ASSERT_EQ(trials.all().size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) trials.End(i, TrialState::kSucceeded, Observed("1", ""));
  EXPECT_EQ(MustAsk(KatibRequest(spec, trials.all(), 2)).size(), 2u);
}

TEST_F(ServerTest, FaultsHaveKatibsTexts) {
  const auto fault = [&](const ExperimentSpec& spec) {
    wire::ValidateAlgorithmSettingsRequest request;
    ToWire(spec, spec.algorithm.settings, request.mutable_experiment());
    const grpc::Status status = client_.Validate(request);
    wire::GetSuggestionsReply reply;
    const grpc::Status asked = client_.Ask(KatibRequest(spec, {}, 1), &reply);
    EXPECT_EQ(status.error_code(), asked.error_code());
    EXPECT_EQ(status.error_message(), asked.error_message());
    if (status.ok()) return std::string("OK");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return status.error_message();
  };
  ExperimentSpec spec = Spec("magic", MixedSpace());
  EXPECT_EQ(fault(spec), "unknown algorithm name magic");
  spec.algorithm = {"random", {{"colour", "red"}}};
  EXPECT_EQ(fault(spec), "unknown setting colour for algorithm random");
  spec.algorithm = {"random", {{"random_state", "-1"}}};
  EXPECT_EQ(fault(spec), "random_state should be great or equal than zero");
  spec.algorithm = {"random", {{"random_state", "many"}}};
  EXPECT_THAT(fault(spec), HasSubstr("failed to validate random_state(many): "));
  spec.algorithm = {"grid", {}};
  EXPECT_THAT(fault(spec), HasSubstr("lr"));  // a double without a step
  spec.algorithm = {"random", {{"random_state", "7"}}};
  EXPECT_EQ(fault(spec), "OK");
}

TEST_F(ServerTest, ValidateTakesSettingsAloneButThereIsNothingToSuggestWithoutParameters) {
  const ExperimentSpec spec = Spec("random", {});
  wire::ValidateAlgorithmSettingsRequest request;
  ToWire(spec, {{"random_state", "3"}}, request.mutable_experiment());
  EXPECT_TRUE(client_.Validate(request).ok());
  wire::GetSuggestionsReply reply;
  const grpc::Status status = client_.Ask(KatibRequest(spec, {}, 1), &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("no parameters"));
}

TEST_F(ServerTest, AnImpossibleCountIsRefused) {
  for (const int count : {-1, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()}) {
    wire::GetSuggestionsRequest request = KatibRequest(Spec("random", MixedSpace()), {}, 0);
    request.set_current_request_number(count);
    request.set_total_request_number(count);
    wire::GetSuggestionsReply reply;
    EXPECT_EQ(client_.Ask(request, &reply).error_code(), grpc::StatusCode::INVALID_ARGUMENT) << count;
  }
  EXPECT_EQ(MustAsk(KatibRequest(Spec("random", MixedSpace()), {}, 0)).size(), 0u);
}

TEST_F(ServerTest, ForeignClientsAreNeverAskedForHistoryNorGivenTokens) {
  wire::GetSuggestionsReply reply;
  ASSERT_TRUE(client_.Ask(KatibRequest(Spec("random", MixedSpace()), {}, 1), &reply).ok());
  EXPECT_TRUE(reply.history_token().empty());
  EXPECT_FALSE(reply.history_needed());
}

TEST_F(ServerTest, AMadeUpTokenIsAnsweredWithHistoryNeeded) {
  wire::GetSuggestionsRequest request = KatibRequest(Spec("random", MixedSpace()), {}, 1);
  request.set_accepts_token(true);
  request.set_history_token("0123456789abcdef-1");
  wire::GetSuggestionsReply reply;
  ASSERT_TRUE(client_.Ask(request, &reply).ok());
  EXPECT_TRUE(reply.history_needed());
  EXPECT_EQ(reply.parameter_assignments_size(), 0);
}

TEST_F(ServerTest, AHistoryOfSeveralMegabytesIsTaken) {  // gRPC alone refuses more than 4
  const ExperimentSpec spec = Spec("random", MixedSpace());
  Trials trials;
  for (int i = 0; i < 40'000; ++i) {
    trials.Add({{"lr", "0.0012345678901234"}, {"layers", "3"}, {"solver", "lbfgs"}});
    trials.End(static_cast<std::size_t>(i), TrialState::kSucceeded, Observed("0.12345678901234567"));
  }
  const wire::GetSuggestionsRequest request = KatibRequest(spec, trials.all(), 1);
  EXPECT_GT(request.ByteSizeLong(), 4u << 20);
  EXPECT_EQ(MustAsk(request).size(), 1u);
}

// ---- health and reflection, without generated code: the messages are simple enough to write by hand

grpc::Status CallRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, const std::string& body,
                     std::string* answer) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  grpc::CompletionQueue queue;
  grpc::Slice slice(body);
  const grpc::ByteBuffer request(&slice, 1);
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  call->Write(request, nullptr);
  queue.Next(&tag, &ok);
  call->WritesDone(nullptr);
  queue.Next(&tag, &ok);
  grpc::ByteBuffer reply;
  call->Read(&reply, nullptr);
  queue.Next(&tag, &ok);
  if (ok) {
    std::vector<grpc::Slice> slices;
    (void)reply.Dump(&slices);
    for (const grpc::Slice& s : slices) answer->append(reinterpret_cast<const char*>(s.begin()), s.size());
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  return status;
}

TEST_F(ServerTest, HealthKnowsTheNamesThatAreAskedFor) {
  const auto check = [&](const std::string& service, std::string* answer) {
    const std::string body =
        service.empty() ? "" : std::string("\x0A") + static_cast<char>(service.size()) + service;  // field 1
    return CallRaw(client_.channel(), "/grpc.health.v1.Health/Check", body, answer);
  };
  for (const std::string service :
       {"", "manager.v1beta1.Suggestion", "api.v1.beta1.Suggestion", "grpc.health.v1.Health"}) {
    std::string answer;
    const grpc::Status status = check(service, &answer);
    EXPECT_TRUE(status.ok()) << service << ": " << status.error_message();
    EXPECT_EQ(answer, "\x08\x01") << service;  // status: SERVING
  }
  std::string answer;
  EXPECT_EQ(check("api.v1.beta1.Nothing", &answer).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServerTest, ReflectionListsTheServicesAndTheFileIsApiProto) {
  const std::string method = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  std::string answer;
  const grpc::Status status = CallRaw(client_.channel(), method, std::string("\x3A\x01*"), &answer);  // list_services
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(answer, HasSubstr("api.v1.beta1.Suggestion"));
  EXPECT_THAT(answer, HasSubstr("api.v1.beta1.EarlyStopping"));
  EXPECT_THAT(answer, HasSubstr("grpc.health.v1.Health"));
  answer.clear();
  const std::string file = std::string("\x1A\x09") + "api.proto";  // file_by_filename
  EXPECT_TRUE(CallRaw(client_.channel(), method, file, &answer).ok());
  EXPECT_THAT(answer, HasSubstr("ValidateAlgorithmSettings"));
}

TEST_F(ServerTest, OtherServicesOfKatibAreUnimplemented) {
  std::string answer;
  EXPECT_EQ(CallRaw(client_.channel(), "/api.v1.beta1.DBManager/GetObservationLog", "", &answer).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

// ---- addresses

TEST(Serve, OnlyLoopbackUnlessItIsSaidOtherwise) {
  for (const std::string address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0", "128.0.0.1:0"}) {
    const auto server = ServeSuggestions(address, false);
    ASSERT_FALSE(server.ok()) << address;
    EXPECT_EQ(server.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(server.status().message(), HasSubstr("--insecure")) << address;
  }
  addrinfo* found = nullptr;  // a machine whose /etc/hosts is empty does not know it
  if (getaddrinfo("localhost", nullptr, nullptr, &found) == 0) {
    freeaddrinfo(found);
    EXPECT_TRUE(ServeSuggestions("localhost:0", false).ok());
  }
  EXPECT_TRUE(ServeSuggestions("127.1.2.3:0", false).ok());
}

TEST(Serve, AddressesThatAreNoneAreExplained) {
  for (const std::string address : {"", "127.0.0.1", "127.0.0.1:", ":6789", "127.0.0.1:x", "127.0.0.1:65536",
                                    "127.0.0.1:-1", "127.0.0.1:1x", "::1:80"}) {
    const auto server = ServeSuggestions(address, false);
    ASSERT_FALSE(server.ok()) << address;
    EXPECT_EQ(server.status().code(), Code::kInvalidArgument) << address;
    EXPECT_THAT(server.status().message(), HasSubstr("'" + address + "'"));
  }
}

TEST(Serve, APortInUseIsAFault) {
  const std::unique_ptr<SuggestionServer> first = Serve();
  const auto second = ServeSuggestions(AddressOf(*first), false);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kUnavailable);
  EXPECT_THAT(second.status().message(), HasSubstr(AddressOf(*first)));
}

TEST(Serve, ManyExperimentsAreServedThoughFewAreRemembered) {
  const std::unique_ptr<SuggestionServer> server = Serve();
  RawClient client(AddressOf(*server));
  const auto ask = [&](int i) {
    ExperimentSpec spec = Spec("random", MixedSpace());
    spec.name = "e" + std::to_string(i);
    wire::GetSuggestionsReply reply;
    EXPECT_TRUE(client.Ask(KatibRequest(spec, {}, 1), &reply).ok());
    return AssignmentsOf(reply.parameter_assignments(0));
  };
  std::vector<Assignments> first;
  for (int i = 0; i < 600; ++i) first.push_back(ask(i));
  for (int i = 0; i < 600; i += 7) EXPECT_EQ(ask(i), first[static_cast<std::size_t>(i)]);
}

}  // namespace
}  // namespace qalam::test
