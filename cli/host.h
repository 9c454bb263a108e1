// SPDX-License-Identifier: Apache-2.0
// Who runs the experiments that a person follows: this process (cli/holder.h) or another one (cli/remote.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiment/controller.h"
#include "store/store.h"

namespace qalam {

class Host {
 public:
  virtual ~Host() = default;
  virtual StoreReader& reader() = 0;
  virtual Result<Submitted> Submit(const ExperimentSpec& spec, const std::string& source) = 0;
  virtual Status Resume(std::int64_t experiment_id) = 0;
  virtual Status Pause(std::int64_t experiment_id) = 0;
  virtual Status StopTrials(std::int64_t experiment_id) = 0;
  // Ended, or paused with nothing running, and recorded.
  virtual bool Settled(std::int64_t experiment_id) = 0;
  virtual std::string WhyWaiting(std::int64_t experiment_id) = 0;
  // Further unsettled experiments that this process runs; and of those the ones that no other command watches, which
  // nobody would take over if we left.
  virtual std::vector<Experiment> Others(const std::vector<std::int64_t>& own) = 0;
  virtual std::vector<Experiment> Unwatched(const std::vector<std::int64_t>& own) = 0;
  // Whoever runs them is gone: they go on when somebody takes over.
  virtual bool gone() = 0;
  // How often to look for changes that nobody tells us of.
  virtual Duration poll() const = 0;
};

}  // namespace qalam
