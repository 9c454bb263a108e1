// SPDX-License-Identifier: Apache-2.0
#include "suggest/server.h"

#include <arpa/inet.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include <charconv>
#include <chrono>
#include <mutex>
#include <string_view>

#include "core/log.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

struct Address {
  std::string host;  // without brackets
  int port = 0;
};

Result<Address> ParseAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  Address out;
  if (colon == std::string::npos) return InvalidArgument("address '{}' has no port: it must be HOST:PORT", text);
  out.host = text.substr(0, colon);
  if (out.host.size() > 2 && out.host.front() == '[' && out.host.back() == ']') {
    out.host = out.host.substr(1, out.host.size() - 2);
  } else if (out.host.find(':') != std::string::npos) {
    return InvalidArgument("address '{}': an IPv6 address is written in brackets, as in [::1]:6789", text);
  }
  if (out.host.empty()) return InvalidArgument("address '{}' has no host: it must be HOST:PORT", text);
  const char* end = text.data() + text.size();
  const auto [ptr, ec] = std::from_chars(text.data() + colon + 1, end, out.port);
  if (ec != std::errc() || ptr != end || out.port < 0 || out.port > 65'535) {
    return InvalidArgument("address '{}': the port must be a number from 0 to 65535", text);
  }
  return out;
}

bool IsLoopback(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return host == "localhost";
}

void LogOfGrpc(gpr_log_func_args* line) {
  const bool dying = std::string_view(line->message).starts_with("assertion failed");
  Log(dying ? LogLevel::kError : LogLevel::kDebug, "grpc",
      {{"file", line->file}, {"line", line->line}, {"message", line->message}});
}

// Of text that is no UTF-8, of which whoever sent it hears as well.
void LogOfProtobuf(google::protobuf::LogLevel, const char* file, int line, const std::string& message) {
  Log(LogLevel::kDebug, "protobuf", {{"file", file}, {"line", line}, {"message", message}});
}

}  // namespace

void PrepareGrpc() {
  static std::once_flag once;
  std::call_once(once, [] {  // a second registration would offer reflection twice
    gpr_set_log_function(LogOfGrpc);
    google::protobuf::SetLogHandler(LogOfProtobuf);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

Result<std::unique_ptr<GrpcServer>> GrpcServer::Start(const std::string& address) {
  PrepareGrpc();
  std::unique_ptr<GrpcServer> out(new GrpcServer);
  grpc::ServerBuilder builder;
  builder.RegisterService(&out->servicer_);
  builder.RegisterService(&out->early_stopping_);
  builder.RegisterService(&out->live_);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second server on the port is a fault, not a rival
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 100);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 600'000);
  if (!address.empty()) builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &out->port_);
  out->server_ = builder.BuildAndStart();
  if (out->server_ == nullptr) {
    return Error(Code::kUnavailable, "cannot listen on {}: the port is in use, or the host is not of this machine",
                 address);
  }
  // Katib asks for manager.v1beta1.Suggestion; "" is there by itself.
  for (const char* name : {"manager.v1beta1.Suggestion", "api.v1.beta1.Suggestion", "manager.v1beta1.EarlyStopping",
                           "api.v1.beta1.EarlyStopping", "qalam.v1.LiveStopping", "grpc.health.v1.Health"}) {
    out->server_->GetHealthCheckService()->SetServingStatus(name, true);
  }
  return out;
}

GrpcServer::~GrpcServer() {
  if (server_ == nullptr) return;
  server_->GetHealthCheckService()->Shutdown();  // tells those who watch before it refuses them
  early_stopping_.Close();
  servicer_.Drain(milliseconds(10'000));
  server_->Shutdown(system_clock::now() + milliseconds(500));  // for replies on their way; then streams are cut
  server_->Wait();
}

std::shared_ptr<grpc::Channel> GrpcServer::InProcessChannel() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  return server_->InProcessChannel(arguments);
}

Result<std::unique_ptr<SuggestionServer>> ServeSuggestions(const std::string& address, bool insecure) {
  QALAM_TRY(const Address parsed, ParseAddress(address));
  if (!IsLoopback(parsed.host)) {
    if (!insecure) {
      return InvalidArgument(
          "address {} is not loopback, and whoever reaches it may use the service: listen on 127.0.0.1:{}, or allow it "
          "with --insecure",
          address, parsed.port);
    }
    Log(LogLevel::kWarning, "insecure", {{"address", address}, {"reason", "no authentication, and not on loopback"}});
  }
  QALAM_TRY(std::unique_ptr<SuggestionServer> server, GrpcServer::Start(address));
  return server;
}

}  // namespace qalam
