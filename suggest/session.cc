// SPDX-License-Identifier: Apache-2.0
#include "suggest/session.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "core/rng.h"
#include "suggest/suggestion_client.h"

namespace qalam {
namespace {

// More than anybody wants at once; a request for 2^31 must not take the memory of all others.
constexpr int kMaxCount = 100'000;

struct Prepared {
  AskedExperiment asked;
  std::unique_ptr<const TrialCodec> codec;
  const AlgorithmInfo* algorithm;
};

AlgorithmContext ContextOf(const AskedExperiment& asked, const SearchSpace& space, std::uint64_t seed) {
  return {space, seed, asked.algorithm.settings, asked.max_trials, asked.parallel};
}

Result<Prepared> Prepare(const wire::Experiment& experiment) {
  QALAM_TRY(AskedExperiment asked, FromWire(experiment));
  const AlgorithmInfo* algorithm = FindAlgorithm(asked.algorithm.name);
  if (algorithm == nullptr) return InvalidArgument("unknown algorithm name {}", asked.algorithm.name);
  QALAM_TRY(std::unique_ptr<const TrialCodec> codec, MakeTrialCodec(asked, *algorithm));
  QALAM_RETURN_IF_ERROR(ValidateAlgorithm(*algorithm, ContextOf(asked, codec->space(), 0)));
  return Prepared{std::move(asked), std::move(codec), algorithm};
}

// All that a suggester is made of: with another budget it is made again, from the whole history.
std::string IdentityOf(const wire::GetSuggestionsRequest& request) {
  return fmt::format("{}/{}/{}", request.namespace_(), request.uid(), request.experiment().SerializeAsString());
}

// The uid, else what the experiment says of itself: so a resumed experiment goes on as it began. (A random_state among
// the settings comes before it: algorithms/suggester.h.)
std::uint64_t SeedOf(const wire::GetSuggestionsRequest& request) {
  if (!request.uid().empty()) return StableHash(request.uid());
  wire::Experiment stable = request.experiment();  // budgets may be edited: the seed must stay
  stable.mutable_spec()->clear_parallel_trial_count();
  stable.mutable_spec()->clear_max_trial_count();
  return StableHash(stable.SerializeAsString());
}

std::uint64_t FingerprintOf(const wire::Trial& trial, const AskedTrial& asked) {
  std::uint64_t hash = MixHash(trial.ordinal(), static_cast<std::uint64_t>(asked.phase));
  hash = MixHash(hash, static_cast<std::uint64_t>(asked.outcome));
  hash = MixHash(hash, std::bit_cast<std::uint64_t>(asked.y));
  for (const wire::ParameterAssignment& a : trial.spec().parameter_assignments().assignments()) {
    hash = MixHash(MixHash(hash, StableHash(a.name())), StableHash(a.value()));
  }
  return hash;
}

}  // namespace

Status Session::Validate(const wire::Experiment& experiment) { return Prepare(experiment).status(); }

Result<std::unique_ptr<Session>> Session::Create(const wire::GetSuggestionsRequest& request) {
  QALAM_TRY(Prepared prepared, Prepare(request.experiment()));
  if (prepared.algorithm->searches == Searched::kParameters && prepared.asked.parameters.empty()) {
    return InvalidArgument("experiment '{}' has no parameters to suggest values for", prepared.asked.name);
  }
  const std::uint64_t seed = SeedOf(request);
  std::unique_ptr<Session> session(
      new Session(std::move(prepared.asked), std::move(prepared.codec), IdentityOf(request), seed));
  session->suggester_ = prepared.algorithm->make(ContextOf(session->asked_, session->space(), seed));
  return session;
}

Session::Session(AskedExperiment asked, std::unique_ptr<const TrialCodec> codec, std::string identity,
                 std::uint64_t seed)
    : asked_(std::move(asked)),
      codec_(std::move(codec)),
      identity_(std::move(identity)),
      seed_(seed),
      history_(codec_->space().dim()) {}

bool Session::IsFor(const wire::GetSuggestionsRequest& request) const { return IdentityOf(request) == identity_; }

bool Session::Merge(const wire::GetSuggestionsRequest& request) {
  ++merges_;
  std::vector<Finished> finished;
  int index = 0;
  for (const wire::Trial& trial : request.trials()) {
    if (!MergeOne(trial, index++, &finished)) return false;
  }
  for (const wire::Trial& trial : request.unobserved_trials()) {
    if (!MergeOne(trial, index++, &finished)) return false;
  }
  if (request.history_token().empty()) {
    for (const auto& [name, known] : known_) {
      if (known.merge != merges_) return false;
    }
  }
  std::ranges::stable_sort(finished, {}, &Finished::ordinal);
  for (Finished& f : finished) {
    history_.Append(f.unit, f.trial.y, f.trial.outcome, f.ordinal, std::move(f.label));
  }
  return true;
}

bool Session::MergeOne(const wire::Trial& trial, int index, std::vector<Finished>* finished) {
  AskedTrial asked = FromWire(trial, asked_.metric, asked_.direction);
  const std::uint64_t fingerprint = FingerprintOf(trial, asked);
  // A trial without a name is known by its place; no name on the wire begins with a NUL.
  auto [it, added] = known_.try_emplace(trial.name().empty() ? fmt::format("{}{}", '\0', index) : trial.name());
  const std::string& name = it->first;
  Known& known = it->second;
  if (added) name_bytes_ += name.size();
  if (known.merge == merges_) return true;  // named twice in one request: the first one counts
  known.merge = merges_;
  if (!added && known.fingerprint == fingerprint) return true;
  if (known.phase == AskedTrial::Phase::kFinished) return false;
  pending_.erase({known.ordinal, name});
  const auto given = given_.find(name);
  const bool numbered = trial.ordinal() != 0 || given == given_.end();
  const std::uint64_t ordinal = numbered ? trial.ordinal() : given->second.ordinal;
  std::string label = trial.model_label().empty() && given != given_.end() ? given->second.label : trial.model_label();
  if (ordinal != 0 && !trial.name().empty()) name_of_[ordinal] = &name;

  if (asked.phase != AskedTrial::Phase::kIgnored) {
    Result<Eigen::VectorXd> unit = codec_->Encode(AssignmentsOf(trial));
    if (!unit.ok()) {
      asked.phase = AskedTrial::Phase::kIgnored;
    } else if (asked.phase == AskedTrial::Phase::kPending) {
      pending_[{ordinal, name}] = {*std::move(unit), std::move(label)};
    } else {
      finished->push_back({*std::move(unit), asked, ordinal, std::move(label)});
    }
  }
  known.fingerprint = fingerprint;
  known.ordinal = ordinal;
  known.phase = asked.phase;
  return true;
}

Pending Session::PendingNow() const {
  Pending out;
  out.x.resize(space().dim(), static_cast<Eigen::Index>(pending_.size()));
  out.ordinal.reserve(pending_.size());
  for (const auto& [key, waiting] : pending_) {
    out.x.col(static_cast<Eigen::Index>(out.ordinal.size())) = waiting.unit;
    out.ordinal.push_back(key.first);
    out.label.push_back(waiting.label);
  }
  return out;
}

Status Session::Suggest(const wire::GetSuggestionsRequest& request, wire::GetSuggestionsReply* reply) {
  const int count = request.current_request_number();
  if (count < 0 || count > kMaxCount) {
    return InvalidArgument("current_request_number is {}, it must be between 0 and {}", count, kMaxCount);
  }
  suggester_->Observe(history_.View(observed_), PendingNow());
  observed_ = history_.size();
  if (count == 0) return OkStatus();
  // How many suggestions came before these. Clients older than total_request_number leave it at 0.
  const std::uint64_t ordinal = request.total_request_number() > 0
                                    ? static_cast<std::uint64_t>(std::max(0, request.total_request_number() - count))
                                    : known_.size();
  QALAM_TRY(const std::vector<Proposal> proposals, suggester_->Suggest(count, ordinal));
  QALAM_CHECK(proposals.size() <= static_cast<std::size_t>(count), "an algorithm gives no more than it was asked for");
  for (const Proposal& proposal : proposals) {
    auto& suggestion = *reply->add_parameter_assignments();
    for (Assignment& assignment : codec_->Decode(proposal.unit)) {
      wire::ParameterAssignment& a = *suggestion.add_assignments();
      a.set_name(std::move(assignment.name));
      a.set_value(std::move(assignment.value));
    }
    std::map<std::string, std::string> labels;
    Describe(proposal, &labels);
    suggestion.mutable_labels()->insert(labels.begin(), labels.end());
    if (proposal.generation && !request.accepts_token()) {
      Name(request, ordinal + static_cast<std::uint64_t>(reply->parameter_assignments_size()), proposal, &suggestion);
    }
  }
  reply->set_exhausted(proposals.size() < static_cast<std::size_t>(count));
  if (reply->exhausted() && !request.accepts_token()) FillUp(count, ordinal, reply);
  return OkStatus();
}

// In words that people and Katib's tools know.
void Session::Describe(const Proposal& proposal, std::map<std::string, std::string>* labels) const {
  const auto refer = [&](std::string_view label, std::uint64_t ordinal) {
    if (const auto found = name_of_.find(ordinal); found != name_of_.end())
      (*labels)[std::string(label)] = *found->second;
  };
  if (!proposal.label.empty()) (*labels)[std::string(kModelLabel)] = proposal.label;
  refer(kResumeFromLabel, proposal.continues);
  refer(kReplacesLabel, proposal.replaces);
  if (!proposal.generation) return;
  (*labels)[std::string(kGenerationLabel)] = fmt::format("{}", *proposal.generation);
  refer(kParentLabel, proposal.continues);
}

// Katib's controller sends no labels and no numbers back: the trial is known again by a name, as long as we live.
void Session::Name(const wire::GetSuggestionsRequest& request, std::uint64_t ordinal, const Proposal& proposal,
                   wire::GetSuggestionsReply::ParameterAssignments* suggestion) {
  Rng rng(seed_, "session.name", ordinal);
  std::string name = fmt::format("{}-{:08x}", request.experiment().name(), rng.Next() >> 32);
  given_[name] = {ordinal, proposal.label};
  suggestion->set_trial_name(std::move(name));
}

// Katib's controller asks for ever when it gets fewer than it wanted, and does not know `exhausted`: points that were
// tried already come again, as they do from Katib's own services.
void Session::FillUp(int count, std::uint64_t ordinal, wire::GetSuggestionsReply* reply) const {
  std::vector<Assignments> tried;
  for (const auto& suggestion : reply->parameter_assignments()) {
    Assignments& point = tried.emplace_back();
    for (const wire::ParameterAssignment& a : suggestion.assignments()) point.push_back({a.name(), a.value()});
  }
  const HistoryView history = history_.View();
  for (Eigen::Index j = 0; j < history.size(); ++j) tried.push_back(codec_->Decode(history.x.col(j)));
  for (const auto& [key, waiting] : pending_) tried.push_back(codec_->Decode(waiting.unit));
  if (tried.empty()) return;
  for (std::uint64_t i = ordinal; reply->parameter_assignments_size() < count; ++i) {
    auto& suggestion = *reply->add_parameter_assignments();
    for (const Assignment& assignment : tried[i % tried.size()]) {
      wire::ParameterAssignment& a = *suggestion.add_assignments();
      a.set_name(assignment.name);
      a.set_value(assignment.value);
    }
  }
}

std::size_t Session::bytes() const {
  constexpr std::size_t kNode = 96;   // of `known_` or `pending_`, with its share of the buckets
  constexpr std::size_t kLabel = 32;  // of a label, and of the name by ordinal
  const std::size_t column = static_cast<std::size_t>(space().dim()) * sizeof(double) + 3 * sizeof(std::uint64_t) +
                             2 * sizeof(std::string) + kLabel;
  return identity_.size() + name_bytes_ + static_cast<std::size_t>(history_.size()) * 2 * column +
         known_.size() * kNode + pending_.size() * (kNode + column);
}

}  // namespace qalam
