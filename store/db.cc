// SPDX-License-Identifier: Apache-2.0
#include "store/db.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace qalam {
namespace {

int RememberWalPages(void* pages, sqlite3*, const char*, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

// SQLite says ENOSPC as SQLITE_FULL, but a quota, a limit on file size, or no room for the -shm file as SQLITE_IOERR.
bool IsNoRoom(int code, int error) {
  return code == SQLITE_IOERR_SHMSIZE || error == ENOSPC || error == EDQUOT || error == EFBIG;
}

// What the system answered last about the log or the file. (sqlite3_system_errno may be of something done since.)
int LastErrno(sqlite3* connection) {
  int error = 0;
  sqlite3_file* log = nullptr;
  sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log != nullptr && log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  if (error == 0) sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
  return error;
}

std::string UriOf(const std::string& file) {
  std::string uri = "file:";
  for (const char c : file) {
    if (c == '?' || c == '#' || c == '%') {
      fmt::format_to(std::back_inserter(uri), "%{:02X}", static_cast<unsigned>(c));
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Result<bool> Query::Next() {
  switch (const int code = sqlite3_step(statement_)) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: return Fault(code);
  }
}

std::string_view Query::View(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Status Query::Fault(int code) const { return db_->Fault(code); }

Transaction::~Transaction() {
  if (db_ == nullptr || sqlite3_get_autocommit(db_->connection_) != 0) return;  // SQLite may have done it already
  sqlite3_exec(db_->connection_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Status Transaction::Commit() {
  QALAM_TRY(Query commit, db_->Prepare("COMMIT"));
  QALAM_RETURN_IF_ERROR(commit.Run());
  db_ = nullptr;
  return OkStatus();
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& file, Access access,
                                                 std::chrono::milliseconds busy) {
  std::unique_ptr<Database> db(new Database);
  db->file_ = file;
  db->busy_ = busy;
  const bool immutable = access == Access::kImmutable;
  const int flags = (access == Access::kReadWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
                    (immutable ? SQLITE_OPEN_URI : 0) | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2((immutable ? UriOf(file) : file).c_str(), &db->connection_, flags, /*zVfs=*/nullptr);
  if (code != SQLITE_OK) return db->Fault(code);
  sqlite3_extended_result_codes(db->connection_, 1);
  sqlite3_busy_timeout(db->connection_, static_cast<int>(busy.count()));
  // The file may come from anywhere: nothing in its schema runs, and a page is looked at before it is believed.
  sqlite3_db_config(db->connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // In place of the automatic checkpoint, which is a hook itself.
  sqlite3_wal_hook(db->connection_, RememberWalPages, &db->wal_pages_);
  QALAM_RETURN_IF_ERROR(
      db->Exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; "
               "PRAGMA cache_size=-8192"));
  return db;
}

Database::~Database() {
  for (const auto& [text, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(connection_);
}

Result<Query> Database::Prepare(Sql sql) {
  sqlite3_stmt*& statement = statements_[sql.text];
  if (statement == nullptr) {
    const int code = sqlite3_prepare_v3(connection_, sql.text, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return Fault(code);
  }
  QALAM_CHECK(sqlite3_stmt_busy(statement) == 0, "a statement is used once at a time");
  return Query(this, statement);
}

Result<std::int64_t> Database::Int(Sql sql) {
  QALAM_TRY(Query query, Prepare(sql));
  QALAM_RETURN_IF_ERROR(query.Bind());
  QALAM_TRY(const bool found, query.Next());
  QALAM_CHECK(found, "a statement that gives one number gives a row");
  return query.Int(0);
}

Status Database::Exec(const std::string& sql) {
  const int code = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? OkStatus() : Fault(code);
}

Result<Transaction> Database::Begin() {
  QALAM_TRY(Query begin, Prepare("BEGIN IMMEDIATE"));
  QALAM_RETURN_IF_ERROR(begin.Run());
  return Transaction(this);
}

Result<Transaction> Database::BeginRead() {
  QALAM_TRY(Query begin, Prepare("BEGIN"));
  QALAM_RETURN_IF_ERROR(begin.Run());
  return Transaction(this);
}

Status Database::BackUpTo(const std::string& target) {
  QALAM_TRY(const auto copy, Open(target, Access::kReadWrite, busy_));
  sqlite3_backup* backup = sqlite3_backup_init(copy->connection_, "main", connection_, "main");
  if (backup == nullptr) return copy->Fault(sqlite3_errcode(copy->connection_));
  const int code = sqlite3_backup_step(backup, -1);
  const int end = sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) return copy->Fault(code);
  return end == SQLITE_OK ? OkStatus() : copy->Fault(end);
}

void Database::CheckpointOnClose(bool wanted) {
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, wanted ? 0 : 1, nullptr);
}

bool Database::Moved() {
  int moved = 0;
  return sqlite3_file_control(connection_, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

void Database::Checkpoint(bool restart, std::chrono::milliseconds patience) {
  if (restart) sqlite3_busy_timeout(connection_, static_cast<int>(patience.count()));
  sqlite3_wal_checkpoint_v2(connection_, "main", restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE,
                            nullptr, nullptr);
  if (restart) sqlite3_busy_timeout(connection_, static_cast<int>(busy_.count()));
}

Status Database::Fault(int code) const {
  const int kind = code & 0xff;
  const int error = kind == SQLITE_IOERR ? LastErrno(connection_) : sqlite3_system_errno(connection_);
  if (kind == SQLITE_FULL || (kind == SQLITE_IOERR && IsNoRoom(code, error))) {
    return Error(Code::kResourceExhausted,
                 "{}: the disk is full: nothing was written. Free some space there: work goes on by itself", file_);
  }
  switch (kind) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(
          Code::kDataLoss,
          "{} is damaged ({}): nothing was changed. What is wrong with it says \"qalam db check --db '{}'\"; put a "
          "backup in its place (qalam db restore BACKUP --db '{}'), or what \"sqlite3 '{}' .recover\" can save",
          file_, sqlite3_errmsg(connection_), file_, file_, file_);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(Code::kUnavailable,
                   "{} is locked by another program: end the transaction that is open there (an sqlite3 shell?)",
                   file_);
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Error(Code::kPermissionDenied, "{} may not be written: {}", file_, sqlite3_errmsg(connection_));
    case SQLITE_CANTOPEN:
      // What could not be made is a file beside it. SQLite tries again without making it, and then tells of that.
      if (error == ENOENT && access(file_.c_str(), F_OK) == 0) {
        return Error(Code::kUnavailable,
                     "{}: its log or journal beside it could not be made, and nothing was written: see that there is "
                     "room on the disk, and that its folder may be written",
                     file_);
      }
      return Error(error == ENOENT   ? Code::kNotFound
                   : error == EACCES ? Code::kPermissionDenied
                                     : Code::kUnavailable,
                   "{} cannot be opened: {}", file_, error != 0 ? std::strerror(error) : sqlite3_errmsg(connection_));
    case SQLITE_IOERR:
    case SQLITE_PROTOCOL:
      return Error(Code::kUnavailable, "{}: the disk answered with an error ({}{}{}): nothing was written", file_,
                   sqlite3_errstr(code), error != 0 ? ": " : "", error != 0 ? std::strerror(error) : "");
    case SQLITE_CONSTRAINT: {
      const bool exists =
          code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID;
      const bool dangles = code == SQLITE_CONSTRAINT_FOREIGNKEY;
      return Error(exists    ? Code::kAlreadyExists
                   : dangles ? Code::kFailedPrecondition
                             : Code::kInternal,
                   "{}: {}", file_, sqlite3_errmsg(connection_));
    }
    default: return Error(Code::kInternal, "{}: {} (SQLite code {})", file_, sqlite3_errmsg(connection_), code);
  }
}

}  // namespace qalam
