// SPDX-License-Identifier: Apache-2.0
// Metrics that a trial serves in Prometheus' text format, page by page as they were fetched.
#pragma once

#include <memory>

#include "experiment/metrics/collector.h"

namespace qalam {

std::unique_ptr<Collector> MakePrometheusCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective);

}  // namespace qalam
