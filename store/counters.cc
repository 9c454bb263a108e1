// SPDX-License-Identifier: Apache-2.0
#include "store/counters.h"

#include <memory>
#include <utility>

#include "store/db.h"
#include "store/sqlite_reader.h"

namespace qalam {
namespace {

constexpr Sql kSamples =
    "WITH happens(name) AS (VALUES ('katib_experiment_created_total'), ('katib_experiment_succeeded_total'), "
    "('katib_experiment_failed_total'), ('katib_experiment_deleted_total'), ('katib_trial_created_total'), "
    "('katib_trial_succeeded_total'), ('katib_trial_failed_total'), ('katib_trial_metrics_unavailable_total'), "
    "('katib_trial_deleted_total')), "
    "spaces AS (SELECT DISTINCT namespace FROM counters) "
    "SELECT happens.name, spaces.namespace, '', ifnull(counters.value, 0) FROM happens JOIN spaces "
    "LEFT JOIN counters ON counters.name = happens.name AND counters.namespace = spaces.namespace "
    "UNION ALL SELECT 'katib_experiments_current', namespace, status, count(*) FROM experiments "
    "GROUP BY namespace, status "
    "UNION ALL SELECT 'katib_trials_current', namespace, status, count(*) FROM trials GROUP BY namespace, status "
    "UNION ALL SELECT 'qalam_trials_repeated_current', namespace, '', sum(again) FROM "
    "(SELECT namespace, count(*) - count(DISTINCT assignments) AS again FROM trials GROUP BY experiment_id) "
    "GROUP BY namespace "
    "ORDER BY 1, 2, 3";

}  // namespace

Result<std::vector<Sample>> ReadCounters(const std::string& file) {
  QALAM_TRY(const std::unique_ptr<Database> db, OpenForReading(file));
  QALAM_TRY(Query rows, db->Prepare(kSamples));
  QALAM_RETURN_IF_ERROR(rows.Bind());
  std::vector<Sample> samples;
  while (true) {
    QALAM_TRY(const bool more, rows.Next());
    if (!more) return samples;
    samples.push_back({rows.Text(0), rows.Text(1), rows.Text(2), rows.Int(3)});
  }
}

}  // namespace qalam
