// SPDX-License-Identifier: Apache-2.0
// What the verbs that only look share: opening the database, finding what a person named, saying what went wrong.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/experiment.h"
#include "core/objective.h"
#include "store/store.h"

namespace qalam {

// Says it on standard error; the exit code that fits.
int Complain(const Status& status);

Result<std::unique_ptr<StoreReader>> OpenView(const std::string& db);
// `name` empty: the only one there is. `namespace_name` empty: any. NOT_FOUND lists what there is.
Result<Experiment> LookUpExperiment(StoreReader& reader, const std::string& namespace_name, const std::string& name);

struct FoundTrial {
  Experiment experiment;
  Trial trial;
};
// By name, or by number: "mnist#17", and "#17" in the newest experiment.
Result<FoundTrial> LookUpTrial(StoreReader& reader, const std::string& namespace_name, const std::string& reference);

// As Katib prints it, the lists of its trials included.
Result<Node> ExperimentDocument(StoreReader& reader, const Experiment& experiment);

std::string StatusWord(const Experiment& experiment);                           // "Running", "Paused", "Succeeded"
std::string ObjectiveText(const ObjectiveSpec& objective, const Trial& trial);  // "0.0312" or "-"
void Print(const std::string& text);                                            // all of it to standard output

}  // namespace qalam
