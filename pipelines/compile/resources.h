// SPDX-License-Identifier: Apache-2.0
// resources of a container: what admission counts and what the machine enforces.
#pragma once

#include "pipelines/compile/pod_scope.h"
#include "pipelines/compile/reader.h"

namespace qalam {

// cpu, memory and devices (nvidia.com/gpu and any other */gpu). Faults and what is not counted are said.
ContainerResources ReadResources(const Reader& container);

}  // namespace qalam
