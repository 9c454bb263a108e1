// SPDX-License-Identifier: Apache-2.0
#include "bench/problems/continuous.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "bench/problems/bbob.h"
#include "bench/problems/bbob_mixint.h"
#include "core/rng.h"

namespace qalam::bench {
namespace {

using std::size_t;
constexpr double kPi = std::numbers::pi;

std::vector<double> NumbersOf(const Assignments& point) {
  std::vector<double> x;
  x.reserve(point.size());
  for (const Assignment& assignment : point) x.push_back(NumberOf(assignment));
  return x;
}

std::vector<ParameterSpec> Box(size_t dimension, double min, double max) {
  std::vector<ParameterSpec> parameters;
  for (size_t i = 0; i < dimension; ++i) {
    parameters.push_back(NumberParameter(fmt::format("x{}", i), ParameterType::kDouble, min, max));
  }
  return parameters;
}

class BbobProblem final : public Problem {
 public:
  BbobProblem(int function, int instance, int dimension)
      : Problem(fmt::format("bbob/f{:02}/d{}/i{}", function, dimension, instance),
                Box(static_cast<size_t>(dimension), -5, 5), 1, 0),
        function_(Bbob::Make(function, instance, dimension)) {
    set_best(function_->optimal_value());
  }
  Evaluation Evaluate(const Assignments& point, int, std::uint64_t) const override {
    return {function_->Evaluate(NumbersOf(point)), 1};
  }

 private:
  std::unique_ptr<const Bbob> function_;
};

class MixintProblem final : public Problem {
 public:
  MixintProblem(int function, int instance, int dimension, BbobMixint inner)
      : Problem(fmt::format("mixint/f{:02}/d{}/i{}", function, dimension, instance), Parameters(inner, dimension), 1,
                inner.optimal_value()),
        function_(std::move(inner)) {}
  Evaluation Evaluate(const Assignments& point, int, std::uint64_t) const override {
    return {function_.Evaluate(NumbersOf(point)), 1};
  }

 private:
  static std::vector<ParameterSpec> Parameters(const BbobMixint& function, int dimension) {
    std::vector<ParameterSpec> parameters = Box(static_cast<size_t>(dimension), -5, 5);
    for (int i = 0; i < dimension; ++i) {
      ParameterSpec& parameter = parameters[static_cast<size_t>(i)];
      const int n = function.cardinality(i);
      if (n > 0) parameter = NumberParameter(parameter.name, ParameterType::kInt, 0, n - 1);
    }
    return parameters;
  }
  BbobMixint function_;
};

class NoisyProblem final : public Problem {
 public:
  NoisyProblem(std::unique_ptr<Problem> inner, double level, double floor)
      : Problem("noisy/" + inner->name(), inner->parameters(), inner->steps(), inner->best()),
        inner_(std::move(inner)),
        level_(level),
        floor_(floor) {}
  Evaluation Evaluate(const Assignments& point, int step, std::uint64_t draw) const override {
    Evaluation evaluation = inner_->Evaluate(point, step, draw);
    Rng rng(draw, "bench.noise", AssignmentsKey(point));
    evaluation.value += (floor_ + level_ * (evaluation.value - best())) * rng.Normal();
    return evaluation;
  }
  double Worth(const Assignments& point) const override { return inner_->Worth(point); }

