// SPDX-License-Identifier: Apache-2.0
// What methods that train many configurations a little and few of them long have in common: one parameter of the space
// is the resource, its values are the rungs, and a trial is one configuration on one rung. Which trial stands where is
// read off its point, so nothing is kept beside the history and a restart loses nothing.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "algorithms/seen.h"
#include "algorithms/suggester.h"

namespace qalam {

// A space taken apart into a configuration and a rung.
class RungSpace {
 public:
  // `resource`: its index in `space`, a number. `amounts`: of the resource, rising; those that the parameter cannot
  // take are moved to the nearest value below, or into its range, and what is then the same is one rung.
  RungSpace(const SearchSpace& space, std::size_t resource, const std::vector<double>& amounts);

  const SearchSpace& configurations() const { return *configurations_; }  // the space without the resource
  std::size_t rungs() const { return at_.size(); }
  std::size_t RungFor(std::size_t amount) const { return rung_for_[amount]; }  // of the given amounts

  Eigen::VectorXd Point(const Eigen::VectorXd& configuration, std::size_t rung) const;
  Eigen::VectorXd ConfigurationOf(const Eigen::Ref<const Eigen::VectorXd>& point) const;
  std::optional<std::size_t> RungOf(const Eigen::Ref<const Eigen::VectorXd>& point) const;  // none: on no rung

 private:
  std::unique_ptr<const SearchSpace> configurations_;  // algorithms refer to it
  Eigen::Index resource_;
  bool continuous_;
  std::vector<double> at_;  // the resource's coordinate on each rung
  std::vector<std::size_t> rung_for_;
};

// The index of the parameter that is the resource. INVALID_ARGUMENT with Katib's text, or because it is no number, or
// because there is nothing else to tune. A space without parameters passes as 0.
Result<std::size_t> FindResource(const SearchSpace& space, std::string_view name);

// What is known of one configuration on one rung.
struct RungStanding {
  enum class State : std::uint8_t { kNone, kPending, kDone };
  State state = State::kNone;
  Outcome outcome = Outcome::kFailed;  // when done
  double y = 0;                        // when done
  std::uint64_t ordinal = 0;           // of the trial, when done; 0: the client has no numbers
  // Stopped early is done, but neither complete nor fit to go on.
  bool HasValue() const;
};
struct Configuration {
  Eigen::VectorXd unit;
  std::size_t start = 0;         // its lowest rung
  std::vector<RungStanding> on;  // by rung
};
using Configurations = std::vector<Configuration>;  // in the order of their first suggestion

struct RungJob {
  std::optional<std::size_t> configuration;  // none: a new one
  std::size_t rung = 0;
  std::string_view why = "promoted";  // for people, of one that goes up
};

// Who thinks of new configurations.
struct Thinker {
  const AlgorithmInfo* model = nullptr;  // null: chance alone
  std::vector<Setting> settings;         // of the model
  double random_share = 0;               // of new configurations that are drawn all the same
};

class RungSearch : public Suggester {
 public:
  void Observe(const HistoryView& fresh, const Pending& pending) final;
  Result<std::vector<Proposal>> Suggest(int count, std::uint64_t ordinal) final;

 protected:
  RungSearch(RungSpace space, Thinker thinker, std::uint64_t seed);
  const RungSpace& space() const { return space_; }
  // The most useful thing to do. There always is one: a new configuration.
  virtual RungJob Next(const Configurations& all) const = 0;

 private:
  struct Told {
    Eigen::VectorXd point;
    RungStanding standing;
    std::uint64_t ordinal;
  };
  class Model;
  Configurations Read(SeenPoints* seen) const;
  std::optional<Eigen::VectorXd> Draw(const Configurations& all, const SeenPoints& seen, Model* model,
                                      std::uint64_t ordinal, std::string* label) const;

  const RungSpace space_;
  const Thinker thinker_;
  const std::uint64_t seed_;
  std::vector<Told> finished_, pending_;
};

}  // namespace qalam
