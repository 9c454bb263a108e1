// SPDX-License-Identifier: Apache-2.0
// Small makers for the suggestion tests: experiments, trials, a loop to wait on, and a service that does as it is told.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/loop.h"
#include "core/search_space.h"
#include "proto/api.grpc.pb.h"
#include "suggest/convert.h"
#include "suggest/service.h"

namespace qalam::test {

// ---- experiments

inline ParameterSpec Real(std::string name, std::string min, std::string max,
                          Distribution distribution = Distribution::kUniform) {
  return {std::move(name), ParameterType::kDouble, {std::move(min), std::move(max), "", {}, distribution}};
}
inline ParameterSpec Integer(std::string name, std::string min, std::string max) {
  return {std::move(name), ParameterType::kInt, {std::move(min), std::move(max), "", {}, Distribution::kUniform}};
}
inline ParameterSpec Choice(std::string name, std::vector<std::string> list) {
  return {std::move(name), ParameterType::kCategorical, {"", "", "", std::move(list), Distribution::kUniform}};
}

inline ExperimentSpec Spec(std::string algorithm, std::vector<ParameterSpec> parameters) {
  ExperimentSpec spec;
  spec.name = "digits";
  spec.parameters = std::move(parameters);
  spec.objective.metric_name = "loss";
  spec.objective.strategies = {{"loss", MetricStrategy::kMin}};
  spec.algorithm.name = std::move(algorithm);
  return spec;
}
inline std::vector<ParameterSpec> MixedSpace() {
  return {Real("lr", "1e-5", "0.1", Distribution::kLogUniform), Integer("layers", "1", "8"),
          Choice("solver", {"sgd", "adam", "lbfgs"})};
}
inline std::vector<ParameterSpec> FiniteSpace() {  // 24 points
  return {Integer("layers", "1", "8"), Choice("solver", {"sgd", "adam", "lbfgs"})};
}

inline Observation Observed(const std::string& value, const std::string& metric = "loss") {
  Observation out;
  out.metrics.push_back({metric, value, value, value});
  return out;
}

// The trials of one experiment, as a controller keeps them.
class Trials final : public TrialSource {
 public:
  std::uint64_t revision() const override { return changes_.size(); }
  void Visit(std::uint64_t since, const std::function<void(const Trial&)>& visit) const override {
    std::set<std::size_t> changed;  // one change a revision
    for (std::size_t r = since; since > 0 && r < changes_.size(); ++r) changed.insert(changes_[r]);
    for (const std::size_t i : changed) visit(all_[i]);
    for (std::size_t i = 0; since == 0 && i < all_.size(); ++i) visit(all_[i]);
  }

  void Add(const Assignments& assignments, const std::map<std::string, std::string>& labels = {}) {
    Trial trial;
    trial.ordinal = all_.size() + 1;
    trial.name = "digits-" + std::to_string(trial.ordinal);
    trial.assignments = assignments;
    trial.labels = labels;
    all_.push_back(std::move(trial));
    changes_.push_back(all_.size() - 1);
  }
  void End(std::size_t index, TrialState state, std::optional<Observation> observation = std::nullopt) {
    all_[index].state = state;
    all_[index].observation = std::move(observation);
    changes_.push_back(index);
  }
  const std::vector<Trial>& all() const { return all_; }

 private:
  std::vector<Trial> all_;
  std::vector<std::size_t> changes_;  // [r - 1]: the trial that revision r changed
};

inline SuggestionRequest Request(const ExperimentSpec& spec, const std::string& uid,
                                 std::shared_ptr<const Trials> trials, int count) {
  SuggestionRequest out;
  out.spec = std::make_shared<const ExperimentSpec>(spec);
  out.space = std::make_shared<const SearchSpace>(*SearchSpace::Create(spec.parameters));
  out.uid = uid;
  out.algorithm_settings = spec.algorithm.settings;
  out.current_request_number = count;
  out.total_request_number = static_cast<int>(trials->all().size()) + count;
  out.trials = std::move(trials);
  return out;
}

// ---- waiting

// A loop that runs until what was asked for is there.
class WaitingLoop {
 public:
  Loop& loop() { return loop_; }

