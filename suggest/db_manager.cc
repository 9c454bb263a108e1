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
#include "suggest/db_manager_calls.h"
#include "suggest/server.h"

namespace qalam {
namespace {

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

class Server final : public DbManager, public wire::DBManager::CallbackService {
 public:
  Server(Loop& loop, DbManagerBackend& backend) : loop_(loop), backend_(backend) {}
  ~Server() override {
    waiting_->Close();
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
    server_->Wait();
  }

  Status Start(const std::string& wanted) {
    PrepareGrpc();
    if (Listen(wanted) || Listen("127.0.0.1:0")) return OkStatus();
    return Error(Code::kUnavailable, "cannot listen on 127.0.0.1 for the metrics of trials");
  }

  bool Listen(const std::string& wanted) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.RegisterService(this);
    builder.RegisterService(&statuses_);
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.SetMaxSendMessageSize(-1);                        // as Katib's: a log is as long as it is
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // else two servers would share what comes
    builder.AddListeningPort(wanted, grpc::InsecureServerCredentials(), &port);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return false;
    server_->GetHealthCheckService()->SetServingStatus("grpc.health.v1.Health", true);
    address_ = fmt::format("{}:{}", wanted.substr(0, wanted.find(':')), port);
    return true;
  }
  const std::string& address() const override { return address_; }

  grpc::ServerUnaryReactor* GetObservationLog(grpc::CallbackServerContext* context,
                                              const wire::GetObservationLogRequest* request,
                                              wire::GetObservationLogReply* reply) override {
    return OnLoop(context, [this, request, reply] { return AnswerGet(backend_, *request, reply); });
  }
  grpc::ServerUnaryReactor* ReportObservationLog(grpc::CallbackServerContext* context,
                                                 const wire::ReportObservationLogRequest* request,
                                                 wire::ReportObservationLogReply*) override {
    return OnLoop(context, [this, request] { return AnswerReport(backend_, *request); });
  }
  grpc::ServerUnaryReactor* DeleteObservationLog(grpc::CallbackServerContext* context,
                                                 const wire::DeleteObservationLogRequest* request,
                                                 wire::DeleteObservationLogReply*) override {
    return OnLoop(context, [this, request] { return backend_.DeleteObservationLog(request->trial_name()); });
  }

 private:
  // The rest of this service is for controllers, and elsewhere: `qalam suggest`.
  class Statuses final : public wire::EarlyStopping::CallbackService {
   public:
    explicit Statuses(Server& server) : server_(server) {}
    grpc::ServerUnaryReactor* SetTrialStatus(grpc::CallbackServerContext* context,
                                             const wire::SetTrialStatusRequest* request,
                                             wire::SetTrialStatusReply*) override {
      return server_.OnLoop(context,
                            [this, request] { return server_.backend_.SetTrialStatus(request->trial_name()); });
    }

   private:
    Server& server_;
  };

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

  Loop& loop_;
  DbManagerBackend& backend_;
  const std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
  Statuses statuses_{*this};
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

std::string DbManagerAddress(const std::string& folder) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : folder) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash ^= hash >> 32;
  return fmt::format("127.{}.{}.{}:6789", 1 + hash % 254, (hash >> 8) % 256, 1 + (hash >> 16) % 254);
}

Result<std::unique_ptr<DbManager>> ServeDbManager(Loop& loop, DbManagerBackend& backend, const std::string& wanted) {
  auto server = std::make_unique<Server>(loop, backend);
  QALAM_RETURN_IF_ERROR(server->Start(wanted));
  return std::unique_ptr<DbManager>(std::move(server));
}

}  // namespace qalam
