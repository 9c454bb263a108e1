// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/tailer.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <utility>

#include "core/log.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kSlice = 256 << 10;  // bytes a turn of the loop
constexpr milliseconds kMute{20};          // between two looks at inotify
constexpr milliseconds kPollPeriod{1'000};

bool IsRegular(int fd, std::int64_t* size) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  *size = status.st_size;
  return true;
}

}  // namespace

Tailer::Tailer(EventLoop& loop, std::string root)
    : loop_(loop), root_(std::move(root)), inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)), buffer_(kSlice) {
  if (inotify_) loop_.Watch(inotify_.get(), EPOLLIN, [this](std::uint32_t) { OnInotify(); });
}

Tailer::~Tailer() {
  *alive_ = false;
  if (inotify_) loop_.Unwatch(inotify_.get());
  loop_.Cancel(mute_);
  loop_.Cancel(poll_);
}

Tailer::Id Tailer::Add(std::string path, std::int64_t offset, Deliver deliver) {
  const Id id = next_++;
  Tail& tail = tails_[id];
  tail.path = std::move(path);
  tail.offset = offset;
  tail.deliver = std::move(deliver);
  WatchFile(id, tail);
  if (tail.polled && poll_ == 0) poll_ = loop_.After(kPollPeriod, [this] { Poll(); });
  Queue(id);  // what is there already
  return id;
}

void Tailer::WatchFile(Id id, Tail& tail) {
  if (inotify_) {
    tail.watch = inotify_add_watch(inotify_.get(), tail.path.c_str(), IN_MODIFY);
    if (tail.watch < 0 && errno == ENOENT) {
      tail.polled = true;  // its folder tells of its making, not of what a link leads to
      const std::string folder = tail.path.substr(0, tail.path.rfind('/'));
      tail.watch = inotify_add_watch(inotify_.get(), folder.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    }
  }
  // One watch for one tail: attempts do not share files. Should two, the second is polled.
  if (tail.watch >= 0 && !by_watch_.emplace(tail.watch, id).second) tail.watch = -1;
  tail.polled = tail.polled || tail.watch < 0;
}

void Tailer::Unwatch(Tail& tail) {
  if (tail.watch < 0) return;
  by_watch_.erase(tail.watch);
  inotify_rm_watch(inotify_.get(), std::exchange(tail.watch, -1));
}

void Tailer::Remove(Id id) {
  const auto found = tails_.find(id);
  if (found == tails_.end()) return;
  Unwatch(found->second);
  tails_.erase(found);
}

void Tailer::Finish(Id id, std::function<void()> done) {
  const auto found = tails_.find(id);
  if (found == tails_.end()) return;
  Unwatch(found->second);
  found->second.done = std::move(done);
  if (ReadSlice(id) == Slice::kMore) Queue(id);
}

// Looks once, then not again for a while: a line printed at a time would otherwise be a turn of the loop each.
void Tailer::OnInotify() {
  alignas(inotify_event) char events[16 << 10];
  ssize_t size = 0;
  while ((size = read(inotify_.get(), events, sizeof(events))) > 0) {
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(events + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if ((event->mask & IN_Q_OVERFLOW) != 0) {
        for (const auto& [id, tail] : tails_) Queue(id);
      } else if (const auto found = by_watch_.find(event->wd); found != by_watch_.end()) {
        Queue(found->second);
      }
    }
  }
  loop_.Unwatch(inotify_.get());
  mute_ = loop_.After(kMute, [this] { loop_.Watch(inotify_.get(), EPOLLIN, [this](std::uint32_t) { OnInotify(); }); });
}

void Tailer::Queue(Id id) {
  const auto found = tails_.find(id);
  if (found == tails_.end() || std::exchange(found->second.queued, true)) return;
  queue_.push_back(id);
  if (std::exchange(working_, true)) return;
  loop_.Post([this, alive = alive_] {
    if (*alive) WorkOff();
  });
}

// Files that end within the slice are all served in one turn, up to a slice of bytes together; then others may act.
void Tailer::WorkOff() {
  working_ = false;
  std::size_t budget = 64;
  const auto alive = alive_;
  while (!queue_.empty() && budget > 0) {
    const Id id = queue_.front();
    queue_.pop_front();
    const auto found = tails_.find(id);
    if (found == tails_.end()) continue;
    found->second.queued = false;
    const Slice slice = ReadSlice(id);
    if (!*alive) return;
    if (slice == Slice::kMore) Queue(id);
    budget = slice == Slice::kMore ? 0 : budget - 1;
  }
  if (queue_.empty() || std::exchange(working_, true)) return;
  loop_.Post([this, alive] {
    if (*alive) WorkOff();
  });
}

// A file planted by the trial may be anything: it is never waited for, only regular ones are read, and none elsewhere.
Fd Tailer::Open(const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  if (!path.starts_with(root_ + '/')) return Fd(open(path.c_str(), kFlags | O_NOFOLLOW));  // in a volume
  if (!root_fd_) root_fd_ = Fd(open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  open_how how{};
  how.flags = kFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const char* const below = path.c_str() + root_.size() + 1;
  const long fd = syscall(SYS_openat2, root_fd_.get(), below, &how, sizeof(how));
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return Fd(static_cast<int>(fd));
  return Fd(open(path.c_str(), kFlags | O_NOFOLLOW));  // a container's filter that does not know the call
}

Tailer::Slice Tailer::ReadSlice(Id id) {
  Tail& tail = tails_.at(id);
  Fd fd = Open(tail.path);
  std::int64_t size = 0;
  ssize_t n = 0;
  if (fd && IsRegular(fd.get(), &size)) {
    if (size < tail.offset && !std::exchange(tail.shrunk, true)) {
      Log(LogLevel::kWarning, "shrunk",
          {{"file", tail.path}, {"offset", tail.offset}, {"size", size}, {"action", "waits until it is longer again"}});
    }
    do {
      n = pread(fd.get(), buffer_.data(), buffer_.size(), tail.offset);
    } while (n < 0 && errno == EINTR);
  }
  fd.Reset();
  if (n > 0) {
    const auto alive = alive_;
    const std::int64_t offset = std::exchange(tail.offset, tail.offset + n);
    const Deliver deliver = tail.deliver;  // it may remove its tail
    deliver(offset, {buffer_.data(), static_cast<std::size_t>(n)});
    if (!*alive) return Slice::kGone;
  }
  const auto found = tails_.find(id);
  if (found == tails_.end()) return Slice::kGone;
  if (n == static_cast<ssize_t>(buffer_.size())) return Slice::kMore;
  if (!found->second.done) return Slice::kEnd;
  const auto done = std::move(found->second.done);
  tails_.erase(found);
  done();
  return Slice::kGone;
}

void Tailer::Poll() {
  bool any = false;
  for (const auto& [id, tail] : tails_) {
    if (!tail.polled) continue;
    any = true;
    Queue(id);
  }
  poll_ = any ? loop_.After(kPollPeriod, [this] { Poll(); }) : 0;
}

}  // namespace qalam
