// SPDX-License-Identifier: Apache-2.0
// From the manifest of a trial to the run that an engine can start.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/diagnostic.h"
#include "core/document.h"
#include "core/experiment.h"
#include "core/run.h"
#include "core/search_space.h"
#include "pipelines/compile/objects.h"

namespace qalam {

// What stands for a container image where there is no container runtime: docs/image-map.md.
struct ImageMapEntry {
  std::string image;                                  // glob: "ghcr.io/kubeflow/katib/pytorch-mnist-*"
  std::vector<std::string> command_from, command_to;  // prefix of argv and what replaces it; from empty: put before
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::pair<std::string, std::string>> paths;  // path prefix in argv and env -> local path
};
using ImageMap = std::vector<ImageMapEntry>;  // the first entry whose glob matches

// Reads the YAML form, already a tree. nullopt: the faults are in `faults`. Relative local paths start at `folder`,
// that of the file; they are kept as written when it is empty.
std::optional<ImageMap> ReadImageMap(const Node& document, Diagnostics* faults, const std::string& folder = {});
// The same as a document: reads back as equal, wherever it is then kept.
Node ToDocument(const ImageMap& images);

// Where a trial keeps what it has learned: folders of this machine.
struct CheckpointPlaces {
  std::string own;    // "": the trial has none
  std::string from;   // of the trial that it goes on from; "": it begins anew
  std::string mount;  // where the program finds its own, holding a copy of `from`, as Katib's pbt has it; "": nowhere
};

// A value of an assignment that holds a '$' is to come in a manifest that was rendered with ProtectDollars
// (pipelines/compile/expand.h): otherwise $(NAME) in it means a variable.
struct CompileContext {
  std::string trial_name, experiment_name, namespace_name;
  Assignments assignments;
  std::string primary_container;
  MetricsCollectorSpec collector;
  const ImageMap* images = nullptr;
  const std::vector<ParameterSpec>* parameters = nullptr;  // tell which values are numbers; none: all are text
  const Objects* objects = nullptr;                        // ConfigMaps and Secrets that the template may name
  CheckpointPlaces checkpoint = {};
  std::string report_address = {};  // of the DB manager, for trials that report by themselves: "127.1.2.3:6789"
  std::vector<EarlyStoppingRule> rules = {};  // of the trial, for a collector of its own
  const Resources* capacity = nullptr;        // of the machine that is to run it: what asks for more is a fault
};

// The manifest after substitution. nullopt: the faults are in `faults`, fields as "spec.template.spec.containers[0]".
// Warnings (what a local engine will not do: tolerations, ...) may come with a run.
std::optional<Run> Compile(const Node& manifest, const CompileContext& context, Diagnostics* faults);
std::vector<std::string_view> CompilableKinds();  // "batch/v1 Job"

}  // namespace qalam
