// SPDX-License-Identifier: Apache-2.0
// Where an attempt's metrics come out, followed while it runs: a file, the event files of a folder, a page that it
// serves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/loop.h"
#include "pipelines/engines/tailer.h"

namespace qalam {

// Nothing is delivered from within its making, nor after its destruction, which may happen in a delivery.
class MetricsFeed {
 public:
  // `file` is below the folder; empty where there is one source.
  using Deliver = std::function<void(std::string_view file, std::int64_t offset, std::string_view bytes)>;

  virtual ~MetricsFeed() = default;
  // Nothing writes any more: delivers what is left, then calls `done`, from within this call when that was not much.
  // The feed may be destroyed in it.
  virtual void Finish(std::function<void()> done) = 0;
};

std::unique_ptr<MetricsFeed> FollowFile(Tailer& tailer, std::string path, std::int64_t offset,
                                        MetricsFeed::Deliver deliver);
// Files that have "tfevents" in their names, also in folders below; no link is followed.
std::unique_ptr<MetricsFeed> FollowEvents(EventLoop& loop, Tailer& tailer, std::string folder,
                                          MetricsFeed::Deliver deliver);
// http://127.0.0.1:port/path, twice a second. A page that does not come, or is none, is passed over.
std::unique_ptr<MetricsFeed> FollowPage(EventLoop& loop, int port, std::string path, MetricsFeed::Deliver deliver);

}  // namespace qalam
