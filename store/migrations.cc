// SPDX-License-Identifier: Apache-2.0
#include "store/migrations.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <vector>

#include "store/files.h"

namespace qalam {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kBusy{2'000};
constexpr int kBackupsKept = 3;

// Tables that people query: docs/database.md says what every column means, and promises the names.
// Short columns come first, so that a scan over them stays off the long texts behind.
// Texts that never change have a table of their own: an update writes its whole row again.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE experiments(
  id INTEGER PRIMARY KEY,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  paused INTEGER NOT NULL,
  exhausted INTEGER NOT NULL,
  trials INTEGER NOT NULL,
  trials_created INTEGER NOT NULL,
  trials_running INTEGER NOT NULL,
  trials_succeeded INTEGER NOT NULL,
  trials_killed INTEGER NOT NULL,
  trials_failed INTEGER NOT NULL,
  trials_metrics_unavailable INTEGER NOT NULL,
  trials_early_stopped INTEGER NOT NULL,
  best_trial TEXT,
  creation_time TEXT,
  start_time TEXT,
  completion_time TEXT,
  resource_version INTEGER NOT NULL,
  algorithm_settings TEXT NOT NULL,
  conditions TEXT NOT NULL,
  UNIQUE(namespace, name)
);
CREATE INDEX experiments_by_resource_version ON experiments(resource_version);

CREATE TABLE manifests(
  experiment_id INTEGER PRIMARY KEY REFERENCES experiments(id),
  manifest TEXT NOT NULL,
  source TEXT NOT NULL
);

CREATE TABLE trials(
  id INTEGER PRIMARY KEY,
  experiment_id INTEGER NOT NULL REFERENCES experiments(id),
  ordinal INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE,
  experiment TEXT NOT NULL,
  namespace TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  stopping INTEGER NOT NULL,
  creation_time TEXT,
  start_time TEXT,
  completion_time TEXT,
  resource_version INTEGER NOT NULL,
  assignments TEXT NOT NULL,
  observation TEXT,
  labels TEXT NOT NULL,
  conditions TEXT NOT NULL,
  UNIQUE(experiment_id, ordinal)
);
CREATE INDEX trials_by_resource_version ON trials(resource_version);

CREATE TABLE steps(
  trial_name TEXT NOT NULL REFERENCES trials(name),
  step TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  status TEXT NOT NULL,
  exit_code INTEGER,
  signal INTEGER NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  start_time TEXT,
  completion_time TEXT,
  cpu_seconds REAL NOT NULL,
  max_rss_bytes INTEGER NOT NULL,
  PRIMARY KEY(trial_name, step, attempt)
) WITHOUT ROWID;

CREATE TABLE observation_logs(
  id INTEGER PRIMARY KEY,
  trial_name TEXT NOT NULL REFERENCES trials(name),
  attempt INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  time TEXT,
  metric_name TEXT NOT NULL,
  value TEXT NOT NULL,
  step INTEGER NOT NULL,
  UNIQUE(trial_name, attempt, sequence)
);

CREATE TABLE collector_positions(
  trial_name TEXT NOT NULL REFERENCES trials(name),
  attempt INTEGER NOT NULL,
  byte_offset INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  PRIMARY KEY(trial_name, attempt)
) WITHOUT ROWID;

CREATE TABLE events(
  id INTEGER PRIMARY KEY,
  experiment_id INTEGER NOT NULL REFERENCES experiments(id),
  object TEXT NOT NULL,
  type TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_time TEXT,
  last_time TEXT,
  UNIQUE(experiment_id, object, type, reason, message)
);
)sql";

constexpr const char* kVersion2 = R"sql(
ALTER TABLE trials ADD COLUMN early_stopping_rules TEXT NOT NULL DEFAULT '[]';
)sql";

// Experiments that were deleted: their ids are not used again, and whoever follows the changes hears of it.
constexpr const char* kVersion3 = R"sql(
CREATE TABLE deleted_experiments(
  id INTEGER PRIMARY KEY,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL,
  deletion_time TEXT,
  resource_version INTEGER NOT NULL
);
CREATE INDEX deleted_experiments_by_resource_version ON deleted_experiments(resource_version);
)sql";

// How often things have happened (store/counters.h), counted where they happen. What happened before is counted as far
// as its rows still tell.
constexpr const char* kVersion4 = R"sql(
CREATE TABLE counters(
  name TEXT NOT NULL,
  namespace TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY(name, namespace)
) WITHOUT ROWID;
INSERT INTO counters SELECT 'katib_experiment_created_total', namespace, count(*) FROM
  (SELECT namespace FROM experiments UNION ALL SELECT namespace FROM deleted_experiments) GROUP BY namespace;
INSERT INTO counters SELECT 'katib_experiment_deleted_total', namespace, count(*) FROM deleted_experiments
  GROUP BY namespace;
INSERT INTO counters SELECT 'katib_experiment_' || lower(status) || '_total', namespace, count(*) FROM experiments
  WHERE status IN ('Succeeded', 'Failed') GROUP BY namespace, status;
