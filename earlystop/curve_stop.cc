// SPDX-License-Identifier: Apache-2.0
// value(t) = end + fall * shape(t), where shape falls from 1 at the beginning to 0 at the last step: exponentials and
// powers of many paces, the logarithm among them. For each shape the regression has a closed form (a normal prior on
// end and fall, an inverse gamma one on the noise), and so has its evidence.
#include "earlystop/curve_stop.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

namespace qalam {
namespace {

constexpr int kMostOthers = 256;
constexpr std::size_t kMostPoints = 24;  // of a curve that are looked at, the closer together the newer
constexpr double kIndependent = 10;      // points' worth of evidence at most: what a curve does not follow is no noise
constexpr double kNoise = 0.02;          // that is expected, in units of the usual fall
constexpr double kLeastSpread = 0.05, kLeastFallSpread = 0.3;  // of the others, in the same units: they may be few
constexpr std::array kExponentials = {0.03, 0.06, 0.1, 0.16, 0.25, 0.4, 0.7, 1.2, 3.0};  // pace, of the whole training
constexpr std::array kPowers = {0.001, 0.25, 0.5, 0.8, 1.2, 2.0};                        // the first: the logarithm

// Whether curves tell their ends at all is seen by the newest of those whose end is known. They do not where more than
// one of so many is a surprise: an end that was less probable.
constexpr std::size_t kChecked = 8;
constexpr int kMostSurprises = 4;
constexpr double kSurprise = 0.01;

constexpr std::size_t kShapes = kExponentials.size() + kPowers.size();

double Shape(std::size_t shape, double step, double last) {
  if (shape < kExponentials.size()) {
    const double pace = kExponentials[shape] * last, end = std::exp(-last / pace);
    return (std::exp(-step / pace) - end) / (1 - end);
  }
  const double power = -kPowers[shape - kExponentials.size()], end = std::pow(last, power);
  return (std::pow(std::max(1.0, step), power) - end) / (1 - end);
}

double BelowInNormal(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

// Mean and standard deviation.
std::pair<double, double> MomentsOf(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  double mean = 0, square = 0;
  for (const double value : values) mean += value / count;
  for (const double value : values) square += (value - mean) * (value - mean) / count;
  return {mean, std::sqrt(square)};
}

class CurveStop final : public StoppingRule {
 public:
  explicit CurveStop(const CurveStopSettings& settings)
      : settings_(settings), from_(settings.start_step.value_or(*settings.r_max / 3)) {}

  Verdict Judge(const Curves& curves, std::uint64_t trial) override {
    const Curve& curve = curves.Of(trial);
    const Point& newest = curve.points.back();
    if (newest.step < from_ || newest.step >= *settings_.r_max) return {};
    if (!std::isfinite(newest.value)) return {true, fmt::format("no finite number at step {}", newest.step)};
    const auto outlook = OutlookOf(curves, trial, *settings_.r_max, settings_.min_trials_required);
    if (!outlook || !(outlook->probability < settings_.threshold)) return {};
    return {true, outlook->Words()};
  }

 private:
  const CurveStopSettings settings_;
  const std::int64_t from_;
};

}  // namespace

double ProbabilityBelow(std::span<const Point> points, std::int64_t last, double bound, const CurvePrior& prior) {
  const double unit = std::max({std::abs(prior.fall), prior.fall_spread, 1e-12 * std::abs(prior.end), 1e-300});
  struct Seen {
    double step, value;
  };
  std::array<Seen, kMostPoints> seen{};
  std::size_t count = 0;
  for (std::size_t back = 1; back <= points.size() && count < kMostPoints; back += std::max<std::size_t>(1, back / 6)) {
    const Point& point = points[points.size() - back];
    if (point.step >= 0 && std::isfinite(point.value))
      seen[count++] = {static_cast<double>(point.step), (point.value - prior.end) / unit};
  }
  const double weight = std::min(1.0, kIndependent / static_cast<double>(std::max<std::size_t>(count, 1)));
  const double end_spread = std::max(prior.end_spread / unit, kLeastSpread);
  const double fall_spread = std::max(prior.fall_spread / unit, kLeastFallSpread);
  // Precisions of the prior, of which the mean of `end` is 0 and of `fall` this; relative to the noise that is
  // expected.
  const double end_precision = kNoise * kNoise / (end_spread * end_spread);
  const double fall_precision = kNoise * kNoise / (fall_spread * fall_spread), expected_fall = prior.fall / unit;
  constexpr double kAlpha = 1;  // of the inverse gamma
  const double alpha = kAlpha + 0.5 * weight * static_cast<double>(count);

  std::array<double, kShapes> evidence{}, below{};
  for (std::size_t shape = 0; shape < kShapes; ++shape) {
    // The normal equations of y = end + fall * x.
    double s = end_precision, sx = 0, sxx = fall_precision;
    double sy = 0, sxy = fall_precision * expected_fall, syy = fall_precision * expected_fall * expected_fall;
    for (std::size_t i = 0; i < count; ++i) {
      const double x = Shape(shape, seen[i].step, static_cast<double>(last)), y = seen[i].value;
      s += weight, sx += weight * x, sxx += weight * x * x;
      sy += weight * y, sxy += weight * x * y, syy += weight * y * y;
    }
    const double determinant = s * sxx - sx * sx;
    const double end = (sxx * sy - sx * sxy) / determinant, fall = (s * sxy - sx * sy) / determinant;
    const double beta = kAlpha * kNoise * kNoise + 0.5 * std::max(0.0, syy - end * sy - fall * sxy);
    evidence[shape] = -0.5 * std::log(determinant) - alpha * std::log(beta);
    const double spread = std::sqrt(beta / alpha * (1 + sxx / determinant));  // of the value at `last`, where x is 0
    below[shape] = BelowInNormal(((bound - prior.end) / unit - end) / spread);
  }
  const double most = *std::ranges::max_element(evidence);
  double sum = 0, probability = 0;
  for (std::size_t shape = 0; shape < kShapes; ++shape) {
    const double posterior = std::exp(evidence[shape] - most);
    sum += posterior;
    probability += posterior * below[shape];
  }
  return probability / sum;
}

std::string CurveOutlook::Words() const {
  return fmt::format("ends better than the best of {} trials with a probability of {:.2g}, by its curve up to step {}",
                     others, probability, step);
}

std::optional<CurveOutlook> OutlookOf(const Curves& curves, std::uint64_t trial, std::int64_t last, int least) {
  const Curve& curve = curves.Of(trial);
  const Point& newest = curve.points.back();
  std::vector<const Curve*> others;
  std::vector<double> ends, falls;
  curves.VisitNewest(Curves::Which::kSucceeded, newest.step, kMostOthers, [&](std::uint64_t, const Curve& theirs) {
    const double end = theirs.points.back().counted, begin = theirs.points.front().value;
    if (!std::isfinite(end) || !std::isfinite(begin)) return;
    others.push_back(&theirs);
    ends.push_back(end);
    falls.push_back(begin - end);
  });
  if (std::ssize(ends) < least) return std::nullopt;
  const double best = *std::ranges::min_element(ends);
  CurveOutlook outlook{1, ends.size(), newest.step};
  if (newest.counted < best) return outlook;
  // Around the best: a trial is not stopped for being a trial like others, few of which are better than the best, but
  // for what its curve says.
  CurvePrior prior;
  const auto [mean, deviation] = MomentsOf(ends);
  prior.end = best;
  prior.end_spread = std::hypot(deviation, mean - best);
  std::tie(prior.fall, prior.fall_spread) = MomentsOf(falls);
  outlook.probability = ProbabilityBelow(curve.points, last, best, prior);
  if (!(outlook.probability < 0.5)) return outlook;
  // What would have been said of those whose end is known?
  others.resize(std::min(others.size(), kChecked));
  const auto surprises = std::ranges::count_if(others, [&](const Curve* theirs) {
    const auto seen = std::ranges::upper_bound(theirs->points, newest.step, {}, &Point::step);
    return ProbabilityBelow({theirs->points.begin(), seen}, last, theirs->points.back().counted, prior) < kSurprise;
  });
  if (kMostSurprises * surprises > std::ssize(others)) outlook.probability = 1;
  return outlook;
}

std::unique_ptr<StoppingRule> MakeCurveStop(const StoppingContext& context) {
  return std::make_unique<CurveStop>(kCurveStopSettings.Parse(context.settings));
}

Status ValidateCurveStop(const StoppingContext& context) {
  const CurveStopSettings s = kCurveStopSettings.Parse(context.settings);
  if (!s.r_max) return InvalidArgument("r_max is not given: the steps of a whole trial");
  if (s.start_step && *s.start_step >= *s.r_max)
    return InvalidArgument("start_step {} is not below r_max {}", *s.start_step, *s.r_max);
  return OkStatus();
}

}  // namespace qalam
