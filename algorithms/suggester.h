// SPDX-License-Identifier: Apache-2.0
// The contract of every algorithm: a pure function of (space, settings, seed, history, pending, ordinal).
// No I/O, clock, threads, names or text. tests/algorithms/conformance_test.cc tries every registered one.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/experiment.h"
#include "core/history.h"
#include "core/search_space.h"
#include "core/settings.h"

namespace qalam {

struct Proposal {
  Eigen::VectorXd unit;  // in [0, 1]^d
  std::string label;     // which model proposed it and why; may be empty. Comes back with the trial's result

  // Of trials that have succeeded, by ordinal; 0: none. `continues`: the new trial goes on from that one's checkpoint.
  // `replaces`: once the new one has succeeded, nobody will ask to continue that one any more.
  std::uint64_t continues = 0, replaces = 0;
  std::optional<int> generation = std::nullopt;  // of a population, from 0
};

class Suggester {
 public:
  virtual ~Suggester() = default;
  // `fresh`: trials that finished since the last call, oldest first; `pending`: all that have no result now.
  // A suggester that is shown the whole history at once answers as one that saw it piece by piece.
  virtual void Observe(const HistoryView& fresh, const Pending& pending) = 0;
  // Proposals for the suggestions ordinal+1 .. ordinal+count. Asking again gives the same answer, and how they are
  // grouped into requests does not matter. Fewer than `count`: the space is exhausted. Never a point that was
  // observed or is pending while unseen ones exist.
  virtual Result<std::vector<Proposal>> Suggest(int count, std::uint64_t ordinal) = 0;
};

struct AlgorithmContext {
  const SearchSpace& space;  // outlives the suggester
  std::uint64_t seed = 0;    // of the experiment; the setting random_state, where there is one, comes before it
  std::span<const Setting> settings;  // already valid
  std::optional<int> max_trials;
  std::optional<int> parallel = std::nullopt;  // trials at once, where it is known
};

// What an algorithm's space is made of: the parameters of the experiment; the networks that a nasConfig lets be built
// (core/nas_space.h); or nothing, because each trial searches the nasConfig for itself.
enum class Searched { kParameters, kNetworks, kNothing };

struct AlgorithmInfo {
  std::string_view name;     // as in Katib's algorithmName
  std::string_view summary;  // one line for `qalam algorithms`
  const SettingsTable* settings;
  std::unique_ptr<Suggester> (*make)(const AlgorithmContext& context);
  // What the table cannot say: does it fit this space? May be null. INVALID_ARGUMENT with Katib's text.
  Status (*validate)(const AlgorithmContext& context);
  Searched searches = Searched::kParameters;
};

std::span<const AlgorithmInfo> Algorithms();                // sorted by name
const AlgorithmInfo* FindAlgorithm(std::string_view name);  // nullptr: not registered
// Table and `validate` together: "unknown setting X for algorithm Y" and the like, as Katib's services say it.
Status ValidateAlgorithm(const AlgorithmInfo& algorithm, const AlgorithmContext& context);
// What an algorithm seeds its streams with: random_state if it was given, else the experiment's seed.
std::uint64_t SeedOf(const AlgorithmContext& context, std::optional<std::int64_t> random_state);

}  // namespace qalam
