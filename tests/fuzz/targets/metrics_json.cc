// SPDX-License-Identifier: Apache-2.0
// Lines of JSON that a trial writes.
#include "tests/fuzz/targets/metrics.h"

namespace qalam::fuzz {

Status TryMetricsJson(std::string_view input) {
  MetricsCollectorSpec spec;
  spec.kind = CollectorKind::kFile;
  spec.path = "/metrics.json";
  spec.format = FileFormat::kJson;
  ObjectiveSpec objective;
  objective.metric_name = "loss";
  objective.additional_metric_names = {"accuracy"};
  return TryCollector(spec, objective, input);
}

}  // namespace qalam::fuzz
