// SPDX-License-Identifier: Apache-2.0
// Follows files that grow, live: woken by inotify, at most fifty times a second, in slices of bounded size, so that a
// trial which floods its log costs memory and time like any other.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/loop.h"
#include "pipelines/engines/fd.h"

namespace qalam {

class Tailer {
 public:
  using Id = std::uint64_t;  // never 0
  using Deliver = std::function<void(std::int64_t offset, std::string_view bytes)>;

  // Of a file below `root` no link is followed that leads out of it; of another one its own name is no link.
  Tailer(EventLoop& loop, std::string root);
  ~Tailer();
  Tailer(const Tailer&) = delete;
  Tailer& operator=(const Tailer&) = delete;

  // Follows `path`, absolute, from `offset`. A file that is not there yet is looked for in its folder. `deliver` is
  // never called from within Add; it may call Remove.
  Id Add(std::string path, std::int64_t offset, Deliver deliver);
  // Nothing writes the file any more: delivers all that is left, then forgets it and calls `done`, from within this
  // call when that was not much.
  void Finish(Id id, std::function<void()> done);
  void Remove(Id id);

 private:
  struct Tail {
    std::string path;
    std::int64_t offset = 0;
    Deliver deliver;
    int watch = -1;       // inotify's; -1: none, polled
    bool polled = false;  // also looked at once a second: what is written may not be seen by inotify
    bool queued = false;
    bool shrunk = false;         // said once
    std::function<void()> done;  // set: finishing
  };
  enum class Slice { kMore, kEnd, kGone };

  void WatchFile(Id id, Tail& tail);
  void Unwatch(Tail& tail);
  void OnInotify();
  void Queue(Id id);
  void WorkOff();
  void Poll();
  Slice ReadSlice(Id id);

  Fd Open(const std::string& path);

  EventLoop& loop_;
  std::string root_;
  Fd root_fd_;  // opened when it is there
  Fd inotify_;
  Id next_ = 1;
  std::unordered_map<Id, Tail> tails_;
  std::unordered_map<int, Id> by_watch_;
  std::deque<Id> queue_;
  bool working_ = false;  // a task that works the queue off is posted
  Loop::TimerId mute_ = 0, poll_ = 0;
  std::vector<char> buffer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace qalam
