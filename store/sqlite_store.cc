// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_store.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unordered_map>

#include "store/db.h"
#include "store/files.h"
#include "store/lock.h"
#include "store/migrations.h"
#include "store/rows.h"
#include "store/sqlite_reader.h"

namespace qalam {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kBusy{2'000};
// The log is copied into the file when it has grown to 16 MiB: hot pages are then copied once, not each time they
// were written. At 32 MiB some reader has been in the way each time; the writer then waits for it, but not for long.
constexpr int kCheckpointPages = 4'096, kUrgentPages = 8'192, kCheckpointAgainAfter = 512;
constexpr std::chrono::milliseconds kPatience{100};
constexpr std::size_t kEventCountsRemembered = 4'096;

// The last condition is the one that counts.
const Condition& CurrentOf(const std::vector<Condition>& conditions) {
  static const Condition kNone;
  return conditions.empty() ? kNone : conditions.back();
}

class SqliteStore final : public SqliteReads<Store> {
 public:
  SqliteStore(FileLock lock, std::unique_ptr<Database> db, std::int64_t revision)
      : lock_(std::move(lock)), db_(std::move(db)), revision_(revision) {}

  Status Commit(const WriteBatch& batch) override;

 protected:
  Database& Connection() override { return *db_; }

 private:
  Status WriteAll(const WriteBatch& batch);
  Status Write(const Experiment& experiment);
  Status Write(const Trial& trial);
  Status Write(const StepRecord& step);
  Status Write(const ObservationRow& row);
  Status Write(const CollectorPosition& position);
  Status Write(const Event& event);
  Status Write(const Deletion& deletion);
  Status DropOldEvents(const Event& event);
  void KeepLogShort();

