// SPDX-License-Identifier: Apache-2.0
// The text of api.proto.
#pragma once

#include <string_view>

namespace qalam {
extern const std::string_view kApiProto;
}  // namespace qalam
