// SPDX-License-Identifier: Apache-2.0
// Ranks are looked at where it is cheap and where it matters: at milestones 1, 3, 9, ... and for the best. Of the
// trials that went beyond a milestone, the third that is best by what came later: how many of the others were they
// better than at the milestone already? All of them where curves do not cross, half of them where a milestone says
// nothing.
#include "earlystop/guard.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace qalam {
namespace {

constexpr std::int64_t kFactor = 3;  // from one milestone to the next
constexpr int kWindow = 32;          // trials that are compared with each other: the newest
constexpr int kLooks = 4 * kWindow;  // trials looked at to find them
constexpr double kBest = 0.3;        // of them, by what came later
constexpr double kHolds = 0.8;       // of the others that the best must have been better than, to say that ranks hold
constexpr double kPrior = 1;         // best trials' worth of doubt
constexpr double kCarry = 0.5;       // of what is known of a milestone counts at the next one, which is more telling
constexpr double kToSpeak = 3;       // best trials that have to be seen before the guard says what it thinks
constexpr double kShare = 0.05;      // of all steps, that trials which were spared may cost
constexpr std::size_t kDifferences = 16;

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
struct Row {
  std::vector<double> values;
  bool telling = false;  // it has come to its end, or two milestones further
};

std::vector<Row> RowsFrom(const Curves& curves, std::int64_t milestone) {
  std::vector<Row> rows;
  curves.VisitNewest(Curves::Which::kAll, milestone, kLooks, [&](std::uint64_t, const Curve& curve) {
    if (rows.size() == kWindow) return;
    Row row;
    std::int64_t at = milestone;
    for (; at <= curve.last_step(); at *= kFactor) {
      const Point* point = curve.At(at);
      row.values.push_back(point == nullptr ? std::numeric_limits<double>::infinity() : point->counted);
      if (at > kNever / kFactor) break;
    }
    const bool ended = curve.standing == Standing::kSucceeded;
    if (ended && curve.last_step() > at / kFactor) row.values.push_back(curve.points.back().counted);
    row.telling = ended || row.values.size() > 2;
    if (row.values.size() > 1) rows.push_back(std::move(row));
  });
  return rows;
}

struct Evidence {
  double right = 0;  // the share of others that the best were better than, summed over the best
  double best = 0;   // how many those are
  int telling = 0;   // trials that went far enough
};

// Each of the best thirds by the last milestone that two trials have in common. Differences within the noise say
// nothing.
Evidence Compare(const std::vector<Row>& rows, double noise) {
  Evidence out;
  for (const Row& one : rows) {
    out.telling += one.telling ? 1 : 0;
    int better = 0, worse = 0;
    double right = 0;
    for (const Row& other : rows) {
      const std::size_t last = std::min(one.values.size(), other.values.size()) - 1;
      const double then = other.values[0] - one.values[0], later = other.values[last] - one.values[last];
      better += later < 0 ? 1 : 0;
      if (!(later > 0) || std::isnan(then) || std::abs(then) <= noise) continue;
      ++worse;
      right += then > 0 ? 1 : 0;
    }
    if (worse == 0 || better >= std::max(1.0, kBest * static_cast<double>(rows.size()))) continue;
    out.right += right / worse;
    out.best += 1;
  }
  return out;
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
  struct Milestone {
    std::int64_t step;
    double belief, best;
    bool holds;
  };
  std::vector<Milestone> milestones;
  const double noise = TypicalNoise(curves);
  double right = 0, best = 0;
  for (std::int64_t step = 1; step <= curves.longest(); step *= kFactor) {
    const std::vector<Row> rows = RowsFrom(curves, step);
    if (rows.empty()) break;
    const Evidence evidence = Compare(rows, noise);
    right = kCarry * right + evidence.right;
    best = kCarry * best + evidence.best;
    const double belief = (right + 0.5 * kPrior) / (best + kPrior);
    milestones.push_back({step, belief, best, belief >= kHolds && evidence.telling >= 2});
    if (step > kNever / kFactor) break;
  }
  while (!milestones.empty() && milestones.back().holds) {
    from_ = milestones.back().step;
    milestones.pop_back();
  }
  if (milestones.empty() || milestones.back().best < kToSpeak) return;
  const Milestone& doubtful = milestones.back();
  note_ =
      fmt::format("learning curves cross: the best at step {} are not those that turn out best; {}", doubtful.step,
                  from_ == kNever ? "no trial is stopped" : fmt::format("trials are judged from step {} on", from_));
}

bool Guard::Trusts(const Curves& curves, std::int64_t step) {
  if (!known_) WorkOut(curves);
  return step >= from_;
}

std::string Guard::Note(const Curves& curves) {
  if (!known_) WorkOut(curves);
  return note_;
}

bool Guard::Spares(const Curves& curves) const {
  return static_cast<double>(curves.spent_spared() + curves.longest()) <= kShare * static_cast<double>(curves.spent());
}

}  // namespace qalam
