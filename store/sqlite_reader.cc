// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_reader.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "store/lock.h"
#include "store/migrations.h"
#include "store/rows.h"
#include "store/sqlite_store.h"

namespace qalam {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kBusy{5'000};

// A string literal that other literals may be joined to.
#define QALAM_EXPERIMENT_COLUMNS                                                                                   \
  "SELECT id, namespace, name, uid, status, paused, exhausted, trials, trials_created, trials_running, "           \
  "trials_succeeded, trials_killed, trials_failed, trials_metrics_unavailable, trials_early_stopped, best_trial, " \
  "creation_time, start_time, completion_time, algorithm_settings, conditions, manifest, source "                  \
  "FROM experiments JOIN manifests ON experiment_id = id "

Result<Experiment> ReadExperiment(const Query& row) {
  Experiment e;
  e.id = row.Int(0);
  e.namespace_name = row.Text(1);
  e.name = row.Text(2);
  e.uid = row.Text(3);
  const auto state = ParseExperimentState(row.View(4));
  if (!state) return Error(Code::kDataLoss, "experiment {} has the unknown status '{}'", e.name, row.View(4));
  e.state = *state;
  e.paused = row.Int(5) != 0;
  e.exhausted = row.Int(6) != 0;
  e.counts = {.total = row.SmallInt(7),
              .created = row.SmallInt(8),
              .running = row.SmallInt(9),
              .succeeded = row.SmallInt(10),
              .killed = row.SmallInt(11),
              .failed = row.SmallInt(12),
              .metrics_unavailable = row.SmallInt(13),
              .early_stopped = row.SmallInt(14)};
  e.best_trial = row.Text(15);
  QALAM_TRY(e.created, TimeOf(row.View(16)));
  QALAM_TRY(e.started, TimeOf(row.View(17)));
  QALAM_TRY(e.completed, TimeOf(row.View(18)));
  QALAM_TRY(e.algorithm_settings, SettingsOf(row.View(19)));
  QALAM_TRY(e.conditions, ConditionsOf(row.View(20)));
  e.manifest = row.Text(21);
  e.source = row.Text(22);
  return e;
}

#define QALAM_TRIAL_COLUMNS                                                                                      \
  "SELECT name, experiment_id, ordinal, status, attempt, stopping, creation_time, start_time, completion_time, " \
  "assignments, observation, labels, conditions, early_stopping_rules FROM trials "

// The same columns, of which the parts of a TrialQuery (?2) decide what is fetched: most of a row's bytes are in these.
#define QALAM_TRIAL_PARTS                                                                                        \
  "SELECT name, experiment_id, ordinal, status, attempt, stopping, creation_time, start_time, completion_time, " \
  "CASE WHEN ?2 & 1 THEN assignments END, CASE WHEN ?2 & 2 THEN observation END, "                               \
  "CASE WHEN ?2 & 8 THEN labels END, CASE WHEN ?2 & 4 THEN conditions END, "                                     \
  "CASE WHEN ?2 & 8 THEN early_stopping_rules END FROM trials WHERE experiment_id = ?1 ORDER BY ordinal "
static_assert(TrialQuery::kAssignments == 1 && TrialQuery::kObservation == 2 && TrialQuery::kConditions == 4 &&
              TrialQuery::kLabelsAndRules == 8);

Result<Trial> ReadTrial(const Query& row) {
  Trial t;
  t.name = row.Text(0);
  t.experiment_id = row.Int(1);
  t.ordinal = static_cast<std::uint64_t>(row.Int(2));
  const auto state = ParseTrialState(row.View(3));
  if (!state) return Error(Code::kDataLoss, "trial {} has the unknown status '{}'", t.name, row.View(3));
  t.state = *state;
  t.attempt = row.SmallInt(4);
  t.stopping = row.Int(5) != 0;
  QALAM_TRY(t.created, TimeOf(row.View(6)));
  QALAM_TRY(t.started, TimeOf(row.View(7)));
  QALAM_TRY(t.completed, TimeOf(row.View(8)));
  // NULL: not asked for, or no observation yet.
  if (!row.IsNull(9)) {
    QALAM_TRY(t.assignments, AssignmentsOf(row.View(9)));
  }
  if (!row.IsNull(10)) {
    QALAM_TRY(t.observation, ObservationOf(row.View(10)));
  }
  if (!row.IsNull(11)) {
    QALAM_TRY(t.labels, LabelsOf(row.View(11)));
  }
  if (!row.IsNull(12)) {
    QALAM_TRY(t.conditions, ConditionsOf(row.View(12)));
  }
  if (!row.IsNull(13)) {
    QALAM_TRY(t.early_stopping_rules, RulesOf(row.View(13)));
  }
  return t;
}

#define QALAM_STEP_COLUMNS                                                                                      \
  "SELECT trial_name, step, attempt, status, exit_code, signal, reason, message, start_time, completion_time, " \
  "cpu_seconds, max_rss_bytes FROM steps "

Result<StepRecord> ReadStep(const Query& row) {
  StepRecord s;
  s.run = row.Text(0);
  s.step = row.Text(1);
  s.attempt = row.SmallInt(2);
  const auto state = ParseStepState(row.View(3));
  if (!state) return Error(Code::kDataLoss, "step {} of {} has the unknown status '{}'", s.step, s.run, row.View(3));
  s.state = *state;
  if (!row.IsNull(4)) s.exit_code = row.SmallInt(4);
  s.signal = row.SmallInt(5);
  s.reason = row.Text(6);
  s.message = row.Text(7);
  QALAM_TRY(s.started, TimeOf(row.View(8)));
  QALAM_TRY(s.ended, TimeOf(row.View(9)));
  s.cpu_seconds = row.Real(10);
  s.max_rss = row.Int(11);
  return s;
}

#define QALAM_OBSERVATION_COLUMNS \
  "SELECT id, trial_name, attempt, sequence, time, metric_name, value, step FROM observation_logs "

Result<ObservationRow> ReadObservation(const Query& row) {
  ObservationRow o;
  o.id = row.Int(0);
  o.trial_name = row.Text(1);
  o.attempt = row.SmallInt(2);
  o.sequence = row.Int(3);
  QALAM_TRY(o.time, TimeOf(row.View(4)));
  o.metric_name = row.Text(5);
  o.value = row.Text(6);
  o.step = row.Int(7);
  return o;
}

Result<CollectorPosition> ReadPosition(const Query& row) {
  return CollectorPosition{.trial_name = row.Text(0),
                           .attempt = row.SmallInt(1),
                           .offset = row.Int(2),
                           .sequence = row.Int(3),
                           .lines = row.Int(4)};
}

#define QALAM_EVENT_COLUMNS \
  "SELECT experiment_id, object, type, reason, message, count, first_time, last_time FROM events "

Result<Event> ReadEvent(const Query& row) {
  Event e;
  e.experiment_id = row.Int(0);
  e.object = row.Text(1);
  e.type = row.Text(2);
  e.reason = row.Text(3);
  e.message = row.Text(4);
  e.count = row.SmallInt(5);
  QALAM_TRY(e.first, TimeOf(row.View(6)));
  QALAM_TRY(e.last, TimeOf(row.View(7)));
  return e;
}

template <class Row, class... Values>
Result<std::vector<Row>> All(Database& db, Sql sql, Result<Row> (*read)(const Query&), const Values&... values) {
  QALAM_TRY(Query query, db.Prepare(sql));
  QALAM_RETURN_IF_ERROR(query.Bind(values...));
  std::vector<Row> rows;
  while (true) {
    QALAM_TRY(const bool found, query.Next());
    if (!found) return rows;
    Result<Row> row = read(query);
    if (!row.ok()) return row.status().Within(db.file());
    rows.push_back(*std::move(row));
  }
}

template <class Row, class... Values>
Result<std::optional<Row>> First(Database& db, Sql sql, Result<Row> (*read)(const Query&), const Values&... values) {
  QALAM_TRY(auto rows, All(db, sql, read, values...));
  return rows.empty() ? std::optional<Row>() : std::optional<Row>(std::move(rows.front()));
}

class SqliteReader final : public SqliteReads<StoreReader> {
 public:
  explicit SqliteReader(std::unique_ptr<Database> db) : db_(std::move(db)) {}

