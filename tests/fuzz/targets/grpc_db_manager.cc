// SPDX-License-Identifier: Apache-2.0
// Any bytes as a report of metrics and as a question for them: what was taken in comes back, in its order.
#include "suggest/db_manager_calls.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {
namespace {

class OneTrial final : public DbManagerBackend {
 public:
  Result<std::vector<MetricReport>> ObservationLog(const std::string&) override { return reports_; }
  Status ReportObservationLog(const std::string&, const std::vector<MetricReport>& reports) override {
    reports_ = reports;
    return OkStatus();
  }
  Status DeleteObservationLog(const std::string&) override { return OkStatus(); }
  Status SetTrialStatus(const std::string&) override { return OkStatus(); }

 private:
  std::vector<MetricReport> reports_;
};

}  // namespace

Status TryGrpcDbManager(std::string_view input) {
  const std::string bytes(input);
  OneTrial trial;
  wire::ReportObservationLogRequest report;
  if (!report.ParseFromString(bytes)) report.Clear();
  if (AnswerReport(trial, report).ok()) {
    wire::GetObservationLogReply reply;
    if (const Status all = AnswerGet(trial, {}, &reply); !all.ok()) return Broken("no answer", all.message(), "");
    if (reply.observation_log().metric_logs_size() != report.observation_log().metric_logs_size())
      return Broken("another number of reports", reply.ShortDebugString(), report.ShortDebugString());
    wire::ReportObservationLogRequest again;
    *again.mutable_observation_log() = reply.observation_log();
    wire::GetObservationLogReply second;
    if (const Status status = AnswerReport(trial, again); !status.ok())
      return Broken("its own answer is refused", status.message(), again.ShortDebugString());
    (void)AnswerGet(trial, {}, &second);
    if (second.SerializeAsString() != reply.SerializeAsString())
      return Broken("reports change on their way", second.ShortDebugString(), reply.ShortDebugString());
  }
  wire::GetObservationLogRequest question;
  wire::GetObservationLogReply reply;
  if (question.ParseFromString(bytes)) (void)AnswerGet(trial, question, &reply);
  return OkStatus();
}

}  // namespace qalam::fuzz
