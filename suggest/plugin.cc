// SPDX-License-Identifier: Apache-2.0
// Clients of services that a command starts: each call waits until the process is ready, and tells the process how it
// went. A call whose process dies under it fails with the reason of the death.
#include <fmt/core.h>

#include <map>
#include <utility>
#include <vector>

#include "suggest/plugin_process.h"
#include "suggest/service.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;

// How long a call that lost its connection waits to hear that the process has died.
constexpr Duration kDeathIsTold = milliseconds(500);

const Status& StatusOf(const Status& status) { return status; }
template <class T>
const Status& StatusOf(const Result<T>& result) {
  return result.status();
}

// Process and client together. On the loop's thread.
template <class Client>
class Supervised {
 public:
  using Connect = std::function<std::unique_ptr<Client>(const std::string& address)>;

  Supervised(EventLoop& loop, PluginProcessOptions options, Connect connect)
      : loop_(loop),
        deadline_(options.spec.deadline),
        connect_(std::move(connect)),
        process_(loop, std::move(options)) {
    process_.SetOnGone([this](const Status& why) { Gone(why); });
  }

  // `send(client, answered)` makes the call.
  template <class Answer>
  void Ask(std::function<void(Client&, std::function<void(Answer)>)> send, std::function<void(Answer)> done) {
    process_.WhenReady([this, send = std::move(send), done = std::move(done)](const Status& ready) {
      if (!ready.ok()) return loop_.Post([done, ready] { done(ready); });
      if (client_ == nullptr) {
        old_.clear();
        client_ = connect_(process_.address());
      }
      const std::uint64_t id = ++last_call_;
      calls_[id] = [done](const Status& fault) { done(fault); };
      send(*client_, [this, id, done](Answer answer) { Answered<Answer>(id, std::move(answer), done); });
    });
  }

  void End() { process_.End(); }

 private:
  template <class Answer>
  void Answered(std::uint64_t id, Answer answer, const std::function<void(Answer)>& done) {
    if (!calls_.contains(id)) return;
    const Code code = StatusOf(answer).code();
    if (code == Code::kUnavailable) {  // most likely its process has just died, and why will be heard
      loop_.After(kDeathIsTold, [alive = std::weak_ptr<int>(alive_), this, id, fault = StatusOf(answer)] {
        if (!alive.expired()) Fail(id, fault);
      });
      return;
    }
    calls_.erase(id);
    if (code == Code::kDeadlineExceeded) {
      process_.Hung(fmt::format("no answer within {} s", std::chrono::duration<double>(deadline_).count()));
    } else {
      process_.Answered();
    }
    done(std::move(answer));
  }

  void Fail(std::uint64_t id, const Status& fault) {
    auto call = calls_.extract(id);
    if (!call.empty()) call.mapped()(fault);
  }

  void Gone(const Status& why) {
    if (client_ != nullptr) old_.push_back(std::move(client_));  // it may be the one that is just telling us
    for (const auto& [id, fail] : std::exchange(calls_, {})) fail(why);
  }

  EventLoop& loop_;
  const milliseconds deadline_;
  const Connect connect_;
  std::map<std::uint64_t, std::function<void(const Status&)>> calls_;  // under way: how to fail them
  std::uint64_t last_call_ = 0;
  PluginProcess process_;
  std::unique_ptr<Client> client_;            // ends before its process
  std::vector<std::unique_ptr<Client>> old_;  // of processes that are gone
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

class Suggestions final : public SuggestionPlugin {
 public:
  Suggestions(EventLoop& loop, const std::string& algorithm, const ServiceSpec& spec, const std::string& log)
      : service_(loop, {"suggestion service " + algorithm, "manager.v1beta1.Suggestion", spec, log},
                 [&loop, deadline = spec.deadline](const std::string& address) {
                   return MakeRemoteClient(loop, address, {deadline});
                 }) {}

  void Validate(const SuggestionRequest& request, std::function<void(Status)> done) override {
    service_.Ask<Status>([request](SuggestionClient& client, auto answered) { client.Validate(request, answered); },
                         std::move(done));
  }
  void GetSuggestions(const SuggestionRequest& request, std::function<void(Result<SuggestionReply>)> done) override {
    service_.Ask<Result<SuggestionReply>>(
        [request](SuggestionClient& client, auto answered) { client.GetSuggestions(request, answered); },
        std::move(done));
  }
  void Forget(const std::string&) override {}
  void End() override { service_.End(); }

 private:
  Supervised<SuggestionClient> service_;
};

class EarlyStopping final : public EarlyStoppingPlugin {
 public:
  EarlyStopping(EventLoop& loop, const std::string& algorithm, const ServiceSpec& spec, const std::string& log)
      : service_(loop, {"early-stopping service " + algorithm, "manager.v1beta1.EarlyStopping", spec, log},
                 [&loop, deadline = spec.deadline](const std::string& address) {
                   return MakeEarlyStoppingClient(loop, address, {deadline});
                 }) {}

  void Validate(const SuggestionRequest& request, std::function<void(Status)> done) override {
    service_.Ask<Status>([request](EarlyStoppingClient& client, auto answered) { client.Validate(request, answered); },
                         std::move(done));
  }
  void GetRules(const SuggestionRequest& request, const std::string& db_manager,
                std::function<void(Result<std::vector<EarlyStoppingRule>>)> done) override {
    service_.Ask<Result<std::vector<EarlyStoppingRule>>>(
        [request, db_manager](EarlyStoppingClient& client, auto answered) {
          client.GetRules(request, db_manager, answered);
        },
        std::move(done));
  }
  void SetTrialStatus(const std::string& trial_name, std::function<void(Status)> done) override {
    service_.Ask<Status>(
        [trial_name](EarlyStoppingClient& client, auto answered) { client.SetTrialStatus(trial_name, answered); },
        std::move(done));
  }
  void Decide(const SuggestionRequest& request, const LiveQuestion& question,
              std::function<void(Result<LiveAnswer>)> done) override {
    service_.Ask<Result<LiveAnswer>>(
        [request, question](EarlyStoppingClient& client, auto answered) { client.Decide(request, question, answered); },
        std::move(done));
  }
  void End() override { service_.End(); }

 private:
  Supervised<EarlyStoppingClient> service_;
};

}  // namespace

std::unique_ptr<SuggestionPlugin> MakeSuggestionPlugin(EventLoop& loop, const std::string& algorithm,
                                                       const ServiceSpec& spec, const std::string& log) {
  return std::make_unique<Suggestions>(loop, algorithm, spec, log);
}

std::unique_ptr<EarlyStoppingPlugin> MakeEarlyStoppingPlugin(EventLoop& loop, const std::string& algorithm,
                                                             const ServiceSpec& spec, const std::string& log) {
  return std::make_unique<EarlyStopping>(loop, algorithm, spec, log);
}

}  // namespace qalam
