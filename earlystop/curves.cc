// SPDX-License-Identifier: Apache-2.0
#include "earlystop/curves.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace qalam {
namespace {

constexpr int kLooksPerVisit = 4;
constexpr std::int64_t kMostStep = std::int64_t{1} << 62;  // sums and differences of steps do not overflow
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t Bucket(std::int64_t step) {
  return step <= 1 ? 0 : static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(step)) - 1);
}

// Everything of a point that depends on those before it.
void Summarise(Counts counts, const Point* before, Point* point) {
  point->best = before == nullptr ? kInfinity : before->best;
  point->mean = before == nullptr ? kInfinity : before->mean;
  point->finite = before == nullptr ? 0 : before->finite;
  if (std::isfinite(point->value)) {
    point->best = std::min(point->best, point->value);
    const double mean = point->finite == 0 ? 0 : point->mean;
    point->mean = mean + (point->value - mean) / static_cast<double>(++point->finite);
  }
  point->counted = counts == Counts::kBest ? point->best : std::isfinite(point->value) ? point->value : kInfinity;
}

}  // namespace

const Point* Curve::At(std::int64_t step) const {
  const auto after = std::upper_bound(points.begin(), points.end(), step,
                                      [](std::int64_t s, const Point& point) { return s < point.step; });
  return after == points.begin() ? nullptr : &*(after - 1);
}

void Curves::Add(std::uint64_t trial, std::int64_t step, double value) {
  step = std::clamp(step, -kMostStep, kMostStep);
  Curve& curve = curves_[trial];
  std::vector<Point>& points = curve.points;
  const bool first = points.empty();
  const std::int64_t last = curve.last_step();
  curve.fresh = first || step > last;
  auto at = curve.fresh ? points.end()
                        : std::lower_bound(points.begin(), points.end(), step,
                                           [](const Point& point, std::int64_t s) { return point.step < s; });
  if (at == points.end() || at->step != step) at = points.insert(at, Point{.step = step});
  at->value = value;
  for (auto point = at; point != points.end(); ++point) {
    Summarise(counts_, point == points.begin() ? nullptr : &*(point - 1), &*point);
  }
  if (!curve.fresh) return;
  for (std::size_t b = first ? 0 : Bucket(last) + 1; b <= Bucket(step); ++b) all_[b].insert(trial);
  if (!first) lengths_.erase(lengths_.find(last));
  lengths_.insert(step);
  Spend(curve, first ? 0 : last, step);
}

// Steps may be below zero; what is spent is not.
void Curves::Spend(const Curve& curve, std::int64_t from, std::int64_t to) {
  const std::int64_t steps = std::max<std::int64_t>(to, 0) - std::max<std::int64_t>(from, 0);
  spent_ += steps;
  if (curve.spared) spared_ += steps;
}

void Curves::End(std::uint64_t trial, Standing standing) {
  Curve& curve = curves_[trial];
  curve.standing = standing;
  if (standing != Standing::kSucceeded || curve.points.empty()) return;
  for (std::size_t b = 0; b <= Bucket(curve.last_step()); ++b) succeeded_[b].insert(trial);
}

void Curves::Spare(std::uint64_t trial) {
  Curve& curve = curves_[trial];
  if (curve.spared) return;
  curve.spared = true;
  spared_ += std::max<std::int64_t>(curve.last_step(), 0);
}

void Curves::Forget(std::uint64_t trial) {
  const auto found = curves_.find(trial);
  if (found == curves_.end()) return;
  const Curve& curve = found->second;
  if (!curve.points.empty()) {
    for (std::size_t b = 0; b <= Bucket(curve.last_step()); ++b) all_[b].erase(trial), succeeded_[b].erase(trial);
    lengths_.erase(lengths_.find(curve.last_step()));
    Spend(curve, curve.last_step(), 0);
  }
  curves_.erase(found);
}

const Curve& Curves::Of(std::uint64_t trial) const {
  static const Curve none;
  const auto found = curves_.find(trial);
  return found == curves_.end() ? none : found->second;
}

void Curves::VisitAll(const std::function<void(std::uint64_t, const Curve&)>& visit) const {
  for (const auto& [trial, curve] : curves_) visit(trial, curve);
}

void Curves::VisitNewest(Which which, std::int64_t step, int most,
                         const std::function<void(std::uint64_t, const Curve&)>& visit) const {
  const std::set<std::uint64_t>& trials = (which == Which::kAll ? all_ : succeeded_)[Bucket(step)];
  int looks = kLooksPerVisit * most, visits = 0;
  for (auto trial = trials.rbegin(); trial != trials.rend() && visits < most && looks > 0; ++trial, --looks) {
    const Curve& curve = Of(*trial);
    if (curve.last_step() < step) continue;
    visit(*trial, curve);
    ++visits;
  }
}

}  // namespace qalam
