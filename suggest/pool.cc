// SPDX-License-Identifier: Apache-2.0
#include "suggest/pool.h"

namespace qalam {

Pool::Pool(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

Pool::~Pool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Pool::Post(std::shared_ptr<Strand> strand, Task task) {
  {
    const std::lock_guard lock(mutex_);
    strand->tasks_.push_back(std::move(task));
    if (strand->queued_) return;
    strand->queued_ = true;
    ready_.push_back(std::move(strand));
  }
  wake_.notify_one();
}

void Pool::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !ready_.empty() || ending_; });
    if (ready_.empty()) return;
    const std::shared_ptr<Strand> strand = std::move(ready_.front());
    ready_.pop_front();
    {
      const Task task = std::move(strand->tasks_.front());
      strand->tasks_.pop_front();
      lock.unlock();
      task();
    }
    lock.lock();
    if (strand->tasks_.empty()) {
      strand->queued_ = false;
    } else {
      ready_.push_back(strand);  // behind the others; this thread looks again at once
    }
  }
}

}  // namespace qalam
