// SPDX-License-Identifier: Apache-2.0
// Sends each experiment's questions to the services that answer for it: the built-in ones, one by address, or one that
// is started for it. The experiment's annotations say which (cli/services.h).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/loop.h"
#include "earlystop/live_stopping.h"
#include "suggest/db_manager.h"
#include "suggest/service.h"
#include "suggest/suggestion_client.h"

namespace qalam {

class SuggestionRouter final : public SuggestionClient {
 public:
  // `folder`: where the output of commands goes, a file each; made when one is started. `backend`: the metrics that
  // early-stopping services may ask for.
  SuggestionRouter(EventLoop& loop, std::string folder, DbManagerBackend& backend);
  // For questions beside a run: what commands print goes with the router, and nobody is asked for rules.
  explicit SuggestionRouter(EventLoop& loop);
  ~SuggestionRouter() override;
  void Validate(const SuggestionRequest& request, std::function<void(Status)> done) override;
  void GetSuggestions(const SuggestionRequest& request, std::function<void(Result<SuggestionReply>)> done) override;
  void TrialStopped(const SuggestionRequest& request, const std::string& trial_name) override;
  // Who decides over the experiment's trials, report by report: a built-in rule, or the service of its rule; nullptr:
  // nobody. Ends before the router.
  std::unique_ptr<LiveStopping> StoppingOf(const SuggestionRequest& request, LateDecision late);
  void Forget(const std::string& uid) override;

  // Where metrics are taken and given: listens from the first question on.
  Result<std::string> MetricsAddress();

 private:
  // A service of one experiment, or of all that share it.
  template <class Client>
  struct Entry {
    std::string text;  // what it was made of
    std::unique_ptr<Client> client;
    PluginLife* life = nullptr;  // of a command: the same object
    bool kept = false;           // beyond the end of its experiment
  };
  template <class Client>
  using Entries = std::map<std::string, Entry<Client>>;  // by uid, by text for shared ones and addresses

  template <class Client, class Make, class Connect>
  Result<Client*> Find(Entries<Client>* entries, std::vector<std::unique_ptr<Client>>* old,
                       const SuggestionRequest& request, const char* annotation, const std::string& algorithm,
                       Make make, Connect connect);
  Result<SuggestionClient*> SuggestionsOf(const SuggestionRequest& request);
  Result<EarlyStoppingClient*> RulesOf(const SuggestionRequest& request);  // nullptr: it has none
  Result<std::string> LogOf(const SuggestionRequest& request, const std::string& algorithm, bool shared) const;

  EventLoop& loop_;
  const std::string folder_;
  const bool scratch_;  // `folder_` is ours to remove
  DbManagerBackend* const backend_;
  std::unique_ptr<SuggestionClient> built_in_;
  std::unique_ptr<EarlyStoppingClient> built_in_rules_;
  std::unique_ptr<DbManager> db_manager_;  // once somebody may call
  std::set<std::string> over_;             // uids of experiments that have ended: no service is started for them
  Entries<SuggestionClient> suggestions_;
  Entries<EarlyStoppingClient> rules_;
  // Ended, and maybe in the middle of an answer.
  std::vector<std::unique_ptr<SuggestionClient>> old_suggestions_;
  std::vector<std::unique_ptr<EarlyStoppingClient>> old_rules_;
};

}  // namespace qalam