INSERT INTO counters SELECT 'katib_trial_created_total', namespace, count(*) FROM trials GROUP BY namespace;
INSERT INTO counters SELECT CASE status WHEN 'MetricsUnavailable' THEN 'katib_trial_metrics_unavailable_total'
  ELSE 'katib_trial_' || lower(status) || '_total' END, namespace, count(*) FROM trials
  WHERE status IN ('Succeeded', 'Failed', 'MetricsUnavailable') GROUP BY namespace, status;

CREATE TRIGGER count_experiment_created AFTER INSERT ON experiments BEGIN
  INSERT INTO counters VALUES('katib_experiment_created_total', new.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_experiment_ended AFTER UPDATE OF status ON experiments
WHEN new.status <> old.status AND new.status IN ('Succeeded', 'Failed') BEGIN
  INSERT INTO counters VALUES('katib_experiment_' || lower(new.status) || '_total', new.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_experiment_deleted AFTER DELETE ON experiments BEGIN
  INSERT INTO counters VALUES('katib_experiment_deleted_total', old.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_trial_created AFTER INSERT ON trials BEGIN
  INSERT INTO counters VALUES('katib_trial_created_total', new.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_trial_created_ended AFTER INSERT ON trials
WHEN new.status IN ('Succeeded', 'Failed', 'MetricsUnavailable') BEGIN
  INSERT INTO counters VALUES(CASE new.status WHEN 'MetricsUnavailable' THEN 'katib_trial_metrics_unavailable_total'
    ELSE 'katib_trial_' || lower(new.status) || '_total' END, new.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_trial_ended AFTER UPDATE OF status ON trials
WHEN new.status <> old.status AND new.status IN ('Succeeded', 'Failed', 'MetricsUnavailable') BEGIN
  INSERT INTO counters VALUES(CASE new.status WHEN 'MetricsUnavailable' THEN 'katib_trial_metrics_unavailable_total'
    ELSE 'katib_trial_' || lower(new.status) || '_total' END, new.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_trial_deleted AFTER DELETE ON trials BEGIN
  INSERT INTO counters VALUES('katib_trial_deleted_total', old.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
)sql";

constexpr std::array kMigrations = {kVersion1, kVersion2, kVersion3, kVersion4};

// The first bytes of a file, read through SQLite's own file layer: closing a descriptor of ours would drop the locks
// that its connections in this process hold on the same file.
class HeaderReader {
 public:
  explicit HeaderReader(const std::string& file)
      : vfs_(sqlite3_vfs_find(nullptr)), name_(sqlite3_create_filename(file.c_str(), "", "", 0, nullptr)) {
    buffer_.resize(static_cast<std::size_t>(vfs_->szOsFile) / sizeof(std::max_align_t) + 1);
    opened_ = vfs_->xOpen(vfs_, name_, handle(), SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, nullptr);
  }
  HeaderReader(const HeaderReader&) = delete;
  HeaderReader& operator=(const HeaderReader&) = delete;
  ~HeaderReader() {
    if (handle()->pMethods != nullptr) handle()->pMethods->xClose(handle());
    sqlite3_free_filename(name_);
  }
  bool Read(void* into, int size) {
    return opened_ == SQLITE_OK && handle()->pMethods->xRead(handle(), into, size, 0) == SQLITE_OK;
  }

 private:
  sqlite3_file* handle() { return reinterpret_cast<sqlite3_file*>(buffer_.data()); }
  sqlite3_vfs* vfs_;
  const char* name_;
  std::vector<std::max_align_t> buffer_;
  int opened_;
};

Status OfAnother(const std::string& file) {
  return Error(Code::kDataLoss, "{} is another program's database: nothing was changed; choose another (--db FILE)",
               file);
}

Status TakeStep(Database& db, std::size_t version, const char* sql) {
  QALAM_TRY(Transaction transaction, db.Begin());
  QALAM_RETURN_IF_ERROR(db.Exec(sql));
  QALAM_RETURN_IF_ERROR(
      db.Exec(fmt::format("PRAGMA user_version={}; PRAGMA application_id={}", version + 1, kApplicationId)));
  return transaction.Commit();
}

Status BackUp(Database& db, std::int64_t version) {
  const std::string target = fmt::format("{}.bak-v{}", db.file(), version);
  const std::string unfinished = target + ".new";
  QALAM_RETURN_IF_ERROR(MakePrivateFile(unfinished));
  if (Status status = db.BackUpTo(unfinished); !status.ok()) {
    RemoveDatabase(unfinished);
    return status;
  }
  QALAM_RETURN_IF_ERROR(SyncFile(unfinished, O_RDWR));
  if (rename(unfinished.c_str(), target.c_str()) != 0) return IoFault(target, errno);
  for (std::int64_t old = version - kBackupsKept; old > 0; --old) {
    if (unlink(fmt::format("{}.bak-v{}", db.file(), old).c_str()) != 0) break;
  }
  return SyncFolderOf(target);
}

}  // namespace

std::span<const char* const> Migrations() { return kMigrations; }

Result<FileKind> LookAt(const std::string& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) return FileKind::kMissing;
  if (status.type() != fs::file_type::regular) {
    return Error(Code::kDataLoss, "{} is not a file that can hold a database: choose another (--db FILE)", file);
  }
  if (fs::file_size(file, error) == 0 && !error) return FileKind::kEmpty;
  constexpr std::string_view kMagic{"SQLite format 3\0", 16};
  std::array<char, 100> header{};
  if (access(file.c_str(), R_OK) != 0) {
    return Error(Code::kPermissionDenied, "{} may not be read: {}", file, std::strerror(errno));
  }
  HeaderReader reader(file);
  if (!reader.Read(header.data(), static_cast<int>(header.size())) ||
      std::string_view(header.data(), kMagic.size()) != kMagic) {
    return Error(
        Code::kDataLoss,
        "{} is not a database: it is another kind of file, or its beginning was overwritten. Nothing was "
        "changed: choose another (--db FILE), or put a backup in its place (qalam db restore BACKUP --db '{}')",
        file, file);
  }
  const auto word = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(header[at + i]);
    return value;
  };
  constexpr std::size_t kUserVersionAt = 60, kApplicationIdAt = 68;
  if (word(kApplicationIdAt) == kApplicationId) return FileKind::kOurs;
  if (word(kApplicationIdAt) == 0 && word(kUserVersionAt) == 0) return FileKind::kUnmarked;
  return OfAnother(file);
}

Status CreateDatabase(const std::string& file, std::span<const char* const> migrations) {
  // Made under another name and moved when it is whole: FILE is never half a database, and is ours from its birth.
  const std::string unfinished = file + ".new";
  QALAM_RETURN_IF_ERROR(MakePrivateFile(unfinished));
  const auto fill = [&]() -> Status {
    QALAM_TRY(const auto db, Database::Open(unfinished, Database::Access::kReadWrite, kBusy));
    QALAM_RETURN_IF_ERROR(db->Exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF"));
    for (std::size_t version = 0; version < migrations.size(); ++version) {
      QALAM_RETURN_IF_ERROR(TakeStep(*db, version, migrations[version]));
    }
    return db->Exec("PRAGMA journal_mode=WAL");
  };
  Status status = fill();
  if (status.ok()) status = SyncFile(unfinished, O_RDWR);
  // A log without its file would be taken for the new file's.
  RemoveLogs(file);
  if (status.ok() && rename(unfinished.c_str(), file.c_str()) != 0) status = IoFault(file, errno);
  if (!status.ok()) {
    RemoveDatabase(unfinished);
    return status;
  }
  return SyncFolderOf(file);
}

Status CheckVersion(std::int64_t version, std::size_t newest, const std::string& file) {
  if (version >= 0 && static_cast<std::size_t>(version) <= newest) return OkStatus();
  return Error(Code::kDataLoss,
               "{} was made by a newer qalam (layout {}; this one knows up to {}): nothing was changed; use that one, "
               "or choose another file (--db FILE)",
               file, version, newest);
}

Status Migrate(Database& db, std::span<const char* const> migrations) {
  QALAM_TRY(const std::int64_t found, db.Int("PRAGMA user_version"));
  QALAM_RETURN_IF_ERROR(CheckVersion(found, migrations.size(), db.file()));
  const auto version = static_cast<std::size_t>(found);
  if (version == 0) {
    QALAM_TRY(const std::int64_t tables, db.Int("SELECT count(*) FROM sqlite_schema"));
    if (tables > 0) return OfAnother(db.file());
  }
  for (std::size_t step = version; step < migrations.size(); ++step) {
    if (step > 0) QALAM_RETURN_IF_ERROR(BackUp(db, static_cast<std::int64_t>(step)));
    if (Status status = TakeStep(db, step, migrations[step]); !status.ok()) {
      return status.Within(fmt::format("{} stays at layout {}; the step to {} failed", db.file(), step, step + 1));
    }
  }
  return OkStatus();
}

Status CheckLayout(Database& db, std::span<const char* const> migrations) {
  QALAM_TRY(const auto model, Database::Open(":memory:", Database::Access::kReadWrite, kBusy));
  for (const char* sql : migrations) QALAM_RETURN_IF_ERROR(model->Exec(sql));
  QALAM_TRY(Query wanted, model->Prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"));
  QALAM_RETURN_IF_ERROR(wanted.Bind());
  while (true) {
    QALAM_TRY(const bool more, wanted.Next());
    if (!more) return OkStatus();
    QALAM_TRY(Query same, db.Prepare("SELECT 1 FROM sqlite_schema WHERE type = ?1 AND name = ?2 AND sql = ?3"));
    QALAM_RETURN_IF_ERROR(same.Bind(wanted.View(0), wanted.View(1), wanted.View(2)));
    QALAM_TRY(const bool found, same.Next());
    if (!found) {
      return Error(
          Code::kDataLoss,
          "{} is damaged: its {} {} is not as layout {} has it. Nothing was changed: put a backup in its place "
          "(qalam db restore BACKUP --db '{}'), or choose another (--db FILE)",
          db.file(), wanted.View(0), wanted.View(1), migrations.size(), db.file());
    }
  }
}

}  // namespace qalam
