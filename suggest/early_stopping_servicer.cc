// SPDX-License-Identifier: Apache-2.0
#include "suggest/early_stopping_servicer.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "core/objective.h"
#include "earlystop/median_stop.h"
#include "earlystop/stopping_rule.h"
#include "suggest/convert.h"
#include "suggest/server.h"

namespace qalam {
namespace {

constexpr std::size_t kMostKnown = 100'000;    // trials; then all are read again
constexpr std::chrono::seconds kPatience{10};  // for the log of one trial

Result<std::vector<Setting>> SettingsOf(const wire::EarlyStoppingSpec& spec) {
  std::vector<Setting> settings;
  for (const wire::EarlyStoppingSetting& setting : spec.algorithm_settings()) {
    settings.push_back({setting.name(), setting.value()});
  }
  QALAM_RETURN_IF_ERROR(ValidateStoppingRule(spec.algorithm_name(), settings));
  return settings;
}

}  // namespace

void EarlyStoppingServicer::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (grpc::ClientContext* context : asking_) context->TryCancel();
}

grpc::ServerUnaryReactor* EarlyStoppingServicer::ValidateEarlyStoppingSettings(
    grpc::CallbackServerContext* context, const wire::ValidateEarlyStoppingSettingsRequest* request,
    wire::ValidateEarlyStoppingSettingsReply*) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(SettingsOf(request->early_stopping()).status()));
  return reactor;
}

// Katib's own writes the status into an object of Kubernetes; there is none here, and our controller has set it before
// it tells anybody.
grpc::ServerUnaryReactor* EarlyStoppingServicer::SetTrialStatus(grpc::CallbackServerContext* context,
                                                                const wire::SetTrialStatusRequest* request,
                                                                wire::SetTrialStatusReply*) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(Error(Code::kFailedPrecondition,
                               "the status of trial '{}' is its controller's to set: this service knows no cluster",
                               request->trial_name())));
  return reactor;
}

grpc::ServerUnaryReactor* EarlyStoppingServicer::GetEarlyStoppingRules(
    grpc::CallbackServerContext* context, const wire::GetEarlyStoppingRulesRequest* request,
    wire::GetEarlyStoppingRulesReply* reply) {
  auto* reactor = context->DefaultReactor();
  pool_.Post(std::make_shared<Pool::Strand>(),
             [this, reactor, request, reply] { reactor->Finish(ToGrpc(Answer(*request, reply))); });
  return reactor;
}

Status EarlyStoppingServicer::Answer(const wire::GetEarlyStoppingRulesRequest& request,
                                     wire::GetEarlyStoppingRulesReply* reply) {
  const wire::ExperimentSpec& spec = request.experiment().spec();
  QALAM_TRY(const std::vector<Setting> given, SettingsOf(spec.early_stopping()));
  // The others cannot be said in one bound that is set when a trial is created.
  if (spec.early_stopping().algorithm_name() != kMedianStop) return OkStatus();
  const MedianStopSettings settings = kMedianStopSettings.Parse(given);
  const std::string& metric = spec.objective().objective_metric_name();
  const auto steps = static_cast<std::size_t>(settings.start_step);
  std::unique_ptr<wire::DBManager::Stub> metrics;
  std::vector<Curve> curves;
  for (const wire::Trial& trial : request.trials()) {
    if (trial.status().condition() != wire::TrialStatus::SUCCEEDED) continue;
    // A name may come again, in another experiment or after a deletion; not with the same times.
    const std::string key = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.db_manager_address(), trial.name(),
                                        trial.status().start_time(), trial.status().completion_time(), metric, steps);
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = known_.find(key); found != known_.end()) {
        curves.push_back(found->second);
        continue;
      }
    }
    if (metrics == nullptr) metrics = wire::DBManager::NewStub(ConnectTo(request.db_manager_address()));
    QALAM_TRY(Curve curve, CurveOf(*metrics, trial.name(), metric, steps));
    curves.push_back(curve);
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMostKnown) known_.clear();
    known_.emplace(key, std::move(curve));
  }
  const std::optional<double> bound = MedianStopBound(settings, curves);
  if (!bound) return OkStatus();
  wire::EarlyStoppingRule& rule = *reply->add_early_stopping_rules();
  rule.set_name(metric);
  rule.set_value(fmt::format("{}", *bound));
  rule.set_comparison(spec.objective().type() == wire::MAXIMIZE ? wire::LESS : wire::GREATER);
  rule.set_start_step(settings.start_step);
  return OkStatus();
}

Result<EarlyStoppingServicer::Curve> EarlyStoppingServicer::CurveOf(wire::DBManager::Stub& metrics,
                                                                    const std::string& trial, const std::string& metric,
                                                                    std::size_t steps) {
  wire::GetObservationLogRequest request;
  request.set_trial_name(trial);
  request.set_metric_name(metric);
  wire::GetObservationLogReply reply;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  context.set_wait_for_ready(true);
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return Error(Code::kCancelled, "the service is ending");
    asking_.insert(&context);
  }
  const grpc::Status status = metrics.GetObservationLog(&context, request, &reply);
  {
    const std::lock_guard lock(mutex_);
    asking_.erase(&context);
  }
  if (!status.ok()) {
    return Error(Code::kUnavailable, "the metrics of trial '{}' cannot be read: {}", trial, status.error_message());
  }
  Curve curve;
  for (const wire::MetricLog& line : reply.observation_log().metric_logs()) {
    const std::optional<double> value = ParseMetricValue(line.metric().value());
    if (value && std::isfinite(*value)) curve.push_back(*value);
    if (curve.size() == steps) break;
  }
  return curve;
}

}  // namespace qalam
