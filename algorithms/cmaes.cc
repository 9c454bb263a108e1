// SPDX-License-Identifier: Apache-2.0
#include "algorithms/cmaes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/evolution.h"
#include "algorithms/learner.h"
#include "core/math.h"
#include "core/rng.h"

namespace qalam {
namespace {

constexpr double kFirstSigma = 1.0 / 6;
constexpr int kDraws = 50;           // of a point inside the cube and new, before it is moved there
constexpr double kMutated = 0.27;    // chance of a point to leave its levels somewhere, at least: 1 - 0.73
constexpr double kStagnant = 1e-12;  // part of the values' size

// Whatever has an order is one normal distribution, a generation after the other, as trials finish; choices have
// probabilities that move with it (Hamano et al. 2025, "CatCMA with margin"). Which trials make a generation depends
// on the order in which they finished alone: the next lambda of them, whichever distribution they are of. With
// one trial at a time that is the textbook's; where many more are at work than lambda, most would be of old ones, and
// it is larger.
class CmaEs final : public Learner {
 public:
  CmaEs(const SearchSpace& space, const CmaEsSettings& settings, int parallel, std::uint64_t seed)
      : Learner(space, seed, 1, "cmaes"),
        sigma_(settings.sigma > 0 ? settings.sigma : kFirstSigma),
        strategy_(settings.restart_strategy) {
    for (Eigen::Index i = 0; i < space.dim(); ++i) {
      const Parameter& parameter = space.parameters()[static_cast<std::size_t>(i)];
      if (parameter.levels == 1) continue;
      const bool choice = parameter.type == ParameterType::kCategorical;
      (choice ? choices_ : numbers_).push_back(i);
      if (!choice && parameter.levels > 0) ++finite_;
    }
    const auto d = static_cast<double>(std::max<std::size_t>(numbers_.size() + choices_.size(), 1));
    first_lambda_ = std::max(4 + static_cast<Eigen::Index>(3 * std::log(d)), static_cast<Eigen::Index>(parallel / 2));
    const auto mutable_ones = static_cast<double>(std::max<std::size_t>(finite_ + choices_.size(), 1));
    margin_ = 1 - std::pow(1 - kMutated, 1 / mutable_ones);
    Begin(first_lambda_, sigma_, Eigen::VectorXd::Constant(Count(), 0.5));
  }

 private:
  Eigen::Index Count() const { return static_cast<Eigen::Index>(numbers_.size()); }
  double LevelsOf(Eigen::Index parameter) const {
    return static_cast<double>(space().parameters()[static_cast<std::size_t>(parameter)].levels);
  }

  void Begin(Eigen::Index lambda, double sigma, const Eigen::VectorXd& mean) {
    lambda_ = lambda;
    weights_.emplace(std::max<Eigen::Index>(space().dim(), 1), lambda);
    if (Count() > 0) evolution_.emplace(mean, sigma, lambda);
    chances_.clear();
    for (const Eigen::Index i : choices_) {
      const auto count = static_cast<Eigen::Index>(LevelsOf(i));
      chances_.push_back(Eigen::VectorXd::Constant(count, 1 / static_cast<double>(count)));
    }
    bests_.clear();
    spent_ = 0;
  }

  void Fit() override {
    while (trials().size() - consumed_ >= static_cast<std::size_t>(lambda_)) Consume();
  }

