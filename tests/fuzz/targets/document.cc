// SPDX-License-Identifier: Apache-2.0
// Any text as YAML and JSON: what can be read is printed as either, and read back as the same.
#include "core/document.h"

#include "core/diagnostic.h"
#include "experiment/read.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

Status TryDocument(std::string_view input) {
  Diagnostics faults;
  const std::vector<Node> documents = ReadDocuments(input, &faults);
  (void)Render(faults, input);
  if (documents.empty() && !input.empty() && !faults.HasErrors()) {
    if (input.find_first_not_of(" \t\r\n") != std::string_view::npos && ReadJson(input).ok())
      return Error(Code::kInternal, "JSON that is read as no document, without a word");
  }
  for (const Node& document : documents) {
    // A printed document is larger than one with aliases: only its own text is under the limits.
    const ReadLimits wide{64 << 20, 1000, 10'000'000, 0};
    Diagnostics none;
    const std::string yaml = ToYaml(document);
    const std::vector<Node> again = ReadDocuments(yaml, &none, wide);
    if (again.size() != 1) return Broken("printed YAML is not read", Render(none, yaml), yaml);
    if (!SameValue(again.front(), document)) return Broken("YAML reads back as another", ToYaml(again.front()), yaml);
    const std::string json = ToJson(document), indented = ToJson(document, 2);
    if (document.kind != Node::Kind::kMap) continue;
    for (const std::string& text : {json, indented}) {
      const Result<Node> node = ReadJson(text);
      if (!node.ok()) return Broken("printed JSON is not read", node.status().message(), text);
      if (ToJson(*node) != json) return Broken("JSON reads back as another", ToJson(*node), json);
    }
  }
  return OkStatus();
}

}  // namespace qalam::fuzz
