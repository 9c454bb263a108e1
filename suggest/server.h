// SPDX-License-Identifier: Apache-2.0
// The server itself, for those inside this room that need its in-process channel.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "core/clock.h"
#include "suggest/early_stopping_servicer.h"
#include "suggest/live_servicer.h"
#include "suggest/service.h"
#include "suggest/servicer.h"

namespace qalam {

// Of one message, both ways. A trial of 10 parameters takes about 320 bytes: room for 200,000 trials.
inline constexpr int kMaxMessageBytes = 64 << 20;

// Before anything of gRPC is used; does its work once. What gRPC and protobuf have to say for themselves goes to our
// log as debug lines: the faults we return tell the same in words.
void PrepareGrpc();

// A channel to somebody else's service.
std::shared_ptr<grpc::Channel> ConnectTo(const std::string& address);

class GrpcServer final : public SuggestionServer {
 public:
  // An empty address: in-process only.
  static Result<std::unique_ptr<GrpcServer>> Start(const std::string& address);
  ~GrpcServer() override;

  int port() const override { return port_; }
  std::shared_ptr<grpc::Channel> InProcessChannel();

 private:
  GrpcServer() = default;
  SystemClock clock_;
  Servicer servicer_{clock_};
  EarlyStoppingServicer early_stopping_;
  LiveServicer live_{clock_};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace qalam
