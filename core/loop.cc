// SPDX-License-Identifier: Apache-2.0
#include "core/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace qalam {
namespace {

// Ordered by due time, then by creation: ids only grow.
class Timers {
 public:
  Loop::TimerId Add(Duration due, Loop::Task task) {
    const Loop::TimerId id = next_++;
    due_.emplace(id, due);
    tasks_.emplace(std::pair(due, id), std::move(task));
    return id;
  }
  void Cancel(Loop::TimerId id) {
    const auto it = due_.find(id);
    if (it == due_.end()) return;
    const Loop::Task dropped = std::move(tasks_.extract({it->second, id}).mapped());  // its end may call us again
    due_.erase(it);
  }
  bool empty() const { return tasks_.empty(); }
  std::size_t size() const { return tasks_.size(); }
  Duration NextDue() const { return tasks_.begin()->first.first; }
  Loop::TimerId NextId() const { return tasks_.begin()->first.second; }
  Loop::TimerId LimitId() const { return next_; }  // above every timer that exists
  Loop::Task TakeNext() {
    auto node = tasks_.extract(tasks_.begin());
    due_.erase(node.key().second);
    return std::move(node.mapped());
  }
  void Clear() {
    const auto dropped = std::exchange(tasks_, {});
    due_.clear();
  }

 private:
  Loop::TimerId next_ = 1;
  std::unordered_map<Loop::TimerId, Duration> due_;
  std::map<std::pair<Duration, Loop::TimerId>, Loop::Task> tasks_;
};

[[noreturn]] void SystemCallFailed(const char* call) {
  CheckFailed(__FILE__, __LINE__, call, fmt::format("the event loop's files work: {}", std::strerror(errno)));
}

}  // namespace

struct EventLoop::Impl {
  explicit Impl(const Clock& time) : clock(time) {
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) SystemCallFailed("epoll_create1");
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake < 0) SystemCallFailed("eventfd");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = kWake;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) != 0) SystemCallFailed("epoll_ctl");
  }
  ~Impl() {
    close(wake);
    close(epoll);
  }

  using Ready = std::function<void(std::uint32_t)>;
  static constexpr std::uint64_t kWake = 0;

  void Wake() const {  // also in a signal handler
    const int saved = errno;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake, &one, sizeof one);  // full: it is awake already
    errno = saved;
  }

  std::deque<Task> TakePosted() {
    const std::lock_guard lock(mutex);
    return std::exchange(posted, {});
  }

  void RunPosted() {
    if (batch.empty()) batch = TakePosted();
    while (!batch.empty() && !stop.load(std::memory_order_acquire)) {
      const Task task = std::move(batch.front());
      batch.pop_front();
      task();
    }
  }

  // Only what was due, and existed, when we began: a timer that sets itself again at once does not starve the files.
  void RunTimers() {
    if (timers.empty()) return;
    const Duration now = clock.Monotonic();
    const TimerId limit = timers.LimitId();
    while (!timers.empty() && timers.NextDue() <= now && timers.NextId() < limit &&
           !stop.load(std::memory_order_acquire)) {
      const Task task = timers.TakeNext();
      task();
    }
  }

  void RunFiles() {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), WaitMilliseconds());
    sleeping.store(false, std::memory_order_relaxed);
    if (count < 0 && errno != EINTR) SystemCallFailed("epoll_wait");
    for (int i = 0; i < count && !stop.load(std::memory_order_acquire); ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == kWake) {
        std::uint64_t times = 0;
        [[maybe_unused]] const auto got = read(wake, &times, sizeof times);
        continue;
      }
      const auto it = watchers.find(event.data.u64);
      if (it == watchers.end()) continue;               // an earlier callback of this round has unwatched it
      const std::shared_ptr<Ready> ready = it->second;  // it may unwatch itself
      (*ready)(event.events);
    }
  }

  // 0 when something is to be done now; -1 when only a post, a file or Stop() can bring work.
  int WaitMilliseconds() {
    {
      const std::lock_guard lock(mutex);
      if (!batch.empty() || !posted.empty()) return 0;
      sleeping.store(true, std::memory_order_relaxed);
    }
    if (timers.empty()) return -1;
    const Duration left = timers.NextDue() - clock.Monotonic();
    if (left <= Duration::zero()) return 0;
    const auto rounded_up = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::min<std::int64_t>(rounded_up, INT_MAX));
  }

  const Clock& clock;
  int epoll = -1, wake = -1;
  std::atomic<bool> stop{false};
  static_assert(std::atomic<bool>::is_always_lock_free, "Stop() is called in signal handlers");
  std::mutex mutex;  // guards posted; and sleeping changes to true only under it
  std::deque<Task> posted;
  std::atomic<bool> sleeping{false};  // the loop has seen nothing posted and waits, or is about to

  // Of the loop's thread.
  std::deque<Task> batch;  // taken from posted; what a Stop() left is run first by the next Run()
  Timers timers;
  std::uint64_t next_watch = kWake + 1;  // not the fd: a late event must not reach the next owner of its number
  std::unordered_map<std::uint64_t, std::shared_ptr<Ready>> watchers;
  std::unordered_map<int, std::uint64_t> watch_of_fd;
};

