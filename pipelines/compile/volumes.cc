// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/volumes.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "pipelines/engines/run_plan.h"

namespace qalam {
namespace {

constexpr int kFileMode = 0644;
constexpr std::string_view kKnown =
    "emptyDir, hostPath, persistentVolumeClaim, configMap, secret, downwardAPI and projected are";

// Relative, and never above where it starts. "." and "" are the start itself.
bool IsBelow(const std::string& path) {
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  return !normal.is_absolute() && (normal.empty() || *normal.begin() != "..") && path.find('\0') == std::string::npos;
}

// "0400", or the decimal number that JSON has.
int ReadMode(const Reader& place, const char* field, int otherwise) {
  const std::string text = place.Text(field);
  if (text.empty()) return otherwise;
  int mode = 0;
  const bool octal = text.starts_with("0");
  const std::size_t skip = text.starts_with("0o") ? 2 : 0;
  const auto [end, error] = std::from_chars(text.data() + skip, text.data() + text.size(), mode, octal ? 8 : 10);
  if (error == std::errc() && end == text.data() + text.size() && mode >= 0 && mode <= 0777) return mode;
  place.Error(fmt::format("{} '{}' is to be a mode from 0 to 0777", field, text));
  return otherwise;
}

// The keys of a ConfigMap or Secret as files: all, or those in items, under the paths given there.
void ReadKeys(Objects::Kind kind, const Reader& source, const char* name_field, int mode, const PodScope& pod,
              Volume* volume) {
  volume->secret = volume->secret || kind == Objects::Kind::kSecret;
  const ObjectData* const data = FindObject(kind, source, name_field, pod);
  if (data == nullptr) return;
  const int all_mode = ReadMode(source, "defaultMode", mode);
  const std::vector<Reader> items = source.Items("items");
  for (const Reader& item : items) {
    const std::string key = item.Text("key"), path = item.Text("path");
    const auto found = data->find(key);
    if (!IsBelow(path) || path.empty()) {
      item.Error(fmt::format("path '{}' is to be a path below the volume", path));
    } else if (found != data->end()) {
      volume->files.push_back({path, found->second, ReadMode(item, "mode", all_mode)});
    } else if (source.Text("optional") != "true") {
      item.Error(fmt::format("{} '{}' has no key '{}'", KindName(kind), source.Text(name_field), key));
    }
  }
  if (!items.empty()) return;
  for (const auto& [key, value] : *data) {
    if (IsBelow(key) && key.find('/') == std::string::npos) volume->files.push_back({key, value, all_mode});
  }
}

void ReadDownward(const Reader& source, int mode, const PodScope& pod, Volume* volume) {
  const int all_mode = ReadMode(source, "defaultMode", mode);
  for (const Reader& item : source.Items("items")) {
    const std::string path = item.Text("path");
    if (!IsBelow(path) || path.empty()) {
      item.Error(fmt::format("path '{}' is to be a path below the volume", path));
      continue;
    }
    std::optional<std::string> value;
    if (const auto field = item.Find("fieldRef")) {
      value = FieldValue(*field, pod);
    } else if (const auto resource = item.Find("resourceFieldRef")) {
      value = ResourceValue(*resource, "", pod);
    } else {
      item.Error("takes fieldRef or resourceFieldRef");
    }
    if (value) volume->files.push_back({path, *std::move(value), ReadMode(item, "mode", all_mode)});
  }
}

void ReadProjected(const Reader& source, const PodScope& pod, Volume* volume) {
  const int mode = ReadMode(source, "defaultMode", kFileMode);
  for (const Reader& part : source.Items("sources")) {
    if (!part.IsMap()) continue;
    if (const auto map = part.Find("configMap")) ReadKeys(Objects::Kind::kConfigMap, *map, "name", mode, pod, volume);
    if (const auto secret = part.Find("secret")) ReadKeys(Objects::Kind::kSecret, *secret, "name", mode, pod, volume);
    if (const auto downward = part.Find("downwardAPI")) ReadDownward(*downward, mode, pod, volume);
    if (const auto token = part.Find("serviceAccountToken")) token->Warning("is left out: there is no cluster to ask");
  }
}

void ReadHostPath(const Reader& source, Volume* volume) {
  volume->kind = Volume::Kind::kHost;
  volume->path = source.Text("path");
  if (!volume->path.starts_with('/')) source.Error(fmt::format("path '{}' is to be absolute", volume->path));
  const std::string type = source.Text("type");
  if (type == "DirectoryOrCreate") volume->make = Volume::Make::kFolder;
  if (type == "FileOrCreate") volume->make = Volume::Make::kFile;
}

void ReadClaim(const Reader& source, const PodScope& pod, Volume* volume) {
  volume->kind = Volume::Kind::kClaim;
  const std::string claim = source.Text("claimName");
  if (claim.empty() || claim == "." || claim == ".." || claim.find('/') != std::string::npos) {
    source.Error(fmt::format("claimName '{}' is to be the name of a claim", claim));
  }
  volume->path = pod.context.namespace_name + '/' + claim;
}

// False: it is none of those that we have.
bool ReadVolume(const Reader& source, const PodScope& pod, Volume* volume) {
  volume->kind = Volume::Kind::kFiles;
  if (source.Find("emptyDir")) {
    volume->kind = Volume::Kind::kScratch;
  } else if (const auto host = source.Find("hostPath")) {
    ReadHostPath(*host, volume);
  } else if (const auto claim = source.Find("persistentVolumeClaim")) {
    ReadClaim(*claim, pod, volume);
  } else if (const auto map = source.Find("configMap")) {
    ReadKeys(Objects::Kind::kConfigMap, *map, "name", kFileMode, pod, volume);
  } else if (const auto secret = source.Find("secret")) {
    ReadKeys(Objects::Kind::kSecret, *secret, "secretName", kFileMode, pod, volume);
  } else if (const auto downward = source.Find("downwardAPI")) {
    ReadDownward(*downward, kFileMode, pod, volume);
  } else if (const auto projected = source.Find("projected")) {
    ReadProjected(*projected, pod, volume);
  } else {
    return false;
  }
  return true;
}

std::string SourceName(const Reader& volume) {
  for (const Node::Entry& entry : volume.entries()) {
    if (entry.key != "name") return entry.key;
  }
  return "nothing";
}

bool IsMemory(const Reader& volume) {
  const auto scratch = volume.Find("emptyDir");
  return scratch && scratch->node().kind == Node::Kind::kMap && scratch->Text("medium") == "Memory";
}

}  // namespace

std::vector<Mount> ReadMounts(const Reader& container, const Variables& env, const PodScope& pod, Run* run) {
  std::vector<Mount> mounts;
  for (const Reader& item : container.Items("volumeMounts")) {
    if (!item.IsMap()) continue;
    Mount mount;
    mount.volume = item.Text("name");
    mount.path = item.Text("mountPath");
    mount.read_only = item.Text("readOnly") == "true";
    mount.sub_path = item.Text("subPath");
    bool secret = false;
    if (const std::string text = item.Text("subPathExpr"); !text.empty()) mount.sub_path = Expand(text, env, &secret);
    if (!mount.path.starts_with('/') || mount.path == "/") {
      item.Error(fmt::format("mountPath '{}' is to be an absolute path below /", mount.path));
    }
    if (!IsBelow(mount.sub_path) || secret) {
      item.Error(fmt::format("subPath '{}' is to be a path below the volume", secret ? "" : mount.sub_path));
    }
    const auto found = pod.volumes.find(mount.volume);
    if (found == pod.volumes.end()) {
      item.Error(fmt::format("there is no volume '{}' in the pod's volumes", mount.volume));
      continue;
    }
    if (mount.path == "/dev/shm" && IsMemory(found->second)) continue;  // this machine's own is what is meant
    while (mount.path.size() > 1 && mount.path.ends_with('/')) mount.path.pop_back();
    const auto clash = std::ranges::find(mounts, mount.path, &Mount::path);
    if (clash != mounts.end()) item.Error(fmt::format("two volumes are mounted on {}", mount.path));
    if (std::ranges::find(run->volumes, mount.volume, &Volume::name) == run->volumes.end()) {
      Volume volume;
      volume.name = mount.volume;
      if (!IsStepName(volume.name)) {  // it becomes a folder
        found->second.Error(
            fmt::format("its name '{}' is to be lower-case letters, digits and '-', at most 63", volume.name));
      }
      if (!ReadVolume(found->second, pod, &volume)) {
        found->second.Error(
            fmt::format("volume '{}' is of {}, which is not on this machine; {}. Mount it here and name "
                        "it by hostPath",
                        mount.volume, SourceName(found->second), kKnown));
        continue;
      }
      run->volumes.push_back(std::move(volume));
    }
    const Volume& volume = *std::ranges::find(run->volumes, mount.volume, &Volume::name);
    mount.read_only = mount.read_only || volume.kind == Volume::Kind::kFiles;
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

}  // namespace qalam
