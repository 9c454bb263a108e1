// SPDX-License-Identifier: Apache-2.0
#include "cli/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "experiment/read.h"

namespace qalam {
namespace {

constexpr std::size_t kLongestLine = 4 << 20;
constexpr std::size_t kMostUnsent = 4 << 20;
constexpr std::size_t kMostPeers = 64;
constexpr Duration kAcceptRest = std::chrono::milliseconds(200);

// An address for a path of any length: one that sun_path cannot hold is reached through its folder's descriptor.
class Address {
 public:
  static Result<Address> Of(const std::string& path) {
    Address address;
    address.name_.sun_family = AF_UNIX;
    std::string shown = path;
    if (path.size() >= sizeof address.name_.sun_path) {
      const std::size_t slash = path.rfind('/');
      const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
      address.folder_ = open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      if (address.folder_ < 0) return Error(Code::kUnavailable, "{}: {}", folder, std::strerror(errno));
      shown =
          fmt::format("/proc/self/fd/{}/{}", address.folder_, path.substr(slash == std::string::npos ? 0 : slash + 1));
      if (shown.size() >= sizeof address.name_.sun_path)
        return InvalidArgument("{}: the file's name is too long", path);
    }
    std::memcpy(address.name_.sun_path, shown.c_str(), shown.size() + 1);
    return address;
  }
  Address(Address&& other) noexcept : name_(other.name_), folder_(std::exchange(other.folder_, -1)) {}
  Address& operator=(Address&&) = delete;
  ~Address() {
    if (folder_ >= 0) close(folder_);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name_); }
  socklen_t size() const { return sizeof name_; }

 private:
  Address() = default;
  sockaddr_un name_{};
  int folder_ = -1;
};

}  // namespace

Node OkAnswer() {
  Node answer = Node::Map();
  answer.Set("ok", Node::Bool(true));
  return answer;
}

Node ErrorAnswer(const Status& status) {
  Node answer = Node::Map();
  answer.Set("error", Node::String(status.message()));
  answer.Set("code", Node::Int(static_cast<int>(status.code())));
  return answer;
}

Result<std::unique_ptr<SocketServer>> SocketServer::Listen(EventLoop& loop, const std::string& path,
                                                           Handlers handlers) {
  QALAM_TRY(const Address address, Address::Of(path));
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Error(Code::kUnavailable, "{}: {}", path, std::strerror(errno));
  unlink(path.c_str());
  // The mode of the socket itself becomes that of its file, so that there is no moment in which others may connect.
  if (fchmod(fd, 0600) != 0 || bind(fd, address.get(), address.size()) != 0 || listen(fd, 64) != 0) {
    const Status fault = Error(Code::kUnavailable, "{}: {}", path, std::strerror(errno));
    close(fd);
    return fault;
  }
  return std::unique_ptr<SocketServer>(new SocketServer(loop, path, fd, std::move(handlers)));
}

SocketServer::SocketServer(EventLoop& loop, std::string path, int fd, Handlers handlers)
    : loop_(loop), path_(std::move(path)), fd_(fd), handlers_(std::move(handlers)) {
  Listening();
}

SocketServer::~SocketServer() {
  if (accept_again_ != 0) loop_.Cancel(accept_again_);
  for (const auto& [id, peer] : peers_) {
    loop_.Unwatch(peer.fd);
    close(peer.fd);
  }
  loop_.Unwatch(fd_);
  close(fd_);
  unlink(path_.c_str());
}

void SocketServer::Listening() {
  accept_again_ = 0;
  loop_.Watch(fd_, EPOLLIN, [this](std::uint32_t) { Accept(); });
}

void SocketServer::Accept() {
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    loop_.Unwatch(fd_);  // out of files or memory: it would be ready again at once
    accept_again_ = loop_.After(kAcceptRest, [this] { Listening(); });
    return;
  }
  if (peers_.size() >= kMostPeers) {
    close(fd);
    return;
  }
  const Connection id = next_++;
  Peer& peer = peers_[id];
  peer.fd = fd;
  Watch(id, peer);
}

void SocketServer::Watch(Connection id, const Peer& peer) {
  const std::uint32_t events = peer.out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  loop_.Watch(peer.fd, events, [this, id](std::uint32_t ready) { Ready(id, ready); });
}

