// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/metrics_place.h"

#include <filesystem>

#include "pipelines/engines/volumes.h"
#include "pipelines/path_text.h"

namespace qalam {
namespace {

void RewriteStep(Step* step, const std::string& prefix, const std::function<std::string(const std::string&)>& replace) {
  for (std::string& argument : step->command) RewritePaths(&argument, prefix, replace);
  for (std::string& argument : step->shown_command) RewritePaths(&argument, prefix, replace);
  for (auto& [name, value] : step->env) {
    if (!IsParameterVariable(name)) RewritePaths(&value, prefix, replace);
  }
}

std::string Normal(const std::string& path) { return std::filesystem::path(path).lexically_normal().string(); }

}  // namespace

std::string MetricsFolder(const std::string& path) {
  const std::string file = Normal(path);
  return file.substr(0, file.rfind('/'));
}

MetricsPlace PlaceMetrics(const std::string& path, const std::string& files,
                          const std::function<bool(const std::string&)>& exists, Step* step) {
  const std::string file = Normal(path), folder = MetricsFolder(path);
  MetricsPlace place{files + file, files + folder, false};
  const auto move = [&](const std::string& found) {
    place.named = place.named || Normal(found) == file || Normal(found + '/') == folder + '/';
    return files + found;
  };
  if (!folder.empty() && !exists(folder)) {  // nothing of this machine can be meant by it, or by what is below it
    RewriteStep(step, folder, move);
    return place;
  }
  const auto move_only = [&](const std::string& which) {
    RewriteStep(step, which,
                [&](const std::string& found) { return Normal(found + '/') == which + '/' ? move(found) : found; });
  };
  move_only(file);
  if (!place.named && !folder.empty()) move_only(folder);
  return place;
}

}  // namespace qalam