  void Consume() {
    std::vector<std::size_t> order(static_cast<std::size_t>(lambda_));
    std::iota(order.begin(), order.end(), consumed_);
    // Complete trials by value, then stopped ones, then those without a value; the older first.
    std::ranges::sort(order, {}, [this](std::size_t i) {
      const Trial& trial = trials()[i];
      const int kind = !trial.HasValue() ? 2 : trial.outcome == Outcome::kEarlyStopped ? 1 : 0;
      return std::tuple(kind, kind == 2 ? 0.0 : trial.y, i);
    });
    if (evolution_) {
      Eigen::MatrixXd points(Count(), lambda_);
      for (Eigen::Index k = 0; k < lambda_; ++k) points.col(k) = NumbersOf(order[static_cast<std::size_t>(k)]);
      evolution_->Update(points);
      for (Eigen::Index j = 0; j < Count(); ++j) {
        const double levels = LevelsOf(numbers_[static_cast<std::size_t>(j)]);
        if (levels > 0) evolution_->KeepMargin(j, levels, margin_);
      }
    }
    for (std::size_t c = 0; c < choices_.size(); ++c) LearnChoice(c, order);
    consumed_ += static_cast<std::size_t>(lambda_);
    spent_ += static_cast<std::size_t>(lambda_);
    const Trial& best = trials()[order.front()];
    bests_.push_back(best.HasValue() ? best.y : std::numeric_limits<double>::infinity());
    if (HasEnded()) Restart();
  }

  // Where the trial was in the distribution's own terms. All that is known of a number with levels is its cell: the
  // place in it is drawn as the distribution would have. Of a number that was not active nothing is known.
  Eigen::VectorXd NumbersOf(std::size_t trial) const {
    Rng rng(seed(), "cmaes.place", trial);
    Eigen::VectorXd out(Count());
    const std::vector<char> active = space().ActiveAt(trials()[trial].unit);
    for (Eigen::Index j = 0; j < Count(); ++j) {
      const Eigen::Index i = numbers_[static_cast<std::size_t>(j)];
      const double unit = trials()[trial].unit[i], levels = LevelsOf(i), draw = rng.Uniform();
      if (!active[static_cast<std::size_t>(i)]) {
        out[j] =
            std::clamp(evolution_->mean()[j] + evolution_->Sd(j) * NormalQuantile(std::max(draw, 1e-300)), 0.0, 1.0);
        continue;
      }
      out[j] = unit;
      if (levels == 0) continue;
      const double cell = static_cast<double>(space().LevelOf(i, unit)), mean = evolution_->mean()[j];
      const double low = cell / levels, high = (cell + 1) / levels, sd = evolution_->Sd(j);
      // In the lower tail, where the distribution function is exact.
      const bool above = low > mean;
      const double from = NormalCdf((above ? mean - high : low - mean) / sd);
      const double to = NormalCdf((above ? mean - low : high - mean) / sd);
      const double place = to - from > 1e-300 ? sd * NormalQuantile(from + draw * (to - from)) : 0;
      out[j] =
          to - from > 1e-300 ? std::clamp(above ? mean - place : mean + place, low, high) : low + draw * (high - low);
    }
    return out;
  }

  void LearnChoice(std::size_t c, const std::vector<std::size_t>& order) {
    Eigen::VectorXd& chances = chances_[c];
    const Eigen::Index i = choices_[c], count = chances.size();
    Eigen::VectorXd step = -chances;
    for (Eigen::Index k = 0; k < weights_->parents; ++k) {
      const Eigen::VectorXd& unit = trials()[order[static_cast<std::size_t>(k)]].unit;
      if (!space().ActiveAt(unit)[static_cast<std::size_t>(i)]) {
        step += weights_->rank[k] * chances;  // says nothing of this choice
      } else {
        step[static_cast<Eigen::Index>(space().LevelOf(i, unit[i]))] += weights_->rank[k];
      }
    }
    chances += weights_->mass / (weights_->mass + static_cast<double>(count)) * step;
    const double least = margin_ / static_cast<double>(count - 1);
    chances = chances.cwiseMax(std::min(least, 0.5 / static_cast<double>(count)));
    chances /= chances.sum();
  }

  bool HasEnded() const {
    if (strategy_ == "none" || strategy_ == "None") return false;
    if (evolution_ && evolution_->HasConverged()) return true;
    const auto window = static_cast<std::size_t>(10 + 30 * space().dim() / lambda_);
    if (bests_.size() < window) return false;
    const auto [low, high] = std::minmax_element(bests_.end() - static_cast<std::ptrdiff_t>(window), bests_.end());
    if (!std::isfinite(*high)) return !std::isfinite(*low);  // nothing but failures
    return *high - *low <= kStagnant * std::max(std::abs(*high), std::abs(*low));
  }

