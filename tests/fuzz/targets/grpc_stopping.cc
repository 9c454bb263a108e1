// SPDX-License-Identifier: Apache-2.0
// Any bytes as a request to the early-stopping services, Katib's and ours, through gRPC's in-process channel. The first
// line names the call. What is told in one question or in two decides the same.
#include <string>

#include "proto/live.pb.h"
#include "suggest/convert.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets/in_process.h"

namespace qalam::fuzz {
namespace {

using qalam::v1::DecideReply;
using qalam::v1::DecideRequest;

grpc::Status Decide(const DecideRequest& request, DecideReply* reply) {
  std::string answer;
  const grpc::Status status = Call("/qalam.v1.LiveStopping/Decide", request.SerializeAsString(), &answer);
  if (status.ok() && !reply->ParseFromString(answer)) return {grpc::StatusCode::INTERNAL, "an answer that is none"};
  return status;
}

Status TryDecide(const std::string& bytes) {
  DecideRequest request;
  if (!request.ParseFromString(bytes)) {
    std::string answer;
    const bool answered = Call("/qalam.v1.LiveStopping/Decide", bytes, &answer).ok();
    return answered ? Broken("bytes that are no message were answered", answer, "") : OkStatus();
  }
  request.set_whole(true);  // what was asked before this input does not matter
  DecideReply reply;
  const grpc::Status status = Decide(request, &reply);
  if (status.error_code() == grpc::StatusCode::INTERNAL || status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED)
    return Broken("a handler failed", status.error_message(), request.ShortDebugString());
  if (!status.ok()) return OkStatus();
  if (reply.history_needed()) return Broken("asks for what it was told", "", request.ShortDebugString());
  if (reply.verdict() != DecideReply::CONTINUE && reply.reason().empty())
    return Broken("a verdict without a reason", reply.ShortDebugString(), request.ShortDebugString());

  DecideRequest first = request;
  first.set_trial(0);
  first.mutable_changes()->DeleteSubrange(request.changes_size() / 2,
                                          request.changes_size() - request.changes_size() / 2);
  DecideReply halfway;
  if (const grpc::Status half = Decide(first, &halfway); !half.ok())
    return Broken("the first half is refused", half.error_message(), first.ShortDebugString());
  DecideRequest second = request;
  second.set_whole(false);
  second.set_state(halfway.state());
  second.mutable_changes()->DeleteSubrange(0, request.changes_size() / 2);
  DecideReply in_two;
  if (const grpc::Status rest = Decide(second, &in_two); !rest.ok())
    return Broken("the second half is refused", rest.error_message(), second.ShortDebugString());
  if (in_two.verdict() != reply.verdict() || in_two.reason() != reply.reason() || in_two.note() != reply.note())
    return Broken("two questions decide otherwise than one", in_two.ShortDebugString(), reply.ShortDebugString());
  return OkStatus();
}

}  // namespace

Status TryGrpcStopping(std::string_view input) {
  const auto [lines, rest] = SplitLines(input, 1);
  std::string bytes(rest), answer;
  if (lines[0] == "decide") return TryDecide(bytes);

  grpc::Status status;
  if (lines[0] == "rules") {
    wire::GetEarlyStoppingRulesRequest request;
    if (request.ParseFromString(bytes)) {
      // The curves of these it would ask of whoever listens at an address of the input's.
      for (wire::Trial& trial : *request.mutable_trials()) trial.mutable_status()->clear_condition();
      bytes = request.SerializeAsString();
    }
    status = Call("/api.v1.beta1.EarlyStopping/GetEarlyStoppingRules", bytes, &answer);
  } else if (lines[0] == "status") {
    status = Call("/api.v1.beta1.EarlyStopping/SetTrialStatus", bytes, &answer);
    if (status.ok()) return Broken("a status was set that is not this service's to set", bytes, "");
  } else {
    status = Call("/api.v1.beta1.EarlyStopping/ValidateEarlyStoppingSettings", bytes, &answer);
  }
  // gRPC itself says INTERNAL of bytes that are no message.
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED || status.error_code() == grpc::StatusCode::UNKNOWN)
    return Broken("a handler failed", status.error_message(), "");
  return OkStatus();
}

}  // namespace qalam::fuzz
