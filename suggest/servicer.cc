// SPDX-License-Identifier: Apache-2.0
#include "suggest/servicer.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <random>
#include <thread>

#include "core/rng.h"

namespace qalam {
namespace {

std::uint64_t MakeNonce() {
  std::random_device device;  // not for suggestions: only to tell servers apart
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

int ThreadCount() { return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 2u, 8u)); }

}  // namespace

Servicer::Servicer(const Clock& clock, ServicerLimits limits)
    : clock_(clock), limits_(limits), nonce_(MakeNonce()), pool_(ThreadCount()) {}

Servicer::~Servicer() = default;

void Servicer::Drain(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  answered_.wait_for(lock, patience, [this] { return unfinished_ == 0; });
}

grpc::ServerUnaryReactor* Servicer::GetSuggestions(grpc::CallbackServerContext* context,
                                                   const wire::GetSuggestionsRequest* request,
                                                   wire::GetSuggestionsReply* reply) {
  std::shared_ptr<Slot> slot = SlotOf(*request);
  Slot* here = slot.get();  // kept alive by the strand that runs the work
  return Run(context, std::move(slot), [this, here, request, reply] { return Answer(*here, *request, reply); });
}

grpc::ServerUnaryReactor* Servicer::ValidateAlgorithmSettings(grpc::CallbackServerContext* context,
                                                              const wire::ValidateAlgorithmSettingsRequest* request,
                                                              wire::ValidateAlgorithmSettingsReply*) {
  return Run(context, std::make_shared<Slot>(), [request] { return Session::Validate(request->experiment()); });
}

// Request and reply belong to gRPC and live until Finish, so the work may use them where they are.
grpc::ServerUnaryReactor* Servicer::Run(grpc::CallbackServerContext* context, std::shared_ptr<Slot> slot,
                                        std::function<Status()> work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  {
    const std::lock_guard lock(mutex_);
    if (draining_ || unfinished_ >= limits_.unfinished) {
      reactor->Finish(draining_ ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server is shutting down")
                                : grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                               fmt::format("{} requests are unfinished", unfinished_)));
      return reactor;
    }
    ++unfinished_;
  }
  pool_.Post(std::move(slot), [this, context, reactor, work = std::move(work)] {
    Status status;
    if (context->IsCancelled()) {
      status = Status(Code::kCancelled, "the caller left before its turn came");
    } else {
      try {
        status = work();
      } catch (const std::exception& e) {  // of a library below; none of ours throws
        status = Status(Code::kInternal, e.what());
      }
    }
    reactor->Finish(ToGrpc(status));
    Leave();
  });
  return reactor;
}

void Servicer::Leave() {
  const std::lock_guard lock(mutex_);
  --unfinished_;
  answered_.notify_all();
}

std::shared_ptr<Servicer::Slot> Servicer::SlotOf(const wire::GetSuggestionsRequest& request) {
  // Two that share a key push each other out, and get right answers all the same: see Session::IsFor.
  const std::uint64_t key =
      MixHash(StableHash(request.namespace_()),
              request.uid().empty() ? StableHash(request.experiment().name()) : ~StableHash(request.uid()));
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Slot>& slot = slots_[key];
  const bool added = slot == nullptr;
  if (added) slot = std::make_shared<Slot>();
  slot->last_used = clock_.Monotonic();
  std::shared_ptr<Slot> out = slot;
  if (added) Trim(out.get());
  return out;
}

// Forgets what is idle, then the longest unused until the bounds hold. A call under way keeps its slot to its end.
void Servicer::Trim(const Slot* keep) {
  const Duration now = clock_.Monotonic();
  std::erase_if(slots_, [&](const auto& entry) { return now - entry.second->last_used > limits_.idle; });
  std::size_t bytes = 0;
  for (const auto& [key, slot] : slots_) bytes += slot->bytes;
  while (slots_.size() > limits_.experiments || (bytes > limits_.bytes && slots_.size() > 1)) {
    const auto oldest = std::ranges::min_element(slots_, {}, [&](const auto& entry) {
      return entry.second.get() == keep ? Duration::max() : entry.second->last_used;
    });
    bytes -= std::min<std::size_t>(bytes, oldest->second->bytes);
    slots_.erase(oldest);
  }
}

Status Servicer::Answer(Slot& slot, const wire::GetSuggestionsRequest& request, wire::GetSuggestionsReply* reply) {
  const bool whole = request.history_token().empty();
  const bool known =
      slot.session != nullptr && slot.session->IsFor(request) && (whole || request.history_token() == slot.token);
  if (!whole && !known) {
    reply->set_history_needed(true);
    return OkStatus();
  }
  if (!known || !slot.session->Merge(request)) {
    slot.session = nullptr;
    if (!whole) {
      reply->set_history_needed(true);
      return OkStatus();
    }
    QALAM_TRY(slot.session, Session::Create(request));
    slot.token = fmt::format("{:016x}-{}", nonce_, ++sessions_made_);
    QALAM_CHECK(slot.session->Merge(request), "a new session takes any history");
  }
  const std::size_t before = slot.bytes.exchange(slot.session->bytes());
  if (slot.bytes >> 20 > before >> 20) {
    const std::lock_guard lock(mutex_);
    Trim(&slot);
  }
  QALAM_RETURN_IF_ERROR(slot.session->Suggest(request, reply));
  if (request.accepts_token()) reply->set_history_token(slot.token);
  return OkStatus();
}

}  // namespace qalam
