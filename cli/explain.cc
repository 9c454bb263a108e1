// SPDX-License-Identifier: Apache-2.0
// qalam explain: what a field of an Experiment is, from the table that reads it.
#include "cli/listing.h"
#include "cli/lookup.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "experiment/field_table.h"

namespace qalam {
namespace {

struct ExplainOptions {
  std::string path, output = "table";
  bool recursive = false;
};

std::string Joined(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

// "number, required", "whole number, at least 1, default 3".
std::string Kind(const Field& field) {
  std::string out(ToString(field.kind));
  if (field.required) out += ", required";
  if (field.least) out += fmt::format(", at least {}", *field.least);
  if (!field.fallback.empty()) out += fmt::format(", default {}", field.fallback);
  return out;
}

void AddRows(const FieldGroup& group, const std::string& indent, bool recursive, Table* table) {
  for (const Field& field : group.fields) {
    std::string doc(field.doc);
    if (!field.words.empty()) doc += fmt::format(" ({})", Joined(field.words));
    table->Row({indent + std::string(field.name), Kind(field), doc});
    if (recursive && field.below != nullptr) AddRows(*field.below, indent + "  ", recursive, table);
  }
}

Node ToNode(const std::string& name, const Field* field, const FieldGroup* below) {
  Node out = Node::Map();
  out.Set("name", Node::String(name));
  if (field != nullptr) {
    out.Set("kind", Node::String(std::string(ToString(field->kind))));
    out.Set("doc", Node::String(std::string(field->doc)));
    out.Set("required", Node::Bool(field->required));
    if (!field->fallback.empty()) out.Set("default", Node::String(std::string(field->fallback)));
    if (field->least) out.Set("least", Node::Int(*field->least));
    if (!field->pattern.empty()) out.Set("pattern", Node::String(std::string(field->pattern)));
    if (!field->words.empty()) {
      Node& words = out.Set("words", Node::Sequence());
      for (const std::string_view word : field->words) words.Add(Node::String(std::string(word)));
    }
  }
  if (below == nullptr) return out;
  Node& fields = out.Set("fields", Node::Sequence());
  for (const Field& inner : below->fields) fields.Add(ToNode(std::string(inner.name), &inner, inner.below));
  return out;
}

Result<std::string> Explain(const ExplainOptions& options) {
  const bool whole = options.path == "experiment" || options.path == "exp";
  const Field* field = nullptr;
  if (!whole) {
    QALAM_TRY(field, FindField(options.path));
  }
  const FieldGroup* below = whole ? &ExperimentFields() : field->below;
  const std::string path = options.path.starts_with("experiment") ? options.path : "experiment." + options.path;
  if (WantsDocument(options.output)) {
    return PrintDocument(ToNode(whole ? "experiment" : std::string(field->name), field, below), options.output);
  }
  std::string out = path + "\n";
  if (field != nullptr) {
    out += fmt::format("  {}\n  {}\n", field->doc, Kind(*field));
    if (!field->words.empty()) out += fmt::format("  one of: {}\n", Joined(field->words));
    if (!field->pattern.empty()) out += fmt::format("  as in the regular expression {}\n", field->pattern);
  } else {
    out += "  what is tuned, by whom, and what runs for each trial\n";
  }
  if (below == nullptr) return out;
  Table table({"FIELD", "KIND", "WHAT IT IS"});
  AddRows(*below, "", options.recursive, &table);
  return out + "\n" + table.Text();
}

int ExplainVerb(const ExplainOptions& options) {
  const Result<std::string> text = Explain(options);
  if (!text.ok()) return Complain(text.status());
  Print(*text);
  return kDone;
}

}  // namespace

Verb MakeExplainVerb() {
  const auto o = std::make_shared<ExplainOptions>();
  Verb verb{"explain", "what a field of an Experiment is"};
  verb.footer = "Examples:\n  qalam explain experiment.spec.objective\n  qalam explain experiment --recursive";
  verb.Option("FIELD", &o->path, "its path: experiment.spec.objective, spec.parameters.feasibleSpace").Required();
  verb.Option("--recursive", &o->recursive, "the fields of its fields too");
  AddOutput(&verb, &o->output, {"table", "json", "yaml", "jsonpath="});
  verb.run = [o](const Invocation&) { return ExplainVerb(*o); };
  return verb;
}

}  // namespace qalam
