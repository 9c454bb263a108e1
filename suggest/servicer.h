// SPDX-License-Identifier: Apache-2.0
// Katib's Suggestion service. Stateless by request: what it keeps per experiment is a cache, bounded, and any of it
// may be dropped at any time. gRPC's threads only hand requests to the pool.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/clock.h"
#include "proto/api.grpc.pb.h"
#include "suggest/pool.h"
#include "suggest/session.h"

namespace qalam {

struct ServicerLimits {
  std::size_t experiments = 256;          // remembered at once
  std::size_t bytes = 512u << 20;         // of memory for all of them, roughly
  Duration idle = std::chrono::hours(1);  // after which one is forgotten
  int unfinished = 1'000;                 // requests taken in and not answered
};

class Servicer final : public wire::Suggestion::CallbackService {
 public:
  explicit Servicer(const Clock& clock, ServicerLimits limits = {});
  ~Servicer() override;

  // Refuses new calls and waits until those under way are answered, at most so long. From any thread.
  void Drain(std::chrono::milliseconds patience);

  grpc::ServerUnaryReactor* GetSuggestions(grpc::CallbackServerContext* context,
                                           const wire::GetSuggestionsRequest* request,
                                           wire::GetSuggestionsReply* reply) override;
  grpc::ServerUnaryReactor* ValidateAlgorithmSettings(grpc::CallbackServerContext* context,
                                                      const wire::ValidateAlgorithmSettingsRequest* request,
                                                      wire::ValidateAlgorithmSettingsReply* reply) override;

 private:
  // One experiment. All but the last two only on its strand.
  struct Slot : Pool::Strand {
    std::unique_ptr<Session> session;
    std::string token;  // names `session` to the client
    std::atomic<std::size_t> bytes = 0;
    Duration last_used{0};  // guarded by mutex_
  };

  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context, std::shared_ptr<Slot> slot,
                                std::function<Status()> work);
  void Leave();  // a call was answered
  std::shared_ptr<Slot> SlotOf(const wire::GetSuggestionsRequest& request);
  void Trim(const Slot* keep);  // with mutex_ held
  Status Answer(Slot& slot, const wire::GetSuggestionsRequest& request, wire::GetSuggestionsReply* reply);

  const Clock& clock_;
  const ServicerLimits limits_;
  const std::uint64_t nonce_;  // tokens of another server, or of this one before a restart, are not ours
  std::atomic<std::uint64_t> sessions_made_ = 0;

  std::mutex mutex_;  // guards the four below
  std::unordered_map<std::uint64_t, std::shared_ptr<Slot>> slots_;
  int unfinished_ = 0;
  bool draining_ = false;
  std::condition_variable answered_;

  Pool pool_;  // last: its threads end before the rest goes
};

}  // namespace qalam
