// SPDX-License-Identifier: Apache-2.0
#include "experiment/metrics/collector.h"

#include "experiment/metrics/events.h"
#include "experiment/metrics/json.h"
#include "experiment/metrics/prometheus.h"
#include "experiment/metrics/reported.h"
#include "experiment/metrics/text.h"

namespace qalam {

Result<std::unique_ptr<Collector>> MakeCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective,
                                                 std::int64_t offset, std::int64_t lines) {
  if (objective.metric_name.empty()) return InvalidArgument("the objective has no metric name");
  switch (spec.kind) {
    case CollectorKind::kFile:
      if (spec.format == FileFormat::kJson) return MakeJsonCollector(spec, objective, offset, lines);
      [[fallthrough]];
    case CollectorKind::kCustom:
    case CollectorKind::kStdOut: return MakeTextCollector(spec, objective, offset, lines);
    case CollectorKind::kTensorFlowEvent: return MakeEventsCollector(spec, objective);
    case CollectorKind::kPrometheusMetric: return MakePrometheusCollector(spec, objective);
    case CollectorKind::kPush:
    case CollectorKind::kNone: break;
  }
  return MakeReportedCollector(objective);
}

}  // namespace qalam