  FileLock lock_;
  std::unique_ptr<Database> db_;
  std::int64_t revision_;  // of the last commit that moved it
  int checkpoint_at_ = kCheckpointPages, last_wal_pages_ = 0;
  // How many events an object has, as of the last commit: to count them again for each one would cost more than it.
  std::unordered_map<std::string, int> event_counts_;
};

// After a fault the connection goes on: SQLite's own state is that of the last commit, and the next one overwrites what
// this one left in the log. To close and reopen would read that again, and might find a batch that was refused.
Status SqliteStore::Commit(const WriteBatch& batch) {
  if (batch.empty()) return OkStatus();
  const auto write = [&]() -> Status {
    QALAM_TRY(Transaction transaction, db_->Begin());
    if (db_->Moved()) {
      return Error(Code::kDataLoss,
                   "{} was removed or replaced while it was in use: nothing more can be recorded. Put that very file "
                   "back (mv, not cp) and work goes on; or end this process",
                   db_->file());
    }
    QALAM_RETURN_IF_ERROR(WriteAll(batch));
    return transaction.Commit();
  };
  if (Status status = write(); !status.ok()) {
    event_counts_.clear();
    return status;
  }
  if (!batch.experiments.empty() || !batch.trials.empty() || !batch.deleted.empty()) ++revision_;
  KeepLogShort();
  return OkStatus();
}

Status SqliteStore::WriteAll(const WriteBatch& batch) {
  for (const auto& row : batch.experiments) QALAM_RETURN_IF_ERROR(Write(row));
  for (const auto& row : batch.trials) QALAM_RETURN_IF_ERROR(Write(row));
  for (const auto& row : batch.steps) QALAM_RETURN_IF_ERROR(Write(row));
  for (const auto& row : batch.observations) QALAM_RETURN_IF_ERROR(Write(row));
  for (const auto& row : batch.positions) QALAM_RETURN_IF_ERROR(Write(row));
  for (const auto& row : batch.events) QALAM_RETURN_IF_ERROR(Write(row));
  for (const auto& row : batch.deleted) QALAM_RETURN_IF_ERROR(Write(row));
  return OkStatus();
}

Status SqliteStore::Write(const Experiment& e) {
  QALAM_TRY(
      Query upsert,
      db_->Prepare(
          "INSERT INTO experiments(id, namespace, name, uid, status, reason, message, paused, exhausted, trials, "
          "trials_created, trials_running, trials_succeeded, trials_killed, trials_failed, trials_metrics_unavailable, "
          "trials_early_stopped, best_trial, creation_time, start_time, completion_time, resource_version, "
          "algorithm_settings, conditions) "
          "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, "
          "?22, ?23, ?24) "
          "ON CONFLICT(id) DO UPDATE SET status = ?5, reason = ?6, message = ?7, paused = ?8, exhausted = ?9, "
          "trials = ?10, trials_created = ?11, trials_running = ?12, trials_succeeded = ?13, trials_killed = ?14, "
          "trials_failed = ?15, trials_metrics_unavailable = ?16, trials_early_stopped = ?17, best_trial = ?18, "
          "creation_time = ?19, start_time = ?20, completion_time = ?21, resource_version = ?22, "
          "algorithm_settings = ?23, conditions = ?24 "
          "WHERE uid = ?4 AND namespace = ?2 AND name = ?3"));
  const Condition& current = CurrentOf(e.conditions);
  QALAM_RETURN_IF_ERROR(upsert.Run(
      e.id, e.namespace_name, e.name, e.uid, ToString(e.state), current.reason, current.message, e.paused, e.exhausted,
      e.counts.total, e.counts.created, e.counts.running, e.counts.succeeded, e.counts.killed, e.counts.failed,
      e.counts.metrics_unavailable, e.counts.early_stopped,
      e.best_trial.empty() ? std::optional<std::string>() : e.best_trial, TimeText(e.created), TimeText(e.started),
      TimeText(e.completed), revision_ + 1, SettingsJson(e.algorithm_settings), ConditionsJson(e.conditions)));
  if (db_->changed() == 0) {
    return Error(Code::kAlreadyExists, "{}: experiment {} is another one than '{}' (uid {})", db_->file(), e.id, e.name,
                 e.uid);
  }
  // Texts of many pages that hardly ever change: comparing them costs less than writing them.
  QALAM_TRY(Query texts, db_->Prepare("INSERT INTO manifests(experiment_id, manifest, source) VALUES(?1, ?2, ?3) "
                                      "ON CONFLICT DO UPDATE SET manifest = ?2, source = ?3 "
                                      "WHERE manifest <> ?2 OR source <> ?3"));
  return texts.Run(e.id, e.manifest, e.source);
}

Status SqliteStore::Write(const Trial& t) {
  QALAM_TRY(Query upsert,
            db_->Prepare(
                "INSERT INTO trials(experiment_id, ordinal, name, experiment, namespace, status, reason, message, "
                "attempt, stopping, creation_time, start_time, completion_time, resource_version, assignments, "
                "observation, labels, conditions, early_stopping_rules) "
                "SELECT ?1, ?2, ?3, e.name, e.namespace, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
                "?17 "
                "FROM experiments AS e WHERE e.id = ?1 "
                "ON CONFLICT(name) DO UPDATE SET status = ?4, reason = ?5, message = ?6, attempt = ?7, stopping = ?8, "
                "creation_time = ?9, start_time = ?10, completion_time = ?11, resource_version = ?12, "
                "assignments = ?13, observation = ?14, labels = ?15, conditions = ?16, "
                "early_stopping_rules = ?17 "
                "WHERE experiment_id = ?1 AND ordinal = ?2"));
  const Condition& current = CurrentOf(t.conditions);
  QALAM_RETURN_IF_ERROR(upsert.Run(t.experiment_id, t.ordinal, t.name, ToString(t.state), current.reason,
                                   current.message, t.attempt, t.stopping, TimeText(t.created), TimeText(t.started),
                                   TimeText(t.completed), revision_ + 1, AssignmentsJson(t.assignments),
                                   ObservationJson(t.observation), LabelsJson(t.labels), ConditionsJson(t.conditions),
                                   RulesJson(t.early_stopping_rules)));
  if (db_->changed() != 0) return OkStatus();
  QALAM_TRY(Query find, db_->Prepare("SELECT 1 FROM experiments WHERE id = ?1"));
  QALAM_RETURN_IF_ERROR(find.Bind(t.experiment_id));
  QALAM_TRY(const bool found, find.Next());
  if (!found) {
    return Error(Code::kFailedPrecondition, "{}: trial {} belongs to experiment {}, which is not there", db_->file(),
                 t.name, t.experiment_id);
  }
  return Error(Code::kAlreadyExists, "{}: trial {} is there already, as another one than #{} of experiment {}",
               db_->file(), t.name, t.ordinal, t.experiment_id);
}

Status SqliteStore::Write(const StepRecord& s) {
  QALAM_TRY(
      Query upsert,
      db_->Prepare("INSERT INTO steps(trial_name, step, attempt, status, exit_code, signal, reason, message, "
                   "start_time, completion_time, cpu_seconds, max_rss_bytes) "
                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
                   "ON CONFLICT DO UPDATE SET status = ?4, exit_code = ?5, signal = ?6, reason = ?7, message = ?8, "
                   "start_time = ?9, completion_time = ?10, cpu_seconds = ?11, max_rss_bytes = ?12"));
  return upsert.Run(s.run, s.step, s.attempt, ToString(s.state), s.exit_code, s.signal, s.reason, s.message,
                    TimeText(s.started), TimeText(s.ended), s.cpu_seconds, s.max_rss);
}

Status SqliteStore::Write(const ObservationRow& row) {
  QALAM_TRY(Query insert, db_->Prepare("INSERT INTO observation_logs(trial_name, attempt, sequence, time, metric_name, "
                                       "value, step) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                                       "ON CONFLICT(trial_name, attempt, sequence) DO NOTHING"));
  return insert.Run(row.trial_name, row.attempt, row.sequence, TimeText(row.time), row.metric_name, row.value,
                    row.step);
}

Status SqliteStore::Write(const CollectorPosition& p) {
  QALAM_TRY(Query upsert, db_->Prepare("INSERT INTO collector_positions(trial_name, attempt, byte_offset, sequence, "
                                       "lines) VALUES(?1, ?2, ?3, ?4, ?5) "
                                       "ON CONFLICT DO UPDATE SET byte_offset = ?3, sequence = ?4, lines = ?5"));
  return upsert.Run(p.trial_name, p.attempt, p.offset, p.sequence, p.lines);
}

Status SqliteStore::Write(const Event& e) {
  const auto last = TimeText(e.last);
  QALAM_TRY(Query join,
            db_->Prepare("UPDATE events SET count = count + ?6, last_time = ?7 WHERE experiment_id = ?1 AND "
                         "object = ?2 AND type = ?3 AND reason = ?4 AND message = ?5"));
  QALAM_RETURN_IF_ERROR(join.Run(e.experiment_id, e.object, e.type, e.reason, e.message, e.count, last));
  if (db_->changed() != 0) return OkStatus();
  QALAM_TRY(Query insert, db_->Prepare("INSERT INTO events(experiment_id, object, type, reason, message, count, "
                                       "first_time, last_time) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
  QALAM_RETURN_IF_ERROR(
      insert.Run(e.experiment_id, e.object, e.type, e.reason, e.message, e.count, TimeText(e.first), last));
  return DropOldEvents(e);
}

// Children first: references are checked row by row.
Status SqliteStore::Write(const Deletion& deletion) {
  QALAM_TRY(Query keep, db_->Prepare("INSERT INTO deleted_experiments(id, namespace, name, uid, deletion_time, "
                                     "resource_version) SELECT id, namespace, name, uid, ?2, ?3 FROM experiments "
                                     "WHERE id = ?1"));
  QALAM_RETURN_IF_ERROR(keep.Run(deletion.experiment_id, TimeText(deletion.time), revision_ + 1));
  for (const Sql sql :
       {Sql("DELETE FROM steps WHERE trial_name IN (SELECT name FROM trials WHERE experiment_id = ?1)"),
        Sql("DELETE FROM observation_logs WHERE trial_name IN "
            "(SELECT name FROM trials WHERE experiment_id = ?1)"),
        Sql("DELETE FROM collector_positions WHERE trial_name IN "
            "(SELECT name FROM trials WHERE experiment_id = ?1)"),
        Sql("DELETE FROM events WHERE experiment_id = ?1"), Sql("DELETE FROM trials WHERE experiment_id = ?1"),
        Sql("DELETE FROM manifests WHERE experiment_id = ?1"), Sql("DELETE FROM experiments WHERE id = ?1")}) {
    QALAM_TRY(Query remove, db_->Prepare(sql));
    QALAM_RETURN_IF_ERROR(remove.Run(deletion.experiment_id));
  }
  event_counts_.clear();
  return OkStatus();
}

// An event was added to the object of `event`.
Status SqliteStore::DropOldEvents(const Event& event) {
  const std::string key = fmt::format("{}/{}", event.experiment_id, event.object);
  auto count = event_counts_.find(key);
  if (count == event_counts_.end()) {
    QALAM_TRY(Query query, db_->Prepare("SELECT count(*) FROM events WHERE experiment_id = ?1 AND object = ?2"));
    QALAM_RETURN_IF_ERROR(query.Bind(event.experiment_id, event.object));
    QALAM_TRY([[maybe_unused]] const bool found, query.Next());
    if (event_counts_.size() >= kEventCountsRemembered) event_counts_.clear();
    count = event_counts_.emplace(key, query.SmallInt(0)).first;
  } else {
    ++count->second;
  }
  if (count->second <= kMaxEvents) return OkStatus();
  QALAM_TRY(Query drop, db_->Prepare("DELETE FROM events WHERE id IN (SELECT id FROM events WHERE experiment_id = ?1 "
                                     "AND object = ?2 ORDER BY last_time, id LIMIT ?3)"));
  QALAM_RETURN_IF_ERROR(drop.Run(event.experiment_id, event.object, count->second - kEventsLeft));
  count->second = kEventsLeft;
  return OkStatus();
}

void SqliteStore::KeepLogShort() {
  const int pages = db_->wal_pages();
  if (pages < last_wal_pages_) checkpoint_at_ = kCheckpointPages;  // it began again at its start
  last_wal_pages_ = pages;
  if (pages < checkpoint_at_) return;
  db_->Checkpoint(/*restart=*/pages >= kUrgentPages, kPatience);
  checkpoint_at_ = pages + kCheckpointAgainAfter;
}

Status UseLog(Database& db) {
  QALAM_TRY(Query query, db.Prepare("PRAGMA journal_mode=WAL"));
  QALAM_RETURN_IF_ERROR(query.Bind());
  QALAM_TRY(const bool found, query.Next());
  if (found && query.View(0) == "wal") return OkStatus();
  return Error(Code::kUnavailable, "{} cannot keep a write-ahead log here (journal mode '{}')", db.file(),
               query.View(0));
}

Result<std::unique_ptr<Database>> OpenForWriting(const std::string& file) {
  QALAM_TRY(auto db, Database::Open(file, Database::Access::kReadWrite, kBusy));
  db->CheckpointOnClose(false);  // until it is known to be ours
  QALAM_RETURN_IF_ERROR(Migrate(*db, Migrations()));
  QALAM_RETURN_IF_ERROR(CheckLayout(*db, Migrations()));
  QALAM_RETURN_IF_ERROR(UseLog(*db));
  QALAM_RETURN_IF_ERROR(
      db->Exec(fmt::format("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=OFF; "
                           "PRAGMA journal_size_limit={}",
                           kCheckpointPages * 4'096)));
  db->CheckpointOnClose(true);
  return db;
}

Status MakePrivateFolder(const std::string& folder) {
  if (mkdir(folder.c_str(), 0700) == 0) return SyncFolderOf(folder);
  if (errno == EEXIST && fs::is_directory(folder)) return OkStatus();
  return Error(Code::kUnavailable, "the folder {} cannot be made: {}", folder, std::strerror(errno));
}

}  // namespace

Result<std::string> ResolveFile(const std::string& name) {
  std::error_code error;
  const fs::path path = fs::weakly_canonical(fs::absolute(name, error), error);
  if (error) return Error(Code::kUnavailable, "{} cannot be found: {}", name, error.message());
  return path.string();
}

Result<std::unique_ptr<Store>> OpenSqliteStore(const std::string& name) {
  QALAM_TRY(const std::string file, ResolveFile(name));
  QALAM_RETURN_IF_ERROR(CheckFilesystem(file));
  QALAM_TRY([[maybe_unused]] const FileKind before, LookAt(file));  // another's file gets no lock put beside it
  QALAM_TRY(FileLock lock, FileLock::Take(file + ".lock", file));
  QALAM_TRY(const FileKind kind, LookAt(file));
  if (kind == FileKind::kMissing || kind == FileKind::kEmpty) {
    QALAM_RETURN_IF_ERROR(CreateDatabase(file, Migrations()));
  }
  QALAM_TRY(auto db, OpenForWriting(file));
  QALAM_TRY(const std::int64_t revision, db->Int(kLastRevision));
  QALAM_RETURN_IF_ERROR(MakePrivateFolder(name + ".d"));
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(lock), std::move(db), revision));
}

}  // namespace qalam
