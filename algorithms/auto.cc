// SPDX-License-Identifier: Apache-2.0
#include "algorithms/auto.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "algorithms/bayesian.h"
#include "algorithms/learner.h"
#include "algorithms/quadratic.h"
#include "algorithms/tpe.h"

namespace qalam {
namespace {

// Of choices alone, or with conditions; else there is the centre, and the local model takes it from there.
constexpr int kFirstPoints = 5;
constexpr std::size_t kMostForGp = 1000;  // trials; beyond, a Parzen model looks everywhere
constexpr std::uint64_t kTurn = 4;        // of so many suggestions one is each model's, the others the better one's
constexpr double kMemory = 0.9;           // weight of a model's trial beside its next one
constexpr double kDoubt = 2;              // trials without success that each model begins with

// kOther: the local quadratic; where there is no centre to go out from, a Parzen model.
enum Arm : std::size_t { kGlobal, kOther, kArms };

// How much the trials of each model have bettered the best value of late.
class Credit {
 public:
  void Count(Arm arm, double gain) {
    tried_[arm] = tried_[arm] * kMemory + 1;
    gained_[arm] = gained_[arm] * kMemory + gain;
  }
  Arm Better() const { return RateOf(kOther) >= RateOf(kGlobal) ? kOther : kGlobal; }

 private:
  double RateOf(Arm arm) const { return gained_[arm] / (tried_[arm] + kDoubt); }
  std::array<double, kArms> tried_{}, gained_{};
};

class Auto final : public Learner {
 public:
  Auto(const SearchSpace& space, std::uint64_t seed)
      : Learner(space, seed, BeginsAtCentre(space) ? 1 : kFirstPoints, "auto"), global_(MakeGlobal()) {
    if (BeginsAtCentre(space)) {
      local_.emplace(space, seed);
    } else {
      parzen_ = MakeParzen();
    }
  }

 private:
  static bool Counts(const Trial& trial) { return trial.HasValue() && trial.outcome == Outcome::kSucceeded; }
  // Where a choice decides which numbers there are, the centre is one branch, and may be the wrong one.
  static bool BeginsAtCentre(const SearchSpace& space) {
    return !space.conditional() && !std::ranges::all_of(space.parameters(), [](const auto& p) {
      return p.type == ParameterType::kCategorical;
    });
  }
  static bool IsMany(std::size_t trials) { return trials > kMostForGp; }

  // The model that looks everywhere. Models are asked for single proposals; first points are ours.
  std::unique_ptr<Suggester> MakeGlobal() const {
    if (IsMany(trials().size())) return MakeParzen();
    const std::vector<Setting> settings = {{"n_initial_points", "0"}};
    return MakeBayesian(ContextWith(settings));
  }
  std::unique_ptr<Suggester> MakeParzen() const {
    const std::vector<Setting> settings = {{"n_startup_trials", "0"}};
    return MakeTpe(ContextWith(settings));
  }
  AlgorithmContext ContextWith(const std::vector<Setting>& settings) const {
    return {
        .space = space(), .seed = seed(), .settings = settings, .max_trials = std::nullopt, .parallel = std::nullopt};
  }

  void Fit() override {
    const std::size_t known = std::exchange(told_, trials().size());
    if (IsMany(told_) && !IsMany(known)) {
      global_ = MakeGlobal();
      parzen_ = nullptr;  // it is the global one now
      Tell(*global_, 0);
    } else {
      Tell(*global_, known);
      if (parzen_) Tell(*parzen_, known);
    }
    if (local_) {
      for (std::size_t i = known; i < told_; ++i)
        local_->Add(trials()[i].unit, Counts(trials()[i]) ? trials()[i].y : std::nan(""));
    }
    other_fits_ = local_ ? local_->Fit() : parzen_ != nullptr;
    Judge();
  }

  void Tell(Suggester& model, std::size_t from) const {
    History fresh(space().dim());
    for (std::size_t i = from; i < told_; ++i) {
      const Trial& trial = trials()[i];
      fresh.Append(trial.unit, trial.y, trial.outcome, trial.ordinal);
    }
    model.Observe(fresh.View(), {Eigen::MatrixXd(space().dim(), 0), {}});
  }

