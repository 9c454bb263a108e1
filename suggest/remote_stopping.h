// SPDX-License-Identifier: Apache-2.0
// Early stopping that a service decides, report by report (proto/live.proto). A report is recorded without waiting:
// what the service makes of it is told late, and a service that is slow, away or does not know the call stops nobody.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/loop.h"
#include "suggest/live_decision.h"

namespace qalam {

// One question at a time, about each trial its newest report: they cannot overtake each other, and a slow service is
// not flooded. On the loop's thread.
class RemoteStopping final : public LiveStopping {
 public:
  using Ask = std::function<void(const LiveQuestion& question, std::function<void(Result<LiveAnswer>)> done)>;
  // `metric`: for the words of a decision. `may_ask`: false while the service is not to be called, such as after the
  // end of its experiment.
  RemoteStopping(Loop& loop, std::string metric, Ask ask, std::function<bool()> may_ask, LateDecision late);

  void Add(std::uint64_t trial, std::int64_t step, double value) override;
  Decision Judge(std::uint64_t trial) override;  // kGoOn: what there is to say is said late
  void Spare(std::uint64_t trial) override;
  void End(std::uint64_t trial, Standing standing) override;
  void Forget(std::uint64_t trial) override;
  std::string Note() override { return note_; }

 private:
  struct Known {
    std::vector<std::pair<std::int64_t, double>> reports;  // of a service that keeps nothing, the newest
    std::optional<Standing> ended;
    bool spared = false;
  };
  void Note(LiveChange change);
  void Pump();
  LiveQuestion MakeQuestion(std::uint64_t trial);
  // Takes the newest report of each of these trials out of the changes.
  static std::vector<LiveChange> TakeNewest(std::deque<std::uint64_t> trials, std::vector<LiveChange>* changes);
  std::vector<LiveChange> Everything() const;
  void Take(std::uint64_t trial, bool whole, Result<LiveAnswer> answer);
  void Fail(const Status& fault);
  void Silence();

  Loop& loop_;
  const std::string metric_;
  const Ask ask_;
  const std::function<bool()> may_ask_;
  const LateDecision late_;
  std::map<std::uint64_t, Known> trials_;
  std::vector<LiveChange> changes_;  // since the answer that gave `state_`
  std::string state_;
  bool keeps_nothing_ = false;         // the service: it is sent no changes
  bool silent_ = false;                // it does not decide report by report
  std::deque<std::uint64_t> waiting_;  // trials with a report that was not asked about yet
  bool asking_ = false;
  std::uint64_t asked_ = 0;  // the trial of the question under way; 0: its answer does not matter any more
  std::string asked_about_;  // its report, in words
  int failures_ = 0;         // in a row
  Duration not_before_{};
  std::string note_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace qalam
