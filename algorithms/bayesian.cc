// SPDX-License-Identifier: Apache-2.0
#include "algorithms/bayesian.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/learner.h"
#include "algorithms/neighbours.h"
#include "algorithms/output_transform.h"
#include "algorithms/surrogate.h"
#include "core/rng.h"

namespace qalam {
namespace {

constexpr Eigen::Index kMostPending = 256;         // the newest
constexpr double kBalanced = 1.8, kKatibs = 1.96;  // kappa of LCB: where it is mixed in, and where it was asked for
constexpr std::uint64_t kMixed = 3;                // auto: every third suggestion is by LCB
constexpr Eigen::Index kMixedFrom = 5;             // ... once there are so many trials a parameter
constexpr Eigen::Index kCentres = 5;               // the best points, around which candidates lie
constexpr double kNearest = 0.003, kFarthest = 0.3;
constexpr double kApart = 0.02;  // starts of the search, in one coordinate at least

std::string_view Name(Acquisition kind) {
  return kind == Acquisition::kLogEi ? "EI" : kind == Acquisition::kLogPi ? "PI" : "LCB";
}

class Bayesian final : public Learner {
 public:
  Bayesian(const SearchSpace& space, const BayesianSettings& settings, std::uint64_t seed)
      : Learner(space, seed, settings.n_initial_points, "bayesianoptimization"),
        settings_(settings),
        inputs_(space),
        surrogate_(MakeSurrogate(settings.base_estimator, space, seed)) {
    if (space.dim() <= kSobolMaxDimensions) wide_.emplace(space.dim(), seed + 1);
  }

 private:
  static std::unique_ptr<Surrogate> MakeSurrogate(std::string_view name, const SearchSpace& space, std::uint64_t seed) {
    if (name == "RF") return MakeForestSurrogate(space, TreeModel::kRandomForest, seed);
    if (name == "ET") return MakeForestSurrogate(space, TreeModel::kExtraTrees, seed);
    if (name == "GBRT") return MakeForestSurrogate(space, TreeModel::kGradientBoosting, seed);
    return MakeGpSurrogate(space, seed);
  }

  // Of the first n trials fewer than `most`, or all of them, oldest first. Where there are more: of those before a
  // round number the best half, the newest quarter, and of the others as many as there is room for, evenly; and all
  // since then. So what is chosen after one more trial is mostly the same with that trial added.
  std::vector<std::size_t> Chosen(std::size_t n, std::size_t most) const {
    const std::size_t step = most / 10, before = n < most ? n : n / step * step;
    std::vector<std::size_t> all(before);
    std::iota(all.begin(), all.end(), 0u);
    if (n < most) return all;
    most -= step;
    const auto key = [this](std::size_t i) {
      return std::pair(trials()[i].HasValue() ? trials()[i].y : std::numeric_limits<double>::infinity(), i);
    };
    std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(most / 2), {}, key);
    std::vector<std::size_t> chosen(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(most / 2));
    std::vector<std::size_t> rest(all.begin() + static_cast<std::ptrdiff_t>(most / 2), all.end());
    std::ranges::sort(rest);
    const std::size_t newest = most / 4, others = most - chosen.size() - newest;
    chosen.insert(chosen.end(), rest.end() - static_cast<std::ptrdiff_t>(newest), rest.end());
    rest.resize(rest.size() - newest);
    for (std::size_t i = 0; i < others; ++i) chosen.push_back(rest[i * rest.size() / others]);
    std::ranges::sort(chosen);
    for (std::size_t i = before; i < n; ++i) chosen.push_back(i);
    return chosen;
  }

  Eigen::MatrixXd UnitsOf(const std::vector<std::size_t>& chosen) const {
    Eigen::MatrixXd units(space().dim(), static_cast<Eigen::Index>(chosen.size()));
    for (std::size_t i = 0; i < chosen.size(); ++i) units.col(static_cast<Eigen::Index>(i)) = trials()[chosen[i]].unit;
    return units;
  }

