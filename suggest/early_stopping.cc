// SPDX-License-Identifier: Apache-2.0
// The client of early-stopping services.
#include <fmt/core.h>
#include <grpcpp/grpcpp.h>

#include <utility>

#include "proto/api.grpc.pb.h"
#include "suggest/convert.h"
#include "suggest/reply.h"
#include "suggest/server.h"
#include "suggest/service.h"
#include "suggest/unary_calls.h"

namespace qalam {
namespace {

class Client final : public EarlyStoppingClient {
 public:
  // `server`: at the other end of the channel, when it is ours; `address` is empty then.
  Client(Loop& loop, std::string address, const std::shared_ptr<grpc::Channel>& channel, ClientOptions options,
         std::unique_ptr<GrpcServer> server)
      : options_(options),
        where_(std::move(address)),
        server_(std::move(server)),
        stub_(wire::EarlyStopping::NewStub(channel)),
        calls_(loop) {}

  void Validate(const SuggestionRequest& request, std::function<void(Status)> done) override {
    wire::Experiment experiment;
    ToWire(*request.spec, {}, &experiment);
    wire::ValidateEarlyStoppingSettingsRequest message;
    *message.mutable_early_stopping() = std::move(*experiment.mutable_spec()->mutable_early_stopping());
    calls_.Start<wire::ValidateEarlyStoppingSettingsReply>(
        std::move(message), options_.deadline,
        [this](auto* context, const auto* asked, auto* reply, auto then) {
          stub_->async()->ValidateEarlyStoppingSettings(context, asked, reply, std::move(then));
        },
        [this, who = Who(request), done = std::move(done)](const grpc::Status& status, auto&) {
          done(status.ok() ? OkStatus() : FaultOf(status, who, options_.deadline));
        });
  }

  void GetRules(const SuggestionRequest& request, const std::string& db_manager,
                std::function<void(Result<std::vector<EarlyStoppingRule>>)> done) override {
    wire::GetEarlyStoppingRulesRequest message;
    const ObjectiveSpec& objective = request.spec->objective;
    ToWire(*request.spec, request.algorithm_settings, message.mutable_experiment());
    message.set_db_manager_address(db_manager);
    request.trials->Visit(0, [&](const Trial& trial) {
      if (IsSentByKatib(trial, objective)) ToWire(trial, objective, message.add_trials());
    });
    calls_.Start<wire::GetEarlyStoppingRulesReply>(
        std::move(message), options_.deadline,
        [this](auto* context, const auto* asked, auto* reply, auto then) {
          stub_->async()->GetEarlyStoppingRules(context, asked, reply, std::move(then));
        },
        [this, who = Who(request), spec = request.spec, done = std::move(done)](
            const grpc::Status& status, wire::GetEarlyStoppingRulesReply& reply) {
          if (!status.ok()) return done(FaultOf(status, who, options_.deadline));
          Result<std::vector<EarlyStoppingRule>> rules = CheckRules(reply.early_stopping_rules(), spec->objective);
          done(rules.ok() ? std::move(rules) : Status(Code::kInternal, rules.status().message()).Within(who));
        });
  }

  void SetTrialStatus(const std::string& trial_name, std::function<void(Status)> done) override {
    wire::SetTrialStatusRequest message;
    message.set_trial_name(trial_name);
    calls_.Start<wire::SetTrialStatusReply>(
        std::move(message), options_.deadline,
        [this](auto* context, const auto* asked, auto* reply, auto then) {
          stub_->async()->SetTrialStatus(context, asked, reply, std::move(then));
        },
        [this, done = std::move(done)](const grpc::Status& status, auto&) {
          done(status.ok() ? OkStatus() : FaultOf(status, "SetTrialStatus at " + where_, options_.deadline));
        });
  }

 private:
  std::string Who(const SuggestionRequest& request) const {
    const std::string& name = request.spec->early_stopping->name;
    return where_.empty() ? fmt::format("early-stopping rule {}", name)
                          : fmt::format("early-stopping service {} at {}", name, where_);
  }

  const ClientOptions options_;
  const std::string where_;
  const std::unique_ptr<GrpcServer> server_;
  const std::unique_ptr<wire::EarlyStopping::Stub> stub_;
  UnaryCalls calls_;  // last: its calls end before the rest goes
};

}  // namespace

std::unique_ptr<EarlyStoppingClient> MakeEarlyStoppingClient(Loop& loop, const std::string& address,
                                                             ClientOptions options) {
  return std::make_unique<Client>(loop, address, ConnectTo(address), options, nullptr);
}

std::unique_ptr<EarlyStoppingClient> MakeInProcessEarlyStoppingClient(Loop& loop, ClientOptions options) {
  Result<std::unique_ptr<GrpcServer>> server = GrpcServer::Start("");
  QALAM_CHECK(server.ok(), "a server without a port has nothing that can fail");
  const std::shared_ptr<grpc::Channel> channel = (*server)->InProcessChannel();
  return std::make_unique<Client>(loop, "", channel, options, *std::move(server));
}

}  // namespace qalam
