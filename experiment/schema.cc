// SPDX-License-Identifier: Apache-2.0
#include "experiment/schema.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <vector>

#include "experiment/field_table.h"

namespace qalam {
namespace {

Node Texts(std::span<const std::string_view> words) {
  Node list = Node::Sequence();
  for (const std::string_view word : words) list.Add(Node::String(std::string(word)));
  return list;
}

Node TypeList(std::initializer_list<std::string_view> types) { return Texts({types.begin(), types.size()}); }

Node Typed(std::string_view type) {
  Node schema = Node::Map();
  schema.Set("type", Node::String(std::string(type)));
  return schema;
}

Node AnyText() {
  Node schema = Node::Map();
  schema.Set("type", TypeList({"string", "number", "boolean"}));
  return schema;
}

Node Wholes(const Field& field) {
  Node schema = Typed("integer");
  if (field.least) schema.Set("minimum", Node::Int(*field.least));
  return schema;
}

Node GroupSchema(const FieldGroup& group);

Node KindSchema(const Field& field) {
  Node schema;
  switch (field.kind) {
    case FieldKind::kText:
      schema = field.pattern.empty() ? AnyText() : Typed("string");
      if (!field.pattern.empty()) schema.Set("pattern", Node::String(fmt::format("^{}$", field.pattern)));
      return schema;
    case FieldKind::kWord:
      schema = Node::Map();
      schema.Set("enum", Texts(field.words));
      return schema;
    case FieldKind::kWhole: return Wholes(field);
    case FieldKind::kNumber: return Typed("number");
    case FieldKind::kFlag: return Typed("boolean");
    case FieldKind::kTexts:
    case FieldKind::kWholes:
      schema = Typed("array");
      schema.Set("items", field.kind == FieldKind::kTexts ? AnyText() : Wholes(field));
      return schema;
    case FieldKind::kTextMap:
      schema = Typed("object");
      schema.Set("additionalProperties", AnyText());
      return schema;
    case FieldKind::kMap: return GroupSchema(*field.below);
    case FieldKind::kList:
      schema = Typed("array");
      schema.Set("items", GroupSchema(*field.below));
      return schema;
    case FieldKind::kObject: return Typed("object");
  }
  return schema;
}

// Whether the default can be said as a value; others are prose and stand in the description.
bool HasPlainDefault(const Field& field) {
  switch (field.kind) {
    case FieldKind::kWord: return std::ranges::find(field.words, field.fallback) != field.words.end();
    case FieldKind::kWhole:
      return !field.fallback.empty() && field.fallback.find_first_not_of("0123456789") == std::string_view::npos;
    case FieldKind::kFlag: return !field.fallback.empty();
    default: return false;
  }
}

// A field that is null counts as absent.
void AllowNull(Node* schema) {
  for (Node::Entry& entry : schema->entries) {
    if (entry.key == "enum") entry.value.Add(Node());
    if (entry.key != "type") continue;
    if (entry.value.IsScalar()) entry.value = TypeList({entry.value.text});
    entry.value.Add(Node::String("null"));
  }
}

Node FieldSchema(const Field& field) {
  Node schema = KindSchema(field);
  if (!field.required) AllowNull(&schema);
  std::string description(field.doc);
  if (HasPlainDefault(field)) {
    const Node::Kind kind = field.kind == FieldKind::kWhole  ? Node::Kind::kInt
                            : field.kind == FieldKind::kFlag ? Node::Kind::kBool
                                                             : Node::Kind::kString;
    schema.Set("default", Node::Scalar(kind, std::string(field.fallback)));
  } else if (!field.fallback.empty()) {
    description += fmt::format(" (default: {})", field.fallback);
  }
  schema.Set("description", Node::String(std::move(description)));
  return schema;
}

Node GroupSchema(const FieldGroup& group) {
  Node schema = Typed("object");
  Node properties = Node::Map(), required = Node::Sequence();
  for (const Field& field : group.fields) {
    properties.Set(std::string(field.name), FieldSchema(field));
    if (field.required) required.Add(Node::String(std::string(field.name)));
  }
  for (const std::string_view name : group.ignored) properties.Set(std::string(name), Node::Bool(true));
  schema.Set("properties", std::move(properties));
  if (!required.items.empty()) schema.Set("required", std::move(required));
  schema.Set("additionalProperties", Node::Bool(false));
  return schema;
}

}  // namespace

Node ExperimentSchema() {
  Node schema = Node::Map();
  schema.Set("$schema", Node::String("http://json-schema.org/draft-07/schema#"));
  schema.Set("title", Node::String("Experiment (kubeflow.org/v1beta1), as qalam reads it"));
  Node fields = GroupSchema(ExperimentFields());
  for (Node::Entry& entry : fields.entries) schema.Set(entry.key, std::move(entry.value));
  return schema;
}

}  // namespace qalam
