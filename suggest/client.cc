// SPDX-License-Identifier: Apache-2.0
// The client of all suggestion services. Requests are built on the loop's thread, where the trials are; replies are
// checked on the thread of gRPC that brought them; what is left for the loop is small.
#include <fmt/core.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <utility>

#include "proto/api.grpc.pb.h"
#include "suggest/convert.h"
#include "suggest/reply.h"
#include "suggest/server.h"
#include "suggest/service.h"

namespace qalam {
namespace {

using std::chrono::system_clock;

// A service that remembers is told a long history in pieces of so many trials: as one message, 100,000 trials would
// take 150 MB on each side.
constexpr std::size_t kPiece = 4096;

// What the service said it knows of an experiment. Of the loop's thread.
struct Remembered {
  std::string token;           // empty: nothing
  std::uint64_t revision = 0;  // of the trials it was sent
};

// One call: made on the loop's thread, ended on one of gRPC's, told on the loop's.
struct Call {
  std::string uid, service;
  std::weak_ptr<Remembered> experiment;  // gone: nobody wants the answer any more
  // Until the call has ended, and no longer: it keeps the channel, and a channel whose last reference goes on a thread
  // of gRPC's own tears that thread down from within.
  std::optional<grpc::ClientContext> context{std::in_place};
};
// Where the telling of a whole history stands.
struct Telling {
  std::size_t first = 0;       // trial of this piece, in the order of Visit
  std::string token;           // that names the pieces before
  std::uint64_t revision = 0;  // of the trials when it began
  int begun = 1;               // how often it was begun for one question
};
struct SuggestionCall : Call {
  SuggestionRequest asked;
  std::function<void(Result<SuggestionReply>)> done;
  system_clock::time_point deadline;
  Telling telling;
  bool more = false;      // trials after this piece
  bool is_piece = false;  // nothing is asked yet
  wire::GetSuggestionsRequest request;
  wire::GetSuggestionsReply reply;

  void LetGo() { asked = {}, done = nullptr; }
};
struct ValidateCall : Call {
  std::function<void(Status)> done;
  wire::ValidateAlgorithmSettingsRequest request;
  wire::ValidateAlgorithmSettingsReply reply;

  void LetGo() { done = nullptr; }
};

// The calls that gRPC holds. Outlives the client where a thread of gRPC is just leaving it.
class UnderWay {
 public:
  void Add(Call* call) {
    const std::lock_guard lock(mutex_);
    calls_.insert(call);
  }
  void Remove(Call* call) {
    const std::lock_guard lock(mutex_);
    calls_.erase(call);
    call->context.reset();
    if (calls_.empty()) none_.notify_all();
  }
  template <class Predicate>
  void CancelIf(Predicate predicate) {
    const std::lock_guard lock(mutex_);
    for (Call* call : calls_) {
      if (predicate(*call)) call->context->TryCancel();
    }
  }
  void WaitForNone() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return calls_.empty(); });
  }

 private:
  std::mutex mutex_;  // guards calls_, and keeps each of them alive while it is in there
  std::unordered_set<Call*> calls_;
  std::condition_variable none_;
};

// A service that may know no conditions looks for every parameter.
void FillInactive(const SearchSpace& space, wire::Trial* trial) {
  if (!space.conditional()) return;
  Assignments all = AssignmentsOf(*trial);
  space.FillInactive(&all);
  auto& assignments = *trial->mutable_spec()->mutable_parameter_assignments();
  assignments.clear_assignments();
  for (const Assignment& assignment : all) {
    wire::ParameterAssignment& a = *assignments.add_assignments();
    a.set_name(assignment.name);
    a.set_value(assignment.value);
  }
}

class GrpcClient final : public SuggestionClient {
 public:
  // `where`: its address, or empty for the built-in `server`, which the client owns.
  GrpcClient(Loop& loop, ClientOptions options, std::string where, const std::shared_ptr<grpc::Channel>& channel,
             std::unique_ptr<GrpcServer> server)
      : loop_(loop),
        options_(options),
        where_(std::move(where)),
        server_(std::move(server)),
        remembers_(server_ != nullptr),
        stub_(wire::Suggestion::NewStub(channel)) {}

  ~GrpcClient() override {
    experiments_.clear();  // what was posted and has not run finds nobody
    under_way_->CancelIf([](const Call&) { return true; });
    under_way_->WaitForNone();
  }

