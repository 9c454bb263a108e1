// SPDX-License-Identifier: Apache-2.0
// Services that hang, lie, flood or talk nonsense: no illegal suggestion comes through, every call ends, and the fault
// says whose it is.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/suggest/support.h"

namespace qalam::test {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::pair<std::string, std::string>> kLegal = {{"lr", "0.01"}, {"layers", "3"}, {"solver", "adam"}};

class HostileTest : public ::testing::Test {
 protected:
  // A service that answers so, and the client's verdict on `wanted` suggestions from it.
  Result<SuggestionReply> Answer(ToldService::Answer answer, int wanted = 2,
                                 milliseconds deadline = milliseconds(30'000)) {
    service_ = std::make_unique<ToldService>(std::move(answer));
    client_ = MakeRemoteClient(loop_.loop(), service_->address(), {deadline});
    return loop_.Ask(*client_, Ask(wanted));
  }
  SuggestionRequest Ask(int wanted) { return Request(Spec("foreign", MixedSpace()), "u", trials_, wanted); }

  // The fault of one suggestion among good ones.
  std::string Rejected(const std::vector<std::pair<std::string, std::string>>& assignments,
                       const std::string& trial_name = "") {
    const Result<SuggestionReply> reply = Answer(
        [&](const auto&, wire::GetSuggestionsReply* out) {
          AddSuggestion(out, kLegal);
          AddSuggestion(out, assignments, trial_name);
          AddSuggestion(out, kLegal);
          return grpc::Status::OK;
        },
        3);
    if (!reply.ok()) return "the call failed: " + reply.status().ToString();
    EXPECT_EQ(reply->suggestions.size(), 2u);
    EXPECT_EQ(reply->rejected, 1);
    for (const Suggestion& s : reply->suggestions) EXPECT_TRUE(Ask(1).space->Check(s.assignments).ok());
    EXPECT_LT(reply->rejected_why.size(), 1000u);
    return reply->rejected_why;
  }

  WaitingLoop loop_;
  std::shared_ptr<Trials> trials_ = std::make_shared<Trials>();
  std::unique_ptr<ToldService> service_;
  std::unique_ptr<SuggestionClient> client_;
};

TEST_F(HostileTest, AGoodAnswerComesThroughInTheOrderOfTheSpace) {
  const Result<SuggestionReply> reply = Answer([](const auto&, wire::GetSuggestionsReply* out) {
    AddSuggestion(out, {kLegal[2], kLegal[0], kLegal[1]}, "mine-1");
    (*out->mutable_parameter_assignments(0)->mutable_labels())["generation"] = "4";
    auto& setting = *out->mutable_algorithm()->add_algorithm_settings();
    setting.set_name("current_s");
    setting.set_value("3; DROP TABLE trials");
    return grpc::Status::OK;
  });
  ASSERT_TRUE(reply.ok()) << reply.status().ToString();
  ASSERT_EQ(reply->suggestions.size(), 1u);
  const Assignments expected = {{"lr", "0.01"}, {"layers", "3"}, {"solver", "adam"}};
  EXPECT_EQ(reply->suggestions[0].assignments, expected);
  EXPECT_EQ(reply->suggestions[0].trial_name, "mine-1");
  EXPECT_EQ(reply->suggestions[0].labels.at("generation"), "4");
  EXPECT_EQ(reply->algorithm_settings, (std::vector<Setting>{{"current_s", "3; DROP TABLE trials"}}));
  EXPECT_FALSE(reply->exhausted);
}

TEST_F(HostileTest, AHangingServiceEndsAtTheDeadline) {
  const auto start = std::chrono::steady_clock::now();
  const Result<SuggestionReply> reply = Answer(
      [this](const auto&, auto*) {
        while (!service_->context()->IsCancelled()) std::this_thread::sleep_for(milliseconds(5));
        return grpc::Status::OK;
      },
      2, milliseconds(300));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.status().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(reply.status().message(),
            "suggestion service foreign at " + service_->address() + ": no answer within 0.3 s");
}

TEST_F(HostileTest, AClientDestroyedInTheMiddleOfAHangingCallReturnsAtOnce) {
  service_ = std::make_unique<ToldService>([this](const auto&, auto*) {
    while (!service_->context()->IsCancelled()) std::this_thread::sleep_for(milliseconds(5));
    return grpc::Status::OK;
  });
  client_ = MakeRemoteClient(loop_.loop(), service_->address(), {});
  const auto start = std::chrono::steady_clock::now();
  client_->GetSuggestions(Ask(1), [](const auto&) { ADD_FAILURE() << "the client is gone"; });
  while (service_->requests().empty()) std::this_thread::yield();
  client_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_F(HostileTest, NobodyThereIsUnavailable) {
  client_ = MakeRemoteClient(loop_.loop(), "127.0.0.1:1", {});
  const Result<SuggestionReply> reply = loop_.Ask(*client_, Ask(1));
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.status().code(), Code::kUnavailable);
  EXPECT_THAT(reply.status().message(), HasSubstr("suggestion service foreign at 127.0.0.1:1: "));
}

TEST_F(HostileTest, AnAddressThatIsNoneIsAFaultAndNotACrash) {
  for (const std::string address : {"", "nonsense", "127.0.0.1:99999", "dns:///", ":::"}) {
    client_ = MakeRemoteClient(loop_.loop(), address, {milliseconds(2'000)});
    EXPECT_FALSE(loop_.Ask(*client_, Ask(1)).ok()) << address;
  }
}

TEST_F(HostileTest, FaultsKeepTheirCodeAndTheirTextIsMadeFitForPeople) {
  const Result<SuggestionReply> reply = Answer([](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::INTERNAL, "line one\nline two\x1b[31m" + std::string(3'000, 'x'));
  });
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.status().code(), Code::kInternal);
  EXPECT_THAT(reply.status().message(), AllOf(HasSubstr("line one line two"), Not(HasSubstr("\x1b"))));
  EXPECT_LT(reply.status().message().size(), 1'000u);
  EXPECT_EQ(Answer([](const auto&, auto*) { return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "who are you"); })
                .status()
                .code(),
            Code::kPermissionDenied);
}

TEST_F(HostileTest, FewerThanAskedIsTakenAsItIs) {
  const Result<SuggestionReply> one = Answer(
      [](const auto&, wire::GetSuggestionsReply* out) {
        AddSuggestion(out, kLegal);
        return grpc::Status::OK;
      },
      5);
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->suggestions.size(), 1u);
  const Result<SuggestionReply> none = Answer([](const auto&, auto*) { return grpc::Status::OK; });
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->suggestions.empty());
  EXPECT_FALSE(none->exhausted);  // only our own word says so
}

TEST_F(HostileTest, MoreThanAskedIsCutOff) {
  const Result<SuggestionReply> reply = Answer(
      [](const auto&, wire::GetSuggestionsReply* out) {
        for (int i = 0; i < 1'000; ++i) AddSuggestion(out, kLegal);
        return grpc::Status::OK;
      },
      3);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->suggestions.size(), 3u);
  EXPECT_EQ(reply->rejected, 0);
}

TEST_F(HostileTest, NoIllegalSuggestionComesThrough) {
  const auto with = [](const std::string& name, const std::string& value) {
    auto out = kLegal;
    for (auto& [n, v] : out) {
      if (n == name) v = value;
    }
    return out;
  };
  for (const std::string value : {"nan", "NaN", "inf", "-inf", "1e999", "", " ", "0.2", "1e-6", "-0.01", "0.01x",
                                  "0x1p-7", "0,01", "1e-2e", "ten"}) {
    EXPECT_THAT(Rejected(with("lr", value)), HasSubstr("lr")) << value;
  }
  for (const std::string value : {"0", "9", "2.5", "nan", "99999999999999999999", "three", ""}) {
    EXPECT_THAT(Rejected(with("layers", value)), HasSubstr("layers")) << value;
  }
  for (const std::string value : {"SGD", "sgd ", "", "$(reboot)", "sgd\n"}) {
    EXPECT_THAT(Rejected(with("solver", value)), HasSubstr("solver")) << value;
  }
}

// Katib's scikit-optimize service, and its pbt, know no steps.
// Services that search an architecture.
class HostileArchitect : public HostileTest {
 protected:
  // What is wrong with the only suggestion of a service under that name; empty: nothing.
  std::string Fault(std::string algorithm, const std::vector<std::pair<std::string, std::string>>& assignments) {
    ExperimentSpec spec = Spec(std::move(algorithm), {});
    spec.nas_config =
        NasConfig{{2, {8, 8, 1}, {10}},
                  {{"convolution", {{"filter_size", ParameterType::kCategorical, {"", "", "", {"3", "5", "7"}, {}}}}}}};
    spec.trial_template.parameters = references_;
    service_ = std::make_unique<ToldService>([&](const auto&, wire::GetSuggestionsReply* out) {
      AddSuggestion(out, assignments);
      return grpc::Status::OK;
    });
    client_ = MakeRemoteClient(loop_.loop(), service_->address(), {});
    SuggestionRequest request = Ask(1);
    request.space = std::make_shared<const SearchSpace>();
    request.spec = std::make_shared<const ExperimentSpec>(spec);
    const Result<SuggestionReply> reply = loop_.Ask(*client_, request);
    if (!reply.ok()) return "the call failed: " + reply.status().ToString();
    EXPECT_EQ(reply->suggestions.size() + static_cast<std::size_t>(reply->rejected), 1u);
    return reply->rejected_why;
  }

  std::vector<TrialParameterSpec> references_;
};

TEST_F(HostileArchitect, WhatTheTrialTemplateRefersToIsThere) {
  references_ = {{"network", "", "cell"}, {"name", "", "${trialSpec.Name}"}};
  EXPECT_EQ(Fault("foreign", {{"cell", "anything"}, {"more", ""}}), "");
  EXPECT_EQ(Fault("foreign", {{"more", "anything"}}), "'cell' is missing, which the trial template refers to");
  EXPECT_EQ(Fault("foreign", {}), "there are no assignments");
}

TEST_F(HostileArchitect, UnderTheNameEnasItIsANetworkOfTheNasConfig) {
  const std::string config = "{'num_layers': 2, 'embedding': {'0': {}, '2': {}}}";
  EXPECT_EQ(Fault("enas", {{"nn_config", config}, {"architecture", "[[2], [0, 1]]"}}), "");
  EXPECT_EQ(Fault("enas", {{"nn_config", R"({"embedding": {"0": {}}})"}, {"architecture", "[[0], [0, 0]]"}}), "");
  EXPECT_EQ(Fault("enas", {{"architecture", "[[2], [0, 1]]"}}), "'nn_config' is missing");
  EXPECT_EQ(Fault("enas", {{"nn_config", config}}), "'architecture' is missing");
  EXPECT_EQ(Fault("enas", {{"nn_config", "none"}, {"architecture", "[[2], [0, 1]]"}}), "nn_config is no map");
  EXPECT_EQ(Fault("enas", {{"nn_config", "{"}, {"architecture", "[[2], [0, 1]]"}}), "nn_config is no map");
  EXPECT_EQ(Fault("enas", {{"nn_config", config}, {"architecture", "[[1], [0, 1]]"}}),
            "nn_config says nothing of operation 1 of layer 0");
  EXPECT_EQ(Fault("enas", {{"nn_config", config}, {"architecture", "[[3], [0, 1]]"}}),
            "architecture: layer 0: number 0 is 3, it must be between 0 and 2");
  EXPECT_EQ(Fault("enas", {{"nn_config", config}, {"architecture", "[[2]]"}}), "architecture: it must have 2 layers");
  EXPECT_EQ(Fault("enas", {{"nn_config", config}, {"architecture", "rm -rf"}}),
            "architecture: it must be a list of lists");
}

TEST_F(HostileArchitect, UnderTheNameDartsItIsTheWholeSearch) {
  const auto told = [](const char* settings, const char* space, const char* layers) {
    return std::vector<std::pair<std::string, std::string>>{
        {"algorithm-settings", settings}, {"search-space", space}, {"num-layers", layers}};
  };
  EXPECT_EQ(Fault("darts", told("{'num_epochs': 1}", "['convolution_3x3']", "2")), "");
  EXPECT_EQ(Fault("darts", told("", "['convolution_3x3']", "2")), "algorithm-settings is no map");
  EXPECT_EQ(Fault("darts", told("{}", "convolution_3x3", "2")), "search-space is no list");
  EXPECT_EQ(Fault("darts", told("{}", "[]", "3")), "num-layers is not 2, as the nasConfig has it");
  EXPECT_EQ(Fault("darts", {{"num-layers", "2"}}), "'algorithm-settings' is missing");
}

TEST_F(HostileTest, ANumberBetweenTwoStepsIsTakenAsTheNearerOne) {
  ParameterSpec stepped = Real("lr", "0.0001", "0.02");
  stepped.feasible.step = "0.0001";
  service_ = std::make_unique<ToldService>([](const auto&, wire::GetSuggestionsReply* out) {
    AddSuggestion(out, {{"lr", "0.00734"}, {"layers", "3"}});
    return grpc::Status::OK;
  });
  client_ = MakeRemoteClient(loop_.loop(), service_->address(), {});
  const Result<SuggestionReply> reply =
      loop_.Ask(*client_, Request(Spec("foreign", {stepped, Integer("layers", "1", "8")}), "u", trials_, 1));
  ASSERT_TRUE(reply.ok()) << reply.status().ToString();
  ASSERT_EQ(reply->suggestions.size(), 1u);
  EXPECT_EQ(reply->suggestions[0].assignments, (Assignments{{"lr", "0.0073"}, {"layers", "3"}}));
}

TEST_F(HostileTest, EachParameterIsThereExactlyOnce) {
  EXPECT_EQ(Rejected({kLegal[0], kLegal[1]}), "parameter 'solver' has no value");
  EXPECT_EQ(Rejected({}), "parameter 'lr' has no value");
  EXPECT_EQ(Rejected({kLegal[0], kLegal[1], kLegal[2], {"momentum", "0.9"}}),
            "parameter 'momentum' is not one of the experiment");
  EXPECT_EQ(Rejected({kLegal[0], kLegal[1], kLegal[2], {"", "0.9"}}), "parameter '' is not one of the experiment");
  EXPECT_EQ(Rejected({kLegal[0], kLegal[1], kLegal[2], {"lr", "0.02"}}), "parameter 'lr' has two values");
  EXPECT_EQ(Rejected({kLegal[0], kLegal[1], kLegal[2], kLegal[2]}), "parameter 'solver' has two values");
}

TEST_F(HostileTest, AHugeValueIsRejectedByItsSize) {
  EXPECT_EQ(Rejected({kLegal[0], kLegal[1], {"solver", std::string(32 << 20, 'x')}}),
            "parameter 'solver' has a value of 33554432 bytes");
  EXPECT_THAT(Rejected({kLegal[0], {std::string(32 << 20, 'x'), "1"}, kLegal[2]}), HasSubstr("xxx..."));
  // 0.1 and legal, if anybody read so far.
  EXPECT_THAT(Rejected({{"lr", "0." + std::string(500'000, '0') + "1e500000"}, kLegal[1], kLegal[2]}),
              HasSubstr("'lr' has a value of 500010 bytes"));
}

TEST_F(HostileTest, ReasonsAreOneShortLineInWholeCharacters) {
  std::string arabic;
  for (int i = 0; i < 300; ++i) arabic += "\xD9\x82";
  const std::string why = Rejected({kLegal[0], kLegal[1], kLegal[2], {"x\n" + arabic, "1"}});
  EXPECT_THAT(why, AllOf(HasSubstr("x \xD9\x82"), Not(HasSubstr("\n")), HasSubstr("\xD9\x82...")));
}

TEST_F(HostileTest, TrialNamesAreDnsLabels) {
  for (const std::string name :
       {"../../etc/passwd", "a/b", "UPPER", "-a", "a-", "a.b", "a b", "a\n", "%2e", "é", "a_b"}) {
    EXPECT_THAT(Rejected(kLegal, name), HasSubstr("is not a DNS label")) << name;
  }
  EXPECT_THAT(Rejected(kLegal, std::string(64, 'a')), HasSubstr("is not a DNS label"));
  EXPECT_THAT(Rejected(kLegal, std::string(1 << 20, 'a')), HasSubstr("is not a DNS label"));
  for (const std::string& name : {std::string(63, 'a'), std::string("9"), std::string("e-1f0c4a9e-2b6d")}) {
    const Result<SuggestionReply> reply = Answer([&](const auto&, wire::GetSuggestionsReply* out) {
      AddSuggestion(out, kLegal, name);
      return grpc::Status::OK;
    });
    ASSERT_TRUE(reply.ok() && reply->suggestions.size() == 1) << name;
    EXPECT_EQ(reply->suggestions[0].trial_name, name);
  }
}

TEST_F(HostileTest, ANameTwiceIsTakenOnceAndAValueTwiceIsTakenTwice) {
  const Result<SuggestionReply> reply = Answer(
      [](const auto&, wire::GetSuggestionsReply* out) {
        AddSuggestion(out, kLegal, "one");
        AddSuggestion(out, kLegal, "one");
        AddSuggestion(out, kLegal);
        return grpc::Status::OK;
      },
      3);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->suggestions.size(), 2u);
  EXPECT_EQ(reply->rejected, 1);
  EXPECT_EQ(reply->rejected_why, "trial name 'one' came twice");
}

TEST_F(HostileTest, TooManyLabelsAreRejected) {
  const Result<SuggestionReply> reply = Answer([](const auto&, wire::GetSuggestionsReply* out) {
    AddSuggestion(out, kLegal);
    for (int i = 0; i < 1'000; ++i) (*out->mutable_parameter_assignments(0)->mutable_labels())[std::to_string(i)] = "x";
    AddSuggestion(out, kLegal);
    (*out->mutable_parameter_assignments(1)->mutable_labels())["big"] = std::string(1 << 20, 'x');
    return grpc::Status::OK;
  });
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->suggestions.size(), 0u);
  EXPECT_EQ(reply->rejected, 2);
  EXPECT_THAT(reply->rejected_why, HasSubstr("1000 labels"));
}

TEST_F(HostileTest, AReplyOfMoreThan64MiBIsAFaultThatSaysSo) {
  const Result<SuggestionReply> reply = Answer([](const auto&, wire::GetSuggestionsReply* out) {
    for (int i = 0; i < 3; ++i) AddSuggestion(out, {{"lr", std::string(30 << 20, '1')}});
    return grpc::Status::OK;
  });
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.status().code(), Code::kResourceExhausted);
  EXPECT_THAT(reply.status().message(), HasSubstr("its reply is larger than 64 MiB"));
}

TEST_F(HostileTest, SettingsTooLargeToKeepAreAFault) {
  const Result<SuggestionReply> reply = Answer([](const auto&, wire::GetSuggestionsReply* out) {
    AddSuggestion(out, kLegal);
    auto& setting = *out->mutable_algorithm()->add_algorithm_settings();
    setting.set_name("state");
    setting.set_value(std::string(2 << 20, 'x'));
    return grpc::Status::OK;
  });
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.status().code(), Code::kResourceExhausted);
  EXPECT_THAT(reply.status().message(), HasSubstr("algorithm settings"));
}

TEST_F(HostileTest, AServiceThatWantsTheHistoryItWasSentIsAtFault) {
  const auto answer = [](const auto&, wire::GetSuggestionsReply* out) {
    out->set_history_needed(true);
    AddSuggestion(out, kLegal);
    return grpc::Status::OK;
  };
  const Result<SuggestionReply> reply = Answer(answer);
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.status().code(), Code::kInternal);
  EXPECT_EQ(service_->requests().size(), 1u);
}

TEST_F(HostileTest, ATokenThatIsNotHonouredCostsOneMoreCall) {
  int calls = 0;
  const auto answer = [&](const wire::GetSuggestionsRequest& request, wire::GetSuggestionsReply* out) {
    if (!request.history_token().empty()) {
      EXPECT_EQ(request.history_token(), "token-" + std::to_string(calls));
      out->set_history_needed(true);
      return grpc::Status::OK;
    }
    out->set_history_token("token-" + std::to_string(++calls));
    AddSuggestion(out, kLegal);
    return grpc::Status::OK;
  };
  ASSERT_TRUE(Answer(answer).ok());
  trials_->Add({{"lr", "0.01"}, {"layers", "3"}, {"solver", "adam"}});
  ASSERT_TRUE(loop_.Ask(*client_, Ask(1)).ok());
  ASSERT_TRUE(loop_.Ask(*client_, Ask(1)).ok());
  EXPECT_EQ(service_->requests().size(), 5u);
  EXPECT_EQ(service_->requests().back().trials_size(), 1);
}

TEST_F(HostileTest, AServiceThatForgetsWhileItIsToldIsNotToldForEver) {
  const auto answer = [](const wire::GetSuggestionsRequest& request, wire::GetSuggestionsReply* out) {
    out->set_history_token("token");
    out->set_history_needed(!request.history_token().empty());
    return grpc::Status::OK;
  };
  ASSERT_TRUE(Answer(answer).ok());
  for (int i = 0; i < 10'000; ++i) trials_->Add({});
  const Result<SuggestionReply> reply = loop_.Ask(*client_, Ask(1));
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.status().code(), Code::kInternal);
  EXPECT_LT(service_->requests().size(), 10u);
}

TEST_F(HostileTest, AServiceThatStopsRememberingWhileItIsToldIsSentEverything) {
  const auto answer = [&](const wire::GetSuggestionsRequest& request, wire::GetSuggestionsReply* out) {
    if (trials_->all().empty()) out->set_history_token("token");
    if (request.current_request_number() > 0) AddSuggestion(out, kLegal);
    return grpc::Status::OK;
  };
  ASSERT_TRUE(Answer(answer).ok());
  for (int i = 0; i < 10'000; ++i) trials_->Add({});
  client_->Forget("u");
  const Result<SuggestionReply> reply = loop_.Ask(*client_, Ask(1));
  ASSERT_TRUE(reply.ok()) << reply.status().ToString();
  EXPECT_EQ(reply->suggestions.size(), 1u);
  EXPECT_EQ(service_->requests().back().trials_size(), 10'000);
}

TEST_F(HostileTest, AForeignServiceAlwaysSeesTheWholeHistoryAsKatibWouldSendIt) {
  const auto answer = [](const auto&, wire::GetSuggestionsReply* out) {
    AddSuggestion(out, kLegal);
    return grpc::Status::OK;
  };
  ASSERT_TRUE(Answer(answer).ok());
  for (int i = 0; i < 5; ++i) trials_->Add({{"lr", "0.01"}, {"layers", "3"}, {"solver", "adam"}});
  trials_->End(0, TrialState::kSucceeded, Observed("0.5"));
  trials_->End(1, TrialState::kMetricsUnavailable);
  trials_->End(2, TrialState::kEarlyStopped);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(loop_.Ask(*client_, Ask(1)).ok());
    EXPECT_EQ(service_->requests().back().trials_size(), 3);
    EXPECT_TRUE(service_->requests().back().history_token().empty());
  }
}

TEST_F(HostileTest, ARequestThatTheServiceCannotTakeSaysHowLargeItWas) {
  service_ = std::make_unique<ToldService>([](const auto&, auto*) {  // as gRPC in Python says it
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "Received message larger than max (5000000 vs. 4194304)");
  });
  client_ = MakeRemoteClient(loop_.loop(), service_->address(), {});
  trials_->Add({{"lr", "0.01"}});
  const Result<SuggestionReply> reply = loop_.Ask(*client_, Ask(1));
  ASSERT_FALSE(reply.ok());
  EXPECT_THAT(reply.status().message(), HasSubstr("the request with 1 trials"));
}

TEST_F(HostileTest, ValidationPassesTheServicesWordOn) {
  service_ = std::make_unique<ToldService>([](const auto&, auto*) { return grpc::Status::OK; });
  client_ = MakeRemoteClient(loop_.loop(), service_->address(), {});
  EXPECT_TRUE(loop_.Validate(*client_, Ask(0)).ok());
  service_->SetValidation({grpc::StatusCode::INVALID_ARGUMENT, "eta must be positive"});
  const Status refused = loop_.Validate(*client_, Ask(0));
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("eta must be positive"));
  service_->SetValidation({grpc::StatusCode::UNIMPLEMENTED, ""});
  const Status unimplemented = loop_.Validate(*client_, Ask(0));
  EXPECT_EQ(unimplemented.code(), Code::kUnimplemented);
  EXPECT_THAT(unimplemented.message(), HasSubstr("failed without a word"));
}

TEST_F(HostileTest, AServerOfAnotherProtocolIsAFault) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::thread web([listener] {
    while (true) {
      const int peer = ::accept(listener, nullptr, nullptr);
      if (peer < 0) return;
      const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
      (void)::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
      ::close(peer);
    }
  });
  client_ =
      MakeRemoteClient(loop_.loop(), "127.0.0.1:" + std::to_string(ntohs(address.sin_port)), {milliseconds(5'000)});
  const Result<SuggestionReply> reply = loop_.Ask(*client_, Ask(1));
  EXPECT_FALSE(reply.ok());
  client_.reset();
  ::shutdown(listener, SHUT_RDWR);
  web.join();
  ::close(listener);
}

}  // namespace
}  // namespace qalam::test
