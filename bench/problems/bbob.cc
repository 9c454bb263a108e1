// SPDX-License-Identifier: Apache-2.0
#include "bench/problems/bbob.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numbers>
#include <numeric>

#include "core/status.h"

namespace qalam::bench {
namespace {

using Vector = std::vector<double>;
using std::size_t;

constexpr double kPi = std::numbers::pi;

// A square matrix by rows.
class Matrix {
 public:
  explicit Matrix(size_t n) : n_(n), values_(n * n) {}
  double& At(size_t row, size_t column) { return values_[row * n_ + column]; }
  double At(size_t row, size_t column) const { return values_[row * n_ + column]; }
  size_t size() const { return n_; }

  Vector operator*(const Vector& x) const {
    Vector y(n_);
    for (size_t row = 0; row < n_; ++row) {
      double sum = 0;
      for (size_t column = 0; column < n_; ++column) sum += At(row, column) * x[column];
      y[row] = sum;
    }
    return y;
  }

 private:
  size_t n_;
  Vector values_;
};

// ---- the instances' random numbers (section 0.2 of the definitions; a multiplicative generator with a shuffle)

Vector Uniform(size_t count, std::int64_t seed) {
  constexpr std::int64_t kModulus = 2'147'483'647, kFactor = 16'807, kQuotient = 127'773, kRest = 2'836;
  constexpr size_t kShuffle = 32, kWarmUp = 40;
  constexpr std::int64_t kSlotWidth = 67'108'865;
  std::int64_t state = std::max<std::int64_t>(1, std::abs(seed));
  const auto advance = [&state] {
    const std::int64_t high = state / kQuotient;
    state = kFactor * (state - high * kQuotient) - kRest * high;
    if (state < 0) state += kModulus;
  };
  std::array<std::int64_t, kShuffle> slots{};
  for (size_t i = kWarmUp; i-- > 0;) {
    advance();
    if (i < kShuffle) slots[i] = state;
  }
  std::int64_t drawn = slots[0];
  Vector values(count);
  for (double& value : values) {
    advance();
    std::int64_t& slot = slots[static_cast<size_t>(drawn / kSlotWidth)];
    drawn = std::exchange(slot, state);
    value = drawn == 0 ? 1e-99 : static_cast<double>(drawn) / 2.147483647e9;
  }
  return values;
}

Vector Gauss(size_t count, std::int64_t seed) {
  const Vector uniform = Uniform(2 * count, seed);
  Vector values(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] = std::sqrt(-2 * std::log(uniform[i])) * std::cos(2 * kPi * uniform[count + i]);
    if (values[i] == 0) values[i] = 1e-99;
  }
  return values;
}

// Orthonormal columns by Gram and Schmidt from normal ones.
Matrix Rotation(size_t n, std::int64_t seed) {
  const Vector normal = Gauss(n * n, seed);
  Matrix rotation(n);
  for (size_t row = 0; row < n; ++row)
    for (size_t column = 0; column < n; ++column) rotation.At(row, column) = normal[column * n + row];
  for (size_t column = 0; column < n; ++column) {
    for (size_t before = 0; before < column; ++before) {
      double product = 0;
      for (size_t row = 0; row < n; ++row) product += rotation.At(row, column) * rotation.At(row, before);
      for (size_t row = 0; row < n; ++row) rotation.At(row, column) -= product * rotation.At(row, before);
    }
    double squares = 0;
    for (size_t row = 0; row < n; ++row) squares += rotation.At(row, column) * rotation.At(row, column);
    for (size_t row = 0; row < n; ++row) rotation.At(row, column) /= std::sqrt(squares);
  }
  return rotation;
}

Vector Optimum(size_t n, std::int64_t seed) {
  Vector optimum = Uniform(n, seed);
  for (double& x : optimum) {
    x = 8 * std::floor(1e4 * x) / 1e4 - 4;
    if (x == 0) x = -1e-5;
  }
  return optimum;
}

// Two functions take the numbers of their neighbours.
std::int64_t SeedOf(int function, int instance) {
  const int base = function == 4 ? 3 : function == 18 ? 17 : function;
  return base + 10'000LL * instance;
}

double OptimalValue(int function, int instance) {
  const std::int64_t seed = SeedOf(function, instance);
  const double value = std::floor(1e4 * Gauss(1, seed)[0] / Gauss(1, seed + 1)[0] + 0.5) / 100;
  return std::clamp(value, -1000.0, 1000.0);
}

// ---- the transformations of section 0.2

double Oscillate(double x) {
  if (x == 0) return 0;
  const double logarithm = std::log(std::abs(x)) / 0.1;
  const double wave = x > 0 ? std::sin(logarithm) + std::sin(0.79 * logarithm)
                            : std::sin(0.55 * logarithm) + std::sin(0.31 * logarithm);
  return std::copysign(std::pow(std::exp(logarithm + 0.49 * wave), 0.1), x);
}

double Share(size_t i, size_t n) { return static_cast<double>(i) / static_cast<double>(n - 1); }

double Square(double x) { return x * x; }

double Penalty(std::span<const double> x) {
  double sum = 0;
  for (const double value : x) sum += Square(std::max(0.0, std::abs(value) - 5));
  return sum;
}

void OscillateAll(Vector* z) {
  for (double& value : *z) value = Oscillate(value);
}

void Skew(double beta, Vector* z) {
  for (size_t i = 0; i < z->size(); ++i) {
    double& value = (*z)[i];
    if (value > 0) value = std::pow(value, 1 + beta * Share(i, z->size()) * std::sqrt(value));
  }
}

// The diagonal of Lambda^alpha.
Vector Scales(size_t n, double alpha) {
  Vector scales(n);
  for (size_t i = 0; i < n; ++i) scales[i] = std::pow(std::sqrt(alpha), Share(i, n));
  return scales;
}

Matrix Product(const Matrix& left, const Vector& diagonal, const Matrix& right) {
  const size_t n = left.size();
  Matrix product(n);
  for (size_t row = 0; row < n; ++row)
    for (size_t column = 0; column < n; ++column)
      for (size_t k = 0; k < n; ++k) product.At(row, column) += left.At(row, k) * diagonal[k] * right.At(k, column);
  return product;
}

Matrix Scaled(const Vector& rows, Matrix matrix) {
  for (size_t row = 0; row < matrix.size(); ++row)
    for (size_t column = 0; column < matrix.size(); ++column) matrix.At(row, column) *= rows[row];
  return matrix;
}

double RosenbrockFactor(size_t n) { return std::max(1.0, std::sqrt(static_cast<double>(n)) / 8); }

// ---- the functions of the transformed point z

double Sphere(const Vector& z) {
  return std::accumulate(z.begin(), z.end(), 0.0, [](double sum, double v) { return sum + v * v; });
}

double Ellipsoid(const Vector& z, double condition) {
  double sum = 0;
  for (size_t i = 0; i < z.size(); ++i) sum += std::pow(condition, Share(i, z.size())) * Square(z[i]);
  return sum;
}

double Rastrigin(const Vector& z) {
  double cosines = 0;
  for (const double value : z) cosines += std::cos(2 * kPi * value);
  return 10 * (static_cast<double>(z.size()) - cosines) + Sphere(z);
}

double Rosenbrock(const Vector& z) {
  double valley = 0, slope = 0;
  for (size_t i = 0; i + 1 < z.size(); ++i) {
    valley += Square(Square(z[i]) - z[i + 1]);
    slope += Square(z[i] - 1);
  }
  return 100 * valley + slope;
}

double SchafferF7(const Vector& z) {
  double sum = 0;
  for (size_t i = 0; i + 1 < z.size(); ++i) {
    const double squares = Square(z[i]) + Square(z[i + 1]);
    sum += std::pow(squares, 0.25) * (1 + Square(std::sin(50 * std::pow(squares, 0.1))));
  }
  return Square(sum / static_cast<double>(z.size() - 1));
}

double GriewankRosenbrock(const Vector& z) {
  double sum = 0;
  for (size_t i = 0; i + 1 < z.size(); ++i) {
    const double rosenbrock = 100 * Square(Square(z[i]) - z[i + 1]) + Square(1 - z[i]);
    sum += rosenbrock / 4000 - std::cos(rosenbrock);
  }
  return 10 + 10 * sum / static_cast<double>(z.size() - 1);
}

double Weierstrass(const Vector& z) {
  constexpr int kTerms = 12;
  double sum = 0, offset = 0;
  for (int k = 0; k < kTerms; ++k) {
    const double a = std::pow(0.5, k), b = std::pow(3, k);
    for (const double value : z) sum += a * std::cos(2 * kPi * (value + 0.5) * b);
    offset += a * std::cos(2 * kPi * 0.5 * b);
  }
  return 10 * std::pow(sum / static_cast<double>(z.size()) - offset, 3);
}

double Katsuura(const Vector& z) {
  constexpr int kTerms = 32;
  const double n = static_cast<double>(z.size());
  double product = 1;
  for (size_t i = 0; i < z.size(); ++i) {
    double sum = 0;
    for (int j = 1; j <= kTerms; ++j) {
      const double power = std::pow(2, j);
      sum += std::abs(power * z[i] - std::floor(power * z[i] + 0.5)) / power;
    }
    product *= std::pow(1 + static_cast<double>(i + 1) * sum, 10 / std::pow(n, 1.2));
  }
  return 10 / n / n * (product - 1);
}

// ---- all but one: from the point to z, from z to the value

class Composed final : public Bbob {
 public:
  using Value = std::function<double(std::span<const double> x, const Vector& optimum)>;
  Composed(double optimal_value, Vector optimum, Value value)
      : Bbob(optimal_value, std::move(optimum)), value_(std::move(value)) {}
  double Evaluate(std::span<const double> x) const override { return value_(x, optimum_) + optimal_value_; }

