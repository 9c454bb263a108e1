// SPDX-License-Identifier: Apache-2.0
// The texts of api.proto and live.proto.
#pragma once

#include <string_view>

namespace qalam {
extern const std::string_view kApiProto;
extern const std::string_view kLiveProto;
}  // namespace qalam
