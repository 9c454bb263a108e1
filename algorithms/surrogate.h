// SPDX-License-Identifier: Apache-2.0
// Models that stand in for the objective in Bayesian optimisation: fitted to the finished trials, then asked what they
// believe of points while others are pending.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "algorithms/acquisition.h"
#include "algorithms/acquisition_search.h"
#include "algorithms/forest.h"
#include "algorithms/model_inputs.h"

namespace qalam {

struct Sample {
  Eigen::MatrixXd units;  // (d, n): points of the cube
  Eigen::VectorXd y;      // n values, mean 0 and variance 1
};
// Of the first `trials` finished trials, `most` at most.
using Sampler = std::function<Sample(std::size_t trials, std::size_t most)>;

// What is believed of the objective. Where pending trials will end may differ between scenarios. Lives no longer than
// its surrogate.
class Belief {
 public:
  virtual ~Belief() = default;
  // Without noise. units: (d, m); mean: (m, scenarios); sd: m, the same in all scenarios.
  virtual void Predict(const Eigen::MatrixXd& units, Eigen::MatrixXd* mean, Eigen::VectorXd* sd) const = 0;
  // The lowest value there is, pending trials included: a number a scenario.
  virtual Eigen::VectorXd Lowest() const = 0;
  // Means at the finished trials of the sample, over all scenarios.
  virtual Eigen::VectorXd AtFinished() const = 0;
  // `context` is borrowed.
  virtual std::unique_ptr<AcquisitionSurface> Surface(const AcquisitionContext& context) const = 0;
};

class Surrogate {
 public:
  virtual ~Surrogate() = default;
  virtual std::string_view name() const = 0;  // in labels: "gp"
  // What the search for a point may cost: candidates, half of them near the best; climbs; steps of each.
  struct Effort {
    Eigen::Index candidates;
    std::size_t climbs;
    int steps;
  };
  virtual Effort SearchEffort() const = 0;
  virtual void Fit(std::size_t trials, const Sampler& sampler) = 0;
  virtual const Eigen::MatrixXd& units() const = 0;  // of the sample of the last Fit
  virtual std::unique_ptr<Belief> Believe(const Eigen::MatrixXd& pending, std::uint64_t ordinal) const = 0;
};

// `space` is borrowed.
std::unique_ptr<Surrogate> MakeGpSurrogate(const SearchSpace& space, std::uint64_t seed);
std::unique_ptr<Surrogate> MakeForestSurrogate(const SearchSpace& space, TreeModel model, std::uint64_t seed);

}  // namespace qalam
