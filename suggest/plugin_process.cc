// SPDX-License-Identifier: Apache-2.0
#include "suggest/plugin_process.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "core/log.h"
#include "suggest/reply.h"
#include "suggest/server.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;

constexpr Duration kFirstBackoff = milliseconds(500), kLongestBackoff = std::chrono::seconds(30);
constexpr milliseconds kProbeEvery{50}, kProbeDeadline{1'000};
constexpr int kGoneWithinMs = 4'000;
constexpr int kStartsWithoutAnAnswer = 3;  // of one that has never answered: it is broken, not unlucky

// A port that was free a moment ago. Somebody else may take it first: then the start fails, and the next has another.
Result<int> FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool bound = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (fd >= 0) close(fd);
  if (!bound) return Error(Code::kUnavailable, "no free port on 127.0.0.1");
  return ntohs(address.sin_port);
}

void Replace(std::string* text, std::string_view what, const std::string& with) {
  for (std::size_t at = text->find(what); at != std::string::npos; at = text->find(what, at + with.size()))
    text->replace(at, what.size(), with);
}

// grpc.health.v1, by hand: the request is one text field, the reply one number, of which 1 is SERVING.
grpc::ByteBuffer HealthRequest(const std::string& service) {
  const std::string bytes = std::string("\x0a") + static_cast<char>(service.size()) + service;
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

bool IsServing(const grpc::ByteBuffer& reply) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!reply.Dump(&slices).ok()) return false;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes == "\x08\x01";
}

}  // namespace

PluginProcess::PluginProcess(EventLoop& loop, PluginProcessOptions options)
    : loop_(loop), options_(std::move(options)) {}

PluginProcess::~PluginProcess() {
  if (timer_ != 0) loop_.Cancel(timer_);
  if (process_ == nullptr) return;
  process_->End();
  pollfd gone{process_->fd(), POLLIN, 0};
  poll(&gone, 1, kGoneWithinMs);
  loop_.Unwatch(process_->fd());
}

void PluginProcess::WhenReady(std::function<void(const Status&)> ready) {
  if (state_ == State::kReady) return ready(OkStatus());
  waiting_.push_back(std::move(ready));
  if (state_ == State::kIdle) Next();
}

void PluginProcess::Next() {
  if (over_ || Hopeless()) return Answer(FaultNow());
  const Duration wait = next_start_ - loop_.clock().Monotonic();
  if (wait <= Duration{0}) return Start();
  state_ = State::kWaiting;
  timer_ = loop_.After(wait, [this] {
    timer_ = 0;
    Start();
  });
}

void PluginProcess::Start() {
  PrepareGrpc();
  state_ = State::kStarting;
  address_ = options_.spec.endpoint;
  if (address_.empty()) {
    const Result<int> port = FreePort();
    if (!port.ok()) return Failed(port.status().message());
    address_ = fmt::format("127.0.0.1:{}", *port);
  }
  const std::size_t colon = address_.rfind(':');
  const std::string port = address_.starts_with("unix:") ? "" : address_.substr(colon + 1);
  KeptCommand command;
  command.argv = options_.spec.command;
  command.env = options_.spec.env;
  for (std::string& word : command.argv) Replace(&word, "{port}", port), Replace(&word, "{address}", address_);
  for (auto& [name, value] : command.env) Replace(&value, "{port}", port), Replace(&value, "{address}", address_);
  command.env.emplace_back("QALAM_PLUGIN_PORT", port);
  command.env.emplace_back("QALAM_PLUGIN_ADDRESS", address_);
  command.working_dir = options_.spec.working_dir;
  command.log = options_.log;
  {
    std::string line = fmt::format("{} qalam starts it at {}:", FormatTime(loop_.clock().Wall()), address_);
    for (const std::string& word : command.argv) line += " " + word;
    std::ofstream(options_.log, std::ios::app) << line << "\n";
  }
  Result<std::unique_ptr<KeptProcess>> process = KeptProcess::Start(command);
  if (!process.ok()) {
    cannot_start_ = process.status().code() != Code::kUnavailable;  // a program that is not there will not come
    return Failed(process.status().message());
  }
  process_ = *std::move(process);
  started_ = loop_.clock().Monotonic();
  loop_.Watch(process_->fd(), EPOLLIN, [this](std::uint32_t) { Died(); });
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  health_ = std::make_unique<grpc::GenericStub>(
      grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments));
  probes_ = std::make_unique<UnaryCalls>(loop_);
  Probe();
}

