// SPDX-License-Identifier: Apache-2.0
// What algorithms that learn share: the trials so far, first points, one proposal after the other, no repeats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "algorithms/seen.h"
#include "algorithms/sobol.h"
#include "algorithms/suggester.h"

namespace qalam {

// A derived class has a model, which is asked once `startup` trials have finished and one of them has a value. Before
// that come the centre of the cube and points that fill it evenly; and where the model has no new point, a random one.
class Learner : public Suggester {
 public:
  void Observe(const HistoryView& fresh, const Pending& pending) final;
  Result<std::vector<Proposal>> Suggest(int count, std::uint64_t ordinal) final;

 protected:
  struct Trial {
    Eigen::VectorXd unit;
    double y;  // not finite: it has no value
    Outcome outcome;
    std::uint64_t ordinal;  // 0: it came from elsewhere
    bool HasValue() const;
  };
  using Points = std::vector<Eigen::VectorXd>;

  // `name` begins the names of its streams of random numbers. `space` is borrowed.
  Learner(const SearchSpace& space, std::uint64_t seed, int startup, std::string_view name);

  const SearchSpace& space() const { return space_; }
  std::uint64_t seed() const { return seed_; }
  const std::vector<Trial>& trials() const { return trials_; }
  std::size_t usable() const { return usable_; }  // trials with a value

  // Before the proposals of a request: what depends on the finished trials alone.
  virtual void Fit() = 0;
  // One more, beside `pending` (by ordinal). nullopt: none that is IsNew.
  virtual std::optional<Proposal> Propose(const Points& pending, std::uint64_t ordinal) = 0;
  bool IsNew(const Eigen::VectorXd& unit) const { return !seen_.Contains(unit) && !proposed_.Contains(unit); }

 private:
  std::optional<Proposal> FirstPoint(std::uint64_t ordinal);

  const SearchSpace& space_;
  std::uint64_t seed_;
  std::size_t startup_;
  std::string unseen_;  // the stream of random points
  std::optional<ScrambledSobol> design_;
  std::vector<Trial> trials_;
  std::size_t usable_ = 0;
  SeenPoints seen_, pending_seen_;
  SeenPoints proposed_;  // pending, and proposed in this request
  Points pending_;
};

}  // namespace qalam
