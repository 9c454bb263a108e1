// SPDX-License-Identifier: Apache-2.0
// Metrics that a trial reports itself (Push, None): there is nothing to read.
#pragma once

#include <memory>

#include "experiment/metrics/collector.h"

namespace qalam {

std::unique_ptr<Collector> MakeReportedCollector(const ObjectiveSpec& objective);

}  // namespace qalam
