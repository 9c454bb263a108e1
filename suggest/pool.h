// SPDX-License-Identifier: Apache-2.0
// A few threads for the work behind the calls. The tasks of one strand run one after another in the order they were
// posted, those of different strands side by side: a slow experiment keeps at most one thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace qalam {

class Pool {
 public:
  using Task = std::function<void()>;
  class Strand {
    friend class Pool;
    std::deque<Task> tasks_;  // guarded by the pool's mutex
    bool queued_ = false;     // the same: in `ready_`, or running
  };

  explicit Pool(int threads);
  ~Pool();  // runs what was posted, then ends
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void Post(std::shared_ptr<Strand> strand, Task task);  // from any thread

 private:
  void Work();

  std::mutex mutex_;  // guards all below but the threads
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Strand>> ready_;  // strands with a task and no thread
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace qalam
