// SPDX-License-Identifier: Apache-2.0
#include "algorithms/enas.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/controller.h"
#include "algorithms/learner.h"
#include "core/nas_space.h"

namespace qalam {
namespace {

// What a controller has learned after n trials must not take n trials of work: it begins anew at every kEvery-th one,
// with the best and the newest of those before, and learns what came since then on top of that.
constexpr std::size_t kEvery = 16, kBest = 24, kNewest = 24;
constexpr std::size_t kGroup = 4;     // trials that one step of Adam goes by
constexpr double kMostAdvantage = 3;  // standard deviations
constexpr int kDraws = 64;            // networks in a row that were all tried already

class Enas final : public Learner {
 public:
  Enas(const SearchSpace& space, const EnasSettings& settings, std::uint64_t seed)
      : Learner(space, seed, 1, "enas"),
        settings_(settings),
        layers_(LayersOf(space)),
        operations_(static_cast<int>(space.parameters()[0].levels)),
        policy_{settings.temperature, settings.tanh_const, settings.entropy_weight.value_or(0),
                settings.skip_weight.value_or(0), settings.skip_target},
        start_(Fresh()),
        controller_(start_) {}

 private:
  Controller Fresh() const { return Controller(layers_, operations_, settings_.hidden_size, policy_, seed()); }

  void Fit() override {
    const std::size_t base = trials().size() / kEvery * kEvery;
    if (base != base_) {
      start_ = Fresh();
      Learn(Replayed(base), base, &start_);
      base_ = base;
    }
    std::vector<std::size_t> since(trials().size() - base);
    std::iota(since.begin(), since.end(), base);
    controller_ = start_;
    Learn(since, trials().size(), &controller_);
  }

  // Of the first `n` trials, in the order in which they finished.
  std::vector<std::size_t> Replayed(std::size_t n) const {
    std::vector<std::size_t> all(n);
    std::iota(all.begin(), all.end(), 0u);
    if (n <= kBest + kNewest) return all;
    const auto newest = all.end() - static_cast<std::ptrdiff_t>(kNewest);
    const auto best = all.begin() + static_cast<std::ptrdiff_t>(kBest);
    std::ranges::partial_sort(all.begin(), best, newest, {}, [this](std::size_t i) {
      return std::pair(trials()[i].HasValue() ? trials()[i].y : INFINITY, i);
    });
    all.erase(best, newest);
    std::ranges::sort(all);
    return all;
  }

  // How much better than the mean of the first `n` each trial is, in standard deviations.
  class Advantages {
   public:
    Advantages(const std::vector<Trial>& trials, std::size_t n, double decay) {
      double weight = 0, mean = 0, square = 0;
      for (std::size_t i = 0; i < n; ++i) {
        if (!trials[i].HasValue()) continue;
        weight = decay * weight + 1;
        const double off = trials[i].y - mean;
        mean += off / weight;
        square += (off * (trials[i].y - mean) - square) / weight;
      }
      mean_ = mean;
      spread_ = std::sqrt(square);
    }
    double Of(const Trial& trial) const {
      if (!trial.HasValue()) return -1;
      const double advantage = spread_ > 0 && std::isfinite(spread_) ? (mean_ - trial.y) / spread_ : 0;
      // The last value of a trial that was stopped is no reward: it was stopped because it was not good.
      const double most = trial.outcome == Outcome::kEarlyStopped ? 0 : kMostAdvantage;
      return std::isfinite(advantage) ? std::clamp(advantage, -kMostAdvantage, most) : 0;
    }

   private:
    double mean_, spread_;
  };

  void Learn(const std::vector<std::size_t>& chosen, std::size_t n, Controller* controller) const {
    const Advantages advantages(trials(), n, settings_.baseline_decay);
    const double rate = settings_.learning_rate * settings_.train_steps * static_cast<double>(kGroup);
    Eigen::VectorXd sum, gradient;
    for (std::size_t from = 0; from < chosen.size(); from += kGroup) {
      const std::size_t to = std::min(from + kGroup, chosen.size());
      for (std::size_t i = from; i < to; ++i) {
        const Trial& trial = trials()[chosen[i]];
        const NetworkChoices network = NetworkOf(trial.unit);
        double advantage = advantages.Of(trial);
        if (advantage < 0) advantage *= Likelihood(*controller, network);
        controller->Loss(network, advantage, &gradient);
        if (i == from)
          sum = gradient;
        else
          sum += gradient;
      }
      controller->Step(sum / static_cast<double>(to - from), rate);
    }
  }

  // How likely the controller still is to write a network, compared with chance, at most 1: what it does not write any
  // more must not push it any further.
  double Likelihood(const Controller& controller, const NetworkChoices& network) const {
    const double by_chance = layers_ * std::log(operations_) + layers_ * (layers_ - 1) / 2.0 * std::log(2.0);
    return std::exp(std::min(0.0, by_chance - controller.Surprise(network)));
  }

  NetworkChoices NetworkOf(const Eigen::VectorXd& unit) const {
    NetworkChoices network(static_cast<std::size_t>(unit.size()));
    for (Eigen::Index i = 0; i < unit.size(); ++i)
      network[static_cast<std::size_t>(i)] = static_cast<int>(space().LevelOf(i, unit[i]));
    return network;
  }

  std::optional<Proposal> Propose(const Points&, std::uint64_t ordinal) override {
    Rng rng(seed(), "enas.network", ordinal);
    Eigen::VectorXd unit(space().dim());
    for (int draw = 0; draw < kDraws; ++draw) {
      const NetworkChoices network = controller_.Sample(rng);
      for (Eigen::Index i = 0; i < unit.size(); ++i)
        unit[i] = space().UnitOf(i, static_cast<std::uint64_t>(network[static_cast<std::size_t>(i)]));
      if (IsNew(unit)) return Proposal{std::move(unit), "controller"};
    }
    return std::nullopt;
  }

  EnasSettings settings_;
  int layers_, operations_;
  ControllerPolicy policy_;
  std::size_t base_ = 0;  // trials that start_ has learned from
  Controller start_, controller_;
};

}  // namespace

std::unique_ptr<Suggester> MakeEnas(const AlgorithmContext& context) {
  const EnasSettings settings = kEnasSettings.Parse(context.settings);
  if (settings.search == "rl") {
    return std::make_unique<Enas>(context.space, settings, SeedOf(context, settings.random_state));
  }
  AlgorithmContext other = context;
  other.seed = SeedOf(context, settings.random_state);
  other.settings = {};
  return FindAlgorithm(settings.search)->make(other);
}

Status ValidateEnas(const AlgorithmContext& context) {
  const SearchSpace& space = context.space;
  const int layers = LayersOf(space);
  if (space.dim() > 0 && space.dim() == layers * (layers + 1) / 2 && space.parameters()[0].name == "operation0")
    return OkStatus();
  return InvalidArgument("enas searches an architecture: it needs a nasConfig");
}

}  // namespace qalam
