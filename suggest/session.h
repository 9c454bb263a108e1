// SPDX-License-Identifier: Apache-2.0
// What the suggestion server remembers of one experiment: the space, the algorithm with what it has learned, and the
// trials that it was shown. A cache: any request with the whole history builds an equal one.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "algorithms/suggester.h"
#include "core/history.h"
#include "core/search_space.h"
#include "core/status.h"
#include "suggest/convert.h"
#include "suggest/trial_codec.h"

namespace qalam {

// Not thread-safe.
class Session {
 public:
  // What ValidateAlgorithmSettings answers: INVALID_ARGUMENT with Katib's texts. An experiment without parameters
  // passes: Katib's own callers ask about settings alone. One that needs a nasConfig does not pass without.
  static Status Validate(const wire::Experiment& experiment);

  // The same faults, and one for an experiment without parameters. Uses the experiment, uid and namespace of `request`.
  static Result<std::unique_ptr<Session>> Create(const wire::GetSuggestionsRequest& request);

  // Whether it was made for this experiment as `request` states it; false after an edit that suggestions depend on.
  bool IsFor(const wire::GetSuggestionsRequest& request) const;

  // Takes over the trials of `request`: changes, or the whole history when it has no token. False: adding does not
  // lead there, because a finished trial changed or a known one is gone; the session is of no more use. A new one
  // takes anything. Broken trials (a parameter missing, a value outside the space) are left out.
  bool Merge(const wire::GetSuggestionsRequest& request);

  // Fills `reply` with `request`'s current_request_number suggestions, or fewer and `exhausted`; a client that does not
  // know that word gets old points for the rest.
  Status Suggest(const wire::GetSuggestionsRequest& request, wire::GetSuggestionsReply* reply);

  std::size_t trials() const { return known_.size(); }
  std::size_t bytes() const;  // of memory, roughly

 private:
  struct Known {
    std::uint64_t fingerprint = 0;
    std::uint64_t merge = 0;  // the last one that showed this trial
    std::uint64_t ordinal = 0;
    AskedTrial::Phase phase = AskedTrial::Phase::kIgnored;
  };
  struct Waiting {
    Eigen::VectorXd unit;
    std::string label;
  };
  struct Finished {
    Eigen::VectorXd unit;
    AskedTrial trial;
    std::uint64_t ordinal = 0;
    std::string label;
  };
  // What a client that does not send labels and numbers back was given under a name of ours.
  struct Given {
    std::uint64_t ordinal = 0;
    std::string label;
  };

  Session(AskedExperiment asked, std::unique_ptr<const TrialCodec> codec, std::string identity, std::uint64_t seed);
  const SearchSpace& space() const { return codec_->space(); }
  bool MergeOne(const wire::Trial& trial, int index, std::vector<Finished>* finished);
  Pending PendingNow() const;
  void Describe(const Proposal& proposal, std::map<std::string, std::string>* labels) const;
  void Name(const wire::GetSuggestionsRequest& request, std::uint64_t ordinal, const Proposal& proposal,
            wire::GetSuggestionsReply::ParameterAssignments* suggestion);
  void FillUp(int count, std::uint64_t ordinal, wire::GetSuggestionsReply* reply) const;

  const AskedExperiment asked_;
  const std::unique_ptr<const TrialCodec> codec_;  // the suggester refers to its space
  const std::string identity_;                     // see IsFor
  const std::uint64_t seed_;
  std::unique_ptr<Suggester> suggester_;
  History history_;
  Eigen::Index observed_ = 0;  // trials of `history_` that the suggester has seen
  std::unordered_map<std::string, Known> known_;
  std::map<std::pair<std::uint64_t, std::string>, Waiting> pending_;  // by ordinal, then name
  std::unordered_map<std::uint64_t, const std::string*> name_of_;     // by ordinal: keys of `known_`
  std::unordered_map<std::string, Given> given_;                      // by name
  std::uint64_t merges_ = 0;
  std::size_t name_bytes_ = 0;  // of the keys of `known_`
};

}  // namespace qalam
