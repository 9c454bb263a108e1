// SPDX-License-Identifier: Apache-2.0
// What a suggestion service answered, checked before anything is made of it: only legal suggestions come through.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/search_space.h"
#include "core/status.h"
#include "proto/api.pb.h"
#include "suggest/suggestion_client.h"

namespace grpc {
class Status;
}

namespace qalam {

// At most `wanted` suggestions, each with the active parameters of `space` in its order. Illegal ones are dropped,
// counted and the first one's fault told: a parameter missing, unknown or twice, a value outside the space, a trial
// name that is no DNS label or came twice. A fault: settings to be fed back that are too much to keep.
// `nas`: of an experiment that searches an architecture, and has an empty space, its spec (suggest/architecture.h).
Result<SuggestionReply> CheckReply(const ::api::v1::beta1::GetSuggestionsReply& reply, const SearchSpace& space,
                                   int wanted, const ExperimentSpec* nas = nullptr);

// Legal rules only: a metric that the experiment collects, a number, a comparison, a start step that is not negative.
// One that is not spoils them all: a trial without some of its rules would be stopped too soon.
Result<std::vector<EarlyStoppingRule>> CheckRules(
    const google::protobuf::RepeatedPtrField<::api::v1::beta1::EarlyStoppingRule>& rules,
    const ObjectiveSpec& objective);

// What a call of `service` that failed is told as.
Status FaultOf(const grpc::Status& status, const std::string& service, std::chrono::milliseconds deadline);

// For a person's eyes, whatever the service sent: at most `longest` bytes and "...", one line, no control characters.
std::string Shown(std::string_view text, std::size_t longest = 400);

}  // namespace qalam
