// SPDX-License-Identifier: Apache-2.0
// A pod's volumes as folders, and where its containers see them.
#pragma once

#include <vector>

#include "pipelines/compile/expand.h"
#include "pipelines/compile/pod_scope.h"
#include "pipelines/compile/reader.h"

namespace qalam {

// The container's mounts; the volumes that it names are added to `run` unless they are there already. `env` is what
// subPathExpr may refer to.
std::vector<Mount> ReadMounts(const Reader& container, const Variables& env, const PodScope& pod, Run* run);

}  // namespace qalam
