// SPDX-License-Identifier: Apache-2.0
// Unary calls whose answers are posted to the loop. Called on the loop's thread; no answer comes after the end of the
// object, which cancels what is under way and waits for gRPC to let go of it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <utility>

#include "core/loop.h"

namespace qalam {

class UnaryCalls {
 public:
  explicit UnaryCalls(Loop& loop) : loop_(loop) {}
  ~UnaryCalls() {
    alive_.reset();
    std::unique_lock lock(shared_->mutex);
    for (grpc::ClientContext* context : shared_->contexts) context->TryCancel();
    shared_->none.wait(lock, [this] { return shared_->contexts.empty(); });
  }
  UnaryCalls(const UnaryCalls&) = delete;
  UnaryCalls& operator=(const UnaryCalls&) = delete;

  // `send(context, request*, reply*, on_completion)` begins the call.
  template <class Reply, class Request, class Send>
  void Start(Request request, std::chrono::milliseconds deadline, Send send,
             std::function<void(const grpc::Status&, Reply&)> done) {
    struct Call {
      std::optional<grpc::ClientContext> context{std::in_place};
      Request request;
      Reply reply;
      std::function<void(const grpc::Status&, Reply&)> done;
    };
    const auto call = std::make_shared<Call>();
    call->request = std::move(request);
    call->done = std::move(done);
    call->context->set_deadline(std::chrono::system_clock::now() + deadline);
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->contexts.insert(&*call->context);
    }
    send(&*call->context, &call->request, &call->reply,
         [call, shared = shared_, &loop = loop_, alive = std::weak_ptr<int>(alive_)](const grpc::Status& status) {
           loop.Post([call, alive, status] {
             const auto then = std::move(call->done);  // what is the loop's ends on the loop's thread
             if (!alive.expired()) then(status, call->reply);
           });
           const std::lock_guard lock(shared->mutex);
           shared->contexts.erase(&*call->context);
           // No longer than this: it keeps the channel, which must not end on a thread of its own.
           call->context.reset();
           if (shared->contexts.empty()) shared->none.notify_all();  // from here on the loop may be gone
         });
  }

 private:
  struct Shared {
    std::mutex mutex;  // guards contexts
    std::unordered_set<grpc::ClientContext*> contexts;
    std::condition_variable none;
  };
  Loop& loop_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace qalam
