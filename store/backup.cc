// SPDX-License-Identifier: Apache-2.0
#include "store/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "store/check.h"
#include "store/db.h"
#include "store/files.h"
#include "store/lock.h"
#include "store/migrations.h"
#include "store/sqlite_reader.h"

namespace qalam {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kBusy{5'000};

Result<bool> IsWhole(Database& db) {
  QALAM_TRY(Query query, db.Prepare("PRAGMA quick_check(1)"));
  QALAM_RETURN_IF_ERROR(query.Bind());
  QALAM_TRY(const bool said, query.Next());
  return said && query.View(0) == "ok";
}

// A copy of `from` under the name `draft`, durable. What it holds is looked at by `look`.
Status Copy(const std::string& from, const std::string& draft, const std::function<Status(Database&)>& look) {
  QALAM_TRY(const auto source, OpenAnyLayout(from));
  QALAM_RETURN_IF_ERROR(MakePrivateFile(draft));
  const auto fill = [&]() -> Status {
    QALAM_RETURN_IF_ERROR(source->BackUpTo(draft));
    {
      QALAM_TRY(const auto copy, Database::Open(draft, Database::Access::kImmutable, kBusy));
      if (const Result<bool> whole = IsWhole(*copy); !whole.ok() || !*whole) {
        return Error(Code::kDataLoss, "{} is damaged, so it was not copied: \"qalam db check --db '{}'\" says how",
                     from, from);
      }
      QALAM_RETURN_IF_ERROR(look(*copy));
    }
    return SyncFile(draft, O_RDWR);
  };
  Status status = fill();
  if (!status.ok()) RemoveDatabase(draft);
  return status;
}

// Whether `to` may be replaced: it is a database that nobody uses.
Status MayReplace(const std::string& to) {
  const Result<FileKind> kind = LookAt(to);
  if (!kind.ok() || *kind == FileKind::kUnmarked) {
    return Error(Code::kAlreadyExists, "{} is not a backup: it is left as it is; choose another name", to);
  }
  if (access((to + ".lock").c_str(), F_OK) != 0) return OkStatus();
  return FileLock::Take(to + ".lock", to).status();
}

struct Found {
  bool there = false;  // something that is to be kept
  std::string holds;   // that must not go without being asked: "3 experiments"; empty: nothing
  bool healthy = false;
};

Result<Found> WhatIsThere(const std::string& file) {
  Found found;
  const Result<FileKind> kind = LookAt(file);
  if (!kind.ok()) {
    if (kind.status().code() != Code::kDataLoss || !fs::is_regular_file(file)) return kind.status();
    return Found{true, "what is no qalam database, or a damaged one", false};
  }
  if (*kind == FileKind::kMissing || *kind == FileKind::kEmpty) return found;
  found.there = true;
  if (*kind == FileKind::kUnmarked) return Found{true, "a database that is not qalam's", false};
  const auto count = [&]() -> Result<std::int64_t> {
    QALAM_TRY(const auto db, OpenAnyLayout(file));
    return db->Int("SELECT count(*) FROM experiments");
  };
  const Result<std::int64_t> experiments = count();
  if (!experiments.ok()) return Found{true, "a database that is damaged", false};
  found.healthy = true;
  if (*experiments > 0) found.holds = fmt::format("{} experiment{}", *experiments, *experiments == 1 ? "" : "s");
  return found;
}

std::string FreeTail(const std::string& file) {
  std::error_code error;
  for (int number = 1;; ++number) {
    std::string tail = fmt::format(".before-{}", number);
    if (!fs::exists(file + tail, error)) return tail;
  }
}

// The log is put into its file, so that the file alone is all of it.
void EmptyLog(const std::string& file) {
  const auto db = Database::Open(file, Database::Access::kReadWrite, kBusy);
  if (db.ok()) (*db)->Checkpoint(/*restart=*/true, kBusy);
}

// Killed between the two renames FILE is not there, and both others are: to restore again completes it.
Status Swap(const std::string& file, const std::string& draft, const std::string& aside) {
  if (!aside.empty()) {
    if (rename(file.c_str(), aside.c_str()) != 0) return IoFault(aside, errno);
    for (const char* tail : {"-wal", "-journal"}) {
      if (rename((file + tail).c_str(), (aside + tail).c_str()) != 0 && errno != ENOENT) return IoFault(aside, errno);
    }
  }
  RemoveLogs(file);  // a log without its file would be taken for the new one's
  if (rename(draft.c_str(), file.c_str()) != 0) {
    const int why = errno;
    if (!aside.empty()) rename(aside.c_str(), file.c_str());
    return IoFault(file, why);
  }
  return SyncFolderOf(file);
}

}  // namespace

Result<BackupReport> BackUpFile(const std::string& name, const std::string& target, Existing existing) {
  QALAM_TRY(const std::string file, ResolveFile(name));
  QALAM_TRY(const std::string to, ResolveFile(target));
  if (file == to) return InvalidArgument("{} cannot be a backup of itself: give the backup another name", target);
  QALAM_TRY(const FileKind kind, LookAt(file));
  if (kind != FileKind::kOurs) return NoDatabaseIn(file, kind);
  const std::string draft = to + ".new";
  std::error_code error;
  if (fs::exists(to, error)) {
    if (existing == Existing::kKeep) {
      return Error(Code::kAlreadyExists, "{} is there already: choose another name, or say --force to replace it", to);
    }
    QALAM_RETURN_IF_ERROR(MayReplace(to));
  }
  BackupReport report;
  const auto count = [&](Database& copy) -> Status {
    QALAM_TRY(report.experiments, copy.Int("SELECT count(*) FROM experiments"));
    QALAM_TRY(report.trials, copy.Int("SELECT count(*) FROM trials"));
    return OkStatus();
  };
  QALAM_RETURN_IF_ERROR(Copy(file, draft, count));
  report.bytes = fs::file_size(draft, error);
  if (existing == Existing::kReplace) RemoveLogs(to);
  const unsigned how = existing == Existing::kReplace ? 0 : RENAME_NOREPLACE;
  if (renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, to.c_str(), how) != 0) {
    const int why = errno;
    RemoveDatabase(draft);
    return IoFault(to, why);
  }
  QALAM_RETURN_IF_ERROR(SyncFolderOf(to));
  return report;
}

