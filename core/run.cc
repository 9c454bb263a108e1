// SPDX-License-Identifier: Apache-2.0
#include "core/run.h"

#include "core/words.h"

namespace qalam {
namespace {

constexpr std::array<std::string_view, 6> kStepStates = {"Waiting", "Running", "Succeeded",
                                                         "Failed",  "Stopped", "Lost"};

}  // namespace

std::string_view ToString(StepState state) { return WordOf(kStepStates, state); }
std::optional<StepState> ParseStepState(std::string_view text) { return FindWord<StepState>(kStepStates, text); }

}  // namespace qalam
