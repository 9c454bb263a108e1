// SPDX-License-Identifier: Apache-2.0
// Which services of other people answer for which algorithms: what the command line and a KatibConfig say, and how an
// experiment remembers it. docs/plugins.md tells people.
#pragma once

#include <map>
#include <string>

#include "core/diagnostic.h"
#include "core/document.h"
#include "pipelines/compile/image_map.h"
#include "suggest/service.h"

namespace qalam {

struct Services {
  std::map<std::string, ServiceSpec> suggestions, early_stoppings;  // by the algorithm's name
  std::map<std::string, std::string> bare;  // algorithms (and rules) of which the config names an image alone
};

// Reads a KatibConfig into `services`: the entries that say an address or a command, or whose image has a command in
// `images`. Katib's own fields are all known, and mean nothing here where they are about a cluster. `folder` is that of
// the file: paths and commands start there.
void ReadKatibConfig(const Node& document, const std::string& folder, const ImageMap* images, bool strict,
                     Services* services, Diagnostics* faults);

// What a person can do about an algorithm of `services.bare`.
std::string BareAdvice(const std::string& algorithm, const std::string& image, const std::string& config);

// "HOST:PORT", or an object of JSON: the value of an annotation.
std::string ServiceText(const ServiceSpec& service);
Result<ServiceSpec> ParseService(const std::string& text);

}  // namespace qalam
