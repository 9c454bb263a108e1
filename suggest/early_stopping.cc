// SPDX-License-Identifier: Apache-2.0
// The client of early-stopping services.
#include <fmt/core.h>
#include <grpcpp/grpcpp.h>

#include <utility>

#include "proto/api.grpc.pb.h"
#include "proto/live.grpc.pb.h"
#include "suggest/convert.h"
#include "suggest/reply.h"
#include "suggest/server.h"
#include "suggest/service.h"
#include "suggest/unary_calls.h"

namespace qalam {
namespace {

constexpr std::chrono::milliseconds kDecideWithin{1'000};

void ToWire(std::int64_t step, double value, qalam::v1::Report* out) {
  out->set_step(step);
  out->set_value(value);
}

void ToWire(const LiveChange& change, qalam::v1::Change* out) {
  out->set_trial(change.trial);
  switch (change.what) {
    case LiveChange::kReported: return ToWire(change.step, change.value, out->mutable_report());
    case LiveChange::kEnded:
      return out->set_ended(change.standing == Standing::kSucceeded ? wire::TrialStatus::SUCCEEDED
                            : change.standing == Standing::kStopped ? wire::TrialStatus::EARLYSTOPPED
                                                                    : wire::TrialStatus::FAILED);
    case LiveChange::kBeginsAnew: return out->set_begins_anew(true);
    case LiveChange::kSpared: return out->set_spared(true);
  }
}

LiveAnswer FromWire(qalam::v1::DecideReply& reply) {
  LiveAnswer answer;
  answer.decision.action = reply.verdict() == qalam::v1::DecideReply::STOP    ? Decision::kStop
                           : reply.verdict() == qalam::v1::DecideReply::SPARE ? Decision::kSpare
                                                                              : Decision::kGoOn;
  answer.decision.reason = Shown(reply.reason());
  if (answer.decision.action != Decision::kGoOn && answer.decision.reason.empty())
    answer.decision.reason = "its service says no more";
  answer.state = std::move(*reply.mutable_state());
  answer.history_needed = reply.history_needed();
  answer.note = Shown(reply.note());
  return answer;
}

class Client final : public EarlyStoppingClient {
 public:
  // `server`: at the other end of the channel, when it is ours; `address` is empty then.
  Client(Loop& loop, std::string address, const std::shared_ptr<grpc::Channel>& channel, ClientOptions options,
         std::unique_ptr<GrpcServer> server)
      : options_(options),
        where_(std::move(address)),
        server_(std::move(server)),
        stub_(wire::EarlyStopping::NewStub(channel)),
        live_(qalam::v1::LiveStopping::NewStub(channel)),
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

  void Decide(const SuggestionRequest& request, const LiveQuestion& question,
              std::function<void(Result<LiveAnswer>)> done) override {
    const ObjectiveSpec& objective = request.spec->objective;
    qalam::v1::DecideRequest message;
    message.set_uid(request.uid);
    ToWire(*request.spec, request.algorithm_settings, message.mutable_experiment());
    message.set_last_value_counts(CountsOf(objective) == Counts::kLatest);
    message.set_trial(question.trial);
    ToWire(question.step, question.value, message.mutable_report());
    message.set_state(question.state);
    message.set_whole(question.whole);
    for (const LiveChange& change : question.changes) ToWire(change, message.add_changes());
    const auto deadline = std::min(options_.deadline, question.whole ? options_.deadline : kDecideWithin);
    calls_.Start<qalam::v1::DecideReply>(
        std::move(message), deadline,
        [this](auto* context, const auto* asked, auto* reply, auto then) {
          live_->async()->Decide(context, asked, reply, std::move(then));
        },
        [who = Who(request), deadline, done = std::move(done)](const grpc::Status& status,
                                                               qalam::v1::DecideReply& reply) {
          if (status.ok()) return done(FromWire(reply));
          const Status fault = FaultOf(status, who, deadline);
          // Late is late, and no sign that the service hangs.
          done(fault.code() == Code::kDeadlineExceeded ? Status(Code::kAborted, fault.message()) : fault);
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
  const std::unique_ptr<qalam::v1::LiveStopping::Stub> live_;
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
