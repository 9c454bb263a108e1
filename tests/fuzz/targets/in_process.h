// SPDX-License-Identifier: Apache-2.0
// One call of a service of ours with any bytes for a request, through gRPC's in-process channel.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "suggest/server.h"

namespace qalam::fuzz {

// `method`: "/api.v1.beta1.Suggestion/GetSuggestions"; `answer`: its reply's bytes, of a call that succeeds.
inline grpc::Status Call(const std::string& method, const std::string& bytes, std::string* answer) {
  static const std::unique_ptr<GrpcServer> server = *GrpcServer::Start("");
  static grpc::GenericStub stub(server->InProcessChannel());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  grpc::CompletionQueue queue;
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer message(&slice, 1);
  grpc::ByteBuffer reply;
  grpc::Status status;
  const auto call = stub.PrepareUnaryCall(&context, method, message, &queue);
  call->StartCall();
  call->Finish(&reply, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  (void)queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) continue;
  grpc::Slice whole;
  if (status.ok() && reply.DumpToSingleSlice(&whole).ok())
    answer->assign(reinterpret_cast<const char*>(whole.begin()), whole.size());
  return status;
}

}  // namespace qalam::fuzz
