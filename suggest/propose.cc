// SPDX-License-Identifier: Apache-2.0
#include "suggest/propose.h"

#include <algorithm>
#include <utility>

namespace qalam {
namespace {

constexpr int kEmptyRepliesAreTheEnd = 3;  // of a service that does not say that it has no more

// A history that only grows: trial i has the revision i + 1.
class GrowingHistory final : public TrialSource {
 public:
  explicit GrowingHistory(std::vector<Trial> trials) : trials_(std::move(trials)) {}
  std::uint64_t revision() const override { return trials_.size(); }
  void Visit(std::uint64_t since, const std::function<void(const Trial&)>& visit) const override {
    for (std::size_t i = since; i < trials_.size(); ++i) visit(trials_[i]);
  }
  // As a trial that was just created: a pending one.
  void Add(const Suggestion& suggestion) {
    Trial trial;
    trial.ordinal = trials_.size() + 1;
    trial.name = suggestion.trial_name.empty() ? "proposed-" + std::to_string(trial.ordinal) : suggestion.trial_name;
    trial.assignments = suggestion.assignments;
    trial.labels = suggestion.labels;
    trials_.push_back(std::move(trial));
  }

 private:
  std::vector<Trial> trials_;
};

template <class T, class Start>
T Await(EventLoop& loop, Start start) {
  std::optional<T> answer;
  start([&](T given) {
    answer = std::move(given);
    loop.Stop();
  });
  while (!answer) loop.Run();
  return *std::move(answer);
}

}  // namespace

Result<Proposals> Propose(EventLoop& loop, SuggestionClient& client, const ExperimentSpec& spec, const std::string& uid,
                          std::vector<Trial> history, int count) {
  QALAM_TRY(SearchSpace space, SpaceOf(spec));
  const auto suggested = static_cast<int>(
      std::count_if(history.begin(), history.end(), [](const Trial& t) { return !t.labels.contains(kEnqueuedLabel); }));
  const auto trials = std::make_shared<GrowingHistory>(std::move(history));
  SuggestionRequest request;
  request.spec = std::make_shared<const ExperimentSpec>(spec);
  request.space = std::make_shared<const SearchSpace>(std::move(space));
  request.uid = uid;
  request.algorithm_settings = spec.algorithm.settings;
  request.trials = trials;

  const Status valid = Await<Status>(loop, [&](auto done) { client.Validate(request, done); });
  // As the controller takes it: whoever does not know the call is content.
  if (valid.code() == Code::kInvalidArgument || valid.code() == Code::kUnavailable) return valid;

  Proposals proposals;
  int empty_replies = 0;
  while (static_cast<int>(proposals.suggestions.size()) < count) {
    const auto have = static_cast<int>(proposals.suggestions.size());
    request.current_request_number = count - have;
    request.total_request_number = suggested + count;
    auto reply =
        Await<Result<SuggestionReply>>(loop, [&](auto done) { client.GetSuggestions(request, std::move(done)); });
    if (!reply.ok()) return reply.status();
    for (Suggestion& suggestion : reply->suggestions) {
      if (static_cast<int>(proposals.suggestions.size()) == count) break;
      trials->Add(suggestion);
      proposals.suggestions.push_back(std::move(suggestion));
    }
    if (!reply->algorithm_settings.empty()) Overwrite(reply->algorithm_settings, &request.algorithm_settings);
    const bool none = static_cast<int>(proposals.suggestions.size()) == have;
    if (none && reply->rejected > 0 && ++empty_replies >= kEmptyRepliesAreTheEnd) {
      return Error(Code::kUnavailable, "suggestion service {}: none of {} suggestions was legal: {}",
                   spec.algorithm.name, reply->rejected, reply->rejected_why);
    }
    if (reply->exhausted || (none && reply->rejected == 0 && ++empty_replies >= kEmptyRepliesAreTheEnd)) {
      proposals.exhausted = static_cast<int>(proposals.suggestions.size()) < count;
      break;
    }
  }
  client.Forget(uid);
  return proposals;
}

}  // namespace qalam
