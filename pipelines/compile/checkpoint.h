// SPDX-License-Identifier: Apache-2.0
// The folder in which a trial keeps what it has learned, and that of the trial it goes on from.
#pragma once

#include "core/run.h"
#include "pipelines/compile/compile.h"

namespace qalam {

// Has the folders of `places` made before the first step, and where the program is to find its own with a copy in it,
// the copy made by a step of its own: it may take long, and its failure is told as any other step's.
void AddCheckpoint(const CheckpointPlaces& places, Run* run);

}  // namespace qalam
