// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/volumes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "pipelines/compile/image_map.h"
#include "pipelines/engines/fd.h"
#include "pipelines/path_text.h"

namespace qalam {
namespace {

namespace fs = std::filesystem;

constexpr int kOwnerOnly = 0700;

const Volume* FindVolume(const Run& run, const std::string& name) {
  const auto found = std::ranges::find(run.volumes, name, &Volume::name);
  return found == run.volumes.end() ? nullptr : &*found;
}

std::string PlaceOf(const Volume& volume, const VolumePlaces& places) {
  switch (volume.kind) {
    case Volume::Kind::kHost: return volume.path;
    case Volume::Kind::kClaim: return places.claims + '/' + volume.path;
    case Volume::Kind::kScratch:
    case Volume::Kind::kFiles: break;
  }
  return places.run_folder + '/' + volume.name;
}

std::string Join(const std::string& folder, const std::string& below) {
  std::string path = (fs::path(folder) / below).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

Status Fault(std::string_view what, const std::string& path) {
  const Code code = errno == ENOSPC || errno == EDQUOT ? Code::kResourceExhausted : Code::kUnavailable;
  return Error(code, "cannot make {} {}: {}", what, path, std::strerror(errno));
}

Status MakeFolders(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return OkStatus();
  const std::size_t slash = path.rfind('/');
  if (errno != ENOENT || slash == std::string::npos || slash == 0) return Fault("folder", path);
  QALAM_RETURN_IF_ERROR(MakeFolders(path.substr(0, slash), mode));
  return mkdir(path.c_str(), mode) == 0 || errno == EEXIST ? OkStatus() : Fault("folder", path);
}

Status MakeEmptyFile(const std::string& path) {
  const Fd fd(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  return fd ? OkStatus() : Fault("file", path);
}

// By a rename: a step that reads it meanwhile finds the old or the new one, whole.
Status WriteFile(const std::string& folder, const Volume::File& file, bool secret) {
  const std::string path = Join(folder, file.path), draft = path + ".qalam-new";
  QALAM_RETURN_IF_ERROR(MakeFolders(path.substr(0, path.rfind('/')), kOwnerOnly));
  unlink(draft.c_str());
  Fd fd(open(draft.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return Fault("file", path);
  for (std::string_view rest = file.content; !rest.empty();) {
    const ssize_t n = write(fd.get(), rest.data(), rest.size());
    if (n < 0 && errno != EINTR) return Fault("file", path);
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
  }
  const int mode = file.mode & (secret ? kOwnerOnly : 0777);
  if (fchmod(fd.get(), static_cast<mode_t>(mode)) != 0 || rename(draft.c_str(), path.c_str()) != 0) {
    return Fault("file", path);
  }
  return OkStatus();
}

Status PrepareHost(const Volume& volume) {
  struct stat status {};
  if (stat(volume.path.c_str(), &status) == 0) return OkStatus();
  switch (volume.make) {
    case Volume::Make::kFolder: return MakeFolders(volume.path, 0755);
    case Volume::Make::kFile: return MakeEmptyFile(volume.path);
    case Volume::Make::kNothing: break;
  }
  return Error(Code::kNotFound, "volume {}: hostPath {}: {}; with type DirectoryOrCreate it is made", volume.name,
               volume.path, std::strerror(errno));
}

bool IsFolder(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

std::vector<PlacedMount> PlaceMounts(const Run& run, const Step& step, const VolumePlaces& places) {
  std::vector<PlacedMount> placed;
  for (const Mount& mount : step.mounts) {
    const Volume* const volume = FindVolume(run, mount.volume);
    if (volume == nullptr || mount.path.empty()) continue;
    std::string from = Join(PlaceOf(*volume, places), mount.sub_path), to = Join(mount.path, "");
    if (from != to || mount.read_only) placed.push_back({std::move(from), std::move(to), mount.read_only});
  }
  std::ranges::stable_sort(placed, {}, [](const PlacedMount& mount) { return mount.to.size(); });
  return placed;
}

std::vector<std::pair<std::string, std::string>> VolumeVariables(const Run& run, const Step& step,
                                                                 const VolumePlaces& places) {
  std::vector<std::pair<std::string, std::string>> variables;
  for (const Mount& mount : step.mounts) {
    const Volume* const volume = FindVolume(run, mount.volume);
    if (volume == nullptr || mount.path.empty()) continue;
    std::string name = "QALAM_VOLUME_";
    for (const char c : volume->name) {
      const bool lower = c >= 'a' && c <= 'z', kept = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      name += lower ? static_cast<char>(c - 'a' + 'A') : kept ? c : '_';
    }
    variables.emplace_back(std::move(name), PlaceOf(*volume, places));
  }
  return variables;
}

Status PrepareVolumes(const Run& run, const Step& step, const VolumePlaces& places) {
  for (const Mount& mount : step.mounts) {
    const Volume* const volume = FindVolume(run, mount.volume);
    if (volume == nullptr) continue;
    const std::string place = PlaceOf(*volume, places);
    if (volume->kind == Volume::Kind::kHost) {
      QALAM_RETURN_IF_ERROR(PrepareHost(*volume));
    } else {
      QALAM_RETURN_IF_ERROR(MakeFolders(place, kOwnerOnly));
    }
    for (const Volume::File& file : volume->files) QALAM_RETURN_IF_ERROR(WriteFile(place, file, volume->secret));
    const std::string below = Join(place, mount.sub_path);
    if (access(below.c_str(), F_OK) != 0) QALAM_RETURN_IF_ERROR(MakeFolders(below, kOwnerOnly));
  }
  return OkStatus();
}

Status MakeMountPoint(const PlacedMount& mount) {
  struct stat status {};
  if (stat(mount.to.c_str(), &status) == 0) return OkStatus();
  if (IsFolder(mount.from)) return MakeFolders(mount.to, 0755);
  QALAM_RETURN_IF_ERROR(MakeFolders(mount.to.substr(0, mount.to.rfind('/')), 0755));
  return MakeEmptyFile(mount.to);
}

bool IsParameterVariable(const std::string& name) {
  return name.starts_with("QALAM_PARAM_") || name.starts_with("KUBEFLOW_TRAINER_OPT_");
}

void RewriteMounts(const std::vector<PlacedMount>& mounts, Step* step) {
  ImageMapEntry map;
  for (const PlacedMount& mount : mounts) map.paths.emplace_back(mount.to, mount.from);
  std::ranges::reverse(map.paths);  // the deepest first
  for (std::string& word : step->command) MapPaths(map, &word);
  for (std::string& word : step->shown_command) MapPaths(map, &word);
  for (auto* variables : {&step->env, &step->secret_env}) {
    for (auto& [name, value] : *variables) {
      if (!IsParameterVariable(name)) MapPaths(map, &value);
    }
  }
  MapPaths(map, &step->working_dir);
}

std::string ResolveMounts(const std::vector<PlacedMount>& mounts, const std::string& path) {
  for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
    if (path == mount->to || path.starts_with(mount->to + '/')) return mount->from + path.substr(mount->to.size());
  }
  return "";
}

void RemoveSecrets(const Run& run, const VolumePlaces& places) {
  std::error_code ignored;
  for (const Volume& volume : run.volumes) {
    if (volume.secret) fs::remove_all(PlaceOf(volume, places), ignored);
  }
}

}  // namespace qalam
