// SPDX-License-Identifier: Apache-2.0
#include "experiment/forms.h"

#include <algorithm>
#include <array>

#include "core/words.h"
#include "experiment/spec_sections.h"

namespace qalam {
namespace {

constexpr std::array<std::string_view, 3> kForms = {"katib", "short", "sweep"};

bool HasAny(const Node& document, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (document.Find(key) != nullptr) return true;
  }
  return false;
}

// The field's name in the file: the longest known beginning, and what it was.
std::string NameIn(const Rewritten& rewritten, const std::string& field) {
  std::string name = field;
  std::size_t longest = 0;
  for (const auto& [katib, own] : rewritten.fields) {
    const bool within =
        field == katib || (field.starts_with(katib) && (field[katib.size()] == '.' || field[katib.size()] == '['));
    if (!within || katib.size() < longest) continue;
    longest = katib.size();
    name = own;
  }
  return name;
}

// As an Experiment has them: while it was read each stood at a place of its own.
void WriteConditions(const ExperimentSpec& spec, Node* experiment) {
  Node* at = experiment;
  for (const std::string_view key :
       {std::string_view("metadata"), std::string_view("annotations"), kConditionsAnnotation}) {
    const auto entry = std::ranges::find(at->entries, key, &Node::Entry::key);
    if (entry == at->entries.end()) return;
    at = &entry->value;
  }
  *at = Node::String(ConditionsText(spec.parameters));
}

}  // namespace

std::string_view ToString(Form form) { return WordOf(kForms, form); }

Form FormOf(const Node& document) {
  if (document.kind != Node::Kind::kMap || HasAny(document, {"apiVersion", "kind", "spec", "metadata"})) {
    return Form::kKatib;
  }
  if (HasAny(document, {"run", "minimize", "maximize"})) return Form::kShort;
  if (HasAny(document, {"program", "method", "metric", "command"})) return Form::kSweep;
  return document.Find("parameters") != nullptr ? Form::kShort : Form::kKatib;
}

std::optional<ExperimentSpec> ReadAnyForm(const Node& document, const SpecContext& context, Diagnostics* faults,
                                          Node* experiment) {
  const Form form = FormOf(document);
  if (form == Form::kKatib) {
    if (experiment != nullptr) *experiment = document;
    return ReadExperiment(document, context, faults);
  }
  const std::size_t before = faults->all().size();
  const Rewritten rewritten = form == Form::kShort ? RewriteShortFile(document, context.strict, faults)
                                                   : RewriteSweep(document, context.strict, faults);
  std::vector<std::string> wrong;  // fields whose fault has been told, and what is missing because of it
  for (std::size_t i = before; i < faults->all().size(); ++i) {
    if (faults->all()[i].severity == Diagnostic::Severity::kError) wrong.push_back(faults->all()[i].field);
  }
  Diagnostics inner;
  std::optional<ExperimentSpec> spec = ReadExperiment(rewritten.experiment, context, &inner);
  for (const Diagnostic& fault : inner.all()) {
    const std::string field = NameIn(rewritten, fault.field);
    const bool told = !wrong.empty() && (field == fault.field || std::ranges::find(wrong, field) != wrong.end());
    if (fault.severity == Diagnostic::Severity::kWarning) {
      faults->Warning(fault.position, field, fault.message);
    } else if (!told) {
      faults->Error(fault.position, field, fault.message);
    }
  }
  if (experiment != nullptr) {
    *experiment = rewritten.experiment;
    if (spec) WriteConditions(*spec, experiment);
  }
  return wrong.empty() ? spec : std::nullopt;
}

}  // namespace qalam