Result<RestoreReport> RestoreFile(const std::string& source, const std::string& name, Existing existing,
                                  const MakeWay& make_way) {
  QALAM_TRY(const std::string backup, ResolveFile(source));
  QALAM_TRY(const std::string file, ResolveFile(name));
  if (backup == file) return InvalidArgument("{} is the database itself: name a backup of it", source);
  QALAM_RETURN_IF_ERROR(CheckFilesystem(file));
  QALAM_TRY(const FileReport whole, CheckFile(backup));
  if (!whole.faults.empty()) {
    return Error(Code::kDataLoss, "the backup {} cannot be used, and nothing was changed: {}{}", backup,
                 whole.faults[0],
                 whole.faults.size() > 1
                     ? fmt::format(" (and {} more: qalam db check --db '{}')", whole.faults.size() - 1, backup)
                     : "");
  }
  const Result<FileLock> lock = FileLock::Take(file + ".lock", file);
  if (!lock.ok()) {
    return Error(lock.status().code(), "{}: a database is restored while nobody uses it: end that process first",
                 lock.status().message());
  }
  QALAM_TRY(const Found found, WhatIsThere(file));
  const std::string tail = FreeTail(file);
  if (!found.holds.empty() && existing == Existing::kKeep) {
    return Error(Code::kFailedPrecondition,
                 "{} holds {}: nothing was changed; say --force to put the backup in its place, and what is there is "
                 "kept as {}{}",
                 file, found.holds, file, tail);
  }
  RestoreReport report;
  const std::string draft = file + ".new";
  std::set<std::string> trials;
  const auto look = [&](Database& copy) -> Status {
    QALAM_TRY(report.experiments, copy.Int("SELECT count(*) FROM experiments"));
    QALAM_TRY(Query names, copy.Prepare("SELECT name FROM trials"));
    QALAM_RETURN_IF_ERROR(names.Bind());
    while (true) {
      QALAM_TRY(const bool more, names.Next());
      if (!more) return OkStatus();
      trials.insert(names.Text(0));
    }
  };
  QALAM_RETURN_IF_ERROR(Copy(backup, draft, look));
  report.trials = static_cast<std::int64_t>(trials.size());
  if (found.there) report.aside = file + tail;
  Status status = make_way(trials, tail);
  if (status.ok() && found.healthy) EmptyLog(file);
  if (status.ok()) status = Swap(file, draft, report.aside);
  if (!status.ok()) {
    RemoveDatabase(draft);
    return status;
  }
  return report;
}

}  // namespace qalam
