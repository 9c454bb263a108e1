// SPDX-License-Identifier: Apache-2.0
// qalam run --dry-run: the trials that an experiment would begin with, each as the object that Katib would create.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/input.h"

namespace qalam {

// Prints `count` trials of each experiment (default: parallelTrialCount) as YAML documents; starts and writes nothing.
// The values are those that the algorithm proposes first: its own when it sets random_state, else those of one seed
// that follows from the spec (an experiment that runs has a seed of its own). Where the algorithm is not here, it is
// one trial from the middle of the space, and a line says so. The exit code.
int DryRun(const Input& input, std::optional<int> count);

}  // namespace qalam
