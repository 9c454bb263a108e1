// SPDX-License-Identifier: Apache-2.0
// The environment of a container: what every trial finds, then envFrom, then env.
#pragma once

#include "pipelines/compile/expand.h"
#include "pipelines/compile/image_map.h"
#include "pipelines/compile/pod_scope.h"
#include "pipelines/compile/reader.h"

namespace qalam {

// What every trial finds in its environment, whatever its template says.
Variables TrialVariables(const CompileContext& context);

// The trial's variables first. A variable that `image` sets is not looked for in ConfigMaps and Secrets.
Variables ReadEnvironment(const Reader& container, const ImageMapEntry* image, const PodScope& pod);

// The assignments as JSON, numbers as numbers where the parameter is one.
std::string ParametersJson(const CompileContext& context);

// A placeholder that was not replaced is said.
void WarnOfPlaceholder(const Reader& place, const std::string& text);

}  // namespace qalam
