// SPDX-License-Identifier: Apache-2.0
// A pod template as steps: what is common to every kind that has one.
#pragma once

#include <optional>

#include "pipelines/compile/compile.h"
#include "pipelines/compile/reader.h"

namespace qalam {

inline constexpr long long kMostSeconds = 10LL * 365 * 24 * 3600;  // of a deadline or a grace: longer is the same

// The pod's initContainers, one after the other, then its primary container, which prints the metrics, with the other
// containers beside it. `metadata`: the pod's. nullopt: the faults have been said.
std::optional<Run> CompilePod(const Reader& pod_spec, const std::optional<Reader>& metadata,
                              const CompileContext& context);

// The shorter of the two, where either is set.
void ShortenTimeout(std::optional<long long> seconds, Run* run);

}  // namespace qalam
