// SPDX-License-Identifier: Apache-2.0
// Whether a database file is whole: SQLite's pages and indexes, and what our tables promise each other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"

namespace qalam {

struct FileReport {
  std::string file;
  std::int64_t layout = 0;  // 0: it could not be read that far
  bool older = false;       // than this program's: what its tables promise is looked at once it is up to date
  std::int64_t experiments = 0, trials = 0, reports = 0;
  std::vector<std::string> faults;  // a sentence each; of many alike the first ones
};

// Reads all of FILE as of one moment; nobody is held up, and nothing is changed. What is damaged is among the faults. A
// fault of its own: NOT_FOUND, or it may not be read.
Result<FileReport> CheckFile(const std::string& file);

}  // namespace qalam
