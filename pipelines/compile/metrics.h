// SPDX-License-Identifier: Apache-2.0
// Where the trial's metrics come out, and the container that collects them where it is a Custom one.
#pragma once

#include "core/run.h"
#include "pipelines/compile/pod_scope.h"
#include "pipelines/compile/reader.h"

namespace qalam {

// Sets `run`'s metrics and reports, for `step`, which was made of `primary` and is not in `run` yet. A Custom collector
// becomes a sidecar that shares the folder of its path with it.
void CompileMetrics(const Reader& primary, const PodScope& pod, Step* step, Run* run);

}  // namespace qalam
