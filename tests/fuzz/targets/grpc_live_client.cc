// SPDX-License-Identifier: Apache-2.0
// The client of a live early-stopping service, driven by any sequence of reports, ends and answers, letter by letter
// (see Step). The service is told all that has happened and nothing twice, whatever is lost on the way.
#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/loop.h"
#include "suggest/remote_stopping.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {
namespace {

struct Told {
  std::vector<std::pair<std::int64_t, double>> reports;
  std::optional<Standing> ended;
  bool spared = false;
};
using Knowledge = std::map<std::uint64_t, Told>;

std::string Shown(const Knowledge& knowledge) {
  std::string out;
  for (const auto& [trial, told] : knowledge) {
    out += fmt::format("trial {}{}{}:", trial, told.ended ? " ended" : "", told.spared ? " spared" : "");
    for (const auto& [step, value] : told.reports) out += fmt::format(" {}={}", step, value);
    out += '\n';
  }
  return out;
}

class Scene {
 public:
  Status Play(std::string_view input) {
    for (std::size_t i = 0; i < input.size() && fault_.ok(); ++i) {
      const std::uint64_t trial = i + 1 < input.size() ? static_cast<unsigned char>(input[i + 1]) % 5 + 1 : 1;
      if (Step(input[i], trial)) ++i;
    }
    // In the end nothing is held back.
    while (answer_ && fault_.ok()) (void)Step('k', 1);
    (void)Step('t', 1);
    may_ask_ = all_asked_ = true;
    if (fault_.ok()) (void)Step('r', 9);
    return fault_;
  }

 private:
  // Whether it was one about a trial.
  bool Step(char letter, std::uint64_t trial) {
    Told& known = truth_[trial];
    switch (letter) {
      case 'r':  // reports
      case 'a':  // the same, and nobody asks
        if (known.ended) return true;
        ++reports_;
        known.reports.emplace_back(reports_ % 7, static_cast<double>(reports_));
        client_.Add(trial, known.reports.back().first, known.reports.back().second);
        if (letter == 'r') (void)client_.Judge(trial);
        return true;
      case 's':
        if (known.ended || known.reports.empty()) return true;
        known.spared = true;
        client_.Spare(trial);
        return true;
      case 'e': return End(trial, Standing::kSucceeded);
      case 'x': return End(trial, Standing::kStopped);
      case 'f':
        truth_.erase(trial);
        client_.Forget(trial);
        return true;
      case 't': loop_.Advance(std::chrono::seconds(40)); return false;
      case 'q': may_ask_ = !may_ask_; return false;
      case 'k': return Answer({}, Knows::kAll);
      case 'S': return Answer({Decision::kStop, "too slow"}, Knows::kAll);
      case 'P': return Answer({Decision::kSpare, "too slow"}, Knows::kAll);
      case 'h': return Answer({}, Knows::kNeedsHistory);
      case 'n': return Answer({}, Knows::kNothing);
      case 'u': return Fail(Code::kUnavailable);
      case 'l': return Fail(Code::kAborted);  // late: it has heard it
      case 'i': return Fail(Code::kInvalidArgument);
      case 'm': return Fail(Code::kUnimplemented);
      default: return false;
    }
  }

  bool End(std::uint64_t trial, Standing standing) {
    if (truth_[trial].ended || truth_[trial].reports.empty()) return true;
    truth_[trial].ended = standing;
    client_.End(trial, standing);
    return true;
  }

  void Break(std::string_view what, std::string_view found, std::string_view wanted) {
    if (fault_.ok()) fault_ = Broken(what, found, wanted);
  }

