// SPDX-License-Identifier: Apache-2.0
// Where the volumes of a run are on this machine, and how a step's command is led to them. docs/trials.md tells it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/run.h"
#include "core/status.h"

namespace qalam {

struct VolumePlaces {
  std::string run_folder;  // of this start of the run: scratch and files
  std::string claims;      // FILE.d/volumes
};

// A mount of a step as two paths of this machine.
struct PlacedMount {
  std::string from, to;
  bool read_only = false;
};

// Those of `step`, those that lie above others first. Nothing is looked at or made.
std::vector<PlacedMount> PlaceMounts(const Run& run, const Step& step, const VolumePlaces& places);

// QALAM_VOLUME_NAME for each volume that it mounts: where that is on this machine.
std::vector<std::pair<std::string, std::string>> VolumeVariables(const Run& run, const Step& step,
                                                                 const VolumePlaces& places);

// Makes what `step` mounts: folders that are missing and the files of ConfigMaps and Secrets. May be done again.
Status PrepareVolumes(const Run& run, const Step& step, const VolumePlaces& places);

// Where a mount is to go: a folder, or a file, that is there, or could be made.
Status MakeMountPoint(const PlacedMount& mount);

// Instead of a mount: each path in the command, the environment and the working directory that leads below `to` leads
// below `from`. Values of parameters in the environment are left alone.
void RewriteMounts(const std::vector<PlacedMount>& mounts, Step* step);

// The path that `path` has where nothing is mounted; "" when no mount leads there.
std::string ResolveMounts(const std::vector<PlacedMount>& mounts, const std::string& path);

// Secrets do not stay.
void RemoveSecrets(const Run& run, const VolumePlaces& places);

bool IsParameterVariable(const std::string& name);  // QALAM_PARAM_..., KUBEFLOW_TRAINER_OPT_...

}  // namespace qalam
