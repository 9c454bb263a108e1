// SPDX-License-Identifier: Apache-2.0
// One container as one step.
#pragma once

#include <optional>

#include "pipelines/compile/compile.h"
#include "pipelines/compile/reader.h"

namespace qalam {

// nullopt: the faults have been said.
std::optional<Step> CompileContainer(const Reader& container, const CompileContext& context);

}  // namespace qalam
