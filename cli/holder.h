// SPDX-License-Identifier: Apache-2.0
// The process that holds a database: its store, engine, suggestion services, controller, and the socket through
// which other commands reach it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/host.h"
#include "cli/router.h"
#include "cli/socket.h"
#include "core/loop.h"

namespace qalam {

class Holder final : public Host, private DbManagerBackend {
 public:
  // FAILED_PRECONDITION: another process holds the database.
  // `gpus`: the devices that trials share out.
  static Result<std::unique_ptr<Holder>> Open(const std::string& db, const std::vector<std::string>& gpus);
  // For one command on a database that nobody runs: nothing is launched, and nobody can reach this process; what is
  // stopped is stopped here. RunFor is its loop.
  static Result<std::unique_ptr<Holder>> OpenPassive(const std::string& db);
  ~Holder() override;
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  EventLoop& loop() { return loop_; }
  const Clock& clock() const { return clock_; }
  void SetOnCommit(std::function<void()> callback) { controller_->SetOnCommit(std::move(callback)); }

  StoreReader& reader() override { return *store_; }
  Result<Submitted> Submit(const ExperimentSpec& spec, const std::string& source) override;
  Status Resume(std::int64_t id) override { return controller_->Resume(id); }
  Status Pause(std::int64_t id) override { return controller_->Pause(id); }
  Status StopTrials(std::int64_t id) override { return controller_->StopTrials(id); }
  bool Settled(std::int64_t id) override { return controller_->Settled(id); }
  std::string WhyWaiting(std::int64_t id) override { return controller_->WhyWaiting(id); }
  std::vector<Experiment> Others(const std::vector<std::int64_t>& own) override;
  std::vector<Experiment> Unwatched(const std::vector<std::int64_t>& own) override;
  bool gone() override { return false; }
  Result<Node> DoHere(const Node& command);
  void RunFor(Duration time);
  Duration poll() const override { return std::chrono::seconds(1); }

 private:
  Holder() : loop_(clock_) {}
  Result<std::vector<MetricReport>> ObservationLog(const std::string& trial_name) override;
  Status ReportObservationLog(const std::string& trial_name, const std::vector<MetricReport>& reports) override;
  Status DeleteObservationLog(const std::string& trial_name) override;
  Status SetTrialStatus(const std::string& trial_name) override;
  static Result<std::unique_ptr<Holder>> Make(const std::string& db, const std::vector<std::string>& gpus,
                                              bool passive);
  Node Answer(SocketServer::Connection connection, const Node& request);
  Result<Node> Do(SocketServer::Connection connection, const Node& request);

  SystemClock clock_;
  EventLoop loop_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<SocketServer> socket_;
  std::unique_ptr<SuggestionRouter> router_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Controller> controller_;
  // Experiments that another command handed over and watches: if we go, it takes over.
  std::map<SocketServer::Connection, std::set<std::int64_t>> watched_;
};

}  // namespace qalam
