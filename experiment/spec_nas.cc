// SPDX-License-Identifier: Apache-2.0
// spec.nasConfig: what a search for a network's architecture may build. Who searches decides what it means.
#include <fmt/core.h>

#include "experiment/spec_sections.h"

namespace qalam {
namespace {

NasOperation ReadOperation(const ListItem& item, FaultList* faults) {
  Fields fields(item, faults);
  NasOperation operation;
  if (!fields.present()) return operation;
  operation.type = fields.Text("operationType").value_or("");
  if (operation.type.empty()) fields.Error("operationType", "is missing: the kind of operation, convolution for one");
  operation.parameters = ReadParameters(&fields);
  fields.Finish();
  return operation;
}

}  // namespace

std::optional<NasConfig> ReadNasConfig(Fields* spec) {
  Fields fields = spec->Map("nasConfig");
  if (!fields.present()) return std::nullopt;
  NasConfig out;
  Fields graph = fields.Map("graphConfig");
  if (graph.present()) {
    const std::optional<int> layers = graph.Count("numLayers");
    if (layers && *layers <= 0) graph.Error("numLayers", fmt::format("{} must be greater than 0", *layers));
    out.graph.num_layers = layers.value_or(0);
    out.graph.input_sizes = graph.Counts("inputSizes", 1);
    out.graph.output_sizes = graph.Counts("outputSizes", 1);
    graph.Finish();
  } else if (fields.Take("graphConfig") == nullptr) {
    fields.Error("graphConfig", "is missing: the shape of the network");
  }
  const std::vector<ListItem> operations = fields.List("operations");
  for (const ListItem& item : operations) out.operations.push_back(ReadOperation(item, &fields.faults()));
  if (operations.empty() &&
      (fields.Take("operations") == nullptr || fields.Take("operations")->kind == Node::Kind::kSequence)) {
    fields.Error("operations", "is missing: what a layer may be made of");
  }
  fields.Finish();
  return out;
}

}  // namespace qalam
