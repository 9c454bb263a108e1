// SPDX-License-Identifier: Apache-2.0
// qalam.v1.LiveStopping with the rules that are built in, for many experiments at once. What it keeps of them is a
// cache: whoever asks about one that is not there is asked for its history.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/clock.h"
#include "core/status.h"
#include "earlystop/live_stopping.h"
#include "proto/live.grpc.pb.h"
#include "suggest/pool.h"

namespace qalam {

class LiveServicer final : public qalam::v1::LiveStopping::CallbackService {
 public:
  explicit LiveServicer(const Clock& clock);

  grpc::ServerUnaryReactor* Decide(grpc::CallbackServerContext* context, const qalam::v1::DecideRequest* request,
                                   qalam::v1::DecideReply* reply) override;

 private:
  // Of one experiment. Touched by the tasks of its strand alone, but for `used`.
  struct Kept {
    std::shared_ptr<Pool::Strand> strand = std::make_shared<Pool::Strand>();
    std::unique_ptr<LiveStopping> stopping;
    std::string rule;         // what `stopping` was made of
    std::uint64_t calls = 0;  // since then
    std::uint64_t used = 0;   // guarded by the servicer's mutex
  };
  std::shared_ptr<Kept> Find(const std::string& uid);
  Status Answer(Kept& kept, const qalam::v1::DecideRequest& request, qalam::v1::DecideReply* reply) const;

  const std::string life_;                                    // tells the states of one process from those of another
  std::mutex mutex_;                                          // guards the two below
  std::map<std::string, std::shared_ptr<Kept>> experiments_;  // by uid
  std::uint64_t uses_ = 0;

  Pool pool_{2};  // last: its threads end before the rest goes
};

}  // namespace qalam
