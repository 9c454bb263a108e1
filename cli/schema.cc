// SPDX-License-Identifier: Apache-2.0
// qalam schema: the Experiment as JSON Schema.
#include "experiment/schema.h"

#include "cli/lookup.h"
#include "cli/verbs.h"
#include "core/document.h"

namespace qalam {

Verb MakeSchemaVerb() {
  const auto output = std::make_shared<std::string>("json");
  Verb schema{"schema", "the Experiment file as JSON Schema, for editors and other checkers"};
  AddOutput(&schema, output.get(), {"json", "yaml"});
  schema.run = [output](const Invocation&) -> int {
    const Node document = ExperimentSchema();
    Print(*output == "yaml" ? ToYaml(document) : ToJson(document, 2) + "\n");
    return kDone;
  };
  return schema;
}

}  // namespace qalam