  // What the model is told of each: its value, scaled and bent. A trial that failed is worse than all that did not; one
  // that was stopped early is no better than the middle, since its last value is not its final one.
  Eigen::VectorXd ValuesOf(const std::vector<std::size_t>& chosen) const {
    std::vector<double> succeeded;
    double worst = -std::numeric_limits<double>::infinity(), best = -worst;
    for (const std::size_t i : chosen) {
      const Trial& trial = trials()[i];
      if (!trial.HasValue()) continue;
      worst = std::max(worst, trial.y);
      best = std::min(best, trial.y);
      if (trial.outcome == Outcome::kSucceeded) succeeded.push_back(trial.y);
    }
    Eigen::VectorXd y = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(chosen.size()));
    if (best > worst) return y;
    // Scaled, so that a difference of two is a number.
    const double largest = std::max(std::abs(best), std::abs(worst)), scale = largest > 0 ? 1 / largest : 1;
    double middle = worst;
    if (!succeeded.empty()) {
      const auto half = succeeded.begin() + static_cast<std::ptrdiff_t>(succeeded.size() / 2);
      std::ranges::nth_element(succeeded, half);
      middle = *half;
    }
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const Trial& trial = trials()[chosen[i]];
      double value = trial.y;
      if (trial.outcome == Outcome::kEarlyStopped) value = std::max(value, middle);
      y[static_cast<Eigen::Index>(i)] = trial.HasValue() ? value * scale : 1.5 * worst * scale - 0.5 * best * scale;
    }
    return Gaussianise(y);
  }

  void Fit() override {
    surrogate_->Fit(trials().size(), [this](std::size_t n, std::size_t most) {
      const std::vector<std::size_t> chosen = Chosen(n, most);
      return Sample{UnitsOf(chosen), ValuesOf(chosen)};
    });
  }

  std::optional<Proposal> Propose(const Points& pending, std::uint64_t ordinal) override {
    const Eigen::Index p = std::min(static_cast<Eigen::Index>(pending.size()), kMostPending);
    Eigen::MatrixXd units(space().dim(), p);
    for (Eigen::Index i = 0; i < p; ++i) units.col(i) = pending[pending.size() - static_cast<std::size_t>(p - i)];
    const std::unique_ptr<Belief> belief = surrogate_->Believe(units, ordinal);
    AcquisitionContext context;
    context.best = belief->Lowest();

    Rng rng(seed(), "bayesianoptimization.search", ordinal);
    const Eigen::MatrixXd candidates = Candidates(belief->AtFinished(), rng, ordinal);
    if (settings_.acq_func != "gp_hedge") {
      SetAcquisition(ordinal, &context);
      return Best(*belief, context, candidates);
    }
    // Each proposes its best point; where the model expects the lowest value, the choice is likeliest.
    std::vector<std::pair<Proposal, double>> portfolio;
    for (const Acquisition kind : {Acquisition::kLogEi, Acquisition::kLcb, Acquisition::kLogPi}) {
      context.kind = kind, context.kappa = kKatibs;
      std::optional<Proposal> proposal = Best(*belief, context, candidates);
      if (!proposal) continue;
      Eigen::MatrixXd mean;
      Eigen::VectorXd sd;
      belief->Predict(proposal->unit, &mean, &sd);
      portfolio.emplace_back(*std::move(proposal), std::exp(-mean.mean()));
    }
    double total = 0, draw = rng.Uniform();
    for (const auto& [proposal, weight] : portfolio) total += weight;
    for (auto& [proposal, weight] : portfolio) {
      draw -= weight / total;
      if (draw <= 0) return std::move(proposal);
    }
    return portfolio.empty() ? std::nullopt : std::optional(std::move(portfolio.back().first));
  }

  // EIps and PIps divide by the cost of a trial; as long as none is known, it is the same everywhere.
  void SetAcquisition(std::uint64_t ordinal, AcquisitionContext* context) const {
    const std::string_view name = settings_.acq_func;
    context->kind = name == "LCB"                    ? Acquisition::kLcb
                    : name == "PI" || name == "PIps" ? Acquisition::kLogPi
                                                     : Acquisition::kLogEi;
    context->kappa = kKatibs;
    if (name == "auto" && ordinal % kMixed == 0 && surrogate_->units().cols() >= kMixedFrom * space().dim()) {
      context->kind = Acquisition::kLcb, context->kappa = kBalanced;
    }
  }

  // Half of them everywhere, half near the best points: some of their parameters moved, by little or by much.
  Eigen::MatrixXd Candidates(const Eigen::VectorXd& posterior, Rng& rng, std::uint64_t ordinal) {
    const Eigen::Index half = surrogate_->SearchEffort().candidates / 2;
    Eigen::MatrixXd out(space().dim(), 2 * half);
    Eigen::VectorXd unit(space().dim());
    for (Eigen::Index c = 0; c < half; ++c) {
      if (wide_) {
        unit = wide_->Point(ordinal * static_cast<std::uint64_t>(half) + static_cast<std::uint64_t>(c));
      } else {
        for (double& u : unit) u = rng.Uniform();
      }
      MoveToLevels(space(), &unit);
      out.col(c) = unit;
    }
    std::vector<Eigen::Index> order(static_cast<std::size_t>(posterior.size()));
    std::iota(order.begin(), order.end(), 0);
    const Eigen::Index centres = std::min(kCentres, posterior.size());
    std::ranges::partial_sort(order, order.begin() + centres, {},
                              [&](Eigen::Index i) { return std::pair(posterior[i], i); });
    const double change = std::min(1.0, 20.0 / static_cast<double>(space().dim()));
    for (Eigen::Index c = 0; c < half; ++c) {
      unit = surrogate_->units().col(order[static_cast<std::size_t>(c % centres)]);
      const double sd = kNearest * std::pow(kFarthest / kNearest, rng.Uniform());
      for (Eigen::Index i = 0; i < unit.size(); ++i) {
        const bool categorical = inputs_.categorical()[static_cast<std::size_t>(i)];
        const double draw = rng.Uniform(), value = categorical ? rng.Uniform() : unit[i] + sd * rng.Normal();
        if (draw < (categorical ? 0.3 * change : change)) unit[i] = value < 0 ? -value : value > 1 ? 2 - value : value;
      }
      if (space().conditional()) {
        const Eigen::Index centre = order[static_cast<std::size_t>(c % centres)];
        DrawNewlyActive(space(), space().ActiveAt(surrogate_->units().col(centre)), rng, &unit);
      }
      MoveToLevels(space(), &unit);
      out.col(half + c) = unit;
    }
    return out;
  }

  std::optional<Proposal> Best(const Belief& belief, const AcquisitionContext& context,
                               const Eigen::MatrixXd& candidates) const {
    const std::unique_ptr<AcquisitionSurface> surface = belief.Surface(context);
    const Eigen::VectorXd values = surface->Values(candidates);
    std::vector<Eigen::Index> order(static_cast<std::size_t>(values.size()));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater<>(), [&](Eigen::Index c) { return values[c]; });

    const Surrogate::Effort effort = surrogate_->SearchEffort();
    const std::size_t starts = settings_.acq_optimizer == "sampling" ? 0 : effort.climbs;
    Points from;
    std::vector<std::pair<double, Eigen::VectorXd>> tops;
    for (const Eigen::Index c : order) {
      if (from.size() == starts) break;
      Eigen::VectorXd unit = candidates.col(c);
      if (std::ranges::any_of(from, [&](const auto& f) { return (unit - f).cwiseAbs().maxCoeff() < kApart; })) continue;
      from.push_back(unit);
      const double value = ClimbAcquisition(space(), *surface, effort.steps, values[c], &unit);
      MoveToLevels(space(), &unit);
      tops.emplace_back(value, std::move(unit));
    }
    std::ranges::stable_sort(tops, std::greater<>(), [](const auto& top) { return top.first; });
    const std::string label = fmt::format("{}: {}", surrogate_->name(), Name(context.kind));
    for (auto& [value, unit] : tops) {
      if (IsNew(unit)) return Proposal{std::move(unit), label};
    }
    for (const Eigen::Index c : order) {
      if (IsNew(candidates.col(c))) return Proposal{candidates.col(c), label};
    }
    return std::nullopt;
  }

  BayesianSettings settings_;
  ModelInputs inputs_;
  std::unique_ptr<Surrogate> surrogate_;
  std::optional<ScrambledSobol> wide_;
};

}  // namespace

std::unique_ptr<Suggester> MakeBayesian(const AlgorithmContext& context) {
  const BayesianSettings settings = kBayesianSettings.Parse(context.settings);
  return std::make_unique<Bayesian>(context.space, settings, SeedOf(context, settings.random_state));
}

}  // namespace qalam