  void Validate(const SuggestionRequest& request, std::function<void(Status)> done) override {
    const auto call = std::make_shared<ValidateCall>();
    ToWire(*request.spec, request.algorithm_settings, call->request.mutable_experiment());
    call->done = std::move(done);
    Begin(*call, request, system_clock::now() + options_.deadline);
    stub_->async()->ValidateAlgorithmSettings(
        &*call->context, &call->request, &call->reply, [this, call](const grpc::Status& status) {
          const Status verdict = status.ok() ? OkStatus() : FaultOf(status, call->service, options_.deadline);
          End(call, [call, verdict] { call->done(verdict); });
        });
  }

  void GetSuggestions(const SuggestionRequest& request, std::function<void(Result<SuggestionReply>)> done) override {
    Send(request, std::move(done), system_clock::now() + options_.deadline, {});
  }

  void Forget(const std::string& uid) override {
    experiments_.erase(uid);
    under_way_->CancelIf([&](const Call& call) { return call.uid == uid; });
  }

 private:
  std::shared_ptr<Remembered>& ExperimentOf(const std::string& uid) {
    std::shared_ptr<Remembered>& experiment = experiments_[uid];
    if (experiment == nullptr) experiment = std::make_shared<Remembered>();
    return experiment;
  }

  void Begin(Call& call, const SuggestionRequest& request, system_clock::time_point deadline) {
    call.uid = request.uid;
    call.service = fmt::format("suggestion service {}", request.spec->algorithm.name);
    if (!where_.empty()) call.service += " at " + where_;
    call.experiment = ExperimentOf(request.uid);
    call.context->set_deadline(deadline);
    under_way_->Add(&call);
  }

  // On gRPC's thread, once a call, last: `then` will run on the loop, unless nobody wants it any more.
  template <class C, class Then>
  void End(const std::shared_ptr<C>& call, Then then) {
    const std::shared_ptr<UnderWay> under_way = under_way_;
    loop_.Post([call, then = std::move(then)]() mutable {
      if (!call->experiment.expired()) then();
      call->LetGo();  // what is the loop's ends on the loop's thread; gRPC may hold the call a little longer
    });
    under_way->Remove(call.get());  // from here on the client and the loop may be gone
  }

  void Send(SuggestionRequest request, std::function<void(Result<SuggestionReply>)> done,
            system_clock::time_point deadline, Telling telling);
  Result<SuggestionReply> Read(SuggestionCall& call, const grpc::Status& status) const;
  void Tell(SuggestionCall& call, Result<SuggestionReply> reply);

  Loop& loop_;
  const ClientOptions options_;
  const std::string where_;
  const std::unique_ptr<GrpcServer> server_;
  bool remembers_;  // the service has shown that it knows tokens
  const std::unique_ptr<wire::Suggestion::Stub> stub_;
  std::map<std::string, std::shared_ptr<Remembered>> experiments_;  // by uid, of the loop's thread; never null
  const std::shared_ptr<UnderWay> under_way_ = std::make_shared<UnderWay>();
};

void GrpcClient::Send(SuggestionRequest request, std::function<void(Result<SuggestionReply>)> done,
                      system_clock::time_point deadline, Telling telling) {
  const auto call = std::make_shared<SuggestionCall>();
  Remembered& remembered = *ExperimentOf(request.uid);
  if (remembered.revision > request.trials->revision()) remembered = {};  // these are not the trials it was sent
  if (telling.first == 0) telling.revision = request.trials->revision();

  wire::GetSuggestionsRequest& message = call->request;
  ToWire(*request.spec, request.algorithm_settings, message.mutable_experiment());
  message.set_uid(request.uid);
  message.set_namespace_(request.spec->namespace_name);
  message.set_accepts_token(true);
  message.set_history_token(remembered.token.empty() ? telling.token : remembered.token);
  const ObjectiveSpec& objective = request.spec->objective;
  const bool in_pieces = remembered.token.empty() && remembers_;
  std::size_t index = 0;
  request.trials->Visit(remembered.revision, [&](const Trial& trial) {
    const std::size_t i = index++;
    if (in_pieces && (i < telling.first || i >= telling.first + kPiece)) return;
    wire::Trial& sent = *(IsSentByKatib(trial, objective) ? message.add_trials() : message.add_unobserved_trials());
    ToWire(trial, objective, &sent);
    if (!remembers_) FillInactive(*request.space, &sent);
  });
  call->more = in_pieces && index > telling.first + kPiece;
  call->is_piece = call->more || telling.first > 0;
  if (!call->is_piece) {
    message.set_current_request_number(request.current_request_number);
    message.set_total_request_number(request.total_request_number);
  }

  call->deadline = deadline;
  call->telling = std::move(telling);
  call->done = std::move(done);
  call->asked = std::move(request);
  Begin(*call, call->asked, deadline);
  stub_->async()->GetSuggestions(
      &*call->context, &call->request, &call->reply, [this, call](const grpc::Status& status) {
        Result<SuggestionReply> reply = Read(*call, status);
        End(call, [this, call, reply = std::move(reply)]() mutable { Tell(*call, std::move(reply)); });
      });
}

