// SPDX-License-Identifier: Apache-2.0
#include "experiment/metrics/reported.h"

#include <fmt/format.h>

#include <utility>

namespace qalam {
namespace {

class ReportedCollector final : public Collector {
 public:
  explicit ReportedCollector(std::string objective) : objective_(std::move(objective)) {}
  void Feed(std::string_view, std::vector<MetricPoint>*) override {}
  void Finish(std::vector<MetricPoint>*) override {}
  std::int64_t consumed() const override { return 0; }
  std::int64_t lines() const override { return 0; }
  std::string Diagnosis() const override {
    return fmt::format(
        "the objective '{}' was never reported.\n"
        "  fix: let the trial call katib.report_metrics({{\"{}\": VALUE}}), or ReportObservationLog of "
        "api.v1.beta1.DBManager at $QALAM_DB_MANAGER with the name in $KATIB_TRIAL_NAME",
        objective_, objective_);
  }

 private:
  std::string objective_;
};

}  // namespace

std::unique_ptr<Collector> MakeReportedCollector(const ObjectiveSpec& objective) {
  return std::make_unique<ReportedCollector>(objective.metric_name);
}

}  // namespace qalam
