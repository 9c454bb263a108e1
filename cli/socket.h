// SPDX-License-Identifier: Apache-2.0
// FILE.sock: how other qalam commands reach the one that holds the database. One JSON object a line, in both
// directions; docs/cli.md lists the requests. Only the database's owner may connect (mode 0600).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/document.h"
#include "core/loop.h"
#include "core/status.h"

namespace qalam {

// Called on the loop's thread.
class SocketServer {
 public:
  using Connection = std::uint64_t;
  struct Handlers {
    std::function<Node(Connection, const Node& request)> request;  // the answer
    std::function<void(Connection)> closed;
  };
  // Replaces a socket that was left behind: the caller holds the database's lock.
  static Result<std::unique_ptr<SocketServer>> Listen(EventLoop& loop, const std::string& path, Handlers handlers);
  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;

 private:
  struct Peer {
    int fd = -1;
    std::string in, out;
  };
  SocketServer(EventLoop& loop, std::string path, int fd, Handlers handlers);
  void Listening();
  void Accept();
  void Ready(Connection id, std::uint32_t events);
  bool Receive(Connection id, Peer& peer);  // false: close it
  bool Send(Peer& peer);
  void Answer(Connection id, Peer& peer, std::string_view line);
  void Watch(Connection id, const Peer& peer);
  void Close(Connection id);

  EventLoop& loop_;
  std::string path_;
  int fd_;
  Handlers handlers_;
  Loop::TimerId accept_again_ = 0;
  Connection next_ = 1;
  std::map<Connection, Peer> peers_;
};

class SocketClient {
 public:
  static Result<std::unique_ptr<SocketClient>> Connect(const std::string& path);
  ~SocketClient();
  SocketClient(const SocketClient&) = delete;
  SocketClient& operator=(const SocketClient&) = delete;

  // The answer's fields, or its "error" with its code. UNAVAILABLE: the other side is gone or does not answer.
  Result<Node> Call(const Node& request, std::chrono::milliseconds timeout);
  int fd() const { return fd_; }
  bool gone() const;  // the other side has closed

 private:
  explicit SocketClient(int fd) : fd_(fd) {}
  int fd_;
  std::string in_;
  int late_ = 0;  // answers to come that nobody waits for any more
};

Node OkAnswer();
Node ErrorAnswer(const Status& status);

}  // namespace qalam
