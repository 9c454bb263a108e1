// SPDX-License-Identifier: Apache-2.0
#include "algorithms/gp.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "algorithms/minimise.h"
#include "core/linalg.h"

namespace qalam {
namespace {

constexpr double kJitter = 1e-10;  // of the largest variance
constexpr int kAttempts = 12;      // with ten times the jitter each
constexpr double kLeastVariance = 1e-16;
// Bounds of the fit.
constexpr double kShortest = 0.02, kLongest = 1e3, kLeastScale = 1e-4, kMostScale = 1e3, kLeastNoise = 1e-8,
                 kMostNoise = 2, kLeastQuadratic = 1e-7, kMostQuadratic = 3e3;
// What is thought of hyperparameters beforehand. Of each lengthscale -(l^2 + l^-2) / 10, of the scale Gamma(2, 1), of
// the noise Gamma(1.1, 30): the form that Optuna's sampler uses; of the quadratic's logarithm N(-4, 2^2).
constexpr double kLengthPull = 0.1, kNoiseShape = 0.1, kNoiseRate = 30, kQuadraticMean = -4, kQuadraticSd = 2;
const double kSqrt5 = std::sqrt(5.0);

// Of a parameter that one of the points lacks the squared difference is 1, of one that both lack 0 (Swersky et al. 2014
// keep them apart as far).
template <class Column>
void AddConditional(const Column& column, double point, double w, Eigen::Ref<Eigen::ArrayXd> out) {
  if (ModelInputs::IsMissing(point)) {
    out += (column >= 0).template cast<double>() * w;
  } else {
    out += (column < 0).select(1.0, (column - point).square()) * w;
  }
}

// Squared distances of the rows of `x` from one point, of rows `from` and after.
void DistancesFrom(const ModelInputs& inputs, const Eigen::VectorXd& inverse, const Eigen::MatrixXd& x,
                   const Eigen::Ref<const Eigen::RowVectorXd>& point, Eigen::Index from,
                   Eigen::Ref<Eigen::ArrayXd> out) {
  out.setZero();
  for (Eigen::Index j = 0; j < x.cols(); ++j) {
    const auto column = x.col(j).array().tail(x.rows() - from);
    const double w = inverse[j] * inverse[j];
    if (inputs.categorical()[static_cast<std::size_t>(j)]) {
      out += (column != point[j]).cast<double>() * w;
    } else if (inputs.MayMiss(j)) {
      AddConditional(column, point[j], w, out);
    } else {
      out += (column - point[j]).square() * w;
    }
  }
}

// 1 + z.z' of the rows of `x` and one point.
void ProductsWith(const ModelInputs& inputs, const Eigen::MatrixXd& x,
                  const Eigen::Ref<const Eigen::RowVectorXd>& point, Eigen::Index from,
                  Eigen::Ref<Eigen::ArrayXd> out) {
  out.setOnes();
  for (Eigen::Index j = 0; j < x.cols(); ++j) {
    if (inputs.categorical()[static_cast<std::size_t>(j)]) continue;
    if (inputs.MayMiss(j)) {
      if (ModelInputs::IsMissing(point[j])) continue;
      const auto column = x.col(j).array().tail(x.rows() - from);
      out += (column < 0).select(0.0, 2 * column - 1) * (2 * point[j] - 1);
      continue;
    }
    out += (2 * x.col(j).array().tail(x.rows() - from) - 1) * (2 * point[j] - 1);
  }
}

Eigen::VectorXd Inverse(const GpHyper& hyper) { return (-hyper.length.array()).exp(); }

// Lower triangle of the covariance, without noise. `slope`: s2 * 5/3 * (1 + sqrt5 r) * exp(-sqrt5 r), which every
// derivative of the Matern part has as a factor.
void Covariance(const ModelInputs& inputs, const Eigen::MatrixXd& x, const GpHyper& hyper, Eigen::MatrixXd* matern,
                Eigen::MatrixXd* slope, Eigen::MatrixXd* trend) {
  const Eigen::Index n = x.rows();
  const Eigen::VectorXd inverse = Inverse(hyper);
  const double scale = std::exp(hyper.scale), quadratic = std::exp(hyper.quadratic);
  matern->setZero(n, n);
  if (slope) slope->setZero(n, n);
  trend->setZero(n, n);
  Eigen::ArrayXd r(n), e(n);
  for (Eigen::Index c = 0; c < n; ++c) {
    auto rc = r.head(n - c), ec = e.head(n - c);
    DistancesFrom(inputs, inverse, x, x.row(c), c, rc);
    rc = kSqrt5 * rc.sqrt();
    ec = scale * (-rc).exp();
    matern->col(c).tail(n - c) = ((1 + rc + rc.square() / 3) * ec).matrix();
    if (slope) slope->col(c).tail(n - c) = ((5.0 / 3) * (1 + rc) * ec).matrix();
    ProductsWith(inputs, x, x.row(c), c, rc);
    trend->col(c).tail(n - c) = (quadratic * rc.square()).matrix();
  }
}

// Sum over all pairs of two symmetric matrices that are given by their lower triangles.
double PairSum(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  double strict = 0;
  for (Eigen::Index c = 0; c + 1 < a.cols(); ++c) {
    strict += a.col(c).tail(a.rows() - c - 1).dot(b.col(c).tail(a.rows() - c - 1));
  }
  return 2 * strict + a.diagonal().dot(b.diagonal());
}

GpHyper Unpack(const Eigen::VectorXd& theta) {
  const Eigen::Index d = theta.size() - 3;
  return {theta.head(d), theta[d], theta[d + 1], theta[d + 2]};
}
Eigen::VectorXd Pack(const GpHyper& hyper) {
  Eigen::VectorXd theta(hyper.length.size() + 3);
  theta << hyper.length, hyper.scale, hyper.noise, hyper.quadratic;
  return theta;
}

// What is thought of hyperparameters before anything is seen: minus log density, and its derivative added.
double Prior(const GpHyper& hyper, Eigen::VectorXd* gradient) {
  const Eigen::Index d = hyper.length.size();
  double loss = 0;
  for (Eigen::Index j = 0; j < d; ++j) {
    const double square = std::exp(2 * hyper.length[j]);
    loss += kLengthPull * (square + 1 / square);
    (*gradient)[j] += 2 * kLengthPull * (square - 1 / square);
  }
  const double scale = std::exp(hyper.scale), noise = std::exp(hyper.noise);
  const double quadratic = (hyper.quadratic - kQuadraticMean) / kQuadraticSd;
  loss += scale - hyper.scale + kNoiseRate * noise - kNoiseShape * hyper.noise + 0.5 * quadratic * quadratic;
  (*gradient)[d] += scale - 1;
  (*gradient)[d + 1] += kNoiseRate * noise - kNoiseShape;
  (*gradient)[d + 2] += quadratic / kQuadraticSd;
  return loss;
}

// Of values at points, before anything is seen.
Eigen::VectorXd PriorVariance(const ModelInputs& inputs, const GpHyper& hyper, const Eigen::MatrixXd& x) {
  Eigen::ArrayXd z = Eigen::ArrayXd::Ones(x.rows());
  for (Eigen::Index j = 0; j < x.cols(); ++j) {
    if (inputs.categorical()[static_cast<std::size_t>(j)]) continue;
    const auto column = x.col(j).array();
    if (inputs.MayMiss(j)) {
      z += (column < 0).select(0.0, (2 * column - 1).square());
    } else {
      z += (2 * column - 1).square();
    }
  }
  return (std::exp(hyper.scale) + std::exp(hyper.quadratic) * z.square()).matrix();
}

}  // namespace

GpHyper DefaultGpHyper(const ModelInputs& inputs) {
  constexpr double kLength = 0.5, kNoise = 1e-4;
  // Points of more parameters are farther apart.
  const double farther = std::sqrt(std::max(static_cast<double>(inputs.dim()) / 6, 1.0));
  return {Eigen::VectorXd::Constant(inputs.dim(), std::log(kLength * farther)), 0, std::log(kNoise), kQuadraticMean};
}

double GpLoss(const ModelInputs& inputs, const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const GpHyper& hyper,
              Eigen::VectorXd* gradient) {
  const Eigen::Index n = x.rows(), d = x.cols();
  Eigen::MatrixXd matern, slope, trend;
  Covariance(inputs, x, hyper, &matern, &slope, &trend);
  const double noise = std::exp(hyper.noise);
  Eigen::MatrixXd k = matern + trend;
  k.diagonal().array() += noise + kJitter * k.diagonal().maxCoeff();
  gradient->setZero(d + 3);
  if (!Factorise(&k)) return std::numeric_limits<double>::infinity();
  Eigen::VectorXd weights = y;
  SolveLower(k, weights);
  SolveUpper(k, weights);
  double loss = 0.5 * y.dot(weights) + k.diagonal().array().log().sum();

  // W = K^-1 - weights weights': the derivative by anything is 1/2 sum of W o dK.
  Eigen::MatrixXd w = InverseOf(k);
  SubtractGram(weights, &w);
  slope = slope.cwiseProduct(w);
  const auto g = slope.selfadjointView<Eigen::Lower>();
  const Eigen::VectorXd row_sums = g * Eigen::VectorXd::Ones(n);
  const Eigen::VectorXd inverse_length = Inverse(hyper);
  const Eigen::MatrixXd gx = g * x;
  for (Eigen::Index j = 0; j < d; ++j) {
    const double scaled = inverse_length[j] * inverse_length[j];
    if (inputs.categorical()[static_cast<std::size_t>(j)]) {
      double differ = 0;
      for (Eigen::Index c = 0; c < n; ++c) {
        const auto below = x.col(j).array().tail(n - c - 1);
        differ += ((below != x(c, j)).cast<double>() * slope.col(c).array().tail(n - c - 1)).sum();
      }
      (*gradient)[j] = differ * scaled;
    } else if (inputs.MayMiss(j)) {
      double differ = 0;
      Eigen::ArrayXd square(n);
      for (Eigen::Index c = 0; c < n; ++c) {
        auto below = square.head(n - c - 1);
        below.setZero();
        AddConditional(x.col(j).array().tail(n - c - 1), x(c, j), 1, below);
        differ += (below * slope.col(c).array().tail(n - c - 1)).sum();
      }
      (*gradient)[j] = differ * scaled;
    } else {
      (*gradient)[j] = (row_sums.dot(x.col(j).cwiseAbs2()) - x.col(j).dot(gx.col(j))) * scaled;
    }
  }
  (*gradient)[d] = 0.5 * PairSum(w, matern);
  (*gradient)[d + 1] = 0.5 * noise * w.trace();
  (*gradient)[d + 2] = 0.5 * PairSum(w, trend);
  loss += Prior(hyper, gradient);
  return loss;
}

GpHyper FitGp(const ModelInputs& inputs, const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const GpHyper& start,
              double* loss) {
  const Eigen::Index d = x.cols();
  Eigen::VectorXd lower(d + 3), upper(d + 3);
  lower.head(d).setConstant(std::log(kShortest));
  upper.head(d).setConstant(std::log(kLongest));
  lower.tail(3) << std::log(kLeastScale), std::log(kLeastNoise), std::log(kLeastQuadratic);
  upper.tail(3) << std::log(kMostScale), std::log(kMostNoise), std::log(kMostQuadratic);
  Eigen::VectorXd theta = Pack(start).cwiseMax(lower).cwiseMin(upper);
  const auto evaluate = [&](const Eigen::VectorXd& at, Eigen::VectorXd& gradient) {
    return GpLoss(inputs, x, y, Unpack(at), &gradient);
  };
  *loss = Minimise(evaluate, lower, upper, {.iterations = 60, .gradient = 1e-2, .progress = 1e-4}, &theta);
  return Unpack(theta);
}

Gp::Gp(const ModelInputs& inputs, const Eigen::MatrixXd& x, const GpHyper& hyper)
    : inputs_(&inputs), x_(x), hyper_(hyper) {
  Factor();
}

void Gp::Factor() {
  Eigen::MatrixXd matern, trend;
  qalam::Covariance(*inputs_, x_, hyper_, &matern, nullptr, &trend);
  matern += trend;
  double jitter = kJitter * matern.diagonal().maxCoeff();
  nugget_ = std::exp(hyper_.noise);
  for (int attempt = 0;; ++attempt) {
    nugget_ += jitter;
    factor_ = matern;
    factor_.diagonal().array() += nugget_;
    if (Factorise(&factor_)) return;
    QALAM_CHECK(attempt < kAttempts, "a diagonal that outweighs the rest has a factor");
    jitter *= 10;
  }
}

void Gp::Add(const Eigen::MatrixXd& rows) {
  const Eigen::Index n = x_.rows(), m = rows.rows();
  if (m == 0) return;
  Eigen::MatrixXd matern, trend, cross = Cross(rows);
  qalam::Covariance(*inputs_, rows, hyper_, &matern, nullptr, &trend);
  matern += trend;
  matern.diagonal().array() += nugget_;
  SolveLower(factor_, cross);
  SubtractGram(cross.transpose(), &matern);
  x_.conservativeResize(n + m, Eigen::NoChange);
  x_.bottomRows(m) = rows;
  if (!Factorise(&matern)) return Factor();
  Eigen::MatrixXd whole = Eigen::MatrixXd::Zero(n + m, n + m);
  whole.topLeftCorner(n, n) = factor_;
  whole.bottomLeftCorner(m, n) = cross.transpose();
  whole.bottomRightCorner(m, m) = matern;
  factor_ = std::move(whole);
}

void Gp::SetValues(const Eigen::MatrixXd& y) {
  weights_ = y;
  SolveLower(factor_, weights_);
  SolveUpper(factor_, weights_);
  fitted_ = y - nugget_ * weights_;
}

Eigen::MatrixXd Gp::Cross(const Eigen::MatrixXd& x) const {
  const Eigen::VectorXd inverse = Inverse(hyper_);
  const double scale = std::exp(hyper_.scale), quadratic = std::exp(hyper_.quadratic);
  const Eigen::Index n = x_.rows();
  Eigen::MatrixXd out(n, x.rows());
  Eigen::ArrayXd r(n), e(n);
  for (Eigen::Index c = 0; c < x.rows(); ++c) {
    DistancesFrom(*inputs_, inverse, x_, x.row(c), 0, r);
    r = kSqrt5 * r.sqrt();
    e = scale * (1 + r + r.square() / 3) * (-r).exp();
    ProductsWith(*inputs_, x_, x.row(c), 0, r);
    out.col(c) = (e + quadratic * r.square()).matrix();
  }
  return out;
}

void Gp::Predict(const Eigen::MatrixXd& x, Eigen::MatrixXd* mean, Eigen::VectorXd* sd) const {
  Eigen::MatrixXd cross = Cross(x);
  mean->noalias() = cross.transpose() * weights_;
  SolveLower(factor_, cross);
  *sd = (PriorVariance(*inputs_, hyper_, x) - cross.colwise().squaredNorm().transpose())
            .cwiseMax(kLeastVariance)
            .cwiseSqrt();
}

void Gp::Predict(const Eigen::VectorXd& x, Eigen::VectorXd* mean, double* sd, Eigen::MatrixXd* dmean,
                 Eigen::VectorXd* dsd) const {
  const Eigen::VectorXd inverse = Inverse(hyper_);
  const double scale = std::exp(hyper_.scale), quadratic = std::exp(hyper_.quadratic);
  const Eigen::Index n = x_.rows(), d = x_.cols();
  Eigen::ArrayXd r(n), e(n), p(n);
  DistancesFrom(*inputs_, inverse, x_, x.transpose(), 0, r);
  r = kSqrt5 * r.sqrt();
  e = scale * (-r).exp();
  ProductsWith(*inputs_, x_, x.transpose(), 0, p);
  const Eigen::VectorXd cross = ((1 + r + r.square() / 3) * e + quadratic * p.square()).matrix();
  mean->noalias() = weights_.transpose() * cross;
  Eigen::VectorXd solved = cross;
  SolveLower(factor_, solved);
  const double prior = PriorVariance(*inputs_, hyper_, x.transpose())[0];
  const double variance = prior - solved.squaredNorm();
  *sd = std::sqrt(std::max(variance, kLeastVariance));
  SolveUpper(factor_, solved);

  // Columns: one a scenario, then that of the variance.
  Eigen::MatrixXd all(n, weights_.cols() + 1);
  all.leftCols(weights_.cols()) = weights_;
  all.rightCols(1) = -2 * solved;
  const Eigen::MatrixXd by_slope = all.array().colwise() * ((5.0 / 3) * (1 + r) * e);
  const Eigen::MatrixXd by_trend = all.array().colwise() * (4 * quadratic * p);
  const Eigen::RowVectorXd slope_sum = by_slope.colwise().sum(), trend_sum = by_trend.colwise().sum();
  Eigen::MatrixXd derivative = x_.transpose() * by_slope;  // (d, columns)
  const Eigen::MatrixXd moved = x_.transpose() * by_trend;
  double norm = 1;
  for (Eigen::Index j = 0; j < d; ++j) {
    if (!inputs_->categorical()[static_cast<std::size_t>(j)] && !ModelInputs::IsMissing(x[j]))
      norm += (2 * x[j] - 1) * (2 * x[j] - 1);
  }
  for (Eigen::Index j = 0; j < d; ++j) {
    if (inputs_->categorical()[static_cast<std::size_t>(j)] || ModelInputs::IsMissing(x[j])) {
      derivative.row(j).setZero();
      continue;
    }
    if (inputs_->MayMiss(j)) {  // by the observations that have it
      const Eigen::ArrayXd there = (x_.col(j).array() >= 0).cast<double>();
      derivative.row(j) =
          (there * (x_.col(j).array() - x[j])).matrix().transpose() * by_slope * (inverse[j] * inverse[j]) +
          (there * (2 * x_.col(j).array() - 1)).matrix().transpose() * by_trend;
      derivative(j, weights_.cols()) += quadratic * 2 * norm * 4 * (2 * x[j] - 1);
      continue;
    }
    derivative.row(j) =
        (derivative.row(j) - x[j] * slope_sum) * (inverse[j] * inverse[j]) + 2 * moved.row(j) - trend_sum;
    derivative(j, weights_.cols()) += quadratic * 2 * norm * 4 * (2 * x[j] - 1);
  }
  *dmean = derivative.leftCols(weights_.cols());
  if (variance > kLeastVariance) {
    *dsd = derivative.rightCols(1) / (2 * *sd);
  } else {
    dsd->setZero(d);
  }
}

Eigen::MatrixXd Gp::Covariance(const Eigen::MatrixXd& x) const {
  Eigen::MatrixXd matern, trend, cross = Cross(x);
  qalam::Covariance(*inputs_, x, hyper_, &matern, nullptr, &trend);
  matern += trend;
  SolveLower(factor_, cross);
  SubtractGram(cross.transpose(), &matern);
  return matern.selfadjointView<Eigen::Lower>();
}

}  // namespace qalam