 private:
  std::unique_ptr<Problem> inner_;
  double level_, floor_;
};

// ---- the classics, as collected by Surjanovic and Bingham, Virtual Library of Simulation Experiments

using Point = std::span<const double>;

double Branin(Point x) {
  const double b = 5.1 / (4 * kPi * kPi), c = 5 / kPi, t = 1 / (8 * kPi);
  const double valley = x[1] - b * x[0] * x[0] + c * x[0] - 6;
  return valley * valley + 10 * (1 - t) * std::cos(x[0]) + 10;
}

template <size_t kColumns>
double Hartmann(Point x, const double (&a)[4][kColumns], const double (&p)[4][kColumns]) {
  constexpr std::array<double, 4> kAlpha = {1.0, 1.2, 3.0, 3.2};
  double sum = 0;
  for (size_t i = 0; i < 4; ++i) {
    double exponent = 0;
    for (size_t j = 0; j < kColumns; ++j) exponent += a[i][j] * (x[j] - p[i][j]) * (x[j] - p[i][j]);
    sum += kAlpha[i] * std::exp(-exponent);
  }
  return -sum;
}

double Hartmann3(Point x) {
  constexpr double kA[4][3] = {{3, 10, 30}, {0.1, 10, 35}, {3, 10, 30}, {0.1, 10, 35}};
  constexpr double kP[4][3] = {
      {0.3689, 0.1170, 0.2673}, {0.4699, 0.4387, 0.7470}, {0.1091, 0.8732, 0.5547}, {0.0381, 0.5743, 0.8828}};
  return Hartmann(x, kA, kP);
}

double Hartmann6(Point x) {
  constexpr double kA[4][6] = {
      {10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double kP[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                               {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                               {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                               {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
  return Hartmann(x, kA, kP);
}

double Ackley(Point x) {
  double squares = 0, cosines = 0;
  for (const double v : x) squares += v * v, cosines += std::cos(2 * kPi * v);
  const double n = static_cast<double>(x.size());
  return -20 * std::exp(-0.2 * std::sqrt(squares / n)) - std::exp(cosines / n) + 20 + std::numbers::e;
}

double Levy(Point x) {
  const auto w = [&x](size_t i) { return 1 + (x[i] - 1) / 4; };
  const auto square = [](double v) { return v * v; };
  const size_t last = x.size() - 1;
  double sum = square(std::sin(kPi * w(0)));
  for (size_t i = 0; i < last; ++i) sum += square(w(i) - 1) * (1 + 10 * square(std::sin(kPi * w(i) + 1)));
  return sum + square(w(last) - 1) * (1 + square(std::sin(2 * kPi * w(last))));
}

double Rosenbrock(Point x) {
  double sum = 0;
  for (size_t i = 0; i + 1 < x.size(); ++i) {
    const double valley = x[i + 1] - x[i] * x[i];
    sum += 100 * valley * valley + (1 - x[i]) * (1 - x[i]);
  }
  return sum;
}

// `low`, `high`: the box in its first and in all further coordinates.
struct Classic {
  std::string_view name;
  double (*value)(Point x);
  size_t dimension;
  std::array<double, 2> low, high;
  double best;
  std::vector<double> optimum;  // one of them
};

const std::vector<Classic>& Classics() {
  static const std::vector<Classic> all = {
      {"branin", Branin, 2, {-5, 0}, {10, 15}, 0.39788735772973816, {kPi, 2.275}},
      {"hartmann3", Hartmann3, 3, {0, 0}, {1, 1}, -3.8627797869493365, {0.114614, 0.555649, 0.852547}},
      {"hartmann6",
       Hartmann6,
       6,
       {0, 0},
       {1, 1},
       -3.3223680114155147,
       {0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573}},
      {"ackley5", Ackley, 5, {-32.768, -32.768}, {32.768, 32.768}, 0, std::vector<double>(5, 0)},
      {"ackley20", Ackley, 20, {-32.768, -32.768}, {32.768, 32.768}, 0, std::vector<double>(20, 0)},
      {"levy4", Levy, 4, {-10, -10}, {10, 10}, 0, std::vector<double>(4, 1)},
      {"levy10", Levy, 10, {-10, -10}, {10, 10}, 0, std::vector<double>(10, 1)},
      {"rosenbrock4", Rosenbrock, 4, {-5, -5}, {10, 10}, 0, std::vector<double>(4, 1)},
      {"rosenbrock10", Rosenbrock, 10, {-5, -5}, {10, 10}, 0, std::vector<double>(10, 1)},
  };
  return all;
}

class ClassicProblem final : public Problem {
 public:
  ClassicProblem(const Classic& classic, std::uint64_t seed)
      : Problem(fmt::format("classic/{}/s{}", classic.name, seed), Moved(classic, seed), 1, classic.best),
        classic_(classic) {}
  Evaluation Evaluate(const Assignments& point, int, std::uint64_t) const override {
    return {classic_.value(NumbersOf(point)), 1};
  }

 private:
  static std::vector<ParameterSpec> Moved(const Classic& classic, std::uint64_t seed) {
    std::vector<ParameterSpec> parameters;
    Rng rng(seed, "bench.box", StableHash(classic.name));
    for (size_t i = 0; i < classic.dimension; ++i) {
      const double low = classic.low[std::min<size_t>(i, 1)], high = classic.high[std::min<size_t>(i, 1)];
      const double width = high - low, best = classic.optimum[i];
      // As far as the optimum keeps a twentieth of the width to the wall.
      const double shift = std::clamp((2 * rng.Uniform() - 1) * width / 5, best + width / 20 - high,
                                      std::max(best - width / 20 - low, best + width / 20 - high));
      parameters.push_back(NumberParameter(fmt::format("x{}", i), ParameterType::kDouble, low + shift, high + shift));
    }
    return parameters;
  }
  const Classic& classic_;
};

}  // namespace

std::unique_ptr<Problem> MakeBbob(int function, int instance, int dimension) {
  return std::make_unique<BbobProblem>(function, instance, dimension);
}

std::unique_ptr<Problem> MakeBbobMixint(int function, int instance, int dimension) {
  return std::make_unique<MixintProblem>(function, instance, dimension, BbobMixint(function, instance, dimension));
}

std::unique_ptr<Problem> MakeNoisy(std::unique_ptr<Problem> problem, double level, double floor) {
  return std::make_unique<NoisyProblem>(std::move(problem), level, floor);
}

std::span<const std::string_view> ClassicNames() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const Classic& classic : Classics()) all.push_back(classic.name);
    return all;
  }();
  return names;
}

std::unique_ptr<Problem> MakeClassic(std::string_view name, std::uint64_t seed) {
  for (const Classic& classic : Classics()) {
    if (classic.name == name) return std::make_unique<ClassicProblem>(classic, seed);
  }
  return nullptr;
}

}  // namespace qalam::bench