  // Whose suggestion a trial was follows from its ordinal and from what came before its turn: nothing is remembered
  // between requests. Where trials overlap, one may be taken for the other model's.
  void Judge() {
    std::vector<std::size_t> order(trials().size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return trials()[i].ordinal; });
    Credit credit;
    double best = std::numeric_limits<double>::infinity();
    std::vector<double> values;
    better_.clear();
    for (const std::size_t i : order) {
      const Trial& trial = trials()[i];
      if (trial.ordinal > 0) {
        const std::uint64_t turn = (trial.ordinal - 1) / kTurn;
        if (better_.size() <= turn) better_.resize(std::min<std::uint64_t>(turn, trials().size()) + 1, credit.Better());
        if (values.size() > static_cast<std::size_t>(space().dim())) {
          double gain = 0;
          if (Counts(trial) && trial.y < best) {
            const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
            std::ranges::nth_element(values, middle);
            gain = *middle > best ? std::min(1.0, (best - trial.y) / (*middle - best)) : 1;
          }
          credit.Count(ArmOf(trial.ordinal), gain);
        }
      }
      if (Counts(trial)) best = std::min(best, trial.y), values.push_back(trial.y);
    }
    now_ = credit.Better();
  }

  static bool IsTurnOf(Arm arm, std::uint64_t ordinal) {
    return (ordinal - 1) % kTurn == (arm == kGlobal ? 0 : kTurn / 2);
  }
  Arm ArmOf(std::uint64_t ordinal) const {
    if (IsTurnOf(kGlobal, ordinal)) return kGlobal;
    if (IsTurnOf(kOther, ordinal)) return kOther;
    const std::uint64_t turn = (ordinal - 1) / kTurn;
    return turn < better_.size() ? better_[turn] : now_;
  }

  std::optional<Proposal> Propose(const Points& pending, std::uint64_t ordinal) override {
    const auto is_new = [this](const Eigen::VectorXd& unit) { return IsNew(unit); };
    if (local_ && local_->KnowsNoSlopes()) {
      if (std::optional<Eigen::VectorXd> unit = local_->Step(ordinal, is_new))
        return Proposal{*std::move(unit), "one number moved from the best"};
    }
    const bool others_turn = other_fits_ && ArmOf(ordinal) == kOther;
    const std::string_view why = IsTurnOf(kGlobal, ordinal) || IsTurnOf(kOther, ordinal) ? "its turn" : "helps more";
    if (others_turn && local_) {
      if (std::optional<Eigen::VectorXd> unit = local_->Propose(pending, ordinal, is_new))
        return Proposal{*std::move(unit), fmt::format("quadratic near the best ({})", why)};
    }
    Pending beside{Eigen::MatrixXd(space().dim(), static_cast<Eigen::Index>(pending.size())), {}};
    for (std::size_t i = 0; i < pending.size(); ++i) {
      beside.x.col(static_cast<Eigen::Index>(i)) = pending[i];
      beside.ordinal.push_back(i + 1);
    }
    Suggester& model = others_turn && parzen_ ? *parzen_ : *global_;
    model.Observe(History(space().dim()).View(), beside);
    Result<std::vector<Proposal>> proposals = model.Suggest(1, ordinal - 1);
    if (!proposals.ok() || proposals->empty() || !IsNew(proposals->front().unit)) return std::nullopt;
    Proposal& proposal = proposals->front();
    if (other_fits_ && (parzen_ || !others_turn)) proposal.label += fmt::format(" ({})", why);
    return std::move(proposal);
  }

  std::optional<LocalQuadratic> local_;  // else, up to a thousand trials, parzen_
  std::unique_ptr<Suggester> global_, parzen_;
  std::size_t told_ = 0;  // trials that the models know
  // Since the last Fit.
  bool other_fits_ = false;
  std::vector<Arm> better_;  // by turn
  Arm now_ = kGlobal;
};

}  // namespace

std::unique_ptr<Suggester> MakeAuto(const AlgorithmContext& context) {
  const AutoSettings settings = kAutoSettings.Parse(context.settings);
  return std::make_unique<Auto>(context.space, SeedOf(context, settings.random_state));
}

}  // namespace qalam