EventLoop::EventLoop(const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}

// What the tasks hold may call the loop once more as it goes, so they go while it is whole.
EventLoop::~EventLoop() {
  impl_->timers.Clear();
  const auto watchers = std::exchange(impl_->watchers, {});
  const auto batch = std::exchange(impl_->batch, {});
  impl_->TakePosted();
}

const Clock& EventLoop::clock() const { return impl_->clock; }

void EventLoop::Post(Task task) {
  bool wake = false;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->posted.push_back(std::move(task));
    wake = impl_->sleeping.exchange(false, std::memory_order_relaxed);
  }
  if (wake) impl_->Wake();
}

Loop::TimerId EventLoop::After(Duration delay, Task task) {
  return impl_->timers.Add(impl_->clock.Monotonic() + std::max(delay, Duration::zero()), std::move(task));
}

void EventLoop::Cancel(TimerId timer) { impl_->timers.Cancel(timer); }

void EventLoop::Watch(int fd, std::uint32_t events, std::function<void(std::uint32_t)> ready) {
  const std::uint64_t watch = impl_->next_watch++;
  epoll_event event{};
  event.events = events;
  event.data.u64 = watch;
  const auto known = impl_->watch_of_fd.find(fd);
  if (known != impl_->watch_of_fd.end()) impl_->watchers.erase(known->second);
  // A known fd may have been closed, and its number given out again, without an Unwatch: then it is new to epoll.
  if (known == impl_->watch_of_fd.end() || epoll_ctl(impl_->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
    if (epoll_ctl(impl_->epoll, EPOLL_CTL_ADD, fd, &event) != 0) SystemCallFailed("epoll_ctl");
  impl_->watchers.emplace(watch, std::make_shared<Impl::Ready>(std::move(ready)));
  impl_->watch_of_fd[fd] = watch;
}

void EventLoop::Unwatch(int fd) {
  const auto it = impl_->watch_of_fd.find(fd);
  if (it == impl_->watch_of_fd.end()) return;
  epoll_ctl(impl_->epoll, EPOLL_CTL_DEL, fd, nullptr);  // fails if it has been closed: then epoll forgot it already
  const auto dropped = impl_->watchers.extract(it->second);
  impl_->watch_of_fd.erase(it);
}

void EventLoop::Run() {
  while (!impl_->stop.load(std::memory_order_acquire)) {
    impl_->RunPosted();
    impl_->RunTimers();
    if (impl_->stop.load(std::memory_order_acquire)) break;
    impl_->RunFiles();
  }
  impl_->stop.store(false, std::memory_order_release);
}

void EventLoop::Stop() {
  impl_->stop.store(true, std::memory_order_release);
  impl_->Wake();
}

struct ManualLoop::Impl {
  explicit Impl(ManualClock& time) : clock(time) {}

  bool RunPosted() {
    Task task;
    {
      const std::lock_guard lock(mutex);
      if (posted.empty()) return false;
      task = std::move(posted.front());
      posted.pop_front();
    }
    task();
    return true;
  }

  bool RunTimer(Duration until) {
    if (timers.empty() || timers.NextDue() > until) return false;
    if (timers.NextDue() > clock.Monotonic()) clock.Advance(timers.NextDue() - clock.Monotonic());
    const Task task = timers.TakeNext();
    task();
    return true;
  }

  ManualClock& clock;
  mutable std::mutex mutex;  // guards posted
  std::deque<Task> posted;
  Timers timers;
};

ManualLoop::ManualLoop(ManualClock& clock) : impl_(std::make_unique<Impl>(clock)) {}
ManualLoop::~ManualLoop() { Clear(); }

const Clock& ManualLoop::clock() const { return impl_->clock; }

void ManualLoop::Post(Task task) {
  const std::lock_guard lock(impl_->mutex);
  impl_->posted.push_back(std::move(task));
}

Loop::TimerId ManualLoop::After(Duration delay, Task task) {
  return impl_->timers.Add(impl_->clock.Monotonic() + std::max(delay, Duration::zero()), std::move(task));
}

void ManualLoop::Cancel(TimerId timer) { impl_->timers.Cancel(timer); }

bool ManualLoop::RunOne() { return impl_->RunPosted() || impl_->RunTimer(Duration::max()); }

void ManualLoop::Advance(Duration by) {
  const Duration end = impl_->clock.Monotonic() + by;
  while (impl_->RunPosted() || impl_->RunTimer(end)) {
  }
  if (end > impl_->clock.Monotonic()) impl_->clock.Advance(end - impl_->clock.Monotonic());
}

void ManualLoop::Clear() {
  std::deque<Task> dropped;
  {
    const std::lock_guard lock(impl_->mutex);
    dropped.swap(impl_->posted);
  }
  impl_->timers.Clear();
}

std::size_t ManualLoop::pending() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->posted.size() + impl_->timers.size();
}

}  // namespace qalam