 protected:
  Database& Connection() override { return *db_; }

 private:
  std::unique_ptr<Database> db_;
};

// A folder where nothing can be made, not even the log's shared memory. Without a log there is no writer, and the file
// alone is the whole database; with one, its last commits cannot be read here.
Result<Database::Access> HowToRead(const std::string& file) {
  const std::string folder = fs::path(file).parent_path().string();
  if (access(folder.c_str(), W_OK) == 0) return Database::Access::kReadOnly;
  std::error_code error;
  const auto log_size = fs::file_size(file + "-wal", error);
  if (error || log_size == 0) return Database::Access::kImmutable;
  if (access((file + "-shm").c_str(), R_OK | W_OK) == 0) return Database::Access::kReadOnly;
  return Error(Code::kPermissionDenied,
               "{} cannot be read where it is: its folder is read-only, and the last commits are in {}-wal, which only "
               "one that may write there can read. Copy both files to a folder of your own and read them there",
               file, file);
}

}  // namespace

template <class Base>
Result<std::vector<Experiment>> SqliteReads<Base>::Experiments() {
  return All(Connection(), QALAM_EXPERIMENT_COLUMNS "ORDER BY id", ReadExperiment);
}

template <class Base>
Result<std::int64_t> SqliteReads<Base>::LastExperimentId() {
  return Connection().Int(
      "SELECT max(ifnull((SELECT max(id) FROM experiments), 0), ifnull((SELECT max(id) FROM deleted_experiments), 0))");
}

template <class Base>
Result<std::optional<Experiment>> SqliteReads<Base>::FindExperiment(const std::string& namespace_name,
                                                                    const std::string& name) {
  return First(Connection(), QALAM_EXPERIMENT_COLUMNS "WHERE namespace = ?1 AND name = ?2", ReadExperiment,
               namespace_name, name);
}

template <class Base>
Result<std::vector<Trial>> SqliteReads<Base>::Trials(std::int64_t experiment_id) {
  return FindTrials(experiment_id, {});
}

template <class Base>
Result<std::vector<Trial>> SqliteReads<Base>::FindTrials(std::int64_t experiment_id, const TrialQuery& query) {
  const auto parts = static_cast<int>(query.parts);
  const int limit = query.limit.value_or(-1);  // SQLite's word for none
  return query.newest_first
             ? All(Connection(), QALAM_TRIAL_PARTS "DESC LIMIT ?3", ReadTrial, experiment_id, parts, limit)
             : All(Connection(), QALAM_TRIAL_PARTS "LIMIT ?3", ReadTrial, experiment_id, parts, limit);
}

template <class Base>
Result<std::optional<Trial>> SqliteReads<Base>::FindTrial(const std::string& name) {
  return First(Connection(), QALAM_TRIAL_COLUMNS "WHERE name = ?1", ReadTrial, name);
}

template <class Base>
Result<std::optional<Trial>> SqliteReads<Base>::FindNumbered(std::int64_t experiment_id, std::uint64_t ordinal) {
  return First(Connection(), QALAM_TRIAL_COLUMNS "WHERE experiment_id = ?1 AND ordinal = ?2", ReadTrial, experiment_id,
               ordinal);
}

template <class Base>
Result<std::vector<StepRecord>> SqliteReads<Base>::Steps(const std::string& trial_name) {
  return All(Connection(), QALAM_STEP_COLUMNS "WHERE trial_name = ?1 ORDER BY step, attempt", ReadStep, trial_name);
}

template <class Base>
Result<std::vector<ObservationRow>> SqliteReads<Base>::Observations(const std::string& trial_name) {
  return All(Connection(), QALAM_OBSERVATION_COLUMNS "WHERE trial_name = ?1 ORDER BY id", ReadObservation, trial_name);
}

// In the order of the two unique keys: nothing is sorted.
template <class Base>
Status SqliteReads<Base>::VisitCurves(std::int64_t experiment_id, const std::string& metric,
                                      const std::function<void(const CurveReport&)>& visit) {
  QALAM_TRY(Query query,
            Connection().Prepare("SELECT t.ordinal, o.step, o.value FROM trials t CROSS JOIN observation_logs o "
                                 "ON o.trial_name = t.name AND o.attempt = (SELECT max(attempt) FROM observation_logs "
                                 "WHERE trial_name = t.name) WHERE t.experiment_id = ?1 AND o.metric_name = ?2 "
                                 "ORDER BY t.ordinal, o.sequence"));
  QALAM_RETURN_IF_ERROR(query.Bind(experiment_id, metric));
  while (true) {
    QALAM_TRY(const bool found, query.Next());
    if (!found) return OkStatus();
    visit({static_cast<std::uint64_t>(query.Int(0)), query.Int(1), query.View(2)});
  }
}

template <class Base>
Result<std::optional<CollectorPosition>> SqliteReads<Base>::Position(const std::string& trial_name) {
  return First(Connection(),
               "SELECT trial_name, attempt, byte_offset, sequence, lines FROM collector_positions "
               "WHERE trial_name = ?1 ORDER BY attempt DESC LIMIT 1",
               ReadPosition, trial_name);
}

template <class Base>
Result<std::vector<Event>> SqliteReads<Base>::Events(std::int64_t experiment_id) {
  return All(Connection(), QALAM_EVENT_COLUMNS "WHERE experiment_id = ?1 ORDER BY last_time, id", ReadEvent,
             experiment_id);
}

template <class Base>
Result<Changes> SqliteReads<Base>::ChangesSince(std::int64_t revision) {
  Database& db = Connection();
  QALAM_TRY(Transaction snapshot, db.BeginRead());
  Changes changes;
  QALAM_TRY(changes.revision, db.Int(kLastRevision));
  if (changes.revision > revision) {
    QALAM_TRY(changes.experiments,
              All<std::int64_t>(
                  db,
                  "SELECT id FROM (SELECT id, resource_version FROM experiments WHERE resource_version > ?1 UNION ALL "
                  "SELECT id, resource_version FROM deleted_experiments WHERE resource_version > ?1) "
                  "ORDER BY resource_version, id",
                  [](const Query& row) -> Result<std::int64_t> { return row.Int(0); }, revision));
    QALAM_TRY(changes.trials,
              All<std::string>(
                  db, "SELECT name FROM trials WHERE resource_version > ?1 ORDER BY resource_version, id",
                  [](const Query& row) -> Result<std::string> { return row.Text(0); }, revision));
  }
  QALAM_RETURN_IF_ERROR(snapshot.Commit());
  return changes;
}

template class SqliteReads<StoreReader>;
template class SqliteReads<Store>;

Result<std::unique_ptr<Database>> OpenAnyLayout(const std::string& file) {
  QALAM_RETURN_IF_ERROR(CheckFilesystem(file));
  QALAM_TRY(const auto access, HowToRead(file));
  return Database::Open(file, access, kBusy);
}

Status NoDatabaseIn(const std::string& file, FileKind kind) {
  if (kind == FileKind::kEmpty) {
    return Error(Code::kNotFound,
                 "{} is empty (0 bytes): 'qalam run' makes a database of it; if it held one, put a backup in its place "
                 "(qalam db restore BACKUP --db '{}')",
                 file, file);
  }
  return Error(Code::kNotFound, "there is no qalam database in {}", file);
}

Status ReadEveryRow(Database& db, const std::function<void(std::string_view table, const Status& fault)>& tell) {
  const auto each = [&]<class Row>(std::string_view table, Sql sql, int name,
                                   Result<Row> (*read)(const Query&)) -> Status {
    QALAM_TRY(Query query, db.Prepare(sql));
    QALAM_RETURN_IF_ERROR(query.Bind());
    while (true) {
      QALAM_TRY(const bool found, query.Next());
      if (!found) return OkStatus();
      if (const Result<Row> row = read(query); !row.ok()) tell(table, row.status().Within(query.View(name)));
    }
  };
  QALAM_RETURN_IF_ERROR(each("experiments", QALAM_EXPERIMENT_COLUMNS "ORDER BY id", 2, ReadExperiment));
  QALAM_RETURN_IF_ERROR(each("trials", QALAM_TRIAL_COLUMNS "ORDER BY id", 0, ReadTrial));
  QALAM_RETURN_IF_ERROR(each("steps", QALAM_STEP_COLUMNS, 0, ReadStep));
  QALAM_RETURN_IF_ERROR(each("observation_logs", QALAM_OBSERVATION_COLUMNS, 1, ReadObservation));
  return each("events", QALAM_EVENT_COLUMNS, 1, ReadEvent);
}

Result<std::unique_ptr<Database>> OpenForReading(const std::string& name) {
  QALAM_TRY(const std::string file, ResolveFile(name));
  QALAM_TRY(const FileKind kind, LookAt(file));
  if (kind != FileKind::kOurs) return NoDatabaseIn(file, kind);
  QALAM_TRY(auto db, OpenAnyLayout(file));
  QALAM_TRY(const std::int64_t version, db->Int("PRAGMA user_version"));
  QALAM_RETURN_IF_ERROR(CheckVersion(version, Migrations().size(), file));
  if (static_cast<std::size_t>(version) < Migrations().size()) {
    return Error(
        Code::kFailedPrecondition,
        "{} was made by an older qalam (layout {}; this one reads {}): it is brought up to date when a command "
        "that writes opens it, such as 'qalam run'",
        file, version, Migrations().size());
  }
  QALAM_RETURN_IF_ERROR(CheckLayout(*db, Migrations()));
  return db;
}

Result<std::unique_ptr<StoreReader>> OpenSqliteReader(const std::string& name) {
  QALAM_TRY(auto db, OpenForReading(name));
  return std::unique_ptr<StoreReader>(std::make_unique<SqliteReader>(std::move(db)));
}

}  // namespace qalam
