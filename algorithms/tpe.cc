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

#include "algorithms/parzen.h"
#include "algorithms/seen.h"
#include "algorithms/sobol.h"
#include "core/rng.h"

namespace qalam {
namespace {

constexpr std::size_t kMostGood = 25;
constexpr std::size_t kMostOthers = 20'000;  // kernels of the others: beyond, every second, third, ... of them
constexpr double kGoodShare = 0.1;

class Tpe final : public Suggester {
 public:
  Tpe(const SearchSpace& space, const TpeSettings& settings, std::uint64_t seed)
      : space_(space), settings_(settings), seed_(seed), seen_(space), pending_seen_(space) {
    if (space.dim() <= kSobolMaxDimensions) design_.emplace(space.dim(), seed);
  }

  void Observe(const HistoryView& fresh, const Pending& pending) override {
    for (Eigen::Index j = 0; j < fresh.size(); ++j) {
      trials_.push_back({fresh.x.col(j), fresh.y[j], fresh.outcome[j]});
      usable_ += std::isfinite(fresh.y[j]) && fresh.outcome[j] != Outcome::kFailed;
      seen_.Add(fresh.x.col(j));
    }
    std::vector<Eigen::Index> order(pending.ordinal.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](Eigen::Index j) { return pending.ordinal[static_cast<std::size_t>(j)]; });
    pending_.clear();
    pending_seen_ = SeenPoints(space_);
    for (const Eigen::Index j : order) AddPending(pending.x.col(j), &pending_, &pending_seen_);
  }

  Result<std::vector<Proposal>> Suggest(int count, std::uint64_t ordinal) override {
    std::vector<Proposal> out;
    std::vector<Eigen::VectorXd> pending = pending_;
    SeenPoints pending_seen = pending_seen_;
    const bool learns = trials_.size() >= static_cast<std::size_t>(settings_.startup) && usable_ > 0;
    if (learns && count > 0) Split();
    while (static_cast<int>(out.size()) < count) {
      if (space_.cardinality() && ordinal >= *space_.cardinality()) break;
      ++ordinal;
      std::optional<Eigen::VectorXd> unit =
          learns ? Model(pending, pending_seen, ordinal) : Design(pending_seen, ordinal);
      std::string label = learns ? "tpe" : "first points";
      if (!unit) {
        unit = UnseenPoint(space_, seen_, pending_seen, seed_, "tpe.unseen", ordinal);
        label = "random: all that was better has been tried";
      }
      if (!unit) break;
      AddPending(*unit, &pending, &pending_seen);
      out.push_back({*std::move(unit), std::move(label)});
    }
    return out;
  }

 private:
  struct Trial {
    Eigen::VectorXd unit;
    double y;
    Outcome outcome;
  };

  static void AddPending(const Eigen::Ref<const Eigen::VectorXd>& unit, std::vector<Eigen::VectorXd>* pending,
                         SeenPoints* seen) {
    pending->emplace_back(unit);
    seen->Add(unit);
  }
  bool Unseen(const Eigen::VectorXd& unit, const SeenPoints& pending) const {
    return !seen_.Contains(unit) && !pending.Contains(unit);
  }

  // The centre, then points that fill the cube evenly.
  std::optional<Eigen::VectorXd> Design(const SeenPoints& pending, std::uint64_t ordinal) {
    Eigen::VectorXd unit = Eigen::VectorXd::Constant(space_.dim(), 0.5);
    if (ordinal > 1) {
      if (!design_) return std::nullopt;
      unit = design_->Point(ordinal - 2);
    }
    MoveToLevels(space_, &unit);
    return Unseen(unit, pending) ? std::optional(unit) : std::nullopt;
  }

