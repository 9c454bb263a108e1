// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include "algorithms/surrogate.h"

namespace qalam {
namespace {

constexpr std::size_t kMostTrials = 5000;

std::string_view NameOf(TreeModel model) {
  return model == TreeModel::kRandomForest ? "rf" : model == TreeModel::kExtraTrees ? "et" : "gbrt";
}

class ForestBelief final : public Belief {
 public:
  ForestBelief(const ModelInputs& inputs, Forest forest, const Eigen::MatrixXd& x, Eigen::Index finished)
      : inputs_(inputs), forest_(std::move(forest)), finished_(finished) {
    Eigen::VectorXd sd;
    forest_.Predict(x, &mean_, &sd);
  }

  void Predict(const Eigen::MatrixXd& units, Eigen::MatrixXd* mean, Eigen::VectorXd* sd) const override {
    Eigen::VectorXd only;
    forest_.Predict(inputs_.Of(units), &only, sd);
    *mean = only;
  }
  Eigen::VectorXd Lowest() const override { return Eigen::VectorXd::Constant(1, mean_.minCoeff()); }
  Eigen::VectorXd AtFinished() const override { return mean_.head(finished_); }
  std::unique_ptr<AcquisitionSurface> Surface(const AcquisitionContext& context) const override;

 private:
  const ModelInputs& inputs_;
  Forest forest_;
  Eigen::Index finished_;
  Eigen::VectorXd mean_;  // at the finished trials, then at the pending ones
};

class ForestSurface final : public AcquisitionSurface {
 public:
  ForestSurface(const ForestBelief& belief, const AcquisitionContext& context) : belief_(belief), context_(context) {}

  Eigen::VectorXd Values(const Eigen::MatrixXd& units) const override {
    Eigen::MatrixXd mean;
    Eigen::VectorXd sd, out(units.cols());
    belief_.Predict(units, &mean, &sd);
    for (Eigen::Index i = 0; i < out.size(); ++i) out[i] = Acquire(context_, mean.row(i), sd[i], nullptr, nullptr);
    return out;
  }
  bool Gradient(const Eigen::VectorXd&, double*, Eigen::VectorXd*) const override { return false; }
  Eigen::VectorXd Lengths() const override { return {}; }

 private:
  const ForestBelief& belief_;
  const AcquisitionContext& context_;
};

std::unique_ptr<AcquisitionSurface> ForestBelief::Surface(const AcquisitionContext& context) const {
  return std::make_unique<ForestSurface>(*this, context);
}

class ForestSurrogate final : public Surrogate {
 public:
  ForestSurrogate(const SearchSpace& space, TreeModel model, std::uint64_t seed)
      : inputs_(space), model_(model), seed_(seed) {}

  std::string_view name() const override { return NameOf(model_); }
  Effort SearchEffort() const override { return {.candidates = 2048, .climbs = 5, .steps = 0}; }
  const Eigen::MatrixXd& units() const override { return sample_.units; }

  void Fit(std::size_t trials, const Sampler& sampler) override {
    sample_ = sampler(trials, kMostTrials);
    x_ = inputs_.Of(sample_.units);
    forest_.emplace(model_, x_, sample_.y, inputs_.categorical(), seed_);
  }

  // Pending trials end where they are expected to: the next one is then looked for elsewhere ("kriging believer",
  // Ginsbourger et al. 2010).
  std::unique_ptr<Belief> Believe(const Eigen::MatrixXd& pending, std::uint64_t) const override {
    const Eigen::Index n = x_.rows(), p = pending.cols();
    if (p == 0) return std::make_unique<ForestBelief>(inputs_, *forest_, x_, n);
    const Eigen::MatrixXd at = inputs_.Of(pending);
    Eigen::VectorXd mean, sd;
    forest_->Predict(at, &mean, &sd);
    Eigen::MatrixXd x(n + p, x_.cols());
    Eigen::VectorXd y(n + p);
    x << x_, at;
    y << sample_.y, mean;
    return std::make_unique<ForestBelief>(inputs_, Forest(model_, x, y, inputs_.categorical(), seed_), x, n);
  }

 private:
  ModelInputs inputs_;
  TreeModel model_;
  std::uint64_t seed_;
  // Since the last Fit:
  Sample sample_;
  Eigen::MatrixXd x_;
  std::optional<Forest> forest_;
};

}  // namespace

std::unique_ptr<Surrogate> MakeForestSurrogate(const SearchSpace& space, TreeModel model, std::uint64_t seed) {
  return std::make_unique<ForestSurrogate>(space, model, seed);
}

}  // namespace qalam
