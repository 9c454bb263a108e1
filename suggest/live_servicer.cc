// SPDX-License-Identifier: Apache-2.0
#include "suggest/live_servicer.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "earlystop/stopping_rule.h"
#include "suggest/convert.h"

namespace qalam {
namespace {

constexpr std::size_t kMostExperiments = 256;  // beyond that the one that was asked about longest ago is forgotten

AlgorithmSpec RuleOf(const wire::EarlyStoppingSpec& spec) {
  AlgorithmSpec rule{spec.algorithm_name(), {}};
  for (const wire::EarlyStoppingSetting& setting : spec.algorithm_settings())
    rule.settings.push_back({setting.name(), setting.value()});
  return rule;
}

ObjectiveSpec ObjectiveOf(const qalam::v1::DecideRequest& request) {
  ObjectiveSpec objective;
  const wire::ObjectiveSpec& asked = request.experiment().spec().objective();
  objective.type = asked.type() == wire::MAXIMIZE ? ObjectiveType::kMaximize : ObjectiveType::kMinimize;
  objective.metric_name = asked.objective_metric_name();
  if (request.last_value_counts()) objective.strategies[objective.metric_name] = MetricStrategy::kLatest;
  return objective;
}

Standing StandingOf(wire::TrialStatus::TrialConditionType condition) {
  switch (condition) {
    case wire::TrialStatus::SUCCEEDED: return Standing::kSucceeded;
    case wire::TrialStatus::EARLYSTOPPED: return Standing::kStopped;
    default: return Standing::kFailed;
  }
}

void Apply(const qalam::v1::Change& change, LiveStopping* stopping) {
  switch (change.what_case()) {
    case qalam::v1::Change::kReport:
      return stopping->Add(change.trial(), change.report().step(), change.report().value());
    case qalam::v1::Change::kEnded: return stopping->End(change.trial(), StandingOf(change.ended()));
    case qalam::v1::Change::kBeginsAnew: return stopping->Forget(change.trial());
    case qalam::v1::Change::kSpared: return stopping->Spare(change.trial());
    case qalam::v1::Change::WHAT_NOT_SET: return;  // of a newer client
  }
}

}  // namespace

LiveServicer::LiveServicer(const Clock& clock) : life_(fmt::format("{:x}", clock.Wall().time_since_epoch().count())) {}

std::shared_ptr<LiveServicer::Kept> LiveServicer::Find(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  auto& kept = experiments_[uid];
  if (kept == nullptr) kept = std::make_shared<Kept>();
  kept->used = ++uses_;
  if (experiments_.size() > kMostExperiments) {
    experiments_.erase(
        std::ranges::min_element(experiments_, {}, [](const auto& entry) { return entry.second->used; }));
  }
  return experiments_.at(uid);
}

grpc::ServerUnaryReactor* LiveServicer::Decide(grpc::CallbackServerContext* context,
                                               const qalam::v1::DecideRequest* request, qalam::v1::DecideReply* reply) {
  auto* reactor = context->DefaultReactor();
  const std::shared_ptr<Kept> kept = Find(request->uid());
  pool_.Post(kept->strand,
             [this, kept, reactor, request, reply] { reactor->Finish(ToGrpc(Answer(*kept, *request, reply))); });
  return reactor;
}

Status LiveServicer::Answer(Kept& kept, const qalam::v1::DecideRequest& request, qalam::v1::DecideReply* reply) const {
  const AlgorithmSpec rule = RuleOf(request.experiment().spec().early_stopping());
  QALAM_RETURN_IF_ERROR(ValidateStoppingRule(rule.name, rule.settings));
  if (!IsLive(rule))
    return Error(Code::kUnimplemented, "with these settings {} decides when a trial begins", rule.name);
  const auto state = [&] { return fmt::format("{}-{}", life_, kept.calls); };
  const std::string made_of =
      request.experiment().spec().early_stopping().SerializeAsString() + (request.last_value_counts() ? "L" : "B");
  if (request.whole()) {
    QALAM_TRY(kept.stopping, LiveStopping::Make(rule, ObjectiveOf(request)));
    kept.rule = made_of;
    kept.calls = 0;
  } else if (kept.stopping == nullptr || kept.rule != made_of || request.state() != state()) {
    kept.stopping = nullptr;
    reply->set_history_needed(true);
    return OkStatus();
  }
  for (const qalam::v1::Change& change : request.changes()) Apply(change, kept.stopping.get());
  if (request.trial() != 0) {
    kept.stopping->Add(request.trial(), request.report().step(), request.report().value());
    Decision decision = kept.stopping->Judge(request.trial());
    reply->set_verdict(decision.action == Decision::kStop    ? qalam::v1::DecideReply::STOP
                       : decision.action == Decision::kSpare ? qalam::v1::DecideReply::SPARE
                                                             : qalam::v1::DecideReply::CONTINUE);
    if (!decision.reason.empty()) reply->set_note(kept.stopping->Note());
    reply->set_reason(std::move(decision.reason));
  }
  ++kept.calls;
  reply->set_state(state());
  return OkStatus();
}

}  // namespace qalam
