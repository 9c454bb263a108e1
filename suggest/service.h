// SPDX-License-Identifier: Apache-2.0
// The suggestion services over gRPC, and the clients that speak to them.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "core/loop.h"
#include "suggest/suggestion_client.h"

namespace qalam {

// Katib's Suggestion service for every registered algorithm and many experiments at once, with health and
// reflection. Stateless by request: what it keeps per experiment is a cache. Serves on threads of its own.
class SuggestionServer {
 public:
  virtual ~SuggestionServer() = default;  // finishes the calls under way, then stops
  virtual int port() const = 0;           // the port bound, when ADDR said 0
};

// `address` "HOST:PORT"; a host that is not loopback is refused unless `insecure`.
Result<std::unique_ptr<SuggestionServer>> ServeSuggestions(const std::string& address, bool insecure);

struct ClientOptions {
  std::chrono::milliseconds deadline{60'000};  // of one call
};

// The built-in services through gRPC's in-process channel.
std::unique_ptr<SuggestionClient> MakeInProcessClient(Loop& loop, ClientOptions options);
// A service of any language at "HOST:PORT" that speaks api.v1.beta1.
std::unique_ptr<SuggestionClient> MakeRemoteClient(Loop& loop, const std::string& address, ClientOptions options);

}  // namespace qalam
