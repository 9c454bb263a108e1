// SPDX-License-Identifier: Apache-2.0
// Conditions on the wire: services that know them leave out what is not active, of others it is dropped and sent back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/suggest/support.h"

namespace qalam::test {
namespace {

using ::testing::HasSubstr;

std::vector<ParameterSpec> Conditional() {
  std::vector<ParameterSpec> out = {Choice("solver", {"sgd", "adam"}), Real("momentum", "0", "1"),
                                    Integer("layers", "1", "4"), Real("dropout", "0", "0.5")};
  out[1].condition = *ParseCondition("solver == sgd, else 0");
  out[3].condition = *ParseCondition("layers >= 3");
  return out;
}

std::map<std::string, std::string> Sent(const wire::Trial& trial) {
  std::map<std::string, std::string> out;
  for (const wire::ParameterAssignment& a : trial.spec().parameter_assignments().assignments())
    out[a.name()] = a.value();
  return out;
}

TEST(Conditions, ComeBackAsTheyWereSentButForWhatIsTheControllersAlone) {
  std::vector<ParameterSpec> parameters = Conditional();
  const char* const relations[] = {"solver == sgd", "solver != sgd", "solver in [sgd, adam]",
                                   "layers >= 2",   "layers > 2",    "layers <= 2",
                                   "layers < 2"};
  for (const char* text : relations) {
    parameters[3].condition = *ParseCondition(text);
    wire::Experiment message;
    ToWire(Spec("random", parameters), {}, &message);
    const Result<AskedExperiment> back = FromWire(message);
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(back->parameters[3].condition, parameters[3].condition) << text;
    EXPECT_FALSE(back->parameters[1].condition->otherwise.has_value());
    EXPECT_FALSE(back->parameters[0].condition.has_value());
  }
}

TEST(Conditions, ThatAreNoneAreRefused) {
  wire::Experiment message;
  ToWire(Spec("random", Conditional()), {}, &message);
  wire::ParameterCondition& condition =
      *message.mutable_spec()->mutable_parameter_specs()->mutable_parameters(1)->mutable_condition();
  condition.clear_values();
  EXPECT_THAT(FromWire(message).status().message(), HasSubstr("parameter 'momentum': its condition has 0 values"));
  condition.add_values("sgd");
  condition.set_relation(static_cast<wire::ParameterCondition::Relation>(9));
  EXPECT_THAT(FromWire(message).status().message(), HasSubstr("its condition has the relation 9"));
}

// Our own algorithms, in process.
TEST(Conditions, AreHonouredByEveryReply) {
  for (const char* algorithm : {"random", "sobol", "tpe", "bayesianoptimization", "auto", "evolution"}) {
    WaitingLoop loop;
    const auto client = MakeInProcessClient(loop.loop(), {std::chrono::milliseconds(30'000)});
    const auto trials = std::make_shared<Trials>();
    const ExperimentSpec spec = Spec(algorithm, Conditional());
    for (int i = 0; i < 25; ++i) {
      const SuggestionRequest request = Request(spec, "u", trials, 1);
      const Result<SuggestionReply> reply = loop.Ask(*client, request);
      ASSERT_TRUE(reply.ok()) << reply.status().ToString();
      ASSERT_EQ(reply->suggestions.size(), 1u) << reply->rejected_why;
      const Suggestion& suggestion = reply->suggestions[0];
      EXPECT_TRUE(request.space->Check(suggestion.assignments).ok());
      for (const auto& [label, value] : suggestion.labels)
        EXPECT_FALSE(label.starts_with(kInactiveLabelStart)) << label;
      trials->Add(suggestion.assignments, suggestion.labels);
      trials->End(trials->all().size() - 1, TrialState::kSucceeded, Observed(std::to_string(i % 7)));
    }
  }
}

// As Katib's services: a value for everything, and trials are known by all their values.
TEST(Conditions, WhatAServiceThatKnowsNoneSaidIsDroppedAndSentBack) {
  WaitingLoop loop;
  ToldService service([](const wire::GetSuggestionsRequest&, wire::GetSuggestionsReply* out) {
    AddSuggestion(out, {{"solver", "adam"}, {"momentum", "0.123"}, {"layers", "4"}, {"dropout", "0.25"}});
    AddSuggestion(out, {{"solver", "sgd"}, {"momentum", "0.5"}, {"layers", "1"}, {"dropout", "0.4"}});
    AddSuggestion(out, {{"solver", "sgd"}, {"layers", "1"}});
    return grpc::Status::OK;
  });
  const auto client = MakeRemoteClient(loop.loop(), service.address(), {std::chrono::milliseconds(30'000)});
  const auto trials = std::make_shared<Trials>();
  const ExperimentSpec spec = Spec("foreign", Conditional());
  const Result<SuggestionReply> reply = loop.Ask(*client, Request(spec, "u", trials, 3));
  ASSERT_TRUE(reply.ok()) << reply.status().ToString();
  ASSERT_EQ(reply->suggestions.size(), 2u);
  EXPECT_EQ(reply->rejected_why, "parameter 'momentum' is missing");
  const Assignments adam = {{"solver", "adam"}, {"layers", "4"}, {"dropout", "0.25"}},
                    sgd = {{"solver", "sgd"}, {"momentum", "0.5"}, {"layers", "1"}};
  EXPECT_EQ(reply->suggestions[0].assignments, adam);
  EXPECT_EQ(reply->suggestions[1].assignments, sgd);
  EXPECT_EQ(reply->suggestions[0].labels.at("qalam.dev/inactive.momentum"), "0.123");
  EXPECT_EQ(reply->suggestions[1].labels.at("qalam.dev/inactive.dropout"), "0.4");

  for (const Suggestion& suggestion : reply->suggestions) trials->Add(suggestion.assignments, suggestion.labels);
  trials->Add(sgd);  // a person's: nobody knows more
  ASSERT_TRUE(loop.Ask(*client, Request(spec, "u", trials, 1)).ok());
  const wire::GetSuggestionsRequest request = service.requests().back();
  ASSERT_EQ(request.trials_size(), 3);
  EXPECT_EQ(Sent(request.trials(0)),
            (std::map<std::string, std::string>{
                {"solver", "adam"}, {"momentum", "0.123"}, {"layers", "4"}, {"dropout", "0.25"}}));
  EXPECT_EQ(Sent(request.trials(1)).at("dropout"), "0.4");
  EXPECT_EQ(Sent(request.trials(2)).at("dropout"), "0.25");  // where it rests
  EXPECT_TRUE(request.trials(0).spec().labels().empty());
}

// A client that fills up what is not active, or did before there were conditions.
TEST(Conditions, AServerDropsWhatIsNotActiveInTheTrialsItIsTold) {
  WaitingLoop loop;
  const auto client = MakeInProcessClient(loop.loop(), {std::chrono::milliseconds(30'000)});
  const ExperimentSpec spec = Spec("grid", {Choice("solver", {"sgd", "adam"}), Choice("m", {"1", "2"})});
  ExperimentSpec conditional = spec;
  conditional.parameters[1].condition = *ParseCondition("solver == sgd");
  const auto trials = std::make_shared<Trials>();
  trials->Add({{"solver", "adam"}, {"m", "2"}});
  trials->End(0, TrialState::kSucceeded, Observed("1"));
  const Result<SuggestionReply> reply = loop.Ask(*client, Request(conditional, "u", trials, 5));
  ASSERT_TRUE(reply.ok()) << reply.status().ToString();
  for (const Suggestion& suggestion : reply->suggestions) EXPECT_NE(suggestion.assignments[0].value, "adam");
  EXPECT_TRUE(reply->exhausted);
}

}  // namespace
}  // namespace qalam::test
