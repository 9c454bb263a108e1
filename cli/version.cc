// SPDX-License-Identifier: Apache-2.0
// qalam version.
#include "cli/lookup.h"
#include "cli/verbs.h"
#include "core/document.h"

namespace qalam {

int VersionVerb(const VersionOptions& options) {
  if (options.output != "json") {
    Print("qalam " QALAM_VERSION "\n");
    return kDone;
  }
  Node out = Node::Map();
  out.Set("version", Node::String(QALAM_VERSION));
  out.Set("build", Node::String(QALAM_BUILD_TYPE));
  out.Set("compiler", Node::String(__VERSION__));
  Print(ToJson(out, 2) + "\n");
  return kDone;
}

}  // namespace qalam
