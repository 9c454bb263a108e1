// SPDX-License-Identifier: Apache-2.0
// How much training was saved, and on which rungs trials were judged: by early stopping, or by a search that trains
// many configurations a little and few of them long (asha, hyperband, bohb).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/document.h"
#include "core/experiment.h"
#include "store/store.h"

namespace qalam {

struct SavingsView {
  // Of early stopping: a step at which trials were judged. Of a search by rungs: an amount of its resource.
  struct Row {
    int bracket = 0;
    double at = 0;
    int trials = 0;
    int others = 0;  // trials that were stopped there; of a search: configurations that went on to a higher rung
    std::optional<double> best;
  };
  std::string resource;         // of a search: the parameter that says how long a trial trains; empty: early stopping
  int trials = 0, stopped = 0;  // of a search nothing is stopped
  int configurations = 0;       // of a search
  double run = 0;               // steps, or of the resource
  std::optional<double> whole;  // the same without stopping, or with the most for each configuration
  std::vector<Row> rungs;
};

// nullopt: the experiment stops nothing early. Reads all reports of the objective, in one scan.
Result<std::optional<SavingsView>> ViewSavings(StoreReader& reader, const Experiment& experiment,
                                               const ExperimentSpec& spec);

// "37 of 60 trials stopped early; 412 of 1,620 steps run (75 % saved)".
std::string SavingsSentence(const SavingsView& view);
std::string RungTable(const SavingsView& view);  // empty: there are none
// As status.savings of an experiment's document, if there is anything to say.
Status AddSavings(StoreReader& reader, const Experiment& experiment, const ExperimentSpec& spec, Node* document);

}  // namespace qalam