 private:
  Value value_;
};

Vector Minus(std::span<const double> x, const Vector& optimum) {
  Vector z(x.size());
  for (size_t i = 0; i < z.size(); ++i) z[i] = x[i] - optimum[i];
  return z;
}

// f21, f22: the lower envelope of Gaussian peaks.
class Gallagher final : public Bbob {
 public:
  // `width`: the peaks lie in [-width, width]; `sharpest`: the condition of the highest peak.
  Gallagher(double optimal_value, std::int64_t seed, size_t n, size_t peaks, double width, double sharpest)
      : Bbob(optimal_value, Vector(n)), rotation_(Rotation(n, seed)), peaks_(peaks) {
    constexpr double kCondition = 1000;
    const std::vector<size_t> order = Order(Uniform(peaks - 1, seed));
    const Vector places = Uniform(n * peaks, seed);
    for (size_t k = 0; k < peaks; ++k) {
      Peak& peak = peaks_[k];
      const double last = static_cast<double>(peaks - 2);
      peak.height = k == 0 ? 10 : 1.1 + static_cast<double>(k - 1) / last * 8;
      const double condition = k == 0 ? sharpest : std::pow(kCondition, static_cast<double>(order[k - 1]) / last);
      const std::vector<size_t> axes = Order(Uniform(n, seed + 1000 * static_cast<std::int64_t>(k)));
      Vector place(n);
      for (size_t i = 0; i < n; ++i) {
        peak.scales.push_back(std::pow(condition, Share(axes[i], n) - 0.5));
        place[i] = (k == 0 ? 0.8 : 1.0) * width * (2 * places[k * n + i] - 1);
      }
      if (k == 0) optimum_ = place;
      peak.centre = rotation_ * place;
    }
  }

