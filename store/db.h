// SPDX-License-Identifier: Apache-2.0
// SQLite, as this room uses it: one connection, statements prepared once, transactions that roll back by themselves,
// and faults told as Status. Not thread-safe: a Database and all that comes from it belong to one thread at a time.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/status.h"

namespace qalam {

class Database;

// A string literal, so that its address can stand for it among the prepared statements.
struct Sql {
  template <std::size_t N>
  consteval Sql(const char (&literal)[N]) : text(literal) {}  // NOLINT(google-explicit-constructor)
  const char* text;
};

// One use of a prepared statement; it is given back when this goes. Texts handed to Bind or Run are not copied: they
// live until then.
class Query {
 public:
  Query(Query&& other) noexcept : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  Query& operator=(Query&&) = delete;
  ~Query();

  // Values for ?1, ?2, ...: all of them.
  template <class... Values>
  Status Bind(const Values&... values) {
    QALAM_CHECK(sqlite3_bind_parameter_count(statement_) == static_cast<int>(sizeof...(values)),
                "every parameter of a statement has a value");
    [[maybe_unused]] int index = 0;
    int code = SQLITE_OK;
    ((code = code == SQLITE_OK ? BindOne(++index, values) : code), ...);
    return code == SQLITE_OK ? OkStatus() : Fault(code);
  }
  // Binds, and runs a statement whose rows do not matter.
  template <class... Values>
  Status Run(const Values&... values) {
    QALAM_RETURN_IF_ERROR(Bind(values...));
    const int code = sqlite3_step(statement_);
    sqlite3_reset(statement_);
    return code == SQLITE_DONE || code == SQLITE_ROW ? OkStatus() : Fault(code);
  }
  Result<bool> Next();  // to the next row; false: there is none

  // Of the row that Next found; NULL is 0 and "". A view is valid until the next call of Next.
  std::int64_t Int(int column) const { return sqlite3_column_int64(statement_, column); }
  int SmallInt(int column) const { return sqlite3_column_int(statement_, column); }
  double Real(int column) const { return sqlite3_column_double(statement_, column); }
  bool IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::string_view View(int column) const;
  std::string Text(int column) const { return std::string(View(column)); }

 private:
  friend class Database;
  Query(Database* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
  Status Fault(int code) const;

  int BindOne(int index, std::string_view text) {
    return sqlite3_bind_text64(statement_, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  int BindOne(int index, const std::string& text) { return BindOne(index, std::string_view(text)); }
  int BindOne(int index, const std::optional<std::string>& text) {
    return text ? BindOne(index, std::string_view(*text)) : sqlite3_bind_null(statement_, index);
  }
  int BindOne(int index, const std::optional<int>& value) {
    return value ? BindOne(index, *value) : sqlite3_bind_null(statement_, index);
  }
  int BindOne(int index, double value) { return sqlite3_bind_double(statement_, index, value); }
  int BindOne(int index, int value) { return sqlite3_bind_int(statement_, index, value); }
  int BindOne(int index, bool value) { return sqlite3_bind_int(statement_, index, value ? 1 : 0); }
  int BindOne(int index, std::int64_t value) { return sqlite3_bind_int64(statement_, index, value); }
  int BindOne(int index, std::uint64_t value) { return BindOne(index, static_cast<std::int64_t>(value)); }

  Database* db_;
  sqlite3_stmt* statement_;
};

// Rolls back unless committed.
class Transaction {
 public:
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Status Commit();

 private:
  friend class Database;
  explicit Transaction(Database* db) : db_(db) {}
  Database* db_;
};

class Database {
 public:
  enum class Access {
    kReadWrite,
    kReadOnly,
    kImmutable,  // read-only, and nobody writes: no locks, no -wal, no -shm
  };
  // The file exists (an empty one is an empty database). Waits up to `busy` where another program holds a lock.
  static Result<std::unique_ptr<Database>> Open(const std::string& file, Access access, std::chrono::milliseconds busy);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& file() const { return file_; }

  Result<Query> Prepare(Sql sql);
  Result<std::int64_t> Int(Sql sql);    // the one number that a statement without parameters gives
  Status Exec(const std::string& sql);  // any number of statements
  Result<Transaction> Begin();          // BEGIN IMMEDIATE: now the only writer
  Result<Transaction> BeginRead();      // one snapshot for the queries that follow
  int changed() const { return sqlite3_changes(connection_); }  // rows, by the last INSERT or UPDATE

  // Copies all of it, as one snapshot, into `target` (which is replaced), durable when it returns.
  Status BackUpTo(const std::string& target);

  // While false, closing leaves the file as it is, even when it is the last to close.
  void CheckpointOnClose(bool wanted);
  // Whether the file at its path is another one by now, or none: what is written then is seen by nobody.
  bool Moved();
  int wal_pages() const { return wal_pages_; }  // after the last commit
  // Moves committed pages from the log into the file. `restart`: also waits, for `patience` at most, for readers to
  // leave the log, so that it begins again at its start. What could not be done now is done another time.
  void Checkpoint(bool restart, std::chrono::milliseconds patience);

  // What an SQLite result code means, as a fault that says the file and what to do.
  Status Fault(int code) const;

 private:
  friend class Query;
  friend class Transaction;
  Database() = default;

  std::string file_;
  std::chrono::milliseconds busy_{};
  sqlite3* connection_ = nullptr;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
  int wal_pages_ = 0;
};

}  // namespace qalam
