// SPDX-License-Identifier: Apache-2.0
#include "cli/router.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "cli/input.h"
#include "cli/services.h"
#include "core/log.h"
#include "earlystop/stopping_rule.h"
#include "suggest/remote_stopping.h"

namespace qalam {
namespace {

// A name as part of a file's: algorithms of other people may be called anything.
std::string FileWord(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || (c == '.' && !out.empty());
    out += plain ? c : '_';
  }
  return out.substr(0, 100);
}

// Empty: none could be made, and a command cannot be started.
std::string ScratchFolder() {
  std::error_code error;
  std::string folder = (std::filesystem::temp_directory_path(error) / "qalam-XXXXXX").string();
  return mkdtemp(folder.data()) == nullptr ? "" : folder;
}

}  // namespace

SuggestionRouter::SuggestionRouter(EventLoop& loop, std::string folder, DbManagerBackend& backend)
    : loop_(loop), folder_(std::move(folder)), scratch_(false), backend_(&backend) {}

SuggestionRouter::SuggestionRouter(EventLoop& loop)
    : loop_(loop), folder_(ScratchFolder()), scratch_(true), backend_(nullptr) {}

SuggestionRouter::~SuggestionRouter() {
  // All are told before the first is waited for.
  for (const auto& [key, entry] : suggestions_) {
    if (entry.life != nullptr) entry.life->End();
  }
  for (const auto& [key, entry] : rules_) {
    if (entry.life != nullptr) entry.life->End();
  }
  suggestions_.clear();
  rules_.clear();
  old_suggestions_.clear();
  old_rules_.clear();
  std::error_code error;
  if (scratch_ && !folder_.empty()) std::filesystem::remove_all(folder_, error);
}