void PluginProcess::Probe() {
  probes_->Start<grpc::ByteBuffer>(
      HealthRequest(options_.health_service), kProbeDeadline,
      [this](grpc::ClientContext* context, const grpc::ByteBuffer* request, grpc::ByteBuffer* reply, auto done) {
        health_->UnaryCall(context, "/grpc.health.v1.Health/Check", {}, request, reply, std::move(done));
      },
      [this](const grpc::Status& status, grpc::ByteBuffer& reply) {
        if (state_ != State::kStarting) return;
        // One that knows no health protocol, or not this name, is alive: it has said so. Whether it is the service that
        // is meant shows with the first call.
        const bool answered = status.error_code() == grpc::StatusCode::UNIMPLEMENTED ||
                              status.error_code() == grpc::StatusCode::NOT_FOUND;
        if (answered || (status.ok() && IsServing(reply))) {
          state_ = State::kReady;
          return Answer(OkStatus());
        }
        if (loop_.clock().Monotonic() - started_ > options_.spec.startup) return GiveUpStart();
        timer_ = loop_.After(kProbeEvery, [this] {
          timer_ = 0;
          Probe();
        });
      });
}

void PluginProcess::GiveUpStart() {
  why_ = fmt::format("its command was not ready within {} s",
                     std::chrono::duration<double>(options_.spec.startup).count());
  state_ = State::kEnding;
  process_->End();
}

void PluginProcess::Hung(const std::string& fault) {
  if (state_ != State::kReady) return;
  why_ = fault;
  state_ = State::kEnding;
  process_->End();
  if (on_gone_) on_gone_(Error(Code::kUnavailable, "{}: ended because another call had {}", options_.who, fault));
}

void PluginProcess::Answered() {
  failures_ = 0;
  ever_answered_ = true;
}

void PluginProcess::End() {
  over_ = true;
  why_ = "its experiment is over";
  if (timer_ != 0) loop_.Cancel(std::exchange(timer_, 0));
  const State before = std::exchange(state_, process_ == nullptr ? State::kIdle : State::kEnding);
  if (process_ != nullptr) process_->End();
  Answer(FaultNow());
  if (before == State::kReady && on_gone_) on_gone_(FaultNow());
}

void PluginProcess::Died() {
  const int code = process_->Reap().value_or(-1);
  loop_.Unwatch(process_->fd());
  probes_.reset();
  health_.reset();
  process_.reset();
  if (timer_ != 0) loop_.Cancel(std::exchange(timer_, 0));
  const bool was_ready = state_ == State::kReady;
  if (state_ != State::kEnding) {
    const std::string how = code > 128 ? fmt::format("signal {}", code - 128) : fmt::format("exit code {}", code);
    why_ = fmt::format("its command ended with {}", how);
  }
  Failed(why_);
  if (was_ready && on_gone_) on_gone_(FaultNow());
}

// One more failure in a row. Those who wait are told: whoever asks decides when to ask again.
void PluginProcess::Failed(const std::string& why) {
  why_ = why;
  if (const std::string words = LastWords(); !over_ && !words.empty()) why_ += "; it last said: " + words;
  state_ = State::kIdle;
  ++failures_;
  Duration backoff = kFirstBackoff;
  for (int i = 1; i < failures_ && backoff < kLongestBackoff; ++i) backoff *= 2;
  next_start_ = loop_.clock().Monotonic() + std::min(backoff, kLongestBackoff);
  Log(LogLevel::kWarning, "failed", {{"plugin", options_.who}, {"failures", failures_}, {"reason", why_}});
  Answer(FaultNow());
}

bool PluginProcess::Hopeless() const {
  const int most =
      ever_answered_ ? options_.spec.restarts : std::min(options_.spec.restarts, kStartsWithoutAnAnswer - 1);
  return cannot_start_ || failures_ > most;
}

Status PluginProcess::FaultNow() const {
  if (over_ || !Hopeless()) return Error(Code::kUnavailable, "{}: {} (log: {})", options_.who, why_, options_.log);
  return InvalidArgument("{}: {}{} (log: {})", options_.who, why_,
                         failures_ > 1 ? fmt::format("; that was {} times in a row", failures_) : "", options_.log);
}

void PluginProcess::Answer(const Status& status) {
  for (const auto& ready : std::exchange(waiting_, {})) ready(status);
}

std::string PluginProcess::LastWords() const {
  std::ifstream file(options_.log, std::ios::ate | std::ios::binary);
  const auto size = static_cast<std::streamoff>(file.tellg());
  if (!file || size <= 0) return "";
  constexpr std::streamoff kTail = 2'000;
  file.seekg(std::max<std::streamoff>(0, size - kTail));
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  }
  if (last.find(" qalam starts it at ") != std::string::npos) return "";
  return Shown(last, 200);
}

}  // namespace qalam
