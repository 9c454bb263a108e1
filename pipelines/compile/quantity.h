// SPDX-License-Identifier: Apache-2.0
// Kubernetes' quantities: "0.5", "500m", "1Gi", "1e3", "128974848".
#pragma once

#include <string_view>

#include "core/status.h"

namespace qalam {

Result<double> ParseQuantity(std::string_view text);  // never negative

}  // namespace qalam