Result<std::string> SuggestionRouter::LogOf(const SuggestionRequest& request, const std::string& algorithm,
                                            bool shared) const {
  if (mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
    return Error(Code::kUnavailable, "the folder {} cannot be made: {}", folder_, std::strerror(errno));
  const ExperimentSpec& spec = *request.spec;
  const std::string space = spec.namespace_name == "default" ? "" : spec.namespace_name + "-";
  const std::string owner = shared ? "" : FileWord(space + spec.name) + "-";
  return fmt::format("{}/{}{}.log", folder_, owner, FileWord(algorithm));
}

template <class Client, class Make, class Connect>
Result<Client*> SuggestionRouter::Find(Entries<Client>* entries, std::vector<std::unique_ptr<Client>>* old,
                                       const SuggestionRequest& request, const char* annotation,
                                       const std::string& algorithm, Make make, Connect connect) {
  const auto named = request.spec->annotations.find(annotation);
  if (named == request.spec->annotations.end()) return nullptr;
  const std::string& text = named->second;
  if (const auto found = entries->find(request.uid); found != entries->end() && found->second.text == text)
    return found->second.client.get();
  if (const auto found = entries->find(text); found != entries->end()) return found->second.client.get();

  QALAM_TRY(const ServiceSpec service, ParseService(text));
  Entry<Client> entry;
  entry.text = text;
  entry.kept = service.shared || service.command.empty() || request.spec->resume_policy == ResumePolicy::kLongRunning;
  if (service.command.empty()) {
    entry.client = connect(service.endpoint, ClientOptions{service.deadline});
  } else {
    QALAM_TRY(const std::string log, LogOf(request, algorithm, service.shared));
    auto plugin = make(algorithm, service, log);
    entry.life = plugin.get();
    entry.client = std::move(plugin);
  }
  Entry<Client>& place = (*entries)[service.shared || service.command.empty() ? text : request.uid];
  if (place.client != nullptr) {  // the experiment has been given another one
    if (place.life != nullptr) place.life->End();
    old->push_back(std::move(place.client));
  }
  place = std::move(entry);
  return place.client.get();
}

Result<SuggestionClient*> SuggestionRouter::SuggestionsOf(const SuggestionRequest& request) {
  QALAM_TRY(
      SuggestionClient * client,
      Find(
          &suggestions_, &old_suggestions_, request, kSuggestServiceAnnotation, request.spec->algorithm.name,
          [this](const auto& name, const auto& service, const auto& log) {
            return MakeSuggestionPlugin(loop_, name, service, log);
          },
          [this](const auto& address, const auto& options) { return MakeRemoteClient(loop_, address, options); }));
  if (client != nullptr) return client;
  if (built_in_ == nullptr) built_in_ = MakeInProcessClient(loop_, {});
  return built_in_.get();
}

Result<EarlyStoppingClient*> SuggestionRouter::RulesOf(const SuggestionRequest& request) {
  if (!request.spec->early_stopping || backend_ == nullptr) return nullptr;
  QALAM_TRY(EarlyStoppingClient * client,
            Find(
                &rules_, &old_rules_, request, kEarlyStoppingServiceAnnotation, request.spec->early_stopping->name,
                [this](const auto& name, const auto& service, const auto& log) {
                  return MakeEarlyStoppingPlugin(loop_, name, service, log);
                },
                [this](const auto& address, const auto& options) {
                  return MakeEarlyStoppingClient(loop_, address, options);
                }));
  // What decides live has nothing to say before a trial begins.
  if (client != nullptr || IsLive(*request.spec->early_stopping)) return client;
  if (built_in_rules_ == nullptr) built_in_rules_ = MakeInProcessEarlyStoppingClient(loop_, {});
  return built_in_rules_.get();
}

void SuggestionRouter::Validate(const SuggestionRequest& request, std::function<void(Status)> done) {
  const Result<SuggestionClient*> client = SuggestionsOf(request);
  if (!client.ok()) return loop_.Post([done, fault = client.status()] { done(fault); });
  (*client)->Validate(request, [this, request, done = std::move(done)](const Status& verdict) {
    // What the controller takes as consent is consent here: nobody implements less than that.
    if (verdict.code() == Code::kInvalidArgument || verdict.code() == Code::kUnknown ||
        verdict.code() == Code::kUnavailable || verdict.code() == Code::kDeadlineExceeded)
      return done(verdict);
    const Result<EarlyStoppingClient*> rules = RulesOf(request);
    if (!rules.ok()) return done(rules.status());
    if (*rules != nullptr) return (*rules)->Validate(request, done);
    const auto& rule = request.spec->early_stopping;
    const bool ours = rule && backend_ != nullptr && IsLive(*rule);
    const Status live = ours ? ValidateStoppingRule(rule->name, rule->settings) : OkStatus();
    done(live.ok() ? verdict : live);
  });
}

Result<std::string> SuggestionRouter::MetricsAddress() {
  if (db_manager_ == nullptr) {
    QALAM_TRY(db_manager_, ServeDbManager(loop_, *backend_,
                                          DbManagerAddress(std::filesystem::absolute(folder_).lexically_normal())));
  }
  return db_manager_->address();
}

// The rules first, though Katib asks for them second: they depend on the same trials, and an early-stopping service
// that fails costs no suggestions of one that never gives the same twice.
void SuggestionRouter::GetSuggestions(const SuggestionRequest& request,
                                      std::function<void(Result<SuggestionReply>)> done) {
  over_.erase(request.uid);  // one that has been restarted
  const Result<SuggestionClient*> client = SuggestionsOf(request);
  if (!client.ok()) return loop_.Post([done, fault = client.status()] { done(fault); });
  const Result<EarlyStoppingClient*> rules = RulesOf(request);
  if (!rules.ok()) return loop_.Post([done, fault = rules.status()] { done(fault); });
  if (*rules == nullptr) return (*client)->GetSuggestions(request, std::move(done));
  const Result<std::string> metrics = MetricsAddress();
  if (!metrics.ok()) return loop_.Post([done, fault = metrics.status()] { done(fault); });
  (*rules)->GetRules(request, *metrics,
                     [this, request, done = std::move(done)](const Result<std::vector<EarlyStoppingRule>>& answer) {
                       if (!answer.ok()) return done(answer.status());
                       const Result<SuggestionClient*> then = SuggestionsOf(request);
                       if (!then.ok()) return done(then.status());
                       (*then)->GetSuggestions(request, [answer = *answer, done](Result<SuggestionReply> reply) {
                         if (reply.ok() && !answer.empty()) reply->early_stopping_rules = answer;
                         done(std::move(reply));
                       });
                     });
}

// Faults of ours were told when the file was read, or are told by Validate.
std::unique_ptr<LiveStopping> SuggestionRouter::StoppingOf(const SuggestionRequest& request, LateDecision late) {
  const ExperimentSpec& spec = *request.spec;
  if (!spec.early_stopping) return nullptr;
  if (!spec.annotations.contains(kEarlyStoppingServiceAnnotation)) {
    if (!IsLive(*spec.early_stopping)) return nullptr;
    Result<std::unique_ptr<LiveStopping>> made = LiveStopping::Make(*spec.early_stopping, spec.objective);
    return made.ok() ? *std::move(made) : nullptr;
  }
  const auto ask = [this, request](const LiveQuestion& question, std::function<void(Result<LiveAnswer>)> done) {
    const Result<EarlyStoppingClient*> rules = RulesOf(request);
    if (!rules.ok()) return loop_.Post([done, fault = rules.status()] { done(fault); });
    (*rules)->Decide(request, question, std::move(done));
  };
  const auto may_ask = [this, uid = request.uid] { return !over_.contains(uid); };
  return std::make_unique<RemoteStopping>(loop_, spec.objective.metric_name, ask, may_ask, std::move(late));
}

void SuggestionRouter::TrialStopped(const SuggestionRequest& request, const std::string& trial_name) {
  const Result<EarlyStoppingClient*> rules = RulesOf(request);
  if (!rules.ok() || *rules == nullptr || *rules == built_in_rules_.get()) return;
  // Katib's own service answers by changing an object of Kubernetes, which is not here.
  (*rules)->SetTrialStatus(trial_name, [trial_name](const Status& status) {
    if (!status.ok()) Log(LogLevel::kDebug, "set-trial-status", {{"trial", trial_name}, {"reason", status.message()}});
  });
}

void SuggestionRouter::Forget(const std::string& uid) {
  over_.insert(uid);
  if (built_in_ != nullptr) built_in_->Forget(uid);
  for (const auto& [key, entry] : suggestions_) {
    if (entry.life == nullptr || entry.kept) entry.client->Forget(uid);
  }
  const auto end = [&uid](auto& entries, auto& old) {
    const auto own = entries.find(uid);
    if (own == entries.end() || own->second.kept) return;
    own->second.life->End();
    old.push_back(std::move(own->second.client));  // it may be the one that has just answered
    entries.erase(own);
  };
  end(suggestions_, old_suggestions_);
  end(rules_, old_rules_);
}

}  // namespace qalam
