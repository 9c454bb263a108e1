// SPDX-License-Identifier: Apache-2.0
#include "suggest/db_manager_calls.h"

#include <string>
#include <vector>

namespace qalam {
namespace {

constexpr const char* kNoTime = "0001-01-01T00:00:00Z";  // as Katib's collectors write it

Result<WallTime> TimeOf(const std::string& text, const char* field) {
  if (text.empty() || text == kNoTime) return WallTime{};
  auto time = ParseTime(text);
  if (!time.ok()) return InvalidArgument("{} '{}' is not RFC 3339", field, text);
  return time;
}

}  // namespace

Status AnswerGet(DbManagerBackend& backend, const wire::GetObservationLogRequest& request,
                 wire::GetObservationLogReply* reply) {
  QALAM_TRY(const WallTime start, TimeOf(request.start_time(), "start_time"));
  QALAM_TRY(const WallTime end, TimeOf(request.end_time(), "end_time"));
  QALAM_TRY(const std::vector<MetricReport> reports, backend.ObservationLog(request.trial_name()));
  wire::ObservationLog& log = *reply->mutable_observation_log();
  for (const MetricReport& report : reports) {
    if (!request.metric_name().empty() && report.metric != request.metric_name()) continue;
    if (!request.start_time().empty() && report.time < start) continue;
    if (!request.end_time().empty() && report.time > end) continue;
    wire::MetricLog& line = *log.add_metric_logs();
    line.set_time_stamp(report.time == WallTime{} ? kNoTime : FormatTimePrecise(report.time));
    line.mutable_metric()->set_name(report.metric);
    line.mutable_metric()->set_value(report.value);
  }
  return OkStatus();
}

Status AnswerReport(DbManagerBackend& backend, const wire::ReportObservationLogRequest& request) {
  std::vector<MetricReport> reports;
  for (const wire::MetricLog& line : request.observation_log().metric_logs()) {
    QALAM_TRY(const WallTime time, TimeOf(line.time_stamp(), "time_stamp"));
    reports.push_back({time, line.metric().name(), line.metric().value()});
  }
  return backend.ReportObservationLog(request.trial_name(), reports);
}

}  // namespace qalam
