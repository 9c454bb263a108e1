// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "algorithms/gp.h"
#include "algorithms/surrogate.h"
#include "core/linalg.h"
#include "core/rng.h"

namespace qalam {
namespace {

constexpr std::size_t kMostTrials = 1000;  // that a model is made of
constexpr std::size_t kMostFitted = 256;   // ... and its hyperparameters
constexpr std::size_t kFirstCheckpoint = 4;
constexpr Eigen::Index kScenarios = 32;    // even
constexpr Eigen::Index kManyPoints = 400;  // beyond, the search looks at fewer points
constexpr double kNoisy = 1e-4;            // noise variance beside the signal's
constexpr double kPendingJitter = 1e-8;

class GpSurface final : public AcquisitionSurface {
 public:
  GpSurface(const ModelInputs& inputs, const Gp& gp, const AcquisitionContext& context)
      : inputs_(inputs), gp_(gp), context_(context) {}

  Eigen::VectorXd Values(const Eigen::MatrixXd& units) const override {
    Eigen::MatrixXd mean;
    Eigen::VectorXd sd, out(units.cols());
    gp_.Predict(inputs_.Of(units), &mean, &sd);
    for (Eigen::Index i = 0; i < out.size(); ++i) {
      out[i] = Acquire(context_, mean.row(i).transpose(), sd[i], nullptr, nullptr);
    }
    return out;
  }
  bool Gradient(const Eigen::VectorXd& unit, double* value, Eigen::VectorXd* gradient) const override {
    Eigen::VectorXd mean, dsd, by_mean;
    Eigen::MatrixXd dmean;
    double sd = 0, by_sd = 0;
    gp_.Predict(inputs_.OfPoint(unit), &mean, &sd, &dmean, &dsd);
    *value = Acquire(context_, mean, sd, &by_mean, &by_sd);
    *gradient = dmean * by_mean + dsd * by_sd;
    return true;
  }
  Eigen::VectorXd Lengths() const override { return gp_.hyper().length.array().exp().max(0.01).min(2.0); }

 private:
  const ModelInputs& inputs_;
  const Gp& gp_;
  const AcquisitionContext& context_;
};

class GpBelief final : public Belief {
 public:
  // The first `finished` points of `gp` are trials that finished; y: as the model was told of them.
  GpBelief(const ModelInputs& inputs, Gp gp, const Eigen::MatrixXd& y, Eigen::Index finished)
      : inputs_(inputs), finished_(finished), gp_(std::move(gp)) {
    gp_.SetValues(y);
    const bool noisy = std::exp(gp_.hyper().noise - gp_.hyper().scale) > kNoisy;
    lowest_ = (noisy ? gp_.fitted() : y).colwise().minCoeff().transpose();
  }

  void Predict(const Eigen::MatrixXd& units, Eigen::MatrixXd* mean, Eigen::VectorXd* sd) const override {
    gp_.Predict(inputs_.Of(units), mean, sd);
  }
  Eigen::VectorXd Lowest() const override { return lowest_; }
  Eigen::VectorXd AtFinished() const override { return gp_.fitted().topRows(finished_).rowwise().mean(); }
  std::unique_ptr<AcquisitionSurface> Surface(const AcquisitionContext& context) const override {
    return std::make_unique<GpSurface>(inputs_, gp_, context);
  }

 private:
  const ModelInputs& inputs_;
  Eigen::Index finished_;
  Gp gp_;
  Eigen::VectorXd lowest_;
};

class GpSurrogate final : public Surrogate {
 public:
  GpSurrogate(const SearchSpace& space, std::uint64_t seed) : inputs_(space), seed_(seed) {}

  std::string_view name() const override { return "gp"; }
  Effort SearchEffort() const override {
    if (sample_.y.size() > kManyPoints) return {.candidates = 256, .climbs = 2, .steps = 15};
    return {.candidates = 512, .climbs = 3, .steps = 40};
  }
  const Eigen::MatrixXd& units() const override { return sample_.units; }

  // The same numbers whoever asks and when: made anew at stations, and from there a trial at a time.
  void Fit(std::size_t trials, const Sampler& sampler) override {
    sample_ = sampler(trials, kMostTrials);
    const Eigen::MatrixXd x = inputs_.Of(sample_.units);
    const std::size_t station = StationOf(trials);
    if (!gp_ || station_ != station) {
      const Eigen::Index before = x.rows() - static_cast<Eigen::Index>(trials - station);
      gp_.emplace(inputs_, x.topRows(before), HyperAt(station, sampler));
      station_ = station;
    }
    while (gp_->x().rows() < x.rows()) gp_->Add(x.row(gp_->x().rows()));
  }

