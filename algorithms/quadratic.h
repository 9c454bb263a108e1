// SPDX-License-Identifier: Apache-2.0
// A quadratic model of the objective around its best trial, trusted within a ball (or a box) that grows with success
// and shrinks with failure. After Powell 2009 (BOBYQA); the fit is a Bayesian regression in which the error of the
// Taylor expansion grows with the distance, so that every near trial counts as much as it deserves, whoever proposed
// it. It begins by moving one number after the other, each from the best trial so far (as in Powell 1994, COBYLA).
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/search_space.h"

namespace qalam {

// For spaces without conditions.
class LocalQuadratic {
 public:
  LocalQuadratic(const SearchSpace& space, std::uint64_t seed);  // borrows the space

  // The next finished trial, in the order in which they finished. y is minimised; NaN: it gave no final value.
  void Add(const Eigen::VectorXd& unit, double y);
  // Whether there are too few trials to learn slopes from: then Step, not Propose.
  bool KnowsNoSlopes() const { return !numbers_.empty() && y_.size() < 1 + (numbers_.size() + 1) / 2; }
  // The best trial with one number moved by a sixth of its range, or to its next level; which one and which way follow
  // from `ordinal`. nullopt: no trial has a value, or that one is not is_new.
  std::optional<Eigen::VectorXd> Step(std::uint64_t ordinal,
                                      const std::function<bool(const Eigen::VectorXd&)>& is_new) const;
  // Before the proposals of a request. False: there is nothing to fit, or the region has shrunk to a point.
  bool Fit();
  // A new point of the region: where the model is lowest or, beside pending ones, where one of the models that the
  // trials allow is. `ordinal` names the stream of draws. nullopt: none that is_new.
  std::optional<Eigen::VectorXd> Propose(const std::vector<Eigen::VectorXd>& pending, std::uint64_t ordinal,
                                         const std::function<bool(const Eigen::VectorXd&)>& is_new) const;
  double radius() const { return radius_; }  // of the region, in coordinates of the cube

 private:
  // Ratios of the prior variances to that of the gradient.
  struct Scales {
    double full = 0.1, diagonal = 1, remainder = 0.01, noise = 1e-6;
  };
  struct Model {
    Eigen::VectorXd gradient;
    Eigen::MatrixXd hessian;
  };
  double DistanceToBest(const Eigen::VectorXd& unit) const;  // in the numbers
  bool InRegion(const Eigen::VectorXd& unit) const;
  bool SameChoices(const Eigen::VectorXd& a, const Eigen::VectorXd& b) const;
  Eigen::MatrixXd Covariance(const Scales& scales) const;  // of z_
  double Misfit(const Scales& scales) const;
  Model ModelOf(const Eigen::VectorXd& weights) const;
  Model Drawn(std::uint64_t ordinal, int attempt) const;
  Eigen::VectorXd Lowest(const Model& model, std::uint64_t ordinal) const;  // z

  const SearchSpace& space_;
  std::uint64_t seed_;
  std::vector<Eigen::Index> numbers_, choices_;     // which parameters are which
  std::vector<Eigen::VectorXd> units_, worthless_;  // trials with a value, and without
  std::vector<double> y_;
  std::size_t best_ = 0;
  double radius_;
  bool is_ball_ = true;  // the region; a box where numbers have levels: a ball is too thin to reach the next ones

  // Since the last Fit: the numbers of the nearest trials, (numbers, n), in radii from the best one.
  Eigen::MatrixXd z_;
  Eigen::VectorXd values_, weights_;
  Eigen::MatrixXd factor_;
  Scales scales_;
  double variance_ = 1;  // of the gradient
};

}  // namespace qalam
