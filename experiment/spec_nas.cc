// SPDX-License-Identifier: Apache-2.0
// spec.nasConfig: what a search for a network's architecture may build. Who searches decides what it means.
#include "experiment/spec_nas.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "core/nas_space.h"
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

// Where the deepest part of "nasConfig.operations[1].operationType" stands that is there.
Position PlaceOf(const Node& nas, std::string_view field, Position place) {
  const Node* at = &nas;
  field.remove_prefix(std::min(field.size(), std::string_view("nasConfig.").size()));
  while (!field.empty()) {
    if (field.front() == '.') field.remove_prefix(1);
    if (field.front() == '[') {
      const auto index = static_cast<std::size_t>(std::atoi(std::string(field.substr(1)).c_str()));
      if (index >= at->items.size()) break;
      at = &at->items[index];
      place = at->position;
      field.remove_prefix(field.find(']') + 1);
      continue;
    }
    const std::string_view key = field.substr(0, field.find_first_of(".["));
    const auto entry = std::ranges::find(at->entries, key, &Node::Entry::key);
    if (entry == at->entries.end()) break;
    at = &entry->value;
    place = at->IsScalar() ? at->position : entry->key_position;
    field.remove_prefix(key.size());
  }
  return place;
}

}  // namespace

void CheckNasConfigFor(std::string_view algorithm, const NasConfig& nas, Fields* spec) {
  for (const NasFault& fault : CheckNasConfig(nas, algorithm)) {
    spec->faults().Error(PlaceOf(*spec->Take("nasConfig"), fault.field, spec->At("nasConfig")), spec->Path(fault.field),
                         fault.text);
  }
}

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
