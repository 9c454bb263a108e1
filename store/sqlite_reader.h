// SPDX-License-Identifier: Apache-2.0
// Reading, the same for a reader beside the writer and for the writer itself.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/db.h"
#include "store/migrations.h"
#include "store/store.h"

namespace qalam {

inline constexpr Sql kLastRevision =
    "SELECT max(ifnull((SELECT max(resource_version) FROM experiments), 0), "
    "ifnull((SELECT max(resource_version) FROM trials), 0), "
    "ifnull((SELECT max(resource_version) FROM deleted_experiments), 0))";

// The file that a name stands for, whatever links lead there: one database has one lock.
Result<std::string> ResolveFile(const std::string& name);

// To read a file of the newest layout. A fault says what to do about another one.
Result<std::unique_ptr<Database>> OpenForReading(const std::string& name);
// To look at a file that LookAt takes for ours, whatever its layout.
Result<std::unique_ptr<Database>> OpenAnyLayout(const std::string& file);
// NOT_FOUND, with what to do: it is missing, empty, or nobody's.
Status NoDatabaseIn(const std::string& file, FileKind kind);
// Reads each row of each table as it is read to be used, and tells of those that cannot be. A fault of its own: SQLite
// could not read on.
Status ReadEveryRow(Database& db, const std::function<void(std::string_view table, const Status& fault)>& tell);

// Base is StoreReader or Store. Each answer is one snapshot.
template <class Base>
class SqliteReads : public Base {
 public:
  Result<std::vector<Experiment>> Experiments() override;
  Result<std::int64_t> LastExperimentId() override;
  Result<std::optional<Experiment>> FindExperiment(const std::string& namespace_name, const std::string& name) override;
  Result<std::vector<Trial>> Trials(std::int64_t experiment_id) override;
  Result<std::vector<Trial>> FindTrials(std::int64_t experiment_id, const TrialQuery& query) override;
  Result<std::optional<Trial>> FindTrial(const std::string& name) override;
  Result<std::optional<Trial>> FindNumbered(std::int64_t experiment_id, std::uint64_t ordinal) override;
  Result<std::vector<StepRecord>> Steps(const std::string& trial_name) override;
  Result<std::vector<ObservationRow>> Observations(const std::string& trial_name) override;
  Status VisitCurves(std::int64_t experiment_id, const std::string& metric,
                     const std::function<void(const CurveReport&)>& visit) override;
  Result<std::optional<CollectorPosition>> Position(const std::string& trial_name) override;
  Result<std::vector<Event>> Events(std::int64_t experiment_id) override;
  Result<Changes> ChangesSince(std::int64_t revision) override;

 protected:
  virtual Database& Connection() = 0;
};

extern template class SqliteReads<StoreReader>;
extern template class SqliteReads<Store>;

}  // namespace qalam
