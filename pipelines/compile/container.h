// SPDX-License-Identifier: Apache-2.0
// One container as one step.
#pragma once

#include <optional>

#include "pipelines/compile/pod_scope.h"
#include "pipelines/compile/reader.h"

namespace qalam {

// Its volumes are added to `run`. nullopt: the faults have been said.
std::optional<Step> CompileContainer(const Reader& container, const PodScope& pod, Run* run);

// Whether there is a command to run: its own, or one that an image map gives.
bool HasCommand(const Reader& container, const CompileContext& context);

}  // namespace qalam
