// SPDX-License-Identifier: Apache-2.0
// Metrics in TensorFlow's event files: a folder tree of them, each a row of records with checksums.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "experiment/metrics/collector.h"

namespace qalam {

// The checksum of Castagnoli, as event files have it: rotated, and with a number added.
std::uint32_t MaskedCrc32c(std::string_view bytes);

std::unique_ptr<Collector> MakeEventsCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective);

}  // namespace qalam
