// SPDX-License-Identifier: Apache-2.0
// Ranks are looked at where it is cheap: at milestones 1, 3, 9, ... The figures below were chosen on the tuning
// instances of `qalam bench run curves --steps`.
#include "earlystop/guard.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/rank_stability.h"
#include "earlystop/curve_stop.h"

namespace qalam {
namespace {

constexpr std::int64_t kFactor = 3;  // from one milestone to the next
constexpr int kWindow = 32;          // trials that are compared with each other: the newest
constexpr int kLooks = 4 * kWindow;  // trials looked at to find them
constexpr double kPrior = 1;         // best trial of which one knows nothing
constexpr double kToSpeak = 3;       // best trials that have to be seen before the guard says what it thinks
constexpr double kShare = 0.05;      // of all steps, that trials which were spared may cost
constexpr std::size_t kDifferences = 16;

// Of what a curve says where ranks do not hold. By itself it stops a trial as the rule `curve` does; a trial that is to
// be stopped for its rank must not look better than this.
constexpr CurveStopSettings kByCurve;
constexpr double kConsent = 0.2;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// Standard deviation of the noise in one report, by its second differences (a smooth curve has small ones).
// Up to the last milestone: what is worked out changes there, and not in between.
double NoiseOf(const Curve& curve) {
  const std::vector<Point>& points = curve.points;
  std::int64_t milestone = 1;
  while (milestone <= curve.last_step() / kFactor) milestone *= kFactor;
  std::size_t end = points.size();
  while (end > 0 && points[end - 1].step > milestone) --end;
  std::vector<double> differences;
  for (std::size_t i = end; i-- > 2 && differences.size() < kDifferences;) {
    const double difference = points[i].value - 2 * points[i - 1].value + points[i - 2].value;
    if (std::isfinite(difference)) differences.push_back(std::abs(difference));
  }
  if (differences.empty()) return 0;
  const auto half = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2);
  std::nth_element(differences.begin(), half, differences.end());
  return *half / (0.6745 * std::sqrt(6.0));
}

double TypicalNoise(const Curves& curves) {
  std::vector<double> each;
  curves.VisitNewest(Curves::Which::kAll, 1, kWindow,
                     [&](std::uint64_t, const Curve& curve) { each.push_back(NoiseOf(curve)); });
  if (each.empty()) return 0;
  const auto half = each.begin() + static_cast<std::ptrdiff_t>(each.size() / 2);
  std::nth_element(each.begin(), half, each.end());
  return *half;
}

// What a trial was worth at a milestone, at those above, and at its end.
using Row = std::vector<double>;

// Of trials that have come to their end, or two milestones further: how ranks change in the short run says little.
std::vector<Row> RowsFrom(const Curves& curves, std::int64_t milestone) {
  std::vector<Row> rows;
  curves.VisitNewest(Curves::Which::kAll, milestone, kLooks, [&](std::uint64_t, const Curve& curve) {
    if (rows.size() == kWindow) return;
    Row row;
    std::int64_t at = milestone;
    for (; at <= curve.last_step(); at *= kFactor) {
      const Point* point = curve.At(at);
      row.push_back(point == nullptr ? std::numeric_limits<double>::infinity() : point->counted);
      if (at > kNever / kFactor) break;
    }
    const bool ended = curve.standing == Standing::kSucceeded;
    if (ended && curve.last_step() > at / kFactor) row.push_back(curve.points.back().counted);
    if (row.size() > 2 || (ended && row.size() > 1)) rows.push_back(std::move(row));
  });
  return rows;
}

}  // namespace

void Guard::Reported(const Curves& curves, std::uint64_t trial) {
  const Curve& curve = curves.Of(trial);
  if (!curve.fresh || curve.points.size() < 2) return Changed();
  const std::int64_t before = curve.points[curve.points.size() - 2].step;
  std::int64_t milestone = 1;
  while (milestone <= before && milestone <= kNever / kFactor) milestone *= kFactor;
  if (milestone <= curve.last_step()) Changed();
}

void Guard::WorkOut(const Curves& curves) {
  known_ = true;
  from_ = kNever;
  note_.clear();
  const double noise = TypicalNoise(curves);
  std::vector<std::int64_t> milestones;
  RankStability stability(kPrior, 0.5);
  for (std::int64_t step = 1; step <= curves.longest(); step *= kFactor) {
    const std::vector<Row> rows = RowsFrom(curves, step);
    if (rows.empty()) break;
    stability.Add(rows, noise);
    milestones.push_back(step);
    if (step > kNever / kFactor) break;
  }
  const std::size_t from = stability.HoldsFrom();
  if (from < milestones.size()) from_ = milestones[from];
  if (from == 0 || stability.Spoke(from - 1) < kToSpeak) return;
  note_ = fmt::format(
      "learning curves cross: the best at step {} are not those that turn out best; {}", milestones[from - 1],
      from_ == kNever ? "no trial is stopped" : fmt::format("trials are judged from step {} on", from_));
}

Verdict Guard::Weigh(const Curves& curves, std::uint64_t trial, Verdict of_rule) {
  const std::int64_t step = curves.Of(trial).last_step(), longest = curves.longest();
  const bool late = step < longest && step >= longest / kFactor;
  if (!of_rule.stop && !late) return of_rule;
  if (!known_) WorkOut(curves);
  if (from_ <= 1) return of_rule;
  const bool by_rank = std::exchange(of_rule.stop, false) && step >= from_;
  if (!by_rank && !late) return of_rule;
  const auto outlook = OutlookOf(curves, trial, longest, kByCurve.min_trials_required);
  if (!outlook) return of_rule;
  if (late && outlook->probability < kByCurve.threshold) return {true, outlook->Words()};
  of_rule.stop = by_rank && outlook->probability < kConsent;
  return of_rule;
}

std::string Guard::Note(const Curves& curves) {
  if (!known_) WorkOut(curves);
  return note_;
}

bool Guard::Spares(const Curves& curves) const {
  return static_cast<double>(curves.spent_spared() + curves.longest()) <= kShare * static_cast<double>(curves.spent());
}

}  // namespace qalam
