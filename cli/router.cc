// SPDX-License-Identifier: Apache-2.0
#include "cli/router.h"

#include <utility>

#include "cli/input.h"
#include "suggest/service.h"

namespace qalam {

SuggestionRouter::SuggestionRouter(Loop& loop) : loop_(loop) {}
SuggestionRouter::~SuggestionRouter() = default;

SuggestionClient& SuggestionRouter::ClientFor(const ExperimentSpec& spec) {
  std::string address;
  if (const auto redirect = redirects_.find(spec.algorithm.name); redirect != redirects_.end()) {
    address = redirect->second;
  } else if (const auto named = spec.annotations.find(kSuggestServiceAnnotation); named != spec.annotations.end()) {
    address = named->second;
  }
  std::unique_ptr<SuggestionClient>& client = clients_[address];
  if (client == nullptr)
    client = address.empty() ? MakeInProcessClient(loop_, {}) : MakeRemoteClient(loop_, address, {});
  return *client;
}

void SuggestionRouter::Validate(const SuggestionRequest& request, std::function<void(Status)> done) {
  ClientFor(*request.spec).Validate(request, std::move(done));
}

void SuggestionRouter::GetSuggestions(const SuggestionRequest& request,
                                      std::function<void(Result<SuggestionReply>)> done) {
  ClientFor(*request.spec).GetSuggestions(request, std::move(done));
}

void SuggestionRouter::Forget(const std::string& uid) {
  for (const auto& [address, client] : clients_) client->Forget(uid);
}

}  // namespace qalam
