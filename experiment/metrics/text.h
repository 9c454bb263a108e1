// SPDX-License-Identifier: Apache-2.0
// Metrics in lines of text, found by filters: "epoch=7 loss=0.31 accuracy=0.9".
#pragma once

#include <cstdint>
#include <memory>

#include "experiment/metrics/collector.h"

namespace qalam {

Result<std::unique_ptr<Collector>> MakeTextCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective,
                                                     std::int64_t offset, std::int64_t lines);

}  // namespace qalam
