// SPDX-License-Identifier: Apache-2.0
// SQLite without our code in between: what a person with the sqlite3 shell sees.
#pragma once

#include <sqlite3.h>

#include <string>
#include <utility>
#include <vector>

#include "core/status.h"

namespace qalam {

class RawDatabase {
 public:
  explicit RawDatabase(const std::string& file, int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) {
    QALAM_CHECK(sqlite3_open_v2(file.c_str(), &db_, flags, nullptr) == SQLITE_OK, sqlite3_errmsg(db_));
  }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;
  ~RawDatabase() { sqlite3_close(db_); }

  // The rows, each with its columns joined by '|', of any number of statements.
  std::vector<std::string> Run(const std::string& sql) {
    std::vector<std::string> rows;
    char* fault = nullptr;
    sqlite3_exec(
        db_, sql.c_str(),
        [](void* out, int columns, char** values, char**) {
          std::string row;
          for (int i = 0; i < columns; ++i) row += (i > 0 ? "|" : "") + std::string(values[i] ? values[i] : "NULL");
          static_cast<std::vector<std::string>*>(out)->push_back(row);
          return 0;
        },
        &rows, &fault);
    const std::string text = fault == nullptr ? "" : fault;
    sqlite3_free(fault);
    QALAM_CHECK(text.empty(), text + ": " + sql);
    return rows;
  }
  // "ok", or what is wrong with the file.
  std::string Check() {
    std::vector<std::string> rows = Run("PRAGMA integrity_check; PRAGMA foreign_key_check");
    return rows.size() == 1 ? rows[0] : fmt::format("{} faults, such as {}", rows.size(), rows.back());
  }

 private:
  sqlite3* db_ = nullptr;
};

inline std::string CheckDatabase(const std::string& file) { return RawDatabase(file).Check(); }

}  // namespace qalam
