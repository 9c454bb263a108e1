// SPDX-License-Identifier: Apache-2.0
// How an experiment's trials are run by this program: its remembered image map and working directory applied to
// what the compiler makes of its template.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/diagnostic.h"
#include "core/experiment.h"
#include "core/run.h"
#include "pipelines/compile/compile.h"
#include "store/store.h"

namespace qalam {

// The spec of an experiment that is in the store.
Result<ExperimentSpec> ReadStored(const Experiment& record);

// What a trial finds on this machine.
struct TrialPlaces {
  CheckpointPlaces checkpoint;
  std::string report_address;            // where trials that report by themselves do so
  std::vector<EarlyStoppingRule> rules;  // that its own collector may look at
};

// `manifest`: the trial's, rendered. nullopt: the faults are in `faults`. A step without a working directory runs
// where the experiment was first submitted, and a relative one starts there. With `capacity`, a step that asks for
// more is a fault. `objects`: the ConfigMaps and Secrets that the template may name.
std::optional<Run> CompileRun(const ExperimentSpec& spec, const std::string& trial_name, const Assignments& assignments,
                              const Node& manifest, Diagnostics* faults, const Resources* capacity = nullptr,
                              const Objects* objects = nullptr, const TrialPlaces& places = {});
// The same for the controller, with the objects that were kept for the experiment: faults as one text.
Result<Run> CompileTrial(const std::string& db, const ExperimentSpec& spec, const Trial& trial, const Node& manifest,
                         const std::string& report_address = {});

// The path of qalam-shim: beside this program, or as QALAM_SHIM says. NOT_FOUND: it is not there.
Result<std::string> FindShim();
// Where things are beside the database.
std::string RunsFolder(const std::string& db);
std::string CheckpointsFolder(const std::string& db);
std::string PluginsFolder(const std::string& db);
std::string SocketPath(const std::string& db);
// The newest attempt of the step whose output people want: `step`, or the one that prints the metrics, or the last
// that ran. nullptr: none has started.
const StepRecord* ChooseStep(const std::vector<StepRecord>& steps, const std::string& step);

}  // namespace qalam