  // Which trials are the good ones: of those with a value, complete ones before stopped ones.
  void Split() {
    std::vector<std::size_t> order(trials_.size());
    std::iota(order.begin(), order.end(), 0u);
    const auto key = [this](std::size_t i) {
      const Trial& trial = trials_[i];
      const bool failed = !std::isfinite(trial.y) || trial.outcome == Outcome::kFailed;
      const int kind = failed ? 2 : trial.outcome == Outcome::kEarlyStopped ? 1 : 0;
      return std::tuple(kind, failed ? 0.0 : trial.y, i);
    };
    const auto n = static_cast<double>(trials_.size());
    const double share = settings_.gamma ? *settings_.gamma * std::sqrt(n) : kGoodShare * n;
    const std::size_t good =
        std::min({static_cast<std::size_t>(std::ceil(share)), kMostGood, static_cast<std::size_t>(usable_)});
    std::ranges::nth_element(order, order.begin() + static_cast<std::ptrdiff_t>(good), {}, key);
    std::ranges::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(good), {}, key);
    std::ranges::sort(order.begin() + static_cast<std::ptrdiff_t>(good), order.end());
    const std::size_t others = order.size() - good;
    const std::size_t stride = (others + kMostOthers - 1) / kMostOthers;
    good_.resize(space_.dim(), static_cast<Eigen::Index>(good));
    for (std::size_t i = 0; i < good; ++i) good_.col(static_cast<Eigen::Index>(i)) = trials_[order[i]].unit;
    others_.resize(space_.dim(), stride == 0 ? 0 : static_cast<Eigen::Index>((others + stride - 1) / stride));
    for (Eigen::Index i = 0; i < others_.cols(); ++i) {
      others_.col(i) = trials_[order[good + static_cast<std::size_t>(i) * stride]].unit;
    }
  }

  // Of many points drawn where good trials are, the one where they are densest compared with the others. Pending ones
  // are others: they will hardly be among the best.
  std::optional<Eigen::VectorXd> Model(const std::vector<Eigen::VectorXd>& pending, const SeenPoints& pending_seen,
                                       std::uint64_t ordinal) const {
    Eigen::MatrixXd others(space_.dim(), others_.cols() + static_cast<Eigen::Index>(pending.size()));
    others.leftCols(others_.cols()) = others_;
    for (std::size_t i = 0; i < pending.size(); ++i) {
      others.col(others_.cols() + static_cast<Eigen::Index>(i)) = pending[i];
    }
    const ParzenEstimator below(space_, good_, settings_.prior_weight), above(space_, others, settings_.prior_weight);
    Rng rng(seed_, "tpe.sample", ordinal);
    Eigen::MatrixXd candidates(space_.dim(), std::max(settings_.candidates, 1));
    for (Eigen::Index c = 0; c < candidates.cols(); ++c) {
      Eigen::VectorXd unit = below.Sample(rng);
      MoveToLevels(space_, &unit);
      candidates.col(c) = unit;
    }
    const Eigen::VectorXd score = below.LogDensity(candidates) - above.LogDensity(candidates);
    std::vector<Eigen::Index> order(static_cast<std::size_t>(candidates.cols()));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater<>(), [&](Eigen::Index c) { return score[c]; });
    for (const Eigen::Index c : order) {
      const Eigen::VectorXd unit = candidates.col(c);
      if (Unseen(unit, pending_seen)) return unit;
    }
    return std::nullopt;
  }

  const SearchSpace& space_;
  TpeSettings settings_;
  std::uint64_t seed_;
  std::optional<ScrambledSobol> design_;
  std::vector<Trial> trials_;
  std::size_t usable_ = 0;  // trials with a value
  SeenPoints seen_, pending_seen_;
  std::vector<Eigen::VectorXd> pending_;
  Eigen::MatrixXd good_, others_;  // since the last Split
};

}  // namespace

std::unique_ptr<Suggester> MakeTpe(const AlgorithmContext& context) {
  const TpeSettings settings = kTpeSettings.Parse(context.settings);
  return std::make_unique<Tpe>(context.space, settings, SeedOf(context, settings.random_state));
}

}  // namespace qalam
