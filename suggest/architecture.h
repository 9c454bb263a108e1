// SPDX-License-Identifier: Apache-2.0
// What a suggestion of a search for an architecture must have, whoever made it.
#pragma once

#include "core/experiment.h"
#include "core/status.h"

namespace qalam {

// `told`: names and values of the service's own choice, each name once. INVALID_ARGUMENT: an assignment that the trial
// template refers to is not among them. Under the names enas and darts, also what Katib's trial programs would fall
// over: a network that the nasConfig does not let be built, an operation of it that nn_config says nothing of, another
// number of layers, a text that is no list or map.
Status CheckArchitecture(const ExperimentSpec& spec, const Assignments& told);

}  // namespace qalam