  // Auger and Hansen 2005 (ipop); Hansen 2009 (bipop).
  void Restart() {
    ++restarts_;
    Rng rng(seed(), "cmaes.restart", restarts_);
    Eigen::VectorXd mean(Count());
    for (double& at : mean) at = rng.Uniform();
    (small_ ? spent_small_ : spent_large_) += spent_;
    small_ = strategy_ == "bipop" && spent_small_ < spent_large_;
    if (!small_) {
      ++doublings_;
      Begin(first_lambda_ << std::min(doublings_, 10), sigma_, mean);
      return;
    }
    const double ratio = 0.5 * std::pow(2.0, doublings_), share = rng.Uniform() * rng.Uniform();
    const auto lambda = static_cast<double>(first_lambda_) * std::pow(std::max(ratio, 1.0), share);
    Begin(static_cast<Eigen::Index>(lambda), sigma_ * std::pow(10.0, -2 * rng.Uniform()), mean);
  }

  std::optional<Proposal> Propose(const Points&, std::uint64_t ordinal) override {
    Rng rng(seed(), "cmaes.point", ordinal);
    Eigen::VectorXd unit = Eigen::VectorXd::Constant(space().dim(), 0.5), z(Count());
    for (int draw = 0; draw < kDraws; ++draw) {
      bool inside = true;
      if (evolution_) {
        for (double& at : z) at = rng.Normal();
        Eigen::VectorXd point = evolution_->Point(z);
        for (Eigen::Index j = 0; j < Count(); ++j) {
          // Beyond the end of a number with levels is its last level.
          const Eigen::Index i = numbers_[static_cast<std::size_t>(j)];
          inside = inside && (LevelsOf(i) > 0 || (point[j] >= 0 && point[j] <= 1));
          unit[i] = std::clamp(point[j], 0.0, 1.0);
        }
      }
      for (std::size_t c = 0; c < choices_.size(); ++c) {
        double left = rng.Uniform();
        Eigen::Index level = 0;
        while (level + 1 < chances_[c].size() && left >= chances_[c][level]) left -= chances_[c][level++];
        unit[choices_[c]] = space().UnitOf(choices_[c], static_cast<std::uint64_t>(level));
      }
      MoveToLevels(space(), &unit);
      if ((inside || draw + 1 == kDraws) && IsNew(unit)) return Proposal{unit, "cmaes"};
    }
    return std::nullopt;
  }

  double sigma_;
  std::string_view strategy_;
  std::vector<Eigen::Index> numbers_, choices_;  // parameters with more than one value
  std::size_t finite_ = 0;                       // of the numbers: those with levels
  Eigen::Index first_lambda_ = 0;
  double margin_ = 0;
  std::size_t consumed_ = 0;
  // Of the run:
  Eigen::Index lambda_ = 0;
  std::optional<EvolutionWeights> weights_;
  std::optional<Evolution> evolution_;
  std::vector<Eigen::VectorXd> chances_;  // by choice
  std::vector<double> bests_;             // by generation
  std::size_t spent_ = 0;
  // Of all runs:
  std::uint64_t restarts_ = 0;
  int doublings_ = 0;
  bool small_ = false;
  std::size_t spent_small_ = 0, spent_large_ = 0;
};

}  // namespace

std::unique_ptr<Suggester> MakeCmaEs(const AlgorithmContext& context) {
  const CmaEsSettings settings = kCmaEsSettings.Parse(context.settings);
  return std::make_unique<CmaEs>(context.space, settings, context.parallel.value_or(1),
                                 SeedOf(context, settings.random_state));
}

Status ValidateCmaEs(const AlgorithmContext& context) {
  const auto numeric = [](const Parameter& parameter) {
    return parameter.type == ParameterType::kDouble || parameter.type == ParameterType::kInt;
  };
  if (std::ranges::count_if(context.space.parameters(), numeric) >= 2) return OkStatus();
  return InvalidArgument("cmaes only supports two or more dimensional continuous search space.");
}

}  // namespace qalam
