// SPDX-License-Identifier: Apache-2.0
// Metrics in lines of JSON, one object each: {"epoch": 7, "loss": "0.31", "timestamp": 1638422847.28}.
#pragma once

#include <cstdint>
#include <memory>

#include "experiment/metrics/collector.h"

namespace qalam {

std::unique_ptr<Collector> MakeJsonCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective,
                                             std::int64_t offset, std::int64_t lines);

}  // namespace qalam
