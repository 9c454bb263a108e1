// SPDX-License-Identifier: Apache-2.0
// Any bytes as a request to the suggestion service, through gRPC's in-process channel: parsed by gRPC, answered by the
// servicer on its threads. What it suggests is legal, whatever it was told. The first line names the call.
#include <algorithm>
#include <string>

#include "core/search_space.h"
#include "suggest/convert.h"
#include "suggest/reply.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets/in_process.h"

namespace qalam::fuzz {

Status TryGrpcSuggestion(std::string_view input) {
  const auto [lines, bytes] = SplitLines(input, 1);
  std::string request_bytes(bytes), answer;
  if (lines[0] == "validate") {
    wire::ValidateAlgorithmSettingsRequest request;
    const bool whole = request.ParseFromString(request_bytes);
    const grpc::Status status = Call("/api.v1.beta1.Suggestion/ValidateAlgorithmSettings", request_bytes, &answer);
    if (whole && status.error_code() == grpc::StatusCode::INTERNAL)
      return Broken("an exception in a handler", status.error_message(), request.ShortDebugString());
    return OkStatus();
  }

  // What takes long because much is asked is another question: a handful of points is enough here.
  wire::GetSuggestionsRequest request;
  const bool whole = request.ParseFromString(request_bytes);
  if (whole && (request.current_request_number() > 8 && request.current_request_number() <= 100'000)) {
    request.set_current_request_number(8);
    request_bytes = request.SerializeAsString();
  }
  const grpc::Status status = Call("/api.v1.beta1.Suggestion/GetSuggestions", request_bytes, &answer);
  if (!whole) return status.ok() ? Broken("bytes that are no message were answered", answer, "") : OkStatus();
  if (status.error_code() == grpc::StatusCode::INTERNAL || status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED)
    return Broken("a handler failed", status.error_message(), request.ShortDebugString());
  if (!status.ok()) return OkStatus();

  wire::GetSuggestionsReply reply;
  if (!reply.ParseFromString(answer)) return Broken("an answer that is none", answer, "");
  if (reply.history_needed()) return OkStatus();
  if (reply.parameter_assignments_size() > std::max(0, request.current_request_number()))
    return Broken("more than was asked for", reply.ShortDebugString(), request.ShortDebugString());
  const Result<AskedExperiment> asked = FromWire(request.experiment());
  if (!asked.ok()) return Broken("an experiment that is none was answered", asked.status().message(), "");
  const Result<SearchSpace> space = SearchSpace::Create(asked->parameters);
  if (!space.ok()) return Broken("a space that is none was answered", space.status().message(), "");
  const Result<SuggestionReply> checked = CheckReply(reply, *space, 8);
  if (!checked.ok() || checked->rejected > 0)
    return Broken("an illegal suggestion", checked.ok() ? checked->rejected_why : checked.status().message(),
                  request.ShortDebugString());
  return OkStatus();
}

}  // namespace qalam::fuzz