  double Evaluate(std::span<const double> x) const override {
    const Vector z = rotation_ * Vector(x.begin(), x.end());
    double highest = 0;
    for (const Peak& peak : peaks_) {
      double distance = 0;
      for (size_t i = 0; i < z.size(); ++i) distance += peak.scales[i] * Square(z[i] - peak.centre[i]);
      highest = std::max(highest, peak.height * std::exp(-0.5 / static_cast<double>(z.size()) * distance));
    }
    return Square(Oscillate(10 - highest)) + Penalty(x) + optimal_value_;
  }

 private:
  struct Peak {
    double height = 0;
    Vector scales, centre;
  };

  // The indices of `values` from the smallest to the largest.
  static std::vector<size_t> Order(const Vector& values) {
    std::vector<size_t> order(values.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&values](size_t a, size_t b) { return values[a] < values[b]; });
    return order;
  }

  Matrix rotation_;
  std::vector<Peak> peaks_;
};

Composed::Value LinearSlope(size_t n) {
  return [scales = Scales(n, 100)](std::span<const double> x, const Vector& optimum) {
    double sum = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double slope = std::copysign(scales[i], optimum[i]);
      sum += 5 * scales[i] - slope * (x[i] * optimum[i] < 25 ? x[i] : optimum[i]);
    }
    return sum;
  };
}

Composed::Value StepEllipsoid(size_t n, const Matrix& first, const Matrix& second) {
  return [m = Scaled(Scales(n, 10), first), second](std::span<const double> x, const Vector& optimum) {
    Vector z = m * Minus(x, optimum);
    const double smooth = std::abs(z[0]) * 1e-4;
    for (double& value : z) {
      value = std::abs(value) > 0.5 ? std::floor(value + 0.5) : std::floor(10 * value + 0.5) / 10;
    }
    return 0.1 * std::max(smooth, Ellipsoid(second * z, 100)) + Penalty(x);
  };
}

