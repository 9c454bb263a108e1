// SPDX-License-Identifier: Apache-2.0
// qalam version.
#include "cli/lookup.h"
#include "cli/verbs.h"
#include "core/document.h"

namespace qalam {
namespace {

struct VersionOptions {
  std::string output = "table";
};

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

}  // namespace

Verb MakeVersionVerb() {
  const auto o = std::make_shared<VersionOptions>();
  Verb version{"version", "which qalam this is"};
  AddOutput(&version, &o->output, {"table", "json"});
  version.run = [o](const Invocation&) { return VersionVerb(*o); };
  return version;
}

}  // namespace qalam
