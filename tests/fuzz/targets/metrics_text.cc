// SPDX-License-Identifier: Apache-2.0
// Text that a trial prints, under the default filter and under any other. The first line of the input is a filter or
// empty, the second the metrics' names.
#include "tests/fuzz/targets/metrics.h"

namespace qalam::fuzz {

Status TryMetricsText(std::string_view input) {
  const auto [lines, output] = SplitLines(input, 2);
  MetricsCollectorSpec spec;
  if (!lines[0].empty()) spec.filters.emplace_back(lines[0]);
  ObjectiveSpec objective;
  objective.metric_name = lines[1].substr(0, lines[1].find(' '));
  if (objective.metric_name.empty()) objective.metric_name = "loss";
  objective.additional_metric_names = {"accuracy"};
  return TryCollector(spec, objective, output);
}

}  // namespace qalam::fuzz
