// SPDX-License-Identifier: Apache-2.0
// Copies of a database, made while it is in use, and a copy put in its place.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "core/status.h"

namespace qalam {

enum class Existing { kKeep, kReplace };  // what to do with a file that is in the way

struct BackupReport {
  std::int64_t experiments = 0, trials = 0;
  std::uintmax_t bytes = 0;
};
// All of FILE as of one moment, into `to`: whole and durable under that name, or not there. The process that holds FILE
// is not held up. ALREADY_EXISTS: `to` is there; only a database that nobody uses is replaced. DATA_LOSS: FILE is
// damaged; there is no copy then.
Result<BackupReport> BackUpFile(const std::string& file, const std::string& to, Existing existing);

struct RestoreReport {
  std::int64_t experiments = 0, trials = 0;
  std::string aside;  // where what was there is now; empty: nothing was there
};
// Called before anything is changed, and while nobody can open the database: the trials that it will know, and what
// the names of things put aside end with (".before-1"). A fault of it ends the restoring.
using MakeWay = std::function<Status(const std::set<std::string>& trials, const std::string& tail)>;
// Puts a copy of `backup`, which is looked through first, in the place of FILE. What is there is kept beside it.
// FAILED_PRECONDITION: a process uses FILE, or something is in it and `existing` does not let it go. DATA_LOSS: the
// backup is no whole database of this program's.
Result<RestoreReport> RestoreFile(const std::string& backup, const std::string& file, Existing existing,
                                  const MakeWay& make_way);

}  // namespace qalam
