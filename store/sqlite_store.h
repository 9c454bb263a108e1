// SPDX-License-Identifier: Apache-2.0
// The store in one SQLite file: WAL, synchronous=FULL. Schema and migrations: store/migrations.cc, docs/database.md.
#pragma once

#include <memory>
#include <string>

#include "store/store.h"

namespace qalam {

// Opens or makes FILE for writing and holds FILE.lock until destroyed (and FILE.d/ exists, mode 0700).
// FAILED_PRECONDITION: another process holds it (the message says its pid); DATA_LOSS: not a database, damaged, or
// made by a newer program; each says what to do. The file is never overwritten.
Result<std::unique_ptr<Store>> OpenSqliteStore(const std::string& file);

// Reads FILE beside its writer. NOT_FOUND: there is none. FAILED_PRECONDITION: an older layout, which a writer has to
// bring up to date. PERMISSION_DENIED: it may not be read, or not where it is; says what to do.
// One thread at a time uses a reader; each has its own connection, so each thread may open one.
Result<std::unique_ptr<StoreReader>> OpenSqliteReader(const std::string& file);

}  // namespace qalam