  Result<SuggestionReply> Ask(SuggestionClient& client, const SuggestionRequest& request) {
    std::optional<Result<SuggestionReply>> reply;
    client.GetSuggestions(request, [&](Result<SuggestionReply> r) {
      reply = std::move(r);
      loop_.Stop();
    });
    loop_.Run();
    return *std::move(reply);
  }
  Status Validate(SuggestionClient& client, const SuggestionRequest& request) {
    std::optional<Status> verdict;
    client.Validate(request, [&](Status s) {
      verdict = std::move(s);
      loop_.Stop();
    });
    loop_.Run();
    return *std::move(verdict);
  }

 private:
  SystemClock clock_;
  EventLoop loop_{clock_};
};

// ---- services

// Katib's service by a function; keeps every request. Each call has a thread of its own.
class ToldService final : public wire::Suggestion::Service {
 public:
  using Answer = std::function<grpc::Status(const wire::GetSuggestionsRequest&, wire::GetSuggestionsReply*)>;
  explicit ToldService(Answer answer, int port = 0) : answer_(std::move(answer)), port_(port) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(), &port_);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~ToldService() override {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  std::vector<wire::GetSuggestionsRequest> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  void SetValidation(grpc::Status verdict) { verdict_ = std::move(verdict); }

  grpc::Status GetSuggestions(grpc::ServerContext* context, const wire::GetSuggestionsRequest* request,
                              wire::GetSuggestionsReply* reply) override {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(*request);
    }
    context_ = context;
    return answer_(*request, reply);
  }
  grpc::Status ValidateAlgorithmSettings(grpc::ServerContext*, const wire::ValidateAlgorithmSettingsRequest*,
                                         wire::ValidateAlgorithmSettingsReply*) override {
    return verdict_;
  }
  const grpc::ServerContext* context() const { return context_; }  // of the call under way

 private:
  Answer answer_;
  int port_ = 0;
  grpc::Status verdict_;
  std::atomic<grpc::ServerContext*> context_ = nullptr;
  std::mutex mutex_;  // guards requests_
  std::vector<wire::GetSuggestionsRequest> requests_;
  std::unique_ptr<grpc::Server> server_;
};

inline void AddSuggestion(wire::GetSuggestionsReply* reply,
                          const std::vector<std::pair<std::string, std::string>>& assignments,
                          const std::string& trial_name = "") {
  auto& suggestion = *reply->add_parameter_assignments();
  for (const auto& [name, value] : assignments) {
    wire::ParameterAssignment& a = *suggestion.add_assignments();
    a.set_name(name);
    a.set_value(value);
  }
  suggestion.set_trial_name(trial_name);
}

// ---- a client without our fields, as Katib's controller is one

class RawClient {
 public:
  explicit RawClient(const std::string& address)
      : channel_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())),
        stub_(wire::Suggestion::NewStub(channel_)) {}

  grpc::Status Ask(const wire::GetSuggestionsRequest& request, wire::GetSuggestionsReply* reply) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    return stub_->GetSuggestions(&context, request, reply);
  }
  grpc::Status Validate(const wire::ValidateAlgorithmSettingsRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    wire::ValidateAlgorithmSettingsReply reply;
    return stub_->ValidateAlgorithmSettings(&context, request, &reply);
  }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<wire::Suggestion::Stub> stub_;
};

// A request as Katib's controller sends it: whole history, none of our fields.
inline wire::GetSuggestionsRequest KatibRequest(const ExperimentSpec& spec, const std::vector<Trial>& trials,
                                                int count) {
  wire::GetSuggestionsRequest out;
  ToWire(spec, spec.algorithm.settings, out.mutable_experiment());
  for (const Trial& trial : trials) {
    if (!IsSentByKatib(trial, spec.objective)) continue;
    ToWire(trial, spec.objective, out.add_trials());
    out.mutable_trials()->rbegin()->clear_ordinal();
    out.mutable_trials()->rbegin()->clear_cost();
    out.mutable_trials()->rbegin()->clear_model_label();
  }
  out.set_current_request_number(count);
  out.set_total_request_number(static_cast<int>(trials.size()) + count);
  return out;
}

inline Assignments AssignmentsOf(const wire::GetSuggestionsReply::ParameterAssignments& from) {
  Assignments out;
  for (const wire::ParameterAssignment& a : from.assignments()) out.push_back({a.name(), a.value()});
  return out;
}

inline std::unique_ptr<SuggestionServer> Serve(int port = 0) {
  return *ServeSuggestions("127.0.0.1:" + std::to_string(port), false);
}
inline std::string AddressOf(const SuggestionServer& server) { return "127.0.0.1:" + std::to_string(server.port()); }

}  // namespace qalam::test
