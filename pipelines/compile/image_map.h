// SPDX-License-Identifier: Apache-2.0
// What an image map does to a container: docs/image-map.md.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipelines/compile/compile.h"

namespace qalam {

// The first entry whose glob matches the image, with or without its tag; nullptr: none.
const ImageMapEntry* FindImage(const ImageMap* images, const std::string& image);

// The command: its prefix replaced, or something put before it. False: `command.from` is no prefix of `argv`.
bool MapCommand(const ImageMapEntry& entry, std::vector<std::string>* argv);
void MapPaths(const ImageMapEntry& entry, std::string* text);

}  // namespace qalam
