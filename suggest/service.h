// SPDX-License-Identifier: Apache-2.0
// The suggestion services over gRPC, and the clients that speak to them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/loop.h"
#include "suggest/live_decision.h"
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

// Where a service of somebody else's is: at an address, or started by a command.
struct ServiceSpec {
  std::string endpoint;                                  // "HOST:PORT" or "unix:PATH"
  std::vector<std::string> command;                      // empty: somebody else runs it
  std::vector<std::pair<std::string, std::string>> env;  // {port} and {address} are replaced here and in `command`
  std::string working_dir;
  std::chrono::milliseconds startup{60'000};   // from the start to the first sign of life
  std::chrono::milliseconds deadline{60'000};  // of one call
  int restarts = 20;                           // in a row, without an answer in between
  bool shared = false;                         // one process for all experiments, instead of one for each
  bool operator==(const ServiceSpec&) const = default;
};

struct ClientOptions {
  std::chrono::milliseconds deadline{60'000};  // of one call
};

// The built-in services through gRPC's in-process channel.
std::unique_ptr<SuggestionClient> MakeInProcessClient(Loop& loop, ClientOptions options);
// A service of any language at "HOST:PORT" that speaks api.v1.beta1.
std::unique_ptr<SuggestionClient> MakeRemoteClient(Loop& loop, const std::string& address, ClientOptions options);

// The rules of an early-stopping service for the trials that are about to be created. On the loop's thread.
class EarlyStoppingClient {
 public:
  virtual ~EarlyStoppingClient() = default;
  virtual void Validate(const SuggestionRequest& request, std::function<void(Status)> done) = 0;
  // `db_manager`: where the service may read the trials' metrics, "127.0.0.1:PORT". A fault names the service; rules
  // that are not legal are one.
  virtual void GetRules(const SuggestionRequest& request, const std::string& db_manager,
                        std::function<void(Result<std::vector<EarlyStoppingRule>>)> done) = 0;
  virtual void SetTrialStatus(const std::string& trial_name, std::function<void(Status)> done) = 0;
  // Whether a trial goes on, after a report. UNIMPLEMENTED: the service does not decide report by report. Nobody waits
  // long for it: no answer within a second or so is ABORTED.
  virtual void Decide(const SuggestionRequest& request, const LiveQuestion& question,
                      std::function<void(Result<LiveAnswer>)> done) = 0;
};
// The built-in rules through gRPC's in-process channel.
std::unique_ptr<EarlyStoppingClient> MakeInProcessEarlyStoppingClient(Loop& loop, ClientOptions options);
std::unique_ptr<EarlyStoppingClient> MakeEarlyStoppingClient(Loop& loop, const std::string& address,
                                                             ClientOptions options);

// The same two for a service that a command starts: the process is started when it is first asked, and ends with the
// client. `log`: the file of its output.
class PluginLife {
 public:
  virtual ~PluginLife() = default;
  virtual void End() = 0;  // no more of it: calls under way fail, the process ends
};
struct SuggestionPlugin : SuggestionClient, PluginLife {};
struct EarlyStoppingPlugin : EarlyStoppingClient, PluginLife {};
std::unique_ptr<SuggestionPlugin> MakeSuggestionPlugin(EventLoop& loop, const std::string& algorithm,
                                                       const ServiceSpec& spec, const std::string& log);
std::unique_ptr<EarlyStoppingPlugin> MakeEarlyStoppingPlugin(EventLoop& loop, const std::string& algorithm,
                                                             const ServiceSpec& spec, const std::string& log);

}  // namespace qalam
