// SPDX-License-Identifier: Apache-2.0
// Any text as an image map: what is accepted is printed as a document and read back as equal, and is applied.
#include "pipelines/compile/image_map.h"

#include "experiment/read.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

Status TryImageMap(std::string_view input) {
  Diagnostics faults;
  for (const Node& document : ReadDocuments(input, &faults)) {
    Diagnostics own;
    const std::optional<ImageMap> map = ReadImageMap(document, &own, "/maps");
    (void)Render(own, input);
    if (!map) continue;
    const std::string json = ToJson(ToDocument(*map));
    const Result<Node> kept = ReadJson(json);
    if (!kept.ok()) return Broken("a map that is kept is not read", kept.status().message(), json);
    Diagnostics again;
    const std::optional<ImageMap> same = ReadImageMap(*kept, &again);
    if (!same) return Broken("a map that is kept is refused", Render(again), json);
    if (ToJson(ToDocument(*same)) != json)
      return Broken("a map reads back as another", ToJson(ToDocument(*same)), json);
    if (const ImageMapEntry* entry = FindImage(&*map, "ghcr.io/kubeflow/katib/mnist:v1")) {
      std::vector<std::string> argv = {"python3", "/opt/train.py", "--log=/opt/x"};
      (void)MapCommand(*entry, &argv);
      for (std::string& argument : argv) MapPaths(*entry, &argument);
    }
  }
  return OkStatus();
}

}  // namespace qalam::fuzz