  void Ask(const LiveQuestion& question, std::function<void(Result<LiveAnswer>)> done) {
    if (answer_) Break("two questions at a time", fmt::format("trial {}", question.trial), "");
    if (silent_) Break("a service is asked that does not decide", fmt::format("trial {}", question.trial), "");
    if (!may_ask_) Break("it is asked when it may not be", fmt::format("trial {}", question.trial), "");
    answer_ = std::move(done);
    asked_ = question.trial;
    const Told& true_one = truth_[question.trial];
    if (true_one.ended || true_one.reports.empty() ||
        true_one.reports.back() != std::pair(question.step, question.value))
      return Break("not its newest report",
                   fmt::format("trial {} {}={}", question.trial, question.step, question.value), Shown(truth_));
    if (keeps_nothing_) {
      if (question.whole || !question.changes.empty() || !question.state.empty())
        Break("it keeps nothing, and is told more than the report", fmt::format("{}", question.changes.size()), "");
      return;
    }
    if (question.whole) {
      knowledge_.clear();
    } else if (question.state != State()) {
      Break("not the state that it gave", question.state, State());
    }
    for (const LiveChange& change : question.changes) Hear(change);
    Hear({.trial = question.trial, .what = LiveChange::kReported, .step = question.step, .value = question.value});
    Compare();
  }

  void Hear(const LiveChange& change) {
    Told& told = knowledge_[change.trial];
    switch (change.what) {
      case LiveChange::kReported: return (void)told.reports.emplace_back(change.step, change.value);
      case LiveChange::kEnded: return (void)(told.ended = change.standing);
      case LiveChange::kBeginsAnew: return (void)knowledge_.erase(change.trial);
      case LiveChange::kSpared: told.spared = true;
    }
  }

  void Compare() {
    Knowledge told = knowledge_, wanted = truth_;
    for (Knowledge* side : {&told, &wanted}) {
      for (auto& [trial, one] : *side)
        one.spared = one.spared && !one.ended;  // of one that has ended it is all the same
    }
    // What is asked about next comes with that question.
    for (auto& [trial, one] : wanted) {
      if (!all_asked_ && trial != asked_ && !one.ended && told[trial].reports.size() + 1 == one.reports.size())
        one.reports.pop_back();
    }
    for (Knowledge* side : {&told, &wanted})
      std::erase_if(*side, [](const auto& entry) { return entry.second.reports.empty(); });
    if (Shown(told) != Shown(wanted)) Break("the service was told something else", Shown(told), Shown(wanted));
  }

  enum class Knows { kAll, kNeedsHistory, kNothing };
  bool Answer(Decision decision, Knows knows) {
    if (!answer_) return false;
    if (keeps_nothing_) knows = Knows::kNothing;
    LiveAnswer answer;
    answer.decision = std::move(decision);
    if (answer.decision.action == Decision::kSpare) knowledge_[asked_].spared = true;
    ++answers_;
    switch (knows) {
      case Knows::kAll: answer.state = State(); break;
      case Knows::kNeedsHistory: answer.history_needed = true; break;
      case Knows::kNothing: keeps_nothing_ = true; break;
    }
    std::exchange(answer_, nullptr)(std::move(answer));
    return false;
  }

  bool Fail(Code code) {
    if (!answer_) return false;
    ++answers_;
    silent_ = silent_ || code == Code::kInvalidArgument || code == Code::kUnimplemented;
    std::exchange(answer_, nullptr)(Status(code, "no answer"));
    return false;
  }

  void Late(std::uint64_t trial, const Decision& decision) {
    if (trial == 0) return;
    if (truth_[trial].ended) Break("a decision about one that has ended", fmt::format("trial {}", trial), "");
    if (decision.action == Decision::kSpare) truth_[trial].spared = true;
  }

  std::string State() const { return answers_ == 0 ? "" : fmt::format("state {}", answers_); }

  ManualClock clock_;
  ManualLoop loop_{clock_};
  Knowledge truth_, knowledge_;  // what happened, and what the service was told
  int reports_ = 0, answers_ = 0;
  bool may_ask_ = true, all_asked_ = false, keeps_nothing_ = false, silent_ = false;
  std::uint64_t asked_ = 0;
  std::function<void(Result<LiveAnswer>)> answer_;
  Status fault_;
  RemoteStopping client_{
      loop_, "loss", [this](const LiveQuestion& question, auto done) { Ask(question, std::move(done)); },
      [this] { return may_ask_; }, [this](std::uint64_t trial, const Decision& decision) { Late(trial, decision); }};
};

}  // namespace

Status TryGrpcLiveClient(std::string_view input) {
  Scene scene;
  return scene.Play(input.substr(0, 4'096));
}

}  // namespace qalam::fuzz
