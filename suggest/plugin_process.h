// SPDX-License-Identifier: Apache-2.0
// The process of a plugin: started when somebody asks, asked for its health before it is used, ended when it hangs,
// started again with backoff, and never two of it at once.
#pragma once

#include <grpcpp/generic/generic_stub.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/loop.h"
#include "suggest/kept_process.h"
#include "suggest/service.h"
#include "suggest/unary_calls.h"

namespace qalam {

struct PluginProcessOptions {
  std::string who;             // "suggestion service hill": for faults
  std::string health_service;  // what Katib's services call themselves to a health check
  ServiceSpec spec;            // with a command
  std::string log;             // file
};

// Of the loop's thread.
class PluginProcess {
 public:
  PluginProcess(EventLoop& loop, PluginProcessOptions options);
  ~PluginProcess();  // ends it, and waits a few seconds until it is gone
  PluginProcess(const PluginProcess&) = delete;
  PluginProcess& operator=(const PluginProcess&) = delete;

  // Starts it if need be. `ready` is called once: ok, when it can be asked at address(); UNAVAILABLE, when this start
  // came to nothing and asking again may help; INVALID_ARGUMENT, when it will not.
  void WhenReady(std::function<void(const Status&)> ready);
  const std::string& address() const { return address_; }

  void Answered();                      // whatever it said: it is alive
  void Hung(const std::string& fault);  // it did not answer in time: it is ended
  // Called when a process that was ready is gone or about to be: why.
  void SetOnGone(std::function<void(const Status& why)> gone) { on_gone_ = std::move(gone); }
  void End();  // no more of it; it is gone soon

 private:
  enum class State { kIdle, kWaiting, kStarting, kReady, kEnding };

  void Next();
  void Start();
  void Probe();
  void GiveUpStart();
  void Failed(const std::string& why);
  void Died();
  bool Hopeless() const;
  Status FaultNow() const;
  void Answer(const Status& status);
  std::string LastWords() const;

  EventLoop& loop_;
  const PluginProcessOptions options_;
  State state_ = State::kIdle;
  std::string address_;
  std::unique_ptr<KeptProcess> process_;
  std::unique_ptr<grpc::GenericStub> health_;  // outlives the probes: a channel must not end on a thread of its own
  std::unique_ptr<UnaryCalls> probes_;
  std::vector<std::function<void(const Status&)>> waiting_;
  std::function<void(const Status&)> on_gone_;
  std::string why_;   // of the last failure
  int failures_ = 0;  // starts in a row that came to nothing, or to no answer
  bool ever_answered_ = false, cannot_start_ = false, over_ = false;
  Duration next_start_{}, started_{};
  Loop::TimerId timer_ = 0;
};

}  // namespace qalam
