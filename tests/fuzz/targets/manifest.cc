// SPDX-License-Identifier: Apache-2.0
// Any manifest into a run. What comes out has steps with a command and names of their own.
#include <set>

#include "experiment/read.h"
#include "pipelines/compile/compile.h"
#include "pipelines/compile/expand.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

Status TryManifest(std::string_view input) {
  Diagnostics faults;
  const ImageMap images = {{"*map*", {"python3"}, {"/usr/bin/python3", "-u"}, {{"A", "b"}}, {{"/opt", "/srv"}}}};
  CompileContext context{"good-1", "good", "default", {{"lr", "0.1"}, {"opt", "s$(A)gd"}}, "main", {}, &images};
  context.collector.kind = CollectorKind::kFile;
  context.collector.path = "/var/log/metrics.log";
  for (const Node& document : ReadDocuments(input, &faults)) {
    Diagnostics own;
    std::optional<Run> run = Compile(document, context, &own);
    (void)Render(own, input);
    if (run.has_value() == own.HasErrors())
      return Broken("a run comes with errors, or nothing without one", Render(own, input), "one or the other");
    if (!run) continue;
    RestoreDollars(&*run);
    std::set<std::string> names;
    for (const Step& step : run->steps) {
      if (step.command.empty() || step.command.front().empty())
        return Broken("a step without a command", step.name, ToYaml(document));
      if (!names.insert(step.name).second) return Broken("two steps of one name", step.name, ToYaml(document));
      if (step.requests.memory < 0 || step.limits.memory < 0 || !(step.requests.cpu >= 0) || step.retries < 0)
        return Broken("less than nothing is declared", step.name, ToYaml(document));
    }
    if (run->metrics && !names.contains(run->metrics->step))
      return Broken("metrics of no step", run->metrics->step, ToYaml(document));
  }
  return OkStatus();
}

}  // namespace qalam::fuzz