Composed::Value Schwefel(size_t n) {
  return [scales = Scales(n, 10)](std::span<const double> x, const Vector& optimum) {
    const size_t count = x.size();
    const double sign = 2;
    Vector hat(count), z(count);
    for (size_t i = 0; i < count; ++i) hat[i] = std::copysign(sign, optimum[i]) * x[i];
    double penalty = 0, sum = 0;
    for (size_t i = 0; i < count; ++i) {
      const double peak = 2 * std::abs(optimum[i]);
      const double chained = i == 0 ? hat[0] : hat[i] + 0.25 * (hat[i - 1] - 2 * std::abs(optimum[i - 1]));
      z[i] = 100 * (scales[i] * (chained - peak) + peak);
      penalty += Square(std::max(0.0, std::abs(z[i]) - 500));
      sum += z[i] * std::sin(std::sqrt(std::abs(z[i])));
    }
    return 0.01 * (penalty + 418.9828872724339 - sum / static_cast<double>(count));
  };
}

Composed::Value Lunacek(size_t n, const Matrix& first, const Matrix& second) {
  return [m = first, scaled = Scaled(Scales(n, 100), second)](std::span<const double> x, const Vector& optimum) {
    constexpr double kNear = 2.5, kDepth = 1;
    const double count = static_cast<double>(x.size());
    const double s = 1 - 0.5 / (std::sqrt(count + 20) - 4.1);
    const double far = -std::sqrt((kNear * kNear - kDepth) / s);
    double to_near = 0, to_far = 0;
    Vector z(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      const double hat = std::copysign(2.0, optimum[i]) * x[i];
      to_near += Square(hat - kNear);
      to_far += Square(hat - far);
      z[i] = hat - kNear;
    }
    z = m * (scaled * z);
    double cosines = 0;
    for (const double value : z) cosines += std::cos(2 * kPi * value);
    return std::min(to_near, kDepth * count + s * to_far) + 10 * (count - cosines) + 1e4 * Penalty(x);
  };
}

}  // namespace

