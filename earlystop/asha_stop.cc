// SPDX-License-Identifier: Apache-2.0
#include "earlystop/asha_stop.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <vector>

namespace qalam {
namespace {

// Of a rung: its trials' values where they came to it, best first.
using Values = std::vector<double>;

class AshaStop final : public StoppingRule {
 public:
  AshaStop(std::int64_t r_min, std::optional<std::int64_t> r_max, int eta, int brackets) : eta_(eta) {
    const std::int64_t end = r_max.value_or(std::numeric_limits<std::int64_t>::max());
    for (std::int64_t r = r_min; r < end; r *= eta) {
      levels_.push_back(r);
      if (r > std::numeric_limits<std::int64_t>::max() / eta) break;
    }
    const int most = std::min(brackets, r_max ? static_cast<int>(levels_.size()) + 1 : brackets);
    // Hyperband's allocation: bracket s, of s halvings, gets ceil(most * eta^s / (s + 1)) trials; most halvings first.
    for (int s = most - 1; s >= 0; --s) {
      share_.push_back(static_cast<std::uint64_t>(std::ceil(most * std::pow(eta, s) / (s + 1))));
      cycle_ += share_.back();
    }
    rungs_.resize(share_.size(), std::vector<Values>(levels_.size()));
  }

  void Reported(const Curves& curves, std::uint64_t trial) override {
    const Curve& curve = curves.Of(trial);
    if (!curve.fresh) return;
    const std::size_t bracket = BracketOf(trial);
    // A trial that jumps over rungs has nothing to say about those below.
    const auto above = std::upper_bound(levels_.begin(), levels_.end(), curve.last_step());
    const auto reached = static_cast<std::size_t>(above - levels_.begin());  // rungs at or below its step
    Crossed& crossed = crossed_[trial];
    if (reached <= crossed.reached || reached <= bracket) return;
    crossed.reached = reached;
    crossed.step = curve.last_step();
    const Point& point = curve.points.back();
    // What is no number now will not be one at the end.
    const double value = std::isfinite(point.value) ? point.counted : std::numeric_limits<double>::infinity();
    crossed.entries.emplace_back(reached - 1, value);
    Values& rung = rungs_[bracket][reached - 1];
    rung.insert(std::upper_bound(rung.begin(), rung.end(), value), value);
  }

  void Forgotten(const Curves&, std::uint64_t trial) override {
    const auto found = crossed_.find(trial);
    if (found == crossed_.end()) return;
    for (const auto& [k, value] : found->second.entries) {
      Values& rung = rungs_[BracketOf(trial)][k];
      rung.erase(std::lower_bound(rung.begin(), rung.end(), value));
    }
    crossed_.erase(found);
  }

  Verdict Judge(const Curves& curves, std::uint64_t trial) override {
    const auto found = crossed_.find(trial);
    if (found == crossed_.end() || found->second.entries.empty()) return {};
    const Crossed& crossed = found->second;
    if (crossed.step != curves.Of(trial).last_step()) return {};  // between two rungs
    const auto& [k, value] = crossed.entries.back();
    const Values& rung = rungs_[BracketOf(trial)][k];
    const auto better = std::lower_bound(rung.begin(), rung.end(), value) - rung.begin();
    const auto places = std::max<std::ptrdiff_t>(1, std::ssize(rung) / eta_);
    if (!std::isfinite(value)) return {true, fmt::format("no finite number at step {}", crossed.step)};
    if (better < places) return {};
    return {true, fmt::format("worse than {} of {} trials at step {}", better, rung.size() - 1, crossed.step)};
  }

  std::vector<Rung> Rungs(const Curves& curves) const override {
    std::vector<Rung> out;
    std::vector<std::vector<int>> stopped(rungs_.size(), std::vector<int>(levels_.size()));
    for (const auto& [trial, crossed] : crossed_) {
      if (curves.Of(trial).standing == Standing::kStopped) ++stopped[BracketOf(trial)][crossed.entries.back().first];
    }
    for (std::size_t bracket = 0; bracket < rungs_.size(); ++bracket) {
      for (std::size_t k = bracket; k < levels_.size(); ++k) {
        const Values& values = rungs_[bracket][k];
        if (values.empty()) continue;
        out.push_back({static_cast<int>(bracket), levels_[k], static_cast<int>(values.size()), stopped[bracket][k],
                       std::isfinite(values.front()) ? std::optional(values.front()) : std::nullopt});
      }
    }
    return out;
  }

 private:
  struct Crossed {
    std::size_t reached = 0;
    std::int64_t step = 0;
    std::vector<std::pair<std::size_t, double>> entries;  // rung, value
  };

  // Bracket b begins at rung b.
  std::size_t BracketOf(std::uint64_t trial) const {
    std::uint64_t at = (trial + cycle_ - 1) % cycle_;
    std::size_t bracket = 0;
    while (at >= share_[bracket]) at -= share_[bracket++];
    return bracket;
  }

  const int eta_;
  std::vector<std::int64_t> levels_;
  std::vector<std::uint64_t> share_;  // trials of each cycle, by bracket
  std::uint64_t cycle_ = 0;
  std::vector<std::vector<Values>> rungs_;  // by bracket
  std::unordered_map<std::uint64_t, Crossed> crossed_;
};

constexpr int kAllBrackets = 64;

}  // namespace

std::unique_ptr<StoppingRule> MakeAshaStop(const StoppingContext& context) {
  const AshaStopSettings s = kAshaStopSettings.Parse(context.settings);
  return std::make_unique<AshaStop>(s.r_min, s.r_max, s.eta, s.brackets);
}

Status ValidateAshaStop(const StoppingContext& context) {
  const AshaStopSettings s = kAshaStopSettings.Parse(context.settings);
  if (s.r_max && *s.r_max <= s.r_min) return InvalidArgument("r_max {} is not above r_min {}", *s.r_max, s.r_min);
  return OkStatus();
}

std::unique_ptr<StoppingRule> MakeHyperbandStop(const StoppingContext& context) {
  const HyperbandStopSettings s = kHyperbandStopSettings.Parse(context.settings);
  return std::make_unique<AshaStop>(s.r_min, s.r_max, s.eta, kAllBrackets);
}

Status ValidateHyperbandStop(const StoppingContext& context) {
  const HyperbandStopSettings s = kHyperbandStopSettings.Parse(context.settings);
  if (!s.r_max) return InvalidArgument("r_max is not given: the steps of a whole trial");
  if (*s.r_max <= s.r_min) return InvalidArgument("r_max {} is not above r_min {}", *s.r_max, s.r_min);
  return OkStatus();
}

}  // namespace qalam
