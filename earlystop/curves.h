// SPDX-License-Identifier: Apache-2.0
// The learning curves of one experiment: what each trial has reported of the objective, step by step.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace qalam {

// Which of a trial's values is its result (Katib's metricStrategies): the best of them, or the one of the last step.
enum class Counts { kBest, kLatest };

// One report. Values are minimised. `counted`: what the trial would be worth if it ended here; +inf where nothing that
// counts is finite.
struct Point {
  std::int64_t step = 0;
  double value = 0;  // as reported; NaN: no finite number
  double counted = 0;
  double mean = 0;  // of the finite values so far; +inf: none
  double best = 0;  // of them; +inf: none
  std::int64_t finite = 0;
};

enum class Standing { kRunning, kSucceeded, kStopped, kFailed };

struct Curve {
  std::vector<Point> points;  // by step, one a step: what was said of it last
  Standing standing = Standing::kRunning;
  bool fresh = false;   // the last report was of a step beyond all before it
  bool spared = false;  // it would have been stopped, and goes on to show what is lost by stopping

  std::int64_t last_step() const {
    return points.empty() ? std::numeric_limits<std::int64_t>::min() : points.back().step;
  }
  // The newest point that is not after `step`; nullptr: there is none.
  const Point* At(std::int64_t step) const;
};

// A step at which trials are judged against those that came there before.
struct Rung {
  int bracket = 0;  // those of one bracket are judged among themselves
  std::int64_t step = 0;
  int came = 0, stopped = 0;   // trials that were judged there; of those, that got no further
  std::optional<double> best;  // of them; none: no finite number
};

// A function of each trial's own reports in their order, and of how the trials stand: how the reports of different
// trials interleave does not matter. Trials are named by their ordinals. Not thread-safe.
class Curves {
 public:
  explicit Curves(Counts counts) : counts_(counts) {}

  // O(log trials), or O(points of the trial) for a step that is not its newest.
  void Add(std::uint64_t trial, std::int64_t step, double value);
  void End(std::uint64_t trial, Standing standing);
  void Spare(std::uint64_t trial);
  void Forget(std::uint64_t trial);  // as if it had reported nothing

  void VisitAll(const std::function<void(std::uint64_t, const Curve&)>& visit) const;  // in no order
  const Curve& Of(std::uint64_t trial) const;  // one that has reported nothing is empty
  std::int64_t longest() const { return lengths_.empty() ? 0 : *lengths_.rbegin(); }  // the largest step of all
  std::int64_t spent() const { return spent_; }          // the sum of all trials' last steps
  std::int64_t spent_spared() const { return spared_; }  // of that, by trials that were spared

  enum class Which { kAll, kSucceeded };
  // Up to `most` trials that have reached `step`, those proposed last first. How many are looked at is bounded too: of
  // very many the newest speak for all.
  void VisitNewest(Which which, std::int64_t step, int most,
                   const std::function<void(std::uint64_t, const Curve&)>& visit) const;

 private:
  using Reached = std::array<std::set<std::uint64_t>, 64>;  // [b]: those with a step of at least 2^b; [0]: any step
  void Spend(const Curve& curve, std::int64_t from, std::int64_t to);

  const Counts counts_;
  std::unordered_map<std::uint64_t, Curve> curves_;
  Reached all_, succeeded_;
  std::multiset<std::int64_t> lengths_;
  std::int64_t spent_ = 0, spared_ = 0;
};

}  // namespace qalam
