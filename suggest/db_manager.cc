// SPDX-License-Identifier: Apache-2.0
// gRPC's threads only hand requests to the loop, which answers them from the store.
#include "suggest/db_manager.h"

#include <fmt/core.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>

#include <map>
#include <mutex>
#include <utility>

#include "proto/api.grpc.pb.h"
#include "suggest/convert.h"
#include "suggest/server.h"

namespace qalam {
namespace {

constexpr const char* kNoTime = "0001-01-01T00:00:00Z";  // as Katib's collectors write it

// The calls that wait for the loop. Outlives the server where the loop still holds a task of it.
class Waiting {
 public:
  std::uint64_t Add(grpc::ServerUnaryReactor* reactor) {
    const std::lock_guard lock(mutex_);
    if (closed_) return 0;
    reactors_[++last_] = reactor;
    return last_;
  }
  grpc::ServerUnaryReactor* Take(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    const auto found = reactors_.extract(id);
    return found.empty() ? nullptr : found.mapped();
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& [id, reactor] : std::exchange(reactors_, {}))
      reactor->Finish({grpc::StatusCode::UNAVAILABLE, "qalam is ending"});
  }

 private:
  std::mutex mutex_;  // guards all below
  std::map<std::uint64_t, grpc::ServerUnaryReactor*> reactors_;
  std::uint64_t last_ = 0;
  bool closed_ = false;
};

Result<WallTime> TimeOf(const std::string& text, const char* field) {
  if (text.empty() || text == kNoTime) return WallTime{};
  auto time = ParseTime(text);
  if (!time.ok()) return InvalidArgument("{} '{}' is not RFC 3339", field, text);
  return time;
}

class Server final : public DbManager, public wire::DBManager::CallbackService {
 public:
  Server(Loop& loop, DbManagerBackend& backend) : loop_(loop), backend_(backend) {}
  ~Server() override {
    waiting_->Close();
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
    server_->Wait();
  }

  Status Start() {
    PrepareGrpc();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.RegisterService(this);
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.SetMaxSendMessageSize(-1);  // as Katib's: a log is as long as it is
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return Error(Code::kUnavailable, "cannot listen on 127.0.0.1 for the metrics of trials");
    server_->GetHealthCheckService()->SetServingStatus("grpc.health.v1.Health", true);
    address_ = fmt::format("127.0.0.1:{}", port);
    return OkStatus();
  }
  const std::string& address() const override { return address_; }

  grpc::ServerUnaryReactor* GetObservationLog(grpc::CallbackServerContext* context,
                                              const wire::GetObservationLogRequest* request,
                                              wire::GetObservationLogReply* reply) override {
    return OnLoop(context, [this, request, reply] { return Get(*request, reply); });
  }
  grpc::ServerUnaryReactor* ReportObservationLog(grpc::CallbackServerContext* context,
                                                 const wire::ReportObservationLogRequest* request,
                                                 wire::ReportObservationLogReply*) override {
    return OnLoop(context, [this, request] { return Report(*request); });
  }
  grpc::ServerUnaryReactor* DeleteObservationLog(grpc::CallbackServerContext* context,
                                                 const wire::DeleteObservationLogRequest* request,
                                                 wire::DeleteObservationLogReply*) override {
    return OnLoop(context, [this, request] { return backend_.DeleteObservationLog(request->trial_name()); });
  }

 private:
  // Request and reply are gRPC's and live until Finish.
  template <class Work>
  grpc::ServerUnaryReactor* OnLoop(grpc::CallbackServerContext* context, Work work) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const std::uint64_t id = waiting_->Add(reactor);
    if (id == 0) {
      reactor->Finish({grpc::StatusCode::UNAVAILABLE, "qalam is ending"});
      return reactor;
    }
    // Whoever takes the call out of `waiting` answers it: after Close this object may be gone.
    loop_.Post([waiting = waiting_, id, work] {
      if (grpc::ServerUnaryReactor* mine = waiting->Take(id)) mine->Finish(ToGrpc(work()));
    });
    return reactor;
  }

  Status Get(const wire::GetObservationLogRequest& request, wire::GetObservationLogReply* reply) {
    QALAM_TRY(const WallTime start, TimeOf(request.start_time(), "start_time"));
    QALAM_TRY(const WallTime end, TimeOf(request.end_time(), "end_time"));
    QALAM_TRY(const std::vector<MetricReport> reports, backend_.ObservationLog(request.trial_name()));
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

  Status Report(const wire::ReportObservationLogRequest& request) {
    std::vector<MetricReport> reports;
    for (const wire::MetricLog& line : request.observation_log().metric_logs()) {
      QALAM_TRY(const WallTime time, TimeOf(line.time_stamp(), "time_stamp"));
      reports.push_back({time, line.metric().name(), line.metric().value()});
    }
    return backend_.ReportObservationLog(request.trial_name(), reports);
  }

  Loop& loop_;
  DbManagerBackend& backend_;
  const std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<DbManager>> ServeDbManager(Loop& loop, DbManagerBackend& backend) {
  auto server = std::make_unique<Server>(loop, backend);
  QALAM_RETURN_IF_ERROR(server->Start());
  return std::unique_ptr<DbManager>(std::move(server));
}

}  // namespace qalam
