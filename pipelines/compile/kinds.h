// SPDX-License-Identifier: Apache-2.0
// The kinds of trial template, each its own file. A new one is a function here and a line in compile.cc.
#pragma once

#include <optional>

#include "pipelines/compile/compile.h"
#include "pipelines/compile/reader.h"

namespace qalam {

std::optional<Run> CompileJob(const Reader& manifest, const CompileContext& context);      // batch/v1 Job
std::optional<Run> CompileBarePod(const Reader& manifest, const CompileContext& context);  // v1 Pod

}  // namespace qalam
