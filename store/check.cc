// SPDX-License-Identifier: Apache-2.0
#include "store/check.h"

#include <memory>
#include <string_view>
#include <utility>

#include "store/db.h"
#include "store/migrations.h"
#include "store/sqlite_reader.h"

namespace qalam {
namespace {

constexpr int kMostAlike = 10;  // sentences of one kind

// Each finds what must not be, and says it: one column, a sentence.
constexpr Sql kRules[] = {
    "SELECT format('%s: %d rows name trial %s, which is not there', at, count(*), trial_name) FROM "
    "(SELECT 'steps' AS at, trial_name FROM steps UNION ALL SELECT 'observation_logs', trial_name FROM "
    "observation_logs "
    "UNION ALL SELECT 'collector_positions', trial_name FROM collector_positions) "
    "WHERE trial_name NOT IN (SELECT name FROM trials) GROUP BY at, trial_name ORDER BY at, trial_name",

    "SELECT format('%s: %d rows belong to experiment %d, which is not there', at, count(*), experiment_id) FROM "
    "(SELECT 'trials' AS at, experiment_id FROM trials UNION ALL SELECT 'manifests', experiment_id FROM manifests "
    "UNION ALL SELECT 'events', experiment_id FROM events) "
    "WHERE experiment_id NOT IN (SELECT id FROM experiments) GROUP BY at, experiment_id ORDER BY at, experiment_id",

    "SELECT format('experiment %s has no manifest', name) FROM experiments "
    "WHERE id NOT IN (SELECT experiment_id FROM manifests) ORDER BY id",

    "SELECT format('experiment %s has the id %d, which is that of one that was deleted', name, id) FROM experiments "
    "WHERE id IN (SELECT id FROM deleted_experiments) ORDER BY id",

    "SELECT format('trial %s says that it is of %s/%s; its experiment is %s/%s', t.name, t.namespace, t.experiment, "
    "e.namespace, e.name) FROM trials AS t JOIN experiments AS e ON e.id = t.experiment_id "
    "WHERE t.experiment <> e.name OR t.namespace <> e.namespace ORDER BY t.id",

    "SELECT format('trial %s has the number %d; numbers begin with 1', name, ordinal) FROM trials WHERE ordinal < 1",

    "SELECT format('trial %s has ended (%s) and does not say when', name, status) FROM trials "
    "WHERE status NOT IN ('Created', 'Running') AND completion_time IS NULL ORDER BY id",

    "SELECT format('experiment %s counts %d trials (%d created, %d running, %d succeeded, %d killed, %d failed, %d "
    "without metric, %d stopped early); there are %d (%d, %d, %d, %d, %d, %d, %d)', e.name, e.trials, "
    "e.trials_created, "
    "e.trials_running, e.trials_succeeded, e.trials_killed, e.trials_failed, e.trials_metrics_unavailable, "
    "e.trials_early_stopped, n, created, running, succeeded, killed, failed, unavailable, early) "
    "FROM (SELECT e.*, count(t.id) AS n, ifnull(sum(t.status = 'Created'), 0) AS created, "
    "ifnull(sum(t.status = 'Running'), 0) AS running, ifnull(sum(t.status = 'Succeeded'), 0) AS succeeded, "
    "ifnull(sum(t.status = 'Killed'), 0) AS killed, ifnull(sum(t.status = 'Failed'), 0) AS failed, "
    "ifnull(sum(t.status = 'MetricsUnavailable'), 0) AS unavailable, "
    "ifnull(sum(t.status = 'EarlyStopped'), 0) AS early "
    "FROM experiments AS e LEFT JOIN trials AS t ON t.experiment_id = e.id GROUP BY e.id) AS e "
    "WHERE trials <> n OR trials_created <> created OR trials_running <> running OR trials_succeeded <> succeeded OR "
    "trials_killed <> killed OR trials_failed <> failed OR trials_metrics_unavailable <> unavailable OR "
    "trials_early_stopped <> early ORDER BY e.id",

    "SELECT format('the best trial of experiment %s is %s, which is not one of its trials', e.name, e.best_trial) "
    "FROM experiments AS e LEFT JOIN trials AS t ON t.name = e.best_trial AND t.experiment_id = e.id "
    "WHERE e.best_trial IS NOT NULL AND t.id IS NULL ORDER BY e.id",

    "SELECT format('trial %s, attempt %d: %d reports are stored, and its output was read as far as report %d', "
    "p.trial_name, p.attempt, max(o.sequence), p.sequence) FROM collector_positions AS p JOIN observation_logs AS o "
    "ON o.trial_name = p.trial_name AND o.attempt = p.attempt GROUP BY p.trial_name, p.attempt "
    "HAVING max(o.sequence) > p.sequence ORDER BY p.trial_name",
};

// The sentences that a query finds, after those that were found before.
Status Find(Database& db, Sql sql, std::string_view prefix, std::string_view well, std::vector<std::string>* faults) {
  QALAM_TRY(Query query, db.Prepare(sql));
  QALAM_RETURN_IF_ERROR(query.Bind());
  std::int64_t found = 0;
  while (true) {
    QALAM_TRY(const bool more, query.Next());
    if (!more) break;
    if (!well.empty() && query.View(0) == well) continue;
    if (++found <= kMostAlike) faults->push_back(fmt::format("{}{}", prefix, query.View(0)));
  }
  if (found > kMostAlike) faults->push_back(fmt::format("... and {} more like these", found - kMostAlike));
  return OkStatus();
}

// A fault of this kind is SQLite's: it came to bytes that cannot be.
bool IsDamage(const Status& status) { return status.code() == Code::kDataLoss; }

Status LookAtRows(Database& db, FileReport* report) {
  QALAM_TRY(report->experiments, db.Int("SELECT count(*) FROM experiments"));
  QALAM_TRY(report->trials, db.Int("SELECT count(*) FROM trials"));
  QALAM_TRY(report->reports, db.Int("SELECT count(*) FROM observation_logs"));
  for (const Sql rule : kRules) QALAM_RETURN_IF_ERROR(Find(db, rule, "", "", &report->faults));
  std::string last;
  int alike = 0;
  return ReadEveryRow(db, [&](std::string_view table, const Status& fault) {
    alike = table == last ? alike + 1 : 1;
    last = table;
    if (alike <= kMostAlike) report->faults.push_back(fmt::format("{}: {}", table, fault.message()));
    if (alike == kMostAlike + 1) report->faults.emplace_back("... and more like these");
  });
}

Status LookAtAll(Database& db, FileReport* report) {
  QALAM_TRY(Transaction snapshot, db.BeginRead());
  QALAM_TRY(report->layout, db.Int("PRAGMA user_version"));
  if (const Status known = CheckVersion(report->layout, Migrations().size(), report->file); !known.ok()) {
    report->faults.push_back(known.message());
    return snapshot.Commit();
  }
  QALAM_RETURN_IF_ERROR(Find(db, "PRAGMA integrity_check(100)", "SQLite: ", "ok", &report->faults));
  report->older = static_cast<std::size_t>(report->layout) < Migrations().size();
  if (!report->older) {
    if (const Status layout = CheckLayout(db, Migrations()); IsDamage(layout)) {
      report->faults.push_back(layout.message());
    } else {
      QALAM_RETURN_IF_ERROR(layout);
      QALAM_RETURN_IF_ERROR(LookAtRows(db, report));
    }
  }
  return snapshot.Commit();
}

}  // namespace

Result<FileReport> CheckFile(const std::string& name) {
  FileReport report;
  QALAM_TRY(report.file, ResolveFile(name));
  const Result<FileKind> kind = LookAt(report.file);
  if (IsDamage(kind.status())) {
    report.faults.push_back(kind.status().message());
    return report;
  }
  if (!kind.ok()) return kind.status();
  if (*kind != FileKind::kOurs) return NoDatabaseIn(report.file, *kind);
  const auto db = OpenAnyLayout(report.file);
  const Status looked = db.ok() ? LookAtAll(**db, &report) : db.status();
  if (IsDamage(looked)) {
    report.faults.emplace_back("SQLite: it cannot be read to its end: bytes in it were changed, or are missing");
  } else if (!looked.ok()) {
    return looked;
  }
  return report;
}

}  // namespace qalam
