// SPDX-License-Identifier: Apache-2.0
#include "bench/run.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <utility>

#include "bench/thread_time.h"
#include "core/rng.h"

namespace qalam::bench {
namespace {

struct AtWork {
  double ends = 0;
  std::uint64_t number = 0;
  std::size_t slot = 0;  // of the points
  bool operator>(const AtWork& other) const { return ends != other.ends ? ends > other.ends : number > other.number; }
};

class Execution {
 public:
  Execution(const RunKey& key, const Problem& problem, Contender& contender, const std::function<bool()>& interrupted)
      : key_(key), problem_(problem), contender_(contender), interrupted_(interrupted) {}

  Result<RunResult> Go() {
    QALAM_RETURN_IF_ERROR(CommonStart());
    while (static_cast<int>(result_.trials.size()) < key_.budget) {
      if (interrupted_()) return Error(Code::kCancelled, "interrupted");
      QALAM_RETURN_IF_ERROR(FillWorkers());
      if (at_work_.empty()) {
        result_.exhausted = true;
        break;
      }
      QALAM_RETURN_IF_ERROR(EndNext());
    }
    return std::move(result_);
  }

 private:
  // Points drawn from the space's own distributions.
  Status CommonStart() {
    for (int i = 0; i < std::min(key_.common_start, key_.budget); ++i) {
      Rng rng(key_.seed, "bench.start", static_cast<std::uint64_t>(i));
      Eigen::VectorXd unit(problem_.space().dim());
      for (double& u : unit) u = rng.Uniform();
      const Assignments point = problem_.space().Decode(unit);
      const Evaluation evaluation = problem_.Evaluate(point, problem_.steps(), Draw(0, static_cast<std::uint64_t>(i)));
      TrialRow row{0, now_, now_ + evaluation.cost, evaluation.value, problem_.Worth(point), 0};
      now_ = row.ended;
      result_.trials.push_back(row);
      QALAM_RETURN_IF_ERROR(Tell(0, point, evaluation.value));
    }
    return OkStatus();
  }

  Status FillWorkers() {
    const int left = key_.budget - static_cast<int>(result_.trials.size() + at_work_.size());
    const int count = std::min(left, key_.workers - static_cast<int>(at_work_.size()));
    if (count <= 0) return OkStatus();
    const double before = Seconds();
    QALAM_TRY(std::vector<Assignments> points, contender_.Ask(count));
    const double all = Seconds() - before + std::exchange(telling_, 0);
    const double seconds = all / std::max<double>(1, static_cast<double>(points.size()));
    if (static_cast<int>(points.size()) > count) {
      return Error(Code::kInvalidArgument, "it proposed {} points where {} were asked for", points.size(), count);
    }
    for (Assignments& point : points) {
      QALAM_RETURN_IF_ERROR(problem_.space().Check(point));
      const std::uint64_t number = ++asked_;
      const Evaluation evaluation = problem_.Evaluate(point, problem_.steps(), Draw(1, number));
      const std::size_t slot = free_.empty() ? slots_.size() : free_.back();
      if (free_.empty()) {
        slots_.emplace_back();
      } else {
        free_.pop_back();
      }
      slots_[slot] = {std::move(point),
                      {number, now_, now_ + Duration(evaluation.cost, number), evaluation.value, 0, seconds}};
      slots_[slot].row.worth = problem_.Worth(slots_[slot].point);
      at_work_.push({slots_[slot].row.ended, number, slot});
    }
    return OkStatus();
  }

  Status EndNext() {
    const AtWork next = at_work_.top();
    at_work_.pop();
    Slot& slot = slots_[next.slot];
    now_ = slot.row.ended;
    result_.trials.push_back(slot.row);
    free_.push_back(next.slot);
    return Tell(next.number, slot.point, slot.row.value);
  }

  Status Tell(std::uint64_t number, const Assignments& point, double value) {
    const double before = Seconds();
    Status told = contender_.Tell(number, point, value);
    telling_ += Seconds() - before;
    return told;
  }
  double Seconds() const { return ThreadSeconds() + contender_.SecondsElsewhere(); }

  // A trial's noise: of the run's seed and the trial's number, whoever proposed it.
  std::uint64_t Draw(std::uint64_t kind, std::uint64_t number) const {
    return MixHash(MixHash(key_.seed, kind), number);
  }

  // Trials of equal cost take unequal times, a few of them very long: the logarithm is normal, with a deviation of 0.5.
  double Duration(double cost, std::uint64_t number) const {
    if (key_.workers == 1) return cost;
    return cost * std::exp(0.5 * Rng(key_.seed, "bench.duration", number).Normal());
  }

  struct Slot {
    Assignments point;
    TrialRow row;
  };

  const RunKey& key_;
  const Problem& problem_;
  Contender& contender_;
  const std::function<bool()>& interrupted_;
  double telling_ = 0;  // seconds that it took since it was last asked
  RunResult result_;
  double now_ = 0;
  std::uint64_t asked_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::size_t> free_;
  std::priority_queue<AtWork, std::vector<AtWork>, std::greater<>> at_work_;
};

}  // namespace

Result<RunResult> Execute(const RunKey& key, const Problem& problem,
                          const std::function<Result<std::unique_ptr<Contender>>()>& make,
                          const std::function<bool()>& interrupted) {
  QALAM_CHECK(key.budget > 0 && key.workers > 0, "a run has a budget and a worker");
  QALAM_TRY(const std::unique_ptr<Contender> contender, make());
  return Execution(key, problem, *contender, interrupted).Go();
}

}  // namespace qalam::bench
