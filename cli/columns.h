// SPDX-License-Identifier: Apache-2.0
// The columns in which experiments and trials are listed: one table for what people read, what csv holds, and what
// --filter and --sort know.
#pragma once

#include <vector>

#include "cli/listing.h"
#include "core/experiment.h"
#include "store/store.h"

namespace qalam {

struct ExperimentWithSpec {
  Experiment record;
  ExperimentSpec spec;
  std::string best;  // the value of its best trial, as it was printed; empty: none yet
};

// Reads the specs of `records` and the values of their best trials.
Result<std::vector<ExperimentWithSpec>> WithSpecs(StoreReader& reader, std::vector<Experiment> records);

// The listings borrow what they list.
Listing ListExperiments(const std::vector<ExperimentWithSpec>& experiments);
Listing ListTrials(const ExperimentWithSpec& experiment, const std::vector<Trial>& trials);
Listing ListSuggestions(const std::vector<ExperimentWithSpec>& experiments);

}  // namespace qalam
