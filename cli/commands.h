// SPDX-License-Identifier: Apache-2.0
// What a command asks of a controller, as it goes through the socket: one object, {"verb": ..., ...}. docs/cli.md lists
// them. The same objects are used where nobody holds the database, so there is one way to do each thing.
#pragma once

#include <string>

#include "core/document.h"
#include "experiment/controller.h"

namespace qalam {

Node CommandFor(const std::string& verb, std::int64_t experiment_id);
// The answer's fields. INVALID_ARGUMENT: it is none of them.
Result<Node> DoCommand(Controller& controller, const Node& command);

}  // namespace qalam