  // Pending trials have values in each scenario, drawn from what is believed of them now: expected improvement over all
  // scenarios is then that beside what they will find. Snoek et al. 2012.
  std::unique_ptr<Belief> Believe(const Eigen::MatrixXd& pending, std::uint64_t ordinal) const override {
    const Eigen::Index n = gp_->x().rows(), p = pending.cols();
    Gp gp = *gp_;
    if (p == 0) return std::make_unique<GpBelief>(inputs_, std::move(gp), sample_.y, n);
    const Eigen::MatrixXd at = inputs_.Of(pending);
    gp.SetValues(sample_.y);
    Eigen::MatrixXd mean, covariance = gp.Covariance(at), y(n + p, kScenarios);
    Eigen::VectorXd sd, draws(p);
    gp.Predict(at, &mean, &sd);
    covariance.diagonal().array() += kPendingJitter;
    if (!Factorise(&covariance)) covariance.setZero();  // pending twice at one point: they end where they are expected
    y.topRows(n) = sample_.y.replicate(1, kScenarios);
    Rng rng(seed_, "bayesianoptimization.pending", ordinal);
    for (Eigen::Index s = 0; s < kScenarios; s += 2) {
      for (double& draw : draws) draw = rng.Normal();
      const Eigen::VectorXd moved = covariance * draws;
      y.col(s).tail(p) = mean.col(0) + moved;
      y.col(s + 1).tail(p) = mean.col(0) - moved;
    }
    gp.Add(at);
    return std::make_unique<GpBelief>(inputs_, std::move(gp), y, n);
  }

 private:
  // Where the model is made anew: after each of the first trials, then after every second, fourth, ...
  static std::size_t StationOf(std::size_t n) {
    const std::size_t step = n < 20 ? 1 : n < 60 ? 2 : n < 140 ? 4 : n < kMostFitted ? 8 : 25;
    return n / step * step;
  }

  // Hyperparameters after a checkpoint are fitted anew from two starts, the general one and those of the checkpoint
  // before; at stations until the next one they are followed from there.
  static std::size_t NextCheckpoint(std::size_t n) { return n < kMostFitted ? n * 3 / 2 : n + n / 10; }

  GpHyper HyperAt(std::size_t station, const Sampler& sampler) {
    const GpHyper& start = HyperAfter(station, sampler);
    double loss = 0;
    return station <= kMostFitted ? FitFrom(station, sampler, start, &loss) : start;
  }

  const GpHyper& HyperAfter(std::size_t n, const Sampler& sampler) {
    std::size_t last = 0;
    for (std::size_t at = std::min(kFirstCheckpoint, n); at <= n && at > 0; at = NextCheckpoint(at)) {
      if (!checkpoints_.contains(at)) {
        double loss = 0, loss_followed = 0;
        GpHyper fitted = FitFrom(at, sampler, DefaultGpHyper(inputs_), &loss);
        if (last > 0) {
          GpHyper followed = FitFrom(at, sampler, checkpoints_.at(last), &loss_followed);
          if (loss_followed < loss) fitted = std::move(followed);
        }
        checkpoints_.emplace(at, std::move(fitted));
      }
      last = at;
      if (NextCheckpoint(at) <= at) break;
    }
    return checkpoints_.at(last);
  }

  GpHyper FitFrom(std::size_t n, const Sampler& sampler, const GpHyper& start, double* loss) const {
    const Sample sample = sampler(n, kMostFitted);
    return FitGp(inputs_, inputs_.Of(sample.units), sample.y, start, loss);
  }

  ModelInputs inputs_;
  std::uint64_t seed_;
  std::map<std::size_t, GpHyper> checkpoints_;  // by number of trials
  // Since the last Fit:
  Sample sample_;
  std::optional<Gp> gp_;  // of those points, without their values
  std::size_t station_ = 0;
};

}  // namespace

std::unique_ptr<Surrogate> MakeGpSurrogate(const SearchSpace& space, std::uint64_t seed) {
  return std::make_unique<GpSurrogate>(space, seed);
}

}  // namespace qalam
