// SPDX-License-Identifier: Apache-2.0
// The template names one metrics file for all trials; in a cluster each has its own volume there, here each has its
// own folder. docs/run-folder.md says which paths are rewritten, and when a mount does it instead.
#pragma once

#include <functional>
#include <string>

#include "core/run.h"

namespace qalam {

struct MetricsPlace {
  std::string file;    // where this attempt's metrics come out
  std::string folder;  // of it; to be made before the command starts
  bool named = false;  // the command or its environment names it or its folder; otherwise only a mount leads there
};

// `files` is the attempt's folder of files, `path` absolute. Rewrites argv and env values of `step`. `exists` says
// whether a path is on this machine.
MetricsPlace PlaceMetrics(const std::string& path, const std::string& files,
                          const std::function<bool(const std::string&)>& exists, Step* step);

// The folder of the file as the template names it; "" for one in the root folder.
std::string MetricsFolder(const std::string& path);

}  // namespace qalam
