// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/metrics_feed.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "pipelines/engines/fd.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;

class FileFeed final : public MetricsFeed {
 public:
  FileFeed(Tailer& tailer, std::string path, std::int64_t offset, Deliver deliver)
      : tailer_(tailer),
        id_(tailer.Add(
            std::move(path), offset,
            [deliver = std::move(deliver)](std::int64_t at, std::string_view bytes) { deliver("", at, bytes); })) {}
  ~FileFeed() override { tailer_.Remove(id_); }
  void Finish(std::function<void()> done) override { tailer_.Finish(id_, std::move(done)); }

 private:
  Tailer& tailer_;
  const Tailer::Id id_;
};

// Looks for new files twice a second; those that are there are followed like any other.
class EventsFeed final : public MetricsFeed {
 public:
  EventsFeed(EventLoop& loop, Tailer& tailer, std::string folder, Deliver deliver)
      : loop_(loop), tailer_(tailer), folder_(std::move(folder)), deliver_(std::move(deliver)) {
    Look();
  }
  ~EventsFeed() override {
    loop_.Cancel(timer_);
    for (const auto& [file, id] : tails_) tailer_.Remove(id);
  }

  void Finish(std::function<void()> done) override {
    loop_.Cancel(std::exchange(timer_, 0));
    FindFiles();
    const auto left = std::make_shared<std::size_t>(tails_.size() + 1);
    const auto one = [left, done = std::move(done)] {
      if (--*left == 0) done();
    };
    Tailer& tailer = tailer_;
    for (const auto& [file, id] : std::map(tails_)) tailer.Finish(id, one);
    one();  // nothing of this object is touched after it
  }

 private:
  static constexpr milliseconds kPause{500};
  static constexpr int kMaxDepth = 8;
  static constexpr std::size_t kMaxFiles = 256, kMaxEntries = 10'000;

  void Look() {
    FindFiles();
    timer_ = loop_.After(kPause, [this] { Look(); });
  }

  void FindFiles() {
    std::error_code error;
    std::filesystem::recursive_directory_iterator at(folder_, error);
    std::size_t seen = 0;
    for (const std::filesystem::recursive_directory_iterator end; !error && at != end; at.increment(error)) {
      if (++seen > kMaxEntries || tails_.size() >= kMaxFiles) return;
      if (at.depth() >= kMaxDepth) at.disable_recursion_pending();
      std::error_code gone;
      if (at->path().filename().string().find("tfevents") == std::string::npos) continue;
      if (!std::filesystem::is_regular_file(at->symlink_status(gone)) || gone) continue;
      std::string file = at->path().lexically_relative(folder_).string();
      if (tails_.contains(file)) continue;
      tails_[file] = tailer_.Add(
          at->path().string(), 0,
          [deliver = deliver_, file](std::int64_t offset, std::string_view bytes) { deliver(file, offset, bytes); });
    }
  }

  EventLoop& loop_;
  Tailer& tailer_;
  const std::string folder_;
  const Deliver deliver_;
  Loop::TimerId timer_ = 0;
  std::map<std::string, Tailer::Id> tails_;  // by the path below the folder
};

class PageFeed final : public MetricsFeed {
 public:
  PageFeed(EventLoop& loop, int port, std::string path, Deliver deliver)
      : loop_(loop), port_(port), path_(std::move(path)), deliver_(std::move(deliver)) {
    Later();
  }
  ~PageFeed() override {
    *alive_ = false;
    Close();
    loop_.Cancel(timer_);
  }
  void Finish(std::function<void()> done) override { done(); }  // who served it is gone

 private:
  static constexpr milliseconds kPause{500}, kPatience{5'000};
  static constexpr std::size_t kMaxAnswer = 4 << 20;  // bytes

  void Later() {
    Close();
    loop_.Cancel(timer_);
    timer_ = loop_.After(kPause, [this] { Ask(); });
  }

  void Close() {
    if (!socket_) return;
    loop_.Unwatch(socket_.get());
    socket_.Reset();
  }

  void Ask() {
    timer_ = loop_.After(kPatience, [this] { Later(); });
    answer_.clear();
    socket_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!socket_) return Later();
    if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
        errno != EINPROGRESS) {
      socket_.Reset();
      return Later();
    }
    loop_.Watch(socket_.get(), EPOLLOUT, [this](std::uint32_t) { OnConnected(); });
  }

  void OnConnected() {
    // HTTP/1.0: the answer is in one piece, and ends with the connection.
    const std::string request = fmt::format(
        "GET {} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nAccept: text/plain;version=0.0.4\r\nConnection: close\r\n\r\n", path_,
        port_);
    if (send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) != std::ssize(request)) return Later();
    loop_.Watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { OnReadable(); });
  }

  void OnReadable() {
    char buffer[16 << 10];
    ssize_t n = 0;
    while ((n = recv(socket_.get(), buffer, sizeof(buffer), 0)) > 0) {
      answer_.append(buffer, static_cast<std::size_t>(n));
      if (answer_.size() > kMaxAnswer) return Later();
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!IsWhole()) return;
    } else if (n < 0) {
      return Later();
    }
    const std::string answer = std::exchange(answer_, {});
    const std::size_t head = answer.find("\r\n\r\n");
    const bool good = answer.starts_with("HTTP/1.") && answer.size() > 12 && answer.substr(8, 5) == " 200 ";
    const auto alive = alive_;
    Close();
    if (good && head != std::string::npos && answer.size() >= head + 4 + LengthOf(answer).value_or(0)) {
      const std::string_view page = std::string_view(answer).substr(head + 4);
      const std::int64_t offset = std::exchange(delivered_, delivered_ + std::ssize(page));
      if (!page.empty()) deliver_("", offset, page);
      if (!*alive) return;
    }
    Later();
  }

  // Content-Length, in capitals or not.
  static std::optional<std::size_t> LengthOf(const std::string& answer) {
    std::string head = answer.substr(0, answer.find("\r\n\r\n"));
    for (char& c : head) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    constexpr std::string_view kField = "\r\ncontent-length:";
    std::size_t at = head.find(kField);
    if (at == std::string::npos) return std::nullopt;
    at = std::min(head.find_first_not_of(" \t", at + kField.size()), head.size());
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(head.data() + at, head.data() + head.size(), length);
    return error == std::errc() ? std::optional(length) : std::nullopt;
  }

  bool IsWhole() const {
    const std::size_t head = answer_.find("\r\n\r\n");
    const auto length = head == std::string::npos ? std::nullopt : LengthOf(answer_);
    return length && answer_.size() >= head + 4 + *length;
  }

  EventLoop& loop_;
  const int port_;
  const std::string path_;
  const Deliver deliver_;
  Fd socket_;
  std::string answer_;
  std::int64_t delivered_ = 0;
  Loop::TimerId timer_ = 0;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<MetricsFeed> FollowFile(Tailer& tailer, std::string path, std::int64_t offset,
                                        MetricsFeed::Deliver deliver) {
  return std::make_unique<FileFeed>(tailer, std::move(path), offset, std::move(deliver));
}

std::unique_ptr<MetricsFeed> FollowEvents(EventLoop& loop, Tailer& tailer, std::string folder,
                                          MetricsFeed::Deliver deliver) {
  return std::make_unique<EventsFeed>(loop, tailer, std::move(folder), std::move(deliver));
}

std::unique_ptr<MetricsFeed> FollowPage(EventLoop& loop, int port, std::string path, MetricsFeed::Deliver deliver) {
  return std::make_unique<PageFeed>(loop, port, std::move(path), std::move(deliver));
}

}  // namespace qalam