void SocketServer::Ready(Connection id, std::uint32_t events) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return;
  Peer& peer = found->second;
  const bool had_waiting = !peer.out.empty();
  if (((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !Receive(id, peer)) || !Send(peer)) {
    Close(id);
    return;
  }
  if (had_waiting != !peer.out.empty()) Watch(id, peer);
}

bool SocketServer::Receive(Connection id, Peer& peer) {
  std::array<char, 16'384> buffer;
  const ssize_t n = read(peer.fd, buffer.data(), buffer.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  const std::size_t searched = peer.in.size();
  peer.in.append(buffer.data(), static_cast<std::size_t>(n));
  std::size_t start = 0;
  for (std::size_t end = peer.in.find('\n', searched); end != std::string::npos; end = peer.in.find('\n', start)) {
    Answer(id, peer, std::string_view(peer.in).substr(start, end - start));
    start = end + 1;
  }
  peer.in.erase(0, start);
  if (peer.in.size() > kLongestLine) {
    peer.out += ToJson(ErrorAnswer(InvalidArgument("a request is one line of at most {} bytes", kLongestLine))) + "\n";
    (void)Send(peer);
    return false;
  }
  return peer.out.size() <= kMostUnsent;
}

void SocketServer::Answer(Connection id, Peer& peer, std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  const Result<Node> request = ReadJson(line);
  peer.out += ToJson(request.ok() ? handlers_.request(id, *request) : ErrorAnswer(request.status())) + "\n";
}

bool SocketServer::Send(Peer& peer) {
  while (!peer.out.empty()) {
    const ssize_t n = send(peer.fd, peer.out.data(), peer.out.size(), MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    peer.out.erase(0, static_cast<std::size_t>(n));
  }
  return true;
}

void SocketServer::Close(Connection id) {
  const auto peer = peers_.extract(id);
  loop_.Unwatch(peer.mapped().fd);
  close(peer.mapped().fd);
  if (handlers_.closed) handlers_.closed(id);
}

Result<std::unique_ptr<SocketClient>> SocketClient::Connect(const std::string& path) {
  QALAM_TRY(const Address address, Address::Of(path));
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, address.get(), address.size()) != 0) {
    const Status fault = Error(Code::kUnavailable, "{}: {}", path, std::strerror(errno));
    if (fd >= 0) close(fd);
    return fault;
  }
  return std::unique_ptr<SocketClient>(new SocketClient(fd));
}

SocketClient::~SocketClient() { close(fd_); }

bool SocketClient::gone() const {
  char byte = 0;
  return recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

Result<Node> SocketClient::Call(const Node& request, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const auto wait = [&](short events) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{fd_, events, 0};
    return left.count() > 0 && poll(&ready, 1, static_cast<int>(left.count())) > 0;
  };
  const Status silent = Error(Code::kUnavailable, "the qalam that holds the database does not answer");
  const std::string line = ToJson(request) + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    if (!wait(POLLOUT)) return silent;
    const ssize_t n = send(fd_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return silent;
    if (n > 0) sent += static_cast<std::size_t>(n);
  }
  ++late_;  // until it has come
  std::size_t end = 0;
  while ((end = in_.find('\n')) == std::string::npos || late_ > 1) {
    if (end != std::string::npos) {
      in_.erase(0, end + 1);
      --late_;
      continue;
    }
    std::array<char, 16'384> buffer;
    if (!wait(POLLIN)) return silent;
    const ssize_t n = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return silent;
    if (n > 0) in_.append(buffer.data(), static_cast<std::size_t>(n));
  }
  Result<Node> answer = ReadJson(std::string_view(in_).substr(0, end));
  in_.erase(0, end + 1);
  late_ = 0;
  if (!answer.ok()) return answer.status();
  if (const Node* error = answer->Find("error"); error != nullptr) {
    const Node* code = answer->Find("code");
    const int number = code == nullptr ? 0 : std::atoi(code->text.c_str());
    return Status(number > 0 && number <= 15 ? static_cast<Code>(number) : Code::kUnknown, error->text);
  }
  return answer;
}

}  // namespace qalam
