// SPDX-License-Identifier: Apache-2.0
// The same contract without a file: for simulation, and held to the same conformance suite as SQLite.
#pragma once

#include <memory>

#include "store/store.h"

namespace qalam {

// `before_commit`, if set, is asked before each commit; a fault it returns is the commit's, and nothing is written.
std::unique_ptr<Store> MakeMemoryStore(std::function<Status(const WriteBatch&)> before_commit = nullptr);

}  // namespace qalam
