// SPDX-License-Identifier: Apache-2.0
#include "suggest/remote_stopping.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

namespace qalam {
namespace {

constexpr Duration kFirstBackoff = std::chrono::seconds(1);
constexpr Duration kLongestBackoff = std::chrono::seconds(30);

}  // namespace

RemoteStopping::RemoteStopping(Loop& loop, std::string metric, Ask ask, std::function<bool()> may_ask,
                               LateDecision late)
    : loop_(loop),
      metric_(std::move(metric)),
      ask_(std::move(ask)),
      may_ask_(std::move(may_ask)),
      late_(std::move(late)) {}

void RemoteStopping::Note(LiveChange change) {
  // Before the first question there is nothing that it would come after.
  if (!keeps_nothing_ && (asking_ || !state_.empty())) changes_.push_back(change);
}

void RemoteStopping::Add(std::uint64_t trial, std::int64_t step, double value) {
  if (silent_) return;
  auto& reports = trials_[trial].reports;
  if (keeps_nothing_) reports.clear();
  reports.emplace_back(step, value);
  Note({.trial = trial, .what = LiveChange::kReported, .step = step, .value = value});
}

Decision RemoteStopping::Judge(std::uint64_t trial) {
  if (silent_ || trials_[trial].spared) return {};
  if (loop_.clock().Monotonic() < not_before_) return {};  // nobody is asked for now
  if (std::ranges::find(waiting_, trial) == waiting_.end()) waiting_.push_back(trial);
  Pump();
  return {};
}

void RemoteStopping::Spare(std::uint64_t trial) {
  if (silent_) return;
  std::erase(waiting_, trial);
  trials_[trial].spared = true;
  Note({.trial = trial, .what = LiveChange::kSpared});
}

void RemoteStopping::End(std::uint64_t trial, Standing standing) {
  if (silent_) return;
  std::erase(waiting_, trial);
  if (asked_ == trial) asked_ = 0;
  if (keeps_nothing_) {
    trials_.erase(trial);
    return;
  }
  trials_[trial].ended = standing;
  Note({.trial = trial, .what = LiveChange::kEnded, .standing = standing});
}

void RemoteStopping::Forget(std::uint64_t trial) {
  std::erase(waiting_, trial);
  if (asked_ == trial) asked_ = 0;
  if (trials_.erase(trial) > 0) Note({.trial = trial, .what = LiveChange::kBeginsAnew});
}

void RemoteStopping::Pump() {
  if (!may_ask_()) return waiting_.clear();
  if (asking_ || waiting_.empty()) return;
  asked_ = waiting_.front();
  waiting_.pop_front();
  asking_ = true;
  const LiveQuestion question = MakeQuestion(asked_);
  asked_about_ = fmt::format("{} {}", metric_, question.value);
  ask_(question,
       [this, alive = std::weak_ptr<int>(alive_), trial = asked_, whole = question.whole](Result<LiveAnswer> answer) {
         if (!alive.expired()) Take(trial, whole, std::move(answer));
       });
}

LiveQuestion RemoteStopping::MakeQuestion(std::uint64_t trial) {
  LiveQuestion question;
  question.trial = trial;
  std::tie(question.step, question.value) = trials_.at(trial).reports.back();
  question.state = state_;
  question.whole = state_.empty() && !keeps_nothing_;
  question.changes = question.whole ? Everything() : std::exchange(changes_, {});
  // The newest report of a trial that is asked about comes with that question, and must not come before it as well.
  // How the reports of different trials interleave does not matter.
  changes_ = TakeNewest(waiting_, &question.changes);
  TakeNewest({trial}, &question.changes);
  return question;
}

std::vector<LiveChange> RemoteStopping::TakeNewest(std::deque<std::uint64_t> trials, std::vector<LiveChange>* changes) {
  std::vector<LiveChange> taken;
  for (std::size_t i = changes->size(); i-- > 0 && !trials.empty();) {
    const LiveChange& change = (*changes)[i];
    if (change.what != LiveChange::kReported || std::erase(trials, change.trial) == 0) continue;
    taken.push_back(change);
    changes->erase(changes->begin() + static_cast<std::ptrdiff_t>(i));
  }
  std::ranges::reverse(taken);
  return taken;
}

std::vector<LiveChange> RemoteStopping::Everything() const {
  std::vector<LiveChange> out;
  for (const auto& [trial, known] : trials_) {
    for (const auto& [step, value] : known.reports)
      out.push_back({.trial = trial, .what = LiveChange::kReported, .step = step, .value = value});
    if (known.spared) out.push_back({.trial = trial, .what = LiveChange::kSpared});
    if (known.ended) out.push_back({.trial = trial, .what = LiveChange::kEnded, .standing = *known.ended});
  }
  return out;
}

void RemoteStopping::Take(std::uint64_t trial, bool whole, Result<LiveAnswer> answer) {
  asking_ = false;
  const bool matters = std::exchange(asked_, 0) == trial;
  if (!answer.ok()) return Fail(answer.status());
  if (answer->history_needed) {
    if (whole) return Fail(Error(Code::kInternal, "asks for the history of the experiment, and has just been told it"));
    state_.clear();
    changes_.clear();
    if (matters && std::ranges::find(waiting_, trial) == waiting_.end()) waiting_.push_front(trial);
    return Pump();
  }
  failures_ = 0;
  state_ = std::move(answer->state);
  if (state_.empty()) {
    keeps_nothing_ = true;
    changes_.clear();
  }
  Decision& decision = answer->decision;
  if (!decision.reason.empty()) note_ = std::move(answer->note);
  if (matters && (decision.action != Decision::kGoOn || !decision.reason.empty())) {
    if (decision.action == Decision::kSpare) {
      trials_[trial].spared = true;
      std::erase(waiting_, trial);
    }
    decision.reason = fmt::format("{}: {}", asked_about_, decision.reason);
    late_(trial, decision);
  }
  Pump();
}

void RemoteStopping::Fail(const Status& fault) {
  if (fault.code() == Code::kUnimplemented) return Silence();
  state_.clear();
  changes_.clear();
  waiting_.clear();
  if (fault.code() == Code::kInvalidArgument) {
    Silence();
  } else {
    Duration backoff = kFirstBackoff;
    for (int i = 0; i < failures_ && backoff < kLongestBackoff; ++i) backoff *= 2;
    not_before_ = loop_.clock().Monotonic() + std::min(backoff, kLongestBackoff);
  }
  if (failures_++ == 0) late_(0, {Decision::kGoOn, fault.message() + "; trials go on"});
}

void RemoteStopping::Silence() {
  silent_ = true;
  trials_.clear();
  changes_.clear();
  waiting_.clear();
}

}  // namespace qalam