// On gRPC's thread.
Result<SuggestionReply> GrpcClient::Read(SuggestionCall& call, const grpc::Status& status) const {
  const std::size_t sent = call.request.ByteSizeLong();
  const int trials = call.request.trials_size() + call.request.unobserved_trials_size();
  call.request.clear_trials();  // a whole history is large, and nobody reads it again
  call.request.clear_unobserved_trials();
  if (!status.ok()) {
    const std::string text = status.error_message();
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED && text.find("larger than max") != text.npos) {
      const bool ours = text.find(fmt::format("vs. {}", kMaxMessageBytes)) != text.npos && sent <= kMaxMessageBytes;
      return Status(Code::kResourceExhausted,
                    ours ? fmt::format("its reply is larger than {} MiB", kMaxMessageBytes >> 20)
                         : fmt::format("the request with {} trials, {} bytes, is more than it takes", trials, sent))
          .Within(call.service);
    }
    return FaultOf(status, call.service, options_.deadline);
  }
  if (call.reply.history_needed()) return SuggestionReply{};
  const ExperimentSpec& spec = *call.asked.spec;
  Result<SuggestionReply> reply =
      CheckReply(call.reply, *call.asked.space, call.asked.current_request_number, spec.nas_config ? &spec : nullptr);
  if (reply.ok() && call.reply.early_stopping_rules_size() > 0) {
    Result<std::vector<EarlyStoppingRule>> rules = CheckRules(call.reply.early_stopping_rules(), spec.objective);
    if (rules.ok()) {
      reply->early_stopping_rules = *std::move(rules);
    } else {
      reply->rules_rejected_why = rules.status().Within(call.service).message();
    }
  }
  call.reply.clear_parameter_assignments();
  return reply.ok() ? std::move(reply) : reply.status().Within(call.service);
}

// On the loop's thread, where the experiment is known to be there.
void GrpcClient::Tell(SuggestionCall& call, Result<SuggestionReply> reply) {
  if (!reply.ok()) return call.done(std::move(reply));
  Remembered& remembered = *call.experiment.lock();
  const std::string& token = call.reply.history_token();
  const auto send = [&](Telling telling) {
    Send(std::move(call.asked), std::move(call.done), call.deadline, std::move(telling));
  };
  remembers_ = call.reply.history_needed() || !token.empty();
  if (call.reply.history_needed()) {
    remembered = {};
    if (call.request.history_token().empty() || call.telling.begun > 2) {
      return call.done(Status(Code::kInternal, "asks for the history that it was sent").Within(call.service));
    }
    return send({0, "", 0, call.telling.begun + 1});
  }
  // Without a token it remembers nothing: the next request holds everything again.
  if (!call.more) remembered = {token, token.empty() ? 0 : call.telling.revision};
  if (call.more && !token.empty()) {
    return send({call.telling.first + kPiece, token, call.telling.revision, call.telling.begun});
  }
  if (call.is_piece) return send({0, "", 0, call.telling.begun});
  call.done(std::move(reply));
}

}  // namespace

std::unique_ptr<SuggestionClient> MakeInProcessClient(Loop& loop, ClientOptions options) {
  Result<std::unique_ptr<GrpcServer>> server = GrpcServer::Start("");
  QALAM_CHECK(server.ok(), "a server without a port has nothing that can fail");
  const std::shared_ptr<grpc::Channel> channel = (*server)->InProcessChannel();
  return std::make_unique<GrpcClient>(loop, options, "", channel, *std::move(server));
}

std::unique_ptr<SuggestionClient> MakeRemoteClient(Loop& loop, const std::string& address, ClientOptions options) {
  return std::make_unique<GrpcClient>(loop, options, address, ConnectTo(address), nullptr);
}

std::shared_ptr<grpc::Channel> ConnectTo(const std::string& address) {
  PrepareGrpc();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // The caller has its own backoff; the channel's must not add a minute to it after a restart of the service.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);  // also the time one attempt to connect gets
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace qalam
