// SPDX-License-Identifier: Apache-2.0
// Sends each experiment's questions to the service that answers for it: the built-in ones, or one by address.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/loop.h"
#include "suggest/suggestion_client.h"

namespace qalam {

// The address is the experiment's annotation qalam.dev/suggest-service.
class SuggestionRouter final : public SuggestionClient {
 public:
  explicit SuggestionRouter(Loop& loop);
  ~SuggestionRouter() override;
  void Validate(const SuggestionRequest& request, std::function<void(Status)> done) override;
  void GetSuggestions(const SuggestionRequest& request, std::function<void(Result<SuggestionReply>)> done) override;
  void Forget(const std::string& uid) override;
  // From now on experiments with this algorithm ask at `address`, whatever their annotation says.
  void Redirect(const std::string& algorithm, const std::string& address) { redirects_[algorithm] = address; }

 private:
  SuggestionClient& ClientFor(const ExperimentSpec& spec);

  Loop& loop_;
  std::map<std::string, std::string> redirects_;                      // algorithm -> address
  std::map<std::string, std::unique_ptr<SuggestionClient>> clients_;  // by address; "": built in
};

}  // namespace qalam
