// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>
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
  GpBelief(const ModelInputs& inputs, Eigen::MatrixXd x, const Eigen::MatrixXd& y, Eigen::Index finished,
           const GpHyper& hyper)
      : inputs_(inputs), x_(std::move(x)), finished_(finished), gp_(inputs, x_, y, hyper) {
    Eigen::VectorXd sd;
    gp_.Predict(x_, &mean_, &sd);
    const bool noisy = std::exp(hyper.noise - hyper.scale) > kNoisy;
    lowest_ = (noisy ? mean_ : y).colwise().minCoeff().transpose();
  }

  void Predict(const Eigen::MatrixXd& units, Eigen::MatrixXd* mean, Eigen::VectorXd* sd) const override {
    gp_.Predict(inputs_.Of(units), mean, sd);
  }
  Eigen::VectorXd Lowest() const override { return lowest_; }
  Eigen::VectorXd AtFinished() const override { return mean_.topRows(finished_).rowwise().mean(); }
  std::unique_ptr<AcquisitionSurface> Surface(const AcquisitionContext& context) const override {
    return std::make_unique<GpSurface>(inputs_, gp_, context);
  }

 private:
  const ModelInputs& inputs_;
  Eigen::MatrixXd x_;
  Eigen::Index finished_;
  Gp gp_;
  Eigen::MatrixXd mean_;  // at x_
  Eigen::VectorXd lowest_;
};

class GpSurrogate final : public Surrogate {
 public:
  GpSurrogate(const SearchSpace& space, std::uint64_t seed) : inputs_(space), seed_(seed) {}

  std::string_view name() const override { return "gp"; }
  Effort SearchEffort() const override {
    if (x_.rows() > kManyPoints) return {.candidates = 256, .climbs = 2, .steps = 15};
    return {.candidates = 512, .climbs = 3, .steps = 40};
  }
  const Eigen::MatrixXd& units() const override { return sample_.units; }

  void Fit(std::size_t trials, const Sampler& sampler) override {
    sample_ = sampler(trials, kMostTrials);
    x_ = inputs_.Of(sample_.units);
    const GpHyper& start = HyperAfter(trials, sampler);
    double loss = 0;
    hyper_ = trials <= kMostFitted ? FitFrom(trials, sampler, start, &loss) : start;
  }

  // Pending trials have values in each scenario, drawn from what is believed of them now: expected improvement over all
  // scenarios is then that beside what they will find. Snoek et al. 2012.
  std::unique_ptr<Belief> Believe(const Eigen::MatrixXd& pending, std::uint64_t ordinal) const override {
    const Eigen::Index n = x_.rows(), p = pending.cols();
    if (p == 0) return std::make_unique<GpBelief>(inputs_, x_, sample_.y, n, hyper_);
    const Eigen::MatrixXd at = inputs_.Of(pending);
    const Gp gp(inputs_, x_, sample_.y, hyper_);
    Eigen::MatrixXd mean, covariance = gp.Covariance(at);
    Eigen::VectorXd sd, draws(p);
    gp.Predict(at, &mean, &sd);
    covariance.diagonal().array() += kPendingJitter;
    if (!Factorise(&covariance)) covariance.setZero();  // pending twice at one point: they end where they are expected
    Eigen::MatrixXd x(n + p, x_.cols()), y(n + p, kScenarios);
    x << x_, at;
    y.topRows(n) = sample_.y.replicate(1, kScenarios);
    Rng rng(seed_, "bayesianoptimization.pending", ordinal);
    for (Eigen::Index s = 0; s < kScenarios; s += 2) {
      for (double& draw : draws) draw = rng.Normal();
      const Eigen::VectorXd moved = covariance * draws;
      y.col(s).tail(p) = mean.col(0) + moved;
      y.col(s + 1).tail(p) = mean.col(0) - moved;
    }
    return std::make_unique<GpBelief>(inputs_, std::move(x), y, n, hyper_);
  }

 private:
  // Hyperparameters are the same whoever asks and when: those after a checkpoint are fitted anew from two starts, the
  // general one and those of the checkpoint before; until the next one they are followed from there.
  static std::size_t NextCheckpoint(std::size_t n) { return n < kMostFitted ? n * 3 / 2 : n + n / 10; }

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
  Eigen::MatrixXd x_;
  GpHyper hyper_;
};

}  // namespace

std::unique_ptr<Surrogate> MakeGpSurrogate(const SearchSpace& space, std::uint64_t seed) {
  return std::make_unique<GpSurrogate>(space, seed);
}

}  // namespace qalam
