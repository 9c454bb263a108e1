// SPDX-License-Identifier: Apache-2.0
// How the controller asks for suggestions, whatever stands behind: the in-process service, ours or anybody's over
// the network. Called on the loop's thread; answers come back as closures posted to the loop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/experiment.h"

namespace qalam {

// Label of a trial that nobody suggested: a person enqueued its assignments. It is told as history, and has no number
// among the suggestions.
inline constexpr const char* kEnqueuedLabel = "qalam.dev/enqueued";

// Labels of a trial that goes on from the checkpoint of another one of its experiment, whose name is the value; and of
// one that takes another one's place: when it has succeeded nobody will continue that one any more.
inline constexpr const char* kResumeFromLabel = "qalam.dev/resume-from";
inline constexpr const char* kReplacesLabel = "qalam.dev/replaces";

// What a service fed back goes over what the experiment says.
inline void Overwrite(const std::vector<Setting>& fed_back, std::vector<Setting>* settings) {
  for (const Setting& setting : fed_back) {
    const auto same =
        std::find_if(settings->begin(), settings->end(), [&](const Setting& s) { return s.name == setting.name; });
    if (same == settings->end()) {
      settings->push_back(setting);
    } else {
      same->value = setting.value;
    }
  }
}

struct Suggestion {
  Assignments assignments;  // checked against the search space: legal to launch
  std::string trial_name;   // empty: the controller names it
  std::map<std::string, std::string> labels;
};

struct SuggestionReply {
  std::vector<Suggestion> suggestions;                  // may be fewer or more than asked
  std::vector<Setting> algorithm_settings;              // to be fed back in the next request
  bool exhausted = false;                               // there is nothing more to propose
  std::vector<EarlyStoppingRule> early_stopping_rules;  // for the trials that these become; legal, all or none
  std::string rules_rejected_why;                       // not empty: there were some, and this was wrong with them
  int rejected = 0;                                     // illegal suggestions that were dropped
  std::string rejected_why;                             // the first one's fault, for people
};

// The trials of one experiment, as the client reads them while it builds a request: on the loop's thread, only
// within GetSuggestions or a retry of it that the client makes there.
class TrialSource {
 public:
  virtual ~TrialSource() = default;
  virtual std::uint64_t revision() const = 0;  // grows with each change of a trial
  // Calls `visit` for each trial changed after `since` (0: all), by ordinal.
  virtual void Visit(std::uint64_t since, const std::function<void(const Trial&)>& visit) const = 0;
};

// What the assignments of a suggestion are checked against. Of a nasConfig it is empty: an architecture is described by
// assignments of the service's own choice (suggest/architecture.h has what they must be).
inline Result<SearchSpace> SpaceOf(const ExperimentSpec& spec) {
  if (spec.nas_config) return SearchSpace();
  return SearchSpace::Create(spec.parameters);
}

struct SuggestionRequest {
  std::shared_ptr<const ExperimentSpec> spec;
  std::shared_ptr<const SearchSpace> space;
  std::string uid;
  std::vector<Setting> algorithm_settings;  // the experiment's, overwritten by what the service fed back
  std::shared_ptr<const TrialSource> trials;
  int current_request_number = 0;  // how many are wanted now
  int total_request_number = 0;    // all suggestions ever wanted, these included: the number of the last one
};

class SuggestionClient {
 public:
  virtual ~SuggestionClient() = default;
  // Once before an experiment runs. INVALID_ARGUMENT: the settings are wrong (the experiment fails with the text).
  virtual void Validate(const SuggestionRequest& request, std::function<void(Status)> done) = 0;
  // One attempt with a deadline; the caller decides about retries. A fault names the service.
  virtual void GetSuggestions(const SuggestionRequest& request, std::function<void(Result<SuggestionReply>)> done) = 0;
  // A rule has stopped this trial early. For early-stopping services that want to know; nobody waits for them.
  virtual void TrialStopped(const SuggestionRequest&, const std::string& /*trial_name*/) {}
  // The experiment is over: forget its state, drop answers still under way.
  virtual void Forget(const std::string& uid) = 0;
};

}  // namespace qalam
