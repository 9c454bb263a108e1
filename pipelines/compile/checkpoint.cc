// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/checkpoint.h"

#include <algorithm>
#include <utility>

namespace qalam {
namespace {

constexpr const char* kOwn = "qalam-checkpoint";
constexpr const char* kFrom = "qalam-resume-from";
constexpr const char* kCopy = "qalam-checkpoint";  // the step

// Whatever is in the trial's own folder already is its own work, of an attempt that was cut short. The copy has its
// name once all of it is on the disk.
constexpr const char* kScript = R"sh(set -e
[ -z "$(ls -A "$2")" ] || exit 0
rm -rf "$2.new"
cp -a "$1" "$2.new"
find "$2.new" -type f -exec sync {} +
mv -T "$2.new" "$2")sh";

void AddFolder(const char* name, const std::string& path, Run* run) {
  Volume volume;
  volume.name = name;
  volume.kind = Volume::Kind::kHost;
  volume.path = path;
  volume.make = Volume::Make::kFolder;
  run->volumes.push_back(std::move(volume));
}

}  // namespace

void AddCheckpoint(const CheckpointPlaces& places, Run* run) {
  if (places.own.empty()) return;
  AddFolder(kOwn, places.own, run);
  if (!places.from.empty()) AddFolder(kFrom, places.from, run);
  for (Step& step : run->steps) {
    const bool taken = std::ranges::any_of(step.mounts, [&](const Mount& mount) { return mount.path == places.mount; });
    step.mounts.push_back({kOwn, taken ? "" : places.mount, "", false});
    if (!places.from.empty()) step.mounts.push_back({kFrom, "", "", true});
  }
  if (places.mount.empty() || places.from.empty()) return;
  Step copy;
  copy.name = kCopy;
  copy.command = {"/bin/sh", "-c", kScript, "sh", places.from, places.own};
  copy.mounts = {{kOwn, "", "", false}, {kFrom, "", "", true}};
  for (Step& step : run->steps) {
    if (step.depends_on.empty()) step.depends_on.push_back(kCopy);
  }
  run->steps.insert(run->steps.begin(), std::move(copy));
}

}  // namespace qalam
