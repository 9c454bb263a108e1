// SPDX-License-Identifier: Apache-2.0
// The ways to write an experiment into a file: Katib's Experiment, the short form, and a sweep as Weights & Biases has
// it. The other two are read as the Experiment that says the same, so that everything behind is one path; faults are
// shown where they stand, under the names that the file uses.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/diagnostic.h"
#include "core/document.h"
#include "core/experiment.h"
#include "experiment/spec.h"

namespace qalam {

enum class Form { kKatib, kShort, kSweep };
std::string_view ToString(Form form);  // "katib", "short", "sweep"
Form FormOf(const Node& document);     // what is neither a short form nor a sweep is taken as an Experiment

struct Rewritten {
  Node experiment;  // of Katib's kind; each value stands where what it was made of stood
  // What a field of it was in the file: "spec.parameters[0]" was "parameters.lr".
  std::vector<std::pair<std::string, std::string>> fields;
};
// As far as it goes: an error in `faults` means that something is missing. What a sweep says and an Experiment cannot
// is a warning there.
Rewritten RewriteShortFile(const Node& document, bool strict, Diagnostics* faults);
Rewritten RewriteSweep(const Node& document, bool strict, Diagnostics* faults);

// ReadExperiment for any of the forms. With `experiment`, what was read as one is handed out too.
std::optional<ExperimentSpec> ReadAnyForm(const Node& document, const SpecContext& context, Diagnostics* faults,
                                          Node* experiment = nullptr);

// An experiment in another form. What cannot be carried over is a warning that names the field; nullopt: without it
// there is nothing to write, and `faults` says why.
std::optional<Node> WriteShortFile(const ExperimentSpec& spec, Diagnostics* faults);
std::optional<Node> WriteSweep(const ExperimentSpec& spec, Diagnostics* faults);

}  // namespace qalam
