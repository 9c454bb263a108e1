// SPDX-License-Identifier: Apache-2.0
#include "core/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace qalam {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

struct Pipe {
  Pipe() { EXPECT_EQ(pipe(fds), 0); }
  ~Pipe() { CloseReader(), CloseWriter(); }
  void CloseReader() { Close(fds[0]); }
  void CloseWriter() { Close(fds[1]); }
  static void Close(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
  void Write(std::string_view text) const {
    EXPECT_EQ(write(fds[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string Read() const {
    std::string text(100, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, read(fds[0], text.data(), text.size()))));
    return text;
  }
  int reader() const { return fds[0]; }
  int fds[2] = {-1, -1};
};

class EventLoopTest : public testing::Test {
 protected:
  SystemClock clock_;
  EventLoop loop_{clock_};
};

TEST_F(EventLoopTest, RunsPostedTasksInOrderAndThoseTheyPostAfterThem) {
  std::vector<int> ran;
  loop_.Post([&] {
    ran.push_back(1);
    loop_.Post([&] {
      ran.push_back(3);
      loop_.Stop();
    });
  });
  loop_.Post([&] { ran.push_back(2); });
  loop_.Run();
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
}

TEST_F(EventLoopTest, TasksFromManyThreadsAllRunEachThreadsInItsOrder) {
  constexpr int kThreads = 4, kEach = 5000;
  std::vector<std::vector<int>> seen(kThreads);
  int total = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([this, t, &seen, &total] {
      for (int i = 0; i < kEach; ++i)
        loop_.Post([this, t, i, &seen, &total] {
          seen[static_cast<std::size_t>(t)].push_back(i);
          if (++total == kThreads * kEach) loop_.Stop();
        });
    });
  loop_.Run();
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int>& one : seen) {
    ASSERT_EQ(one.size(), static_cast<std::size_t>(kEach));
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
  }
}

TEST_F(EventLoopTest, APostWakesALoopThatSleeps) {
  std::thread runner([&] { loop_.Run(); });
  for (int i = 0; i < 200; ++i) {  // each waits for an answer, so the loop sleeps in between
    std::atomic<bool> done{false};
    loop_.Post([&] {
      done = true;
      done.notify_one();
    });
    done.wait(false);
  }
  loop_.Stop();
  runner.join();
}

TEST_F(EventLoopTest, TimersRunByDueTimeThenByCreationAndNeverEarly) {
  std::vector<int> ran;
  const Duration start = clock_.Monotonic();
  const auto at = [&](int name, Duration delay) {
    loop_.After(delay, [&, name, delay] {
      EXPECT_GE(clock_.Monotonic() - start, delay);
      ran.push_back(name);
    });
  };
  at(4, 3ms), at(3, 2ms), at(1, 0ms), at(2, -5ms);
  loop_.After(4ms, [&] { loop_.Stop(); });
  loop_.Run();
  EXPECT_THAT(ran, ElementsAre(1, 2, 3, 4));
}

TEST_F(EventLoopTest, ACancelledTimerDoesNotRunEvenWhenItIsDue) {
  bool ran = false;
  Loop::TimerId second = 0;
  loop_.After(0ms, [&] { loop_.Cancel(second); });
  second = loop_.After(0ms, [&] { ran = true; });
  const Loop::TimerId fired = loop_.After(0ms, [] {});
  loop_.After(1ms, [&] {
    loop_.Cancel(fired);
    loop_.Cancel(12345);
    loop_.Stop();
  });
  EXPECT_NE(second, 0u);
  loop_.Run();
  EXPECT_FALSE(ran);
}

TEST_F(EventLoopTest, ATimerThatSetsItselfAgainAtOnceDoesNotStarveTheOthers) {
  Pipe pipe;
  pipe.Write("x");
  std::function<void()> again = [&] { loop_.After(0ms, again); };
  again();
  std::function<void()> post_again = [&] { loop_.Post(post_again); };
  post_again();
  loop_.Watch(pipe.reader(), EPOLLIN, [&](std::uint32_t) { loop_.Stop(); });
  loop_.Run();  // returns
}

TEST_F(EventLoopTest, AWatchedPipeIsReportedUntilUnwatched) {
  Pipe pipe;
  std::string got;
  loop_.Watch(pipe.reader(), EPOLLIN, [&](std::uint32_t events) {
    EXPECT_TRUE(events & EPOLLIN);
    got += pipe.Read();
    if (got == "ab") {
      loop_.Unwatch(pipe.reader());
      pipe.Write("c");
      loop_.After(2ms, [&] { loop_.Stop(); });
    } else {
      pipe.Write("b");
    }
  });
  pipe.Write("a");
  loop_.Run();
  EXPECT_EQ(got, "ab");
}

TEST_F(EventLoopTest, TheOtherEndClosingIsAnEvent) {
  Pipe pipe;
  std::uint32_t got = 0;
  loop_.Watch(pipe.reader(), EPOLLIN, [&](std::uint32_t events) {
    got = events;
    loop_.Stop();
  });
  pipe.CloseWriter();
  loop_.Run();
  EXPECT_TRUE(got & EPOLLHUP);
}

TEST_F(EventLoopTest, UnwatchInOneCallbackSilencesAnotherThatIsAlreadyReady) {
  Pipe a, b;
  a.Write("x"), b.Write("x");
  int calls = 0;
  const auto take_both_off = [&](std::uint32_t) {
    ++calls;
    loop_.Unwatch(a.reader());
    loop_.Unwatch(b.reader());
    loop_.After(1ms, [&] { loop_.Stop(); });
  };
  loop_.Watch(a.reader(), EPOLLIN, take_both_off);
  loop_.Watch(b.reader(), EPOLLIN, take_both_off);
  loop_.Run();
  EXPECT_EQ(calls, 1);
}

// A late event of a closed file must not reach the new file that got its number.
TEST_F(EventLoopTest, ANumberGivenToANewFileIsANewWatch) {
  Pipe a, b;
  a.Write("x"), b.Write("x");
  Pipe fresh;
  int old_calls = 0, fresh_calls = 0;
  const auto reuse = [&](Pipe& other) {
    ++old_calls;
    const int fd = other.reader();
    loop_.Unwatch(fd);
    ASSERT_EQ(dup2(fresh.reader(), fd), fd);
    loop_.Watch(fd, EPOLLIN, [&](std::uint32_t) { ++fresh_calls; });
    loop_.After(1ms, [&] { loop_.Stop(); });
  };
  loop_.Watch(a.reader(), EPOLLIN, [&](std::uint32_t) { a.Read(), reuse(b); });
  loop_.Watch(b.reader(), EPOLLIN, [&](std::uint32_t) { b.Read(), reuse(a); });
  loop_.Run();
  EXPECT_EQ(old_calls, 1);
  EXPECT_EQ(fresh_calls, 0);
}

TEST_F(EventLoopTest, WatchingAgainReplacesTheEventsAndTheCallback) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  loop_.Watch(pair[0], EPOLLIN, [](std::uint32_t) { FAIL() << "replaced"; });
  loop_.Watch(pair[0], EPOLLOUT, [&](std::uint32_t events) {
    EXPECT_EQ(events, std::uint32_t{EPOLLOUT});
    loop_.Stop();
  });
  loop_.Run();
  loop_.Unwatch(pair[0]);
  // Closed without Unwatch, and the number given out again: as after a library closed it behind our back.
  loop_.Watch(pair[0], EPOLLIN, [](std::uint32_t) {});
  ASSERT_EQ(dup2(pair[1], pair[0]), pair[0]);
  loop_.Watch(pair[0], EPOLLOUT, [&](std::uint32_t) { loop_.Stop(); });
  loop_.Run();
  loop_.Unwatch(pair[0]);
  loop_.Unwatch(pair[0]);
  close(pair[0]), close(pair[1]);
}

TEST_F(EventLoopTest, StopLeavesTheRestForTheNextRun) {
  std::vector<int> ran;
  loop_.Post([&] {
    ran.push_back(1);
    loop_.Stop();
  });
  loop_.Post([&] { ran.push_back(2); });
  loop_.Run();
  EXPECT_THAT(ran, ElementsAre(1));
  loop_.Post([&] {
    ran.push_back(3);
    loop_.Stop();
  });
  loop_.Run();
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
}

TEST_F(EventLoopTest, AStopBeforeRunIsNotForgotten) {
  loop_.Post([] { FAIL() << "stopped before"; });
  loop_.Stop();
  loop_.Run();
}

EventLoop* loop_of_signal = nullptr;

TEST_F(EventLoopTest, ASignalHandlerMayStopIt) {
  loop_of_signal = &loop_;
  struct sigaction action {
  }, before{};
  action.sa_handler = [](int) { loop_of_signal->Stop(); };
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  const pthread_t runner = pthread_self();
  std::thread sender;
  loop_.Post([&] { sender = std::thread([&] { pthread_kill(runner, SIGUSR1); }); });
  loop_.Run();
  sender.join();
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(EventLoopTest, TasksThatNeverRanAreDestroyedWithTheLoop) {
  const auto token = std::make_shared<int>(1);
  {
    EventLoop loop(clock_);
    loop.Post([token] {});
    loop.After(1h, [token] {});
    EXPECT_EQ(token.use_count(), 3);
  }
  EXPECT_EQ(token.use_count(), 1);
}

// As a controller does whose last owner is a task.
TEST_F(EventLoopTest, WhatATaskHoldsMayCallTheLoopAsItGoes) {
  struct Owner {
    ~Owner() {
      loop.Cancel(timer);
      loop.Unwatch(0);
      loop.Post([] {});
    }
    EventLoop& loop;
    Loop::TimerId timer = 0;
  };
  EventLoop loop(clock_);
  auto owner = std::make_shared<Owner>(loop);
  owner->timer = loop.After(2h, [] {});
  loop.After(1h, [held = std::move(owner)] {});
  loop.Post([held = std::make_shared<Owner>(loop)] {});
}

class ManualLoopTest : public testing::Test {
 protected:
  std::function<void()> Note(const std::string& name) {
    return [this, name] { ran_.push_back(fmt::format("{}@{}", name, clock_.Monotonic() / 1ms)); };
  }
  ManualClock clock_;
  ManualLoop loop_{clock_};
  std::vector<std::string> ran_;
};

TEST_F(ManualLoopTest, RunsNothingUntilTold) {
  loop_.Post(Note("task"));
  loop_.After(0ms, Note("timer"));
  EXPECT_TRUE(ran_.empty());
  EXPECT_EQ(loop_.pending(), 2u);
}

TEST_F(ManualLoopTest, RunOneTakesTasksFirstAndThenMovesTheClockToTheNextTimer) {
  loop_.After(20ms, Note("late"));
  loop_.After(10ms, Note("early"));
  loop_.Post(Note("task"));
  while (loop_.RunOne()) {
  }
  EXPECT_THAT(ran_, ElementsAre("task@0", "early@10", "late@20"));
  EXPECT_EQ(loop_.pending(), 0u);
}

TEST_F(ManualLoopTest, AdvanceRunsWhatFallsDueAndWhatThatCauses) {
  loop_.After(10ms, [this] {
    Note("a")();
    loop_.Post(Note("posted"));
    loop_.After(5ms, Note("b"));
    loop_.After(100ms, Note("too late"));
  });
  loop_.After(10ms, Note("same time"));
  const WallTime wall = clock_.Wall();
  loop_.Advance(30ms);
  EXPECT_THAT(ran_, ElementsAre("a@10", "posted@10", "same time@10", "b@15"));
  EXPECT_EQ(clock_.Monotonic(), 30ms);
  EXPECT_EQ(clock_.Wall() - wall, 30ms);
}

TEST_F(ManualLoopTest, ACancelledTimerDoesNotRun) {
  const Loop::TimerId timer = loop_.After(1ms, Note("never"));
  loop_.Cancel(timer);
  loop_.Cancel(timer);
  EXPECT_FALSE(loop_.RunOne());
}

TEST_F(ManualLoopTest, ClearForgetsEverythingAlsoFromWithin) {
  loop_.Post([this] {
    Note("last")();
    loop_.Clear();
  });
  loop_.Post(Note("never"));
  loop_.After(1ms, Note("never"));
  loop_.Advance(1s);
  EXPECT_THAT(ran_, ElementsAre("last@0"));
}

TEST_F(ManualLoopTest, ATimerThatIsOverdueRunsWithoutTurningTheClockBack) {
  loop_.After(5ms, Note("overdue"));
  clock_.Advance(50ms);
  EXPECT_TRUE(loop_.RunOne());
  EXPECT_THAT(ran_, ElementsAre("overdue@50"));
}

}  // namespace
}  // namespace qalam
