// SPDX-License-Identifier: Apache-2.0
#include "algorithms/tpe.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "algorithms/learner.h"
#include "algorithms/parzen.h"
#include "core/rng.h"

namespace qalam {
namespace {

constexpr std::size_t kMostGood = 25;
constexpr std::size_t kMostOthers = 2'000;  // kernels of the others: beyond, every second, third, ... of them
constexpr double kGoodShare = 0.1;
constexpr Eigen::Index kMostDraws = 16;  // for a candidate of the branch that is wanted

class Tpe final : public Learner {
 public:
  Tpe(const SearchSpace& space, const TpeSettings& settings, std::uint64_t seed)
      : Learner(space, seed, settings.startup, "tpe"), settings_(settings) {}

 private:
  // Which trials are the good ones: of those with a value, complete ones before stopped ones.
  void Fit() override {
    for (; ranked_ < trials().size(); ++ranked_) Rank(ranked_);
    const auto n = static_cast<double>(trials().size());
    const double share = settings_.gamma ? *settings_.gamma * std::sqrt(n) : kGoodShare * n;
    const std::size_t count =
        std::min({static_cast<std::size_t>(std::ceil(share)), best_.size(), static_cast<std::size_t>(usable())});
    good_.resize(space().dim(), static_cast<Eigen::Index>(count));
    for (std::size_t i = 0; i < count; ++i) good_.col(static_cast<Eigen::Index>(i)) = trials()[best_[i]].unit;

    std::vector<std::size_t> good(best_.begin(), best_.begin() + static_cast<std::ptrdiff_t>(count));
    std::ranges::sort(good);
    const std::size_t others = trials().size() - count;
    const std::size_t stride = (others + kMostOthers - 1) / kMostOthers;
    others_.resize(space().dim(), stride == 0 ? 0 : static_cast<Eigen::Index>((others + stride - 1) / stride));
    for (Eigen::Index i = 0; i < others_.cols(); ++i) {
      std::size_t trial = static_cast<std::size_t>(i) * stride;  // among those that are not good
      for (const std::size_t g : good) trial += g <= trial;
      others_.col(i) = trials()[trial].unit;
    }
  }

  void Rank(std::size_t trial) {
    const auto key = [this](std::size_t i) {
      const Trial& t = trials()[i];
      const bool failed = !t.HasValue();
      return std::tuple(failed ? 2 : t.outcome == Outcome::kEarlyStopped ? 1 : 0, failed ? 0.0 : t.y, i);
    };
    if (best_.size() == kMostGood && key(best_.back()) < key(trial)) return;
    best_.insert(std::ranges::upper_bound(best_, key(trial), {}, key), trial);
    if (best_.size() > kMostGood) best_.pop_back();
  }

  // Where conditions divide the space, densities over one set of parameters say nothing beside those over another: the
  // first draw decides which branch it is, the candidates are of that one.
  Eigen::MatrixXd Candidates(const ParzenEstimator& below, Rng& rng) const {
    const Eigen::Index wanted = std::max(settings_.candidates, 1);
    const Eigen::Index most = space().conditional() ? kMostDraws * wanted : wanted;
    Eigen::MatrixXd out(space().dim(), wanted);
    Eigen::Index count = 0;
    std::vector<char> active;
    for (Eigen::Index draw = 0; draw < most && count < wanted; ++draw) {
      Eigen::VectorXd unit = below.Sample(rng);
      MoveToLevels(space(), &unit);
      if (space().conditional()) {
        std::vector<char> here = space().ActiveAt(unit);
        if (draw == 0) active = std::move(here);
        if (draw > 0 && here != active) continue;
      }
      out.col(count++) = unit;
    }
    return out.leftCols(count);
  }

  // Of many points drawn where good trials are, the one where they are densest compared with the others. Pending ones
  // are others: they will hardly be among the best.
  std::optional<Proposal> Propose(const Points& pending, std::uint64_t ordinal) override {
    Eigen::MatrixXd others(space().dim(), others_.cols() + static_cast<Eigen::Index>(pending.size()));
    others.leftCols(others_.cols()) = others_;
    for (std::size_t i = 0; i < pending.size(); ++i) {
      others.col(others_.cols() + static_cast<Eigen::Index>(i)) = pending[i];
    }
    const ParzenEstimator below(space(), good_, settings_.prior_weight), above(space(), others, settings_.prior_weight);
    Rng rng(seed(), "tpe.sample", ordinal);
    const Eigen::MatrixXd candidates = Candidates(below, rng);
    const Eigen::VectorXd score = below.LogDensity(candidates) - above.LogDensity(candidates);
    std::vector<Eigen::Index> order(static_cast<std::size_t>(candidates.cols()));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater<>(), [&](Eigen::Index c) { return score[c]; });
    for (const Eigen::Index c : order) {
      if (IsNew(candidates.col(c))) return Proposal{candidates.col(c), "tpe"};
    }
    return std::nullopt;
  }

  TpeSettings settings_;
  std::vector<std::size_t> best_;  // the best kMostGood trials, best first
  std::size_t ranked_ = 0;         // how many trials best_ has seen
  Eigen::MatrixXd good_, others_;  // since the last Fit
};

}  // namespace

std::unique_ptr<Suggester> MakeTpe(const AlgorithmContext& context) {
  const TpeSettings settings = kTpeSettings.Parse(context.settings);
  return std::make_unique<Tpe>(context.space, settings, SeedOf(context, settings.random_state));
}

}  // namespace qalam
