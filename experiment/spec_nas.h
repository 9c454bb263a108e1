// SPDX-License-Identifier: Apache-2.0
// What of a nasConfig depends on who searches it.
#pragma once

#include <string_view>

#include "core/experiment.h"
#include "experiment/fields.h"

namespace qalam {

// All that keeps `algorithm` (enas or darts) from searching `nas`, which was read without a fault.
void CheckNasConfigFor(std::string_view algorithm, const NasConfig& nas, Fields* spec);

}  // namespace qalam
