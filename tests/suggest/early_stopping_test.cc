// SPDX-License-Identifier: Apache-2.0
// The built-in rules as Katib's controller and collectors call them: over gRPC, with the metrics behind a DBManager.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <thread>

#include "suggest/early_stopping_servicer.h"
#include "tests/suggest/support.h"

namespace qalam::test {
namespace {

class Metrics final : public wire::DBManager::Service {
 public:
  std::map<std::string, std::vector<std::string>> reports;
  std::atomic<int> asked = 0;
  std::atomic<bool> hangs = false;

 private:
  grpc::Status GetObservationLog(grpc::ServerContext* context, const wire::GetObservationLogRequest* request,
                                 wire::GetObservationLogReply* reply) override {
    ++asked;
    while (hangs && !context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    for (const std::string& value : reports[request->trial_name()]) {
      wire::MetricLog& line = *reply->mutable_observation_log()->add_metric_logs();
      line.mutable_metric()->set_name(request->metric_name());
      line.mutable_metric()->set_value(value);
    }
    return grpc::Status::OK;
  }
};

class EarlyStoppingServiceTest : public ::testing::Test {
 protected:
  EarlyStoppingServiceTest() {
    grpc::ServerBuilder metrics;
    int port = 0;
    metrics.RegisterService(&metrics_);
    metrics.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    metrics_server_ = metrics.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
    Result<std::unique_ptr<SuggestionServer>> server = ServeSuggestions("127.0.0.1:0", false);
    EXPECT_TRUE(server.ok());
    server_ = *std::move(server);
    stub_ = wire::EarlyStopping::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()), grpc::InsecureChannelCredentials()));
  }
  ~EarlyStoppingServiceTest() override {
    server_ = nullptr;
    metrics_server_->Shutdown(std::chrono::system_clock::now());
  }

  wire::GetEarlyStoppingRulesRequest Request(std::vector<std::pair<std::string, std::string>> settings) const {
    wire::GetEarlyStoppingRulesRequest request;
    request.set_db_manager_address(address_);
    wire::ExperimentSpec& spec = *request.mutable_experiment()->mutable_spec();
    spec.mutable_objective()->set_type(wire::MINIMIZE);
    spec.mutable_objective()->set_objective_metric_name("loss");
    spec.mutable_early_stopping()->set_algorithm_name("medianstop");
    for (const auto& [name, value] : settings) {
      wire::EarlyStoppingSetting& setting = *spec.mutable_early_stopping()->add_algorithm_settings();
      setting.set_name(name);
      setting.set_value(value);
    }
    for (const auto& [name, values] : metrics_.reports) {
      wire::Trial& trial = *request.add_trials();
      trial.set_name(name);
      trial.mutable_status()->set_condition(wire::TrialStatus::SUCCEEDED);
      trial.mutable_status()->set_completion_time("2026-01-01T00:00:00Z");
    }
    return request;
  }
  grpc::Status Rules(const wire::GetEarlyStoppingRulesRequest& request, wire::GetEarlyStoppingRulesReply* reply) {
    reply->Clear();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    return stub_->GetEarlyStoppingRules(&context, request, reply);
  }

  Metrics metrics_;
  std::unique_ptr<grpc::Server> metrics_server_;
  std::string address_;
  std::unique_ptr<SuggestionServer> server_;
  std::unique_ptr<wire::EarlyStopping::Stub> stub_;
};

TEST_F(EarlyStoppingServiceTest, TheRuleIsTheMedianOfWhatTheDbManagerHas) {
  metrics_.reports = {{"a", {"1", "3", "99"}}, {"b", {"nan", "5", "5"}}, {"c", {"40", "40"}}, {"none", {}}};
  wire::GetEarlyStoppingRulesRequest request = Request({{"start_step", "2"}});
  wire::GetEarlyStoppingRulesReply reply;
  ASSERT_TRUE(Rules(request, &reply).ok());
  ASSERT_EQ(reply.early_stopping_rules_size(), 1);
  const wire::EarlyStoppingRule& rule = reply.early_stopping_rules(0);
  EXPECT_EQ(rule.name(), "loss");
  EXPECT_EQ(rule.value(), "5");
  EXPECT_EQ(rule.comparison(), wire::GREATER);
  EXPECT_EQ(rule.start_step(), 2);
  EXPECT_EQ(metrics_.asked, 4);

  request.mutable_experiment()->mutable_spec()->mutable_objective()->set_type(wire::MAXIMIZE);
  ASSERT_TRUE(Rules(request, &reply).ok());
  EXPECT_EQ(reply.early_stopping_rules(0).comparison(), wire::LESS);
  EXPECT_EQ(metrics_.asked, 4) << "what has been read of a finished trial is remembered";

  for (wire::Trial& trial : *request.mutable_trials())
    trial.mutable_status()->set_completion_time("2026-01-02T00:00:00Z");
  ASSERT_TRUE(Rules(request, &reply).ok());
  EXPECT_EQ(metrics_.asked, 8) << "another trial of the same name is not";
}

TEST_F(EarlyStoppingServiceTest, TooFewTrialsOrOnesThatRunGiveNoRule) {
  metrics_.reports = {{"a", {"1"}}, {"b", {"2"}}, {"c", {"3"}}};
  wire::GetEarlyStoppingRulesReply reply;
  wire::GetEarlyStoppingRulesRequest request = Request({{"min_trials_required", "4"}});
  ASSERT_TRUE(Rules(request, &reply).ok());
  EXPECT_EQ(reply.early_stopping_rules_size(), 0);
  request = Request({});
  request.mutable_trials(0)->mutable_status()->set_condition(wire::TrialStatus::RUNNING);
  ASSERT_TRUE(Rules(request, &reply).ok());
  EXPECT_EQ(reply.early_stopping_rules_size(), 0);
}

TEST_F(EarlyStoppingServiceTest, FaultsNameWhatIsWrong) {
  metrics_.reports = {{"a", {"1"}}};
  wire::GetEarlyStoppingRulesReply reply;
  wire::GetEarlyStoppingRulesRequest request = Request({{"start_step", "0"}});
  grpc::Status status = Rules(request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "start_step must be greater or equal than one (>=1)");

  wire::ValidateEarlyStoppingSettingsRequest settings;
  wire::ValidateEarlyStoppingSettingsReply none;
  settings.mutable_early_stopping()->set_algorithm_name("meanstop");
  grpc::ClientContext context;
  status = stub_->ValidateEarlyStoppingSettings(&context, settings, &none);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "unknown algorithm name meanstop");

  wire::SetTrialStatusRequest stopped;
  wire::SetTrialStatusReply answer;
  stopped.set_trial_name("a");
  grpc::ClientContext another;
  EXPECT_EQ(stub_->SetTrialStatus(&another, stopped, &answer).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(EarlyStoppingServiceTest, ADbManagerThatHangsDoesNotHoldTheEndOfTheService) {
  metrics_.reports = {{"a", {"1"}}};
  metrics_.hangs = true;
  std::thread caller([this] {
    wire::GetEarlyStoppingRulesReply reply;
    EXPECT_FALSE(Rules(Request({}), &reply).ok());
  });
  while (metrics_.asked == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto before = std::chrono::steady_clock::now();
  server_ = nullptr;
  caller.join();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(8)) << "the call's own patience is 10 s";
}

}  // namespace
}  // namespace qalam::test
