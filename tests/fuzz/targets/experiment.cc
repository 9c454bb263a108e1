// SPDX-License-Identifier: Apache-2.0
// Any text as an Experiment in any of its forms: read, defaults, validation. What was accepted is printed as the store
// keeps it and as people see it, read back as equal, and a trial of it is rendered.
#include "core/diagnostic.h"
#include "core/document.h"
#include "experiment/fields.h"
#include "experiment/forms.h"
#include "experiment/read.h"
#include "experiment/spec.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

Status TryExperiment(std::string_view input) {
  Diagnostics faults;
  const std::vector<Node> documents = ReadDocuments(input, &faults);
  std::vector<Fix> fixes;
  SpecContext context;
  context.fixes = &fixes;
  context.documents = &documents;
  for (const Node& document : documents) {
    Diagnostics own;
    const std::optional<ExperimentSpec> spec = ReadAnyForm(document, context, &own);
    (void)Render(own, input);
    if (spec.has_value() == own.HasErrors()) {
      return Broken("a spec comes with errors, or nothing without one", Render(own, input), "one or the other");
    }
    if (!spec) continue;

    const Node effective = ToDocument(*spec);
    const std::string json = ToJson(effective), yaml = ToYaml(effective);
    const Result<Node> kept = ReadJson(json);
    if (!kept.ok()) return Broken("the effective Experiment is not read", kept.status().message(), json);
    Diagnostics shown_faults;
    const std::vector<Node> shown = ReadDocuments(yaml, &shown_faults, {64 << 20, 1000, 10'000'000, 0});
    if (shown.size() != 1) return Broken("the printed Experiment is not read", Render(shown_faults, yaml), yaml);
    SpecContext again_context;
    again_context.documents = &documents;
    for (const Node* again : {&*kept, &shown.front()}) {
      Diagnostics again_faults;
      const std::optional<ExperimentSpec> same = ReadExperiment(*again, again_context, &again_faults);
      if (!same) return Broken("the effective Experiment is refused", Render(again_faults, yaml), yaml);
      if (ToJson(ToDocument(*same)) != json)
        return Broken("the effective Experiment reads back as another", ToJson(ToDocument(*same)), json);
      if (const auto fields = DifferingFields(*spec, *same); !fields.empty())
        return Broken("the effective Experiment differs from itself", fields.front(), yaml);
    }
    Assignments assignments;
    for (const ParameterSpec& p : spec->parameters) {
      assignments.push_back({p.name, p.feasible.list.empty() ? p.feasible.min : p.feasible.list.front()});
    }
    (void)RenderTrial(*spec, "trial-1", assignments);
    if (!spec->parameters.empty()) {
      if (const auto space = SearchSpace::Create(spec->parameters); !space.ok())
        return Broken("a space that was accepted cannot be made", space.status().message(), yaml);
    }
  }
  return OkStatus();
}

}  // namespace qalam::fuzz
