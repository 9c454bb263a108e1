// SPDX-License-Identifier: Apache-2.0
// One thread owns all experiments: everything that happens to them is a closure run by this loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/clock.h"

namespace qalam {

class Loop {
 public:
  using Task = std::function<void()>;
  using TimerId = std::uint64_t;  // never 0

  virtual ~Loop() = default;
  virtual const Clock& clock() const = 0;
  virtual void Post(Task task) = 0;  // from any thread; tasks run in the order they were posted
  // The rest from the loop's thread only.
  virtual TimerId After(Duration delay, Task task) = 0;
  virtual void Cancel(TimerId timer) = 0;  // a timer that fired or never was: nothing happens
};

// Waits for files, timers and posted tasks with epoll. Run() occupies the calling thread until Stop().
class EventLoop final : public Loop {
 public:
  explicit EventLoop(const Clock& clock);
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  const Clock& clock() const override;
  void Post(Task task) override;
  TimerId After(Duration delay, Task task) override;
  void Cancel(TimerId timer) override;

  // Calls `ready(events)` whenever `fd` has one of `events` (EPOLLIN, ...), until Unwatch. Does not own fd.
  void Watch(int fd, std::uint32_t events, std::function<void(std::uint32_t)> ready);
  void Unwatch(int fd);  // from within a callback too; after it returns the callback is not called

  void Run();
  void Stop();  // from any thread, or a signal handler: Run() returns after the current task

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// For tests and simulation: runs nothing until told, and moves a ManualClock to the next timer.
class ManualLoop final : public Loop {
 public:
  explicit ManualLoop(ManualClock& clock);
  ~ManualLoop() override;

  const Clock& clock() const override;
  void Post(Task task) override;
  TimerId After(Duration delay, Task task) override;
  void Cancel(TimerId timer) override;

  bool RunOne();  // the oldest posted task, else the next timer (moving the clock to it); false: nothing left
  void Advance(Duration by);  // runs everything that falls due within `by`
  void Clear();               // forgets all tasks and timers, as a killed process would
  std::size_t pending() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace qalam
