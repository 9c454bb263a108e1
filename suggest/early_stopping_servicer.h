// SPDX-License-Identifier: Apache-2.0
// Katib's EarlyStopping service with the rules that are built in. Reads the trials' metrics from the DBManager that a
// request names; remembers what it read of finished trials, a bounded cache.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/status.h"
#include "proto/api.grpc.pb.h"
#include "suggest/pool.h"

namespace qalam {

namespace wire = ::api::v1::beta1;

class EarlyStoppingServicer final : public wire::EarlyStopping::CallbackService {
 public:
  // Calls under way end soon, with CANCELLED, and new ones at once.
  void Close();

  grpc::ServerUnaryReactor* GetEarlyStoppingRules(grpc::CallbackServerContext* context,
                                                  const wire::GetEarlyStoppingRulesRequest* request,
                                                  wire::GetEarlyStoppingRulesReply* reply) override;
  grpc::ServerUnaryReactor* SetTrialStatus(grpc::CallbackServerContext* context,
                                           const wire::SetTrialStatusRequest* request,
                                           wire::SetTrialStatusReply* reply) override;
  grpc::ServerUnaryReactor* ValidateEarlyStoppingSettings(grpc::CallbackServerContext* context,
                                                          const wire::ValidateEarlyStoppingSettingsRequest* request,
                                                          wire::ValidateEarlyStoppingSettingsReply* reply) override;

 private:
  using Curve = std::vector<double>;
  Status Answer(const wire::GetEarlyStoppingRulesRequest& request, wire::GetEarlyStoppingRulesReply* reply);
  // The first `steps` finite values of the metric.
  Result<Curve> CurveOf(wire::DBManager::Stub& metrics, const std::string& trial, const std::string& metric,
                        std::size_t steps);

  std::mutex mutex_;  // guards the three below
  std::unordered_map<std::string, Curve> known_;
  std::unordered_set<grpc::ClientContext*> asking_;
  bool closed_ = false;

  Pool pool_{2};  // last: its threads end before the rest goes
};

}  // namespace qalam
