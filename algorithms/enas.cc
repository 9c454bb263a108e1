// SPDX-License-Identifier: Apache-2.0
#include "algorithms/enas.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/controller.h"
#include "algorithms/learner.h"
#include "core/nas_space.h"

namespace qalam {
namespace {

// Each trial moves the controller once, when it has finished, by about kHaste learning rates for each of the train
// steps that Katib would take for it: a search has hundreds of trials, not the hundred thousands of ENAS's own.
constexpr double kHaste = 8;
// What a controller has learned after n trials must not take n trials of work to find out again: at every kWindow-th
// one it begins anew, with the kWindow before it.
constexpr std::size_t kWindow = 64;
constexpr std::size_t kFirst = 10;    // trials without which nobody knows what a good reward is
constexpr double kMostAdvantage = 3;  // standard deviations
constexpr int kDraws = 64;            // networks in a row that were all tried already

// How much better than the mean a trial is, in standard deviations; of the mean those before count less and less.
class Baseline {
 public:
  explicit Baseline(double decay) : decay_(decay) {}

  void Count(double y) {
    weight_ = decay_ * weight_ + 1;
    const double off = y - mean_;
    mean_ += off / weight_;
    square_ += (off * (y - mean_) - square_) / weight_;
  }

  double AdvantageOf(double y) const {
    const double spread = std::sqrt(square_), advantage = (mean_ - y) / spread;
    if (!(spread > 0) || !std::isfinite(advantage)) return 0;
    return std::clamp(advantage, -kMostAdvantage, kMostAdvantage);
  }

 private:
  double decay_, weight_ = 0, mean_ = 0, square_ = 0;
};

class Enas final : public Learner {
 public:
  Enas(const SearchSpace& space, const EnasSettings& settings, std::uint64_t seed)
      : Learner(space, seed, 1, "enas"),
        settings_(settings),
        layers_(LayersOf(space)),
        operations_(static_cast<int>(space.parameters()[0].levels)),
        policy_{settings.temperature, settings.tanh_const, settings.entropy_weight.value_or(0),
                settings.skip_weight.value_or(0), settings.skip_target},
        rate_(settings.learning_rate * settings.train_steps * kHaste),
        baseline_(settings.baseline_decay),
        controller_(Fresh()) {}

 private:
  Controller Fresh() const { return Controller(layers_, operations_, settings_.hidden_size, policy_, seed()); }

  // In the order in which they finished; each by what was known of rewards then.
  void Fit() override {
    const std::size_t n = trials().size();
    const std::size_t anew = n < 2 * kWindow ? kFirst : n / kWindow * kWindow;  // where it began last
    for (; learned_ < n; ++learned_) {
      const std::size_t known = learned_ + 1;
      if (trials()[learned_].HasValue()) baseline_.Count(trials()[learned_].y);
      if (known > anew) Learn(trials()[learned_]);
      if (known != anew) continue;
      controller_ = Fresh();
      for (std::size_t i = known - std::min(known, kWindow); i < known; ++i) Learn(trials()[i]);
    }
  }

  void Learn(const Trial& trial) {
    double advantage = trial.HasValue() ? baseline_.AdvantageOf(trial.y) : -1;
    // The last value of a trial that was stopped is no reward: it was stopped because it was not good.
    if (trial.outcome == Outcome::kEarlyStopped) advantage = std::min(advantage, 0.0);
    controller_.Loss(
        NetworkOf(trial.unit),
        [&](double surprise) { return advantage < 0 ? advantage * Likelihood(surprise) : advantage; }, &gradient_);
    controller_.Step(gradient_, rate_);
  }

  // How likely the controller still is to write a network, compared with chance, at most 1: what it does not write any
  // more must not push it any further.
  double Likelihood(double surprise) const {
    const double by_chance = layers_ * std::log(operations_) + layers_ * (layers_ - 1) / 2.0 * std::log(2.0);
    return std::exp(std::min(0.0, by_chance - surprise));
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
  double rate_;
  std::size_t learned_ = 0;  // trials that were counted
  Baseline baseline_;
  Controller controller_;
  Eigen::VectorXd gradient_;  // its memory
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
