// SPDX-License-Identifier: Apache-2.0
#include "bench/problems/learning.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/rng.h"

namespace qalam::bench {
namespace {

constexpr int kSteps = 27, kDimension = 4;
constexpr double kFloor = 0.1;  // what the best configuration is worth; the worst: nearly 1
constexpr double kMild = 3, kStrong = 6;

constexpr std::array<std::string_view, 4> kKinds = {"none", "mild", "strong", "noisy"};

using Vector = Eigen::Matrix<double, kDimension, 1>;
using Matrix = Eigen::Matrix<double, kDimension, kDimension>;

std::vector<ParameterSpec> Parameters() {
  return {NumberParameter("learning_rate", ParameterType::kDouble, 1e-5, 1, Distribution::kLogUniform),
          NumberParameter("weight_decay", ParameterType::kDouble, 1e-7, 1e-1, Distribution::kLogUniform),
          NumberParameter("momentum", ParameterType::kDouble, 0, 0.99),
          NumberParameter("dropout", ParameterType::kDouble, 0, 0.8)};
}

class Learning final : public Problem {
 public:
  Learning(std::string_view kind, std::uint64_t instance)
      : Problem(fmt::format("curves/{}/i{}", kind, instance), Parameters(), kSteps, kFloor),
        slowest_(kind == "mild"     ? kMild
                 : kind == "strong" ? kStrong
                                    : 1),
        noise_(kind == "noisy" ? 0.03 : 0) {
    Rng rng(instance, "bench.learning", StableHash(kind));
    for (int i = 0; i < kDimension; ++i) {
      centre_[i] = 0.15 + 0.7 * rng.Uniform();
      weights_[i] = std::pow(10, rng.Uniform());
      phases_[i] = 2 * std::numbers::pi * rng.Uniform();
    }
    weights_ *= 4 / weights_.sum();
    // Gram and Schmidt's rotation of normal draws.
    for (int column = 0; column < kDimension; ++column) {
      Vector axis;
      for (double& a : axis) a = rng.Normal();
      for (int before = 0; before < column; ++before) axis -= axis.dot(turn_.col(before)) * turn_.col(before);
      turn_.col(column) = axis.normalized();
    }
  }

  Evaluation Evaluate(const Assignments& point, int step, std::uint64_t draw) const override {
    const double value = After(UnitOf(point), step);
    if (noise_ == 0) return {value, static_cast<double>(step)};
    return {value + noise_ * Rng(draw, "bench.learning.noise", static_cast<std::uint64_t>(step)).Normal(),
            static_cast<double>(step)};
  }
  double Worth(const Assignments& point) const override { return After(UnitOf(point), kSteps); }

 private:
  Vector UnitOf(const Assignments& point) const {
    const auto unit = space().Encode(point);
    QALAM_CHECK(unit.ok(), "a legal point has a place in the cube");
    return *unit;
  }

  double After(const Vector& unit, int step) const {
    const Vector z = turn_.transpose() * (unit - centre_);
    double loss = 0;
    for (int i = 0; i < kDimension; ++i) {
      loss += weights_[i] * (z[i] * z[i] + 0.005 * (1 - std::cos(6 * std::numbers::pi * z[i])));
    }
    const double limit = 1 - (1 - kFloor) * std::exp(-1.5 * loss);
    const double speed = Speed(unit, limit), end = std::exp(-speed);
    return limit + (1 - limit) * (std::exp(-speed * step / kSteps) - end) / (1 - end);
  }

  // How often what is still to be learnt falls by 1/e within a whole training: seldom, where it is nearly a line.
  double Speed(const Vector& unit, double limit) const {
    constexpr double kCommon = 4, kFastest = 6;
    if (slowest_ == 1) return kCommon;
    const double missing = std::min(1.0, (limit - kFloor) / 0.4);  // 0: the best
    double whim = 0;                                               // of its own, for whatever reason
    for (int i = 0; i < kDimension; ++i) whim += std::sin(2 * std::numbers::pi * unit[i] + phases_[i]) / kDimension;
    return kFastest * std::pow(slowest_, missing - 1) * std::exp(0.3 * missing * whim);
  }

  double slowest_, noise_;
  Vector centre_, weights_, phases_;
  Matrix turn_;
};

}  // namespace

std::span<const std::string_view> LearningKinds() { return kKinds; }

std::unique_ptr<Problem> MakeLearning(std::string_view kind, std::uint64_t instance) {
  if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) return nullptr;
  return std::make_unique<Learning>(kind, instance);
}

}  // namespace qalam::bench