std::unique_ptr<const Bbob> Bbob::Make(int function, int instance, int dimension) {
  QALAM_CHECK(function >= 1 && function <= kFunctions && instance >= 1 && dimension >= 2, "no such BBOB function");
  const auto n = static_cast<size_t>(dimension);
  const std::int64_t seed = SeedOf(function, instance);
  const double best = OptimalValue(function, instance);
  if (function == 21) return std::make_unique<Gallagher>(best, seed, n, 101, 5.0, std::sqrt(1000.0));
  if (function == 22) return std::make_unique<Gallagher>(best, seed, n, 21, 4.9, 1000.0);

  Vector optimum = Optimum(n, seed);
  const Matrix first = Rotation(n, seed + 1'000'000), second = Rotation(n, seed);
  Composed::Value value;
  switch (function) {
    case 1: value = [](auto x, const Vector& o) { return Sphere(Minus(x, o)); }; break;
    case 2:
      value = [](auto x, const Vector& o) {
        Vector z = Minus(x, o);
        OscillateAll(&z);
        return Ellipsoid(z, 1e6);
      };
      break;
    case 3:
      value = [scales = Scales(n, 10)](auto x, const Vector& o) {
        Vector z = Minus(x, o);
        OscillateAll(&z);
        Skew(0.2, &z);
        for (size_t i = 0; i < z.size(); ++i) z[i] *= scales[i];
        return Rastrigin(z);
      };
      break;
    case 4:
      for (size_t i = 0; i < n; i += 2) optimum[i] = std::abs(optimum[i]);
      value = [scales = Scales(n, 10)](auto x, const Vector& o) {
        Vector z = Minus(x, o);
        OscillateAll(&z);
        for (size_t i = 0; i < z.size(); ++i) z[i] *= (z[i] > 0 && i % 2 == 0 ? 10 : 1) * scales[i];
        return Rastrigin(z) + 100 * Penalty(x);
      };
      break;
    case 5:
      for (double& x : optimum) x = std::copysign(5, x);
      value = LinearSlope(n);
      break;
    case 6:
      value = [m = Product(first, Scales(n, 10), second)](auto x, const Vector& o) {
        const Vector z = m * Minus(x, o);
        double sum = 0;
        for (size_t i = 0; i < z.size(); ++i) sum += Square(z[i] * o[i] > 0 ? 100 * z[i] : z[i]);
        return std::pow(Oscillate(sum), 0.9);
      };
      break;
    case 7: value = StepEllipsoid(n, second, first); break;
    case 8:
      for (double& x : optimum) x *= 0.75;
      value = [factor = RosenbrockFactor(n)](auto x, const Vector& o) {
        Vector z = Minus(x, o);
        for (double& v : z) v = factor * v + 1;
        return Rosenbrock(z);
      };
      break;
    case 9:
    case 19: {
      const Matrix m = Scaled(Vector(n, RosenbrockFactor(n)), second);
      // z = 1 at the optimum: m x = 1/2, and the inverse of a rotation is its transpose.
      for (size_t i = 0; i < n; ++i) {
        optimum[i] = 0;
        for (size_t k = 0; k < n; ++k) optimum[i] += 0.5 * second.At(k, i) / RosenbrockFactor(n);
      }
      value = [m, griewank = function == 19](auto x, const Vector&) {
        Vector z = m * Vector(x.begin(), x.end());
        for (double& v : z) v += 0.5;
        return griewank ? GriewankRosenbrock(z) : Rosenbrock(z);
      };
      break;
    }
    case 10:
      value = [first](auto x, const Vector& o) {
        Vector z = first * Minus(x, o);
        OscillateAll(&z);
        return Ellipsoid(z, 1e6);
      };
      break;
    case 11:
      value = [first](auto x, const Vector& o) {
        Vector z = first * Minus(x, o);
        OscillateAll(&z);
        return Sphere(z) + (1e6 - 1) * Square(z[0]);
      };
      break;
    case 12:
      optimum = Optimum(n, seed + 1'000'000);
      value = [first](auto x, const Vector& o) {
        Vector z = first * Minus(x, o);
        Skew(0.5, &z);
        z = first * z;
        return 1e6 * Sphere(z) - (1e6 - 1) * Square(z[0]);
      };
      break;
    case 13:
      value = [m = Product(first, Scales(n, 10), second)](auto x, const Vector& o) {
        const Vector z = m * Minus(x, o);
        double rest = 0;
        for (size_t i = 1; i < z.size(); ++i) rest += Square(z[i]);
        return Square(z[0]) + 100 * std::sqrt(rest);
      };
      break;
    case 14:
      value = [first](auto x, const Vector& o) {
        const Vector z = first * Minus(x, o);
        double sum = 0;
        for (size_t i = 0; i < z.size(); ++i) sum += std::pow(std::abs(z[i]), 2 + 4 * Share(i, z.size()));
        return std::sqrt(sum);
      };
      break;
    case 15:
      value = [first, m = Product(first, Scales(n, 10), second)](auto x, const Vector& o) {
        Vector z = first * Minus(x, o);
        OscillateAll(&z);
        Skew(0.2, &z);
        return Rastrigin(m * z);
      };
      break;
    case 16:
      value = [first, m = Product(first, Scales(n, 0.01), second)](auto x, const Vector& o) {
        Vector z = first * Minus(x, o);
        OscillateAll(&z);
        return Weierstrass(m * z) + 10 / static_cast<double>(x.size()) * Penalty(x);
      };
      break;
    case 17:
    case 18:
      value = [first, m = Scaled(Scales(n, function == 17 ? 10 : 1000), second)](auto x, const Vector& o) {
        Vector z = first * Minus(x, o);
        Skew(0.5, &z);
        return SchafferF7(m * z) + 10 * Penalty(x);
      };
      break;
    case 20: {
      const Vector signs = Uniform(n, seed);
      for (size_t i = 0; i < n; ++i) optimum[i] = std::copysign(0.5 * 4.2096874633, signs[i] - 0.5);
      value = Schwefel(n);
      break;
    }
    case 23:
      value = [m = Product(first, Scales(n, 100), second)](auto x, const Vector& o) {
        return Katsuura(m * Minus(x, o)) + Penalty(x);
      };
      break;
    case 24: {
      const Vector signs = Gauss(n, seed);
      for (size_t i = 0; i < n; ++i) optimum[i] = std::copysign(1.25, signs[i]);
      value = Lunacek(n, first, second);
      break;
    }
    default: break;
  }
  return std::make_unique<Composed>(best, std::move(optimum), std::move(value));
}

}  // namespace qalam::bench
