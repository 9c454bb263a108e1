// SPDX-License-Identifier: Apache-2.0
// The layout of the database file, as the steps that led to it. PRAGMA user_version counts the steps taken.
#pragma once

#include <span>
#include <string>

#include "core/status.h"
#include "store/db.h"

namespace qalam {

inline constexpr int kApplicationId = 0x514C414D;  // "QLAM": tells our databases from those of other programs

// kMigrations[n] leads from version n to n + 1. Released entries are never edited.
std::span<const char* const> Migrations();

// What the bytes of FILE say, before SQLite is let near it.
enum class FileKind { kMissing, kEmpty, kOurs, kUnmarked };  // unmarked: SQLite, but no program has put its mark on it
Result<FileKind> LookAt(const std::string& file);            // DATA_LOSS: not SQLite, or another program's

// A new database of the newest layout at `file`, which is missing or empty: complete and durable, or not there.
Status CreateDatabase(const std::string& file, std::span<const char* const> migrations);

// Takes `db` to the newest version, each step in one transaction. A database that holds something is copied to
// FILE.bak-vN first; the newest three copies are kept. DATA_LOSS: made by a newer program; nothing was changed.
Status Migrate(Database& db, std::span<const char* const> migrations);

// DATA_LOSS: a table or index of the newest layout is missing or not as the migrations made it. Others may be there.
Status CheckLayout(Database& db, std::span<const char* const> migrations);

Status CheckVersion(std::int64_t version, std::size_t newest, const std::string& file);  // DATA_LOSS: above the newest

}  // namespace qalam
