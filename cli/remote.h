// SPDX-License-Identifier: Apache-2.0
// Experiments that another qalam runs: commands go through its socket, what happens is read from the database.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/host.h"
#include "cli/socket.h"

namespace qalam {

class RemoteHost final : public Host {
 public:
  // UNAVAILABLE: nobody listens.
  static Result<std::unique_ptr<RemoteHost>> Connect(const std::string& db);

  StoreReader& reader() override { return *reader_; }
  Result<Submitted> Submit(const ExperimentSpec& spec, const std::string& source) override;
  Status Resume(std::int64_t id) override { return Ask("resume", id).status(); }
  Status Pause(std::int64_t id) override { return Ask("pause", id).status(); }
  Status StopTrials(std::int64_t id) override { return Ask("stop", id).status(); }
  bool Settled(std::int64_t id) override;
  std::string WhyWaiting(std::int64_t id) override;
  std::vector<Experiment> Others(const std::vector<std::int64_t>&) override { return {}; }
  std::vector<Experiment> Unwatched(const std::vector<std::int64_t>&) override { return {}; }
  Result<Node> Do(const Node& command);
  bool gone() override { return client_->gone(); }
  Duration poll() const override { return std::chrono::milliseconds(200); }

 private:
  Result<Node> Ask(const std::string& verb, std::int64_t id);

  std::unique_ptr<SocketClient> client_;
  std::unique_ptr<StoreReader> reader_;
};

}  // namespace qalam
