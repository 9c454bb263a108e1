// SPDX-License-Identifier: Apache-2.0
#include "suggest/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/suggest/support.h"

namespace qalam::test {
namespace {

using ::testing::ElementsAre;
using Phase = AskedTrial::Phase;

Trial Done(TrialState state, std::optional<Observation> observation) {
  Trial trial;
  trial.name = "digits-1";
  trial.ordinal = 1;
  trial.state = state;
  trial.observation = std::move(observation);
  return trial;
}

wire::Trial Wire(const Trial& trial, const ObjectiveSpec& objective) {
  wire::Trial out;
  ToWire(trial, objective, &out);
  return out;
}

TEST(Convert, AnExperimentComesBackAsItWasSent) {
  ExperimentSpec spec = Spec("random", MixedSpace());
  spec.parameters.push_back({"batch", ParameterType::kDiscrete, {"", "", "", {"16", "32"}, Distribution::kUniform}});
  spec.parameters.push_back({"drop", ParameterType::kDouble, {"0", "0.5", "0.1", {}, Distribution::kNormal}});
  spec.parameters.push_back({"decay", ParameterType::kDouble, {"1", "9", "", {}, Distribution::kLogNormal}});
  spec.objective.type = ObjectiveType::kMaximize;
  spec.max_trial_count = 40;
  wire::Experiment message;
  ToWire(spec, {{"random_state", "7"}}, &message);
  const Result<AskedExperiment> back = FromWire(message);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(back->name, "digits");
  EXPECT_EQ(back->direction, ObjectiveType::kMaximize);
  EXPECT_EQ(back->metric, "loss");
  EXPECT_EQ(back->max_trials, 40);
  EXPECT_EQ(back->algorithm.name, "random");
  EXPECT_THAT(back->algorithm.settings, ElementsAre(Setting{"random_state", "7"}));
  ASSERT_EQ(back->parameters.size(), spec.parameters.size());
  for (std::size_t i = 0; i < spec.parameters.size(); ++i) {
    const ParameterSpec &a = spec.parameters[i], &b = back->parameters[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.type, b.type);
    EXPECT_EQ(a.feasible.min, b.feasible.min);
    EXPECT_EQ(a.feasible.max, b.feasible.max);
    EXPECT_EQ(a.feasible.step, b.feasible.step);
    EXPECT_EQ(a.feasible.list, b.feasible.list);
    EXPECT_EQ(a.feasible.distribution, b.feasible.distribution);
  }
}

TEST(Convert, IntBoundsAndStepsOfForeignClientsAreMovedToIntegersInside) {
  wire::Experiment message;
  ExperimentSpec spec = Spec("random", {{"n", ParameterType::kInt, {"0.5", "7.9", "0.5", {}, {}}}});
  ToWire(spec, {}, &message);
  const Result<AskedExperiment> asked = FromWire(message);
  ASSERT_TRUE(asked.ok());
  EXPECT_EQ(asked->parameters[0].feasible.min, "1");
  EXPECT_EQ(asked->parameters[0].feasible.max, "7");
  EXPECT_EQ(asked->parameters[0].feasible.step, "1");
  EXPECT_TRUE(SearchSpace::Create(asked->parameters).ok());
}

TEST(Convert, AParameterWithoutATypeIsNamed) {
  wire::Experiment message;
  ToWire(Spec("random", MixedSpace()), {}, &message);
  message.mutable_spec()->mutable_parameter_specs()->mutable_parameters(1)->set_parameter_type(wire::UNKNOWN_TYPE);
  const Result<AskedExperiment> asked = FromWire(message);
  ASSERT_FALSE(asked.ok());
  EXPECT_EQ(asked.status().code(), Code::kInvalidArgument);
  EXPECT_NE(asked.status().message().find("'layers'"), std::string::npos) << asked.status().message();
}

TEST(Convert, ATrialCarriesOneValueAMetricByItsStrategy) {
  ObjectiveSpec objective = Spec("random", {}).objective;
  objective.additional_metric_names = {"accuracy"};
  objective.strategies["accuracy"] = MetricStrategy::kLatest;
  Observation observation;
  observation.metrics = {{"loss", "0.1", "0.9", "0.5"}, {"accuracy", "0.2", "0.8", "0.7"}};
  Trial trial = Done(TrialState::kSucceeded, observation);
  trial.assignments = {{"lr", "0.010"}};
  trial.labels = {{"generation", "3"}, {std::string(kModelLabel), "gp"}};
  trial.started = *ParseTime("2026-01-02T15:04:05Z");
  trial.completed = *ParseTime("2026-01-02T15:04:07.5Z");
  const wire::Trial message = Wire(trial, objective);
  EXPECT_EQ(message.name(), "digits-1");
  EXPECT_EQ(message.status().condition(), wire::TrialStatus::SUCCEEDED);
  ASSERT_EQ(message.status().observation().metrics_size(), 2);
  EXPECT_EQ(message.status().observation().metrics(0).value(), "0.1");
  EXPECT_EQ(message.status().observation().metrics(1).value(), "0.7");
  EXPECT_EQ(message.status().start_time(), "2026-01-02T15:04:05Z");
  EXPECT_EQ(message.status().completion_time(), "2026-01-02T15:04:07Z");
  EXPECT_EQ(message.ordinal(), 1u);
  EXPECT_DOUBLE_EQ(message.cost(), 2.5);
  EXPECT_EQ(message.model_label(), "gp");
  EXPECT_EQ(message.spec().labels().size(), 1u);
  EXPECT_EQ(message.spec().labels().at("generation"), "3");
  EXPECT_EQ(message.spec().parameter_assignments().assignments(0).value(), "0.010");
}

TEST(Convert, KatibsControllerLeavesOutTrialsWithoutAValue) {
  const ObjectiveSpec objective = Spec("random", {}).objective;
  const auto sent = [&](TrialState state, std::optional<Observation> observation = std::nullopt) {
    return IsSentByKatib(Done(state, std::move(observation)), objective);
  };
  EXPECT_TRUE(sent(TrialState::kCreated));
  EXPECT_TRUE(sent(TrialState::kRunning));
  EXPECT_TRUE(sent(TrialState::kFailed));
  EXPECT_TRUE(sent(TrialState::kSucceeded, Observed("0.5")));
  EXPECT_TRUE(sent(TrialState::kEarlyStopped, Observed("0.5")));
  EXPECT_FALSE(sent(TrialState::kEarlyStopped));
  EXPECT_FALSE(sent(TrialState::kSucceeded, Observed("nan")));
  EXPECT_FALSE(sent(TrialState::kKilled));
  EXPECT_FALSE(sent(TrialState::kMetricsUnavailable));
}

TEST(Convert, ValuesAreMinimisedAndBrokenOnesAreFailures) {
  const ObjectiveSpec objective = Spec("random", {}).objective;
  const auto read = [&](TrialState state, const std::string& value, ObjectiveType direction) {
    return FromWire(Wire(Done(state, Observed(value)), objective), "loss", direction);
  };
  const AskedTrial low = read(TrialState::kSucceeded, "0.25", ObjectiveType::kMinimize);
  EXPECT_EQ(low.phase, Phase::kFinished);
  EXPECT_EQ(low.outcome, Outcome::kSucceeded);
  EXPECT_EQ(low.y, 0.25);
  EXPECT_EQ(read(TrialState::kSucceeded, "0.25", ObjectiveType::kMaximize).y, -0.25);
  const AskedTrial stopped = read(TrialState::kEarlyStopped, "4", ObjectiveType::kMinimize);
  EXPECT_EQ(stopped.outcome, Outcome::kEarlyStopped);
  EXPECT_EQ(stopped.y, 4);

  wire::Trial broken = Wire(Done(TrialState::kSucceeded, Observed("0.25")), objective);
  for (const char* value : {"nan", "inf", "", "1,5", "unavailable", "0x10", "1e999"}) {
    broken.mutable_status()->mutable_observation()->mutable_metrics(0)->set_value(value);
    const AskedTrial asked = FromWire(broken, "loss", ObjectiveType::kMinimize);
    EXPECT_EQ(asked.phase, Phase::kFinished) << value;
    EXPECT_EQ(asked.outcome, Outcome::kFailed) << value;
    EXPECT_TRUE(std::isnan(asked.y)) << value;
  }
  broken.mutable_status()->clear_observation();
  EXPECT_EQ(FromWire(broken, "loss", ObjectiveType::kMinimize).outcome, Outcome::kFailed);
}

TEST(Convert, UnknownMeansPendingUntilTheTrialHasEnded) {
  wire::Trial trial;
  trial.mutable_status()->set_condition(wire::TrialStatus::UNKNOWN);
  EXPECT_EQ(FromWire(trial, "loss", ObjectiveType::kMinimize).phase, Phase::kPending);
  trial.mutable_status()->set_completion_time("2026-01-02T15:04:07Z");
  EXPECT_EQ(FromWire(trial, "loss", ObjectiveType::kMinimize).phase, Phase::kFinished);
}

TEST(Convert, MetricsThatDidNotComeAreAFailure) {
  const wire::Trial message = Wire(Done(TrialState::kMetricsUnavailable, std::nullopt), Spec("random", {}).objective);
  EXPECT_EQ(message.status().condition(), wire::TrialStatus::METRICSUNAVAILABLE);
  EXPECT_EQ(FromWire(message, "loss", ObjectiveType::kMinimize).outcome, Outcome::kFailed);
}

TEST(Convert, KilledTrialsAreIgnoredAndStatesOfTheFutureArePending) {
  wire::Trial trial;
  trial.mutable_status()->set_condition(wire::TrialStatus::KILLED);
  EXPECT_EQ(FromWire(trial, "loss", ObjectiveType::kMinimize).phase, Phase::kIgnored);
  trial.mutable_status()->set_condition(static_cast<wire::TrialStatus::TrialConditionType>(99));
  EXPECT_EQ(FromWire(trial, "loss", ObjectiveType::kMinimize).phase, Phase::kPending);
}

TEST(ToWire, AnArchitectureIsSentAsKatibSendsIt) {
  ExperimentSpec spec;
  spec.name = "nas";
  ParameterSpec size{"filter_size", ParameterType::kCategorical, {}};
  size.feasible.list = {"3", "5"};
  ParameterSpec rate{"rate", ParameterType::kDouble, {}};
  rate.feasible.min = "0.1", rate.feasible.max = "0.5", rate.feasible.step = "0.1";
  rate.feasible.distribution = Distribution::kLogUniform;
  spec.nas_config = NasConfig{{8, {32, 32, 3}, {10}}, {{"convolution", {size}}, {"dropout", {rate}}}};
  wire::Experiment experiment;
  ToWire(spec, {}, &experiment);
  const wire::NasConfig& nas = experiment.spec().nas_config();
  EXPECT_EQ(nas.graph_config().num_layers(), 8);
  EXPECT_EQ(nas.graph_config().input_sizes(2), 3);
  EXPECT_EQ(nas.graph_config().output_sizes(0), 10);
  ASSERT_EQ(nas.operations().operation_size(), 2);
  EXPECT_EQ(nas.operations().operation(0).operation_type(), "convolution");
  const wire::ParameterSpec& first = nas.operations().operation(0).parameter_specs().parameters(0);
  EXPECT_EQ(first.feasible_space().list(1), "5");
  EXPECT_EQ(first.feasible_space().distribution(), wire::DISTRIBUTION_UNSPECIFIED) << "no default within nasConfig";
  const wire::ParameterSpec& second = nas.operations().operation(1).parameter_specs().parameters(0);
  EXPECT_EQ(second.feasible_space().step(), "0.1");
  EXPECT_EQ(second.feasible_space().distribution(), wire::LOG_UNIFORM);
  EXPECT_EQ(experiment.spec().parameter_specs().parameters_size(), 0);
}

}  // namespace
}  // namespace qalam::test
