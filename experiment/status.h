// SPDX-License-Identifier: Apache-2.0
// Experiments and trials as Katib prints them: kind Experiment / Trial with their status.
#pragma once

#include <vector>

#include "core/document.h"
#include "core/experiment.h"

namespace qalam {

// Katib's rule: a condition whose status or reason changes is removed and appended at the end; an equal one is no
// change. Returns whether anything changed.
bool SetCondition(std::vector<Condition>* conditions, std::string type, bool status, std::string reason,
                  std::string message, WallTime now);

// `trials` of the experiment, by ordinal.
Node ExperimentToDocument(const Experiment& experiment, const std::vector<Trial>& trials);
Node TrialToDocument(const Experiment& experiment, const Trial& trial);

}  // namespace qalam
