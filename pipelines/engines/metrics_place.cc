// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/metrics_place.h"

#include <filesystem>
#include <string_view>

namespace qalam {
namespace {

bool IsPathCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-./~+%@").find(c) != std::string_view::npos;
}

// Calls `replace(path)` for each path in `text` that is `prefix` or below it; what it returns takes its place.
void RewritePaths(std::string* text, const std::string& prefix,
                  const std::function<std::string(const std::string&)>& replace) {
  for (std::size_t at = text->find(prefix); at != std::string::npos; at = text->find(prefix, at)) {
    std::size_t end = at + prefix.size();
    const bool begins = at == 0 || !IsPathCharacter((*text)[at - 1]);
    const bool whole = end == text->size() || (*text)[end] == '/' || !IsPathCharacter((*text)[end]);
    while (end < text->size() && IsPathCharacter((*text)[end])) ++end;
    if (!begins || !whole) {
      ++at;
      continue;
    }
    const std::string found = text->substr(at, end - at);
    const std::string instead = replace(found);
    text->replace(at, found.size(), instead);
    at += instead.size();
  }
}

void RewriteStep(Step* step, const std::string& prefix, const std::function<std::string(const std::string&)>& replace) {
  for (std::string& argument : step->command) RewritePaths(&argument, prefix, replace);
  for (auto& [name, value] : step->env) RewritePaths(&value, prefix, replace);
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
