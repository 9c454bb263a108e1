// SPDX-License-Identifier: Apache-2.0
// What is accepted as an Experiment in one form is written in the others, as far as they go, and read again.
#include "experiment/forms.h"

#include "core/diagnostic.h"
#include "core/document.h"
#include "experiment/read.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

Status TryForms(std::string_view input) {
  Diagnostics faults;
  for (const Node& document : ReadDocuments(input, &faults)) {
    Diagnostics own;
    const std::optional<ExperimentSpec> spec = ReadAnyForm(document, {}, &own);
    if (!spec) continue;
    Diagnostics lost;
    if (const std::optional<Node> written = WriteShortFile(*spec, &lost)) {
      const std::string yaml = ToYaml(*written);
      Diagnostics again_faults;
      const std::vector<Node> again = ReadDocuments(yaml, &again_faults, {64 << 20, 1000, 10'000'000, 0});
      const std::optional<ExperimentSpec> same =
          again.empty() ? std::nullopt : ReadAnyForm(again.front(), {}, &again_faults);
      if (!same) return Broken("the short form that was written is refused", Render(again_faults, yaml), yaml);
      if (lost.all().empty()) {
        if (const auto fields = DifferingFields(*spec, *same); !fields.empty())
          return Broken("the short form, written without a word, says something else", fields.front(), yaml);
      }
    }
    Diagnostics lost_in_sweep;
    if (const std::optional<Node> written = WriteSweep(*spec, &lost_in_sweep)) (void)ToYaml(*written);
  }
  return OkStatus();
}

}  // namespace qalam::fuzz
