// SPDX-License-Identifier: Apache-2.0
#include "algorithms/learner.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace qalam {

bool Learner::Trial::HasValue() const { return std::isfinite(y) && outcome != Outcome::kFailed; }

Learner::Learner(const SearchSpace& space, std::uint64_t seed, int startup, std::string_view name)
    : space_(space),
      seed_(seed),
      startup_(static_cast<std::size_t>(startup)),
      unseen_(std::string(name) + ".unseen"),
      seen_(space),
      pending_seen_(space),
      proposed_(space) {
  if (space.dim() <= kSobolMaxDimensions) design_.emplace(space.dim(), seed);
}

void Learner::Observe(const HistoryView& fresh, const Pending& pending) {
  for (Eigen::Index j = 0; j < fresh.size(); ++j) {
    trials_.push_back({fresh.x.col(j), fresh.y[j], fresh.outcome[j], fresh.ordinal[j]});
    usable_ += trials_.back().HasValue();
    seen_.Add(fresh.x.col(j));
  }
  std::vector<Eigen::Index> order(pending.ordinal.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](Eigen::Index j) { return pending.ordinal[static_cast<std::size_t>(j)]; });
  pending_.clear();
  pending_seen_ = SeenPoints(space_);
  for (const Eigen::Index j : order) {
    pending_.emplace_back(pending.x.col(j));
    pending_seen_.Add(pending_.back());
  }
}

Result<std::vector<Proposal>> Learner::Suggest(int count, std::uint64_t ordinal) {
  std::vector<Proposal> out;
  Points pending = pending_;
  proposed_ = pending_seen_;
  const bool learns = trials_.size() >= startup_ && usable_ > 0;
  if (learns && count > 0) Fit();
  while (static_cast<int>(out.size()) < count) {
    if (space_.cardinality() && ordinal >= *space_.cardinality()) break;
    ++ordinal;
    std::optional<Proposal> proposal = learns ? Propose(pending, ordinal) : FirstPoint(ordinal);
    if (!proposal) {
      std::optional<Eigen::VectorXd> unit = UnseenPoint(space_, seen_, proposed_, seed_, unseen_, ordinal);
      if (!unit) break;
      proposal = {*std::move(unit), "random: all that was better has been tried"};
    }
    pending.push_back(proposal->unit);
    proposed_.Add(proposal->unit);
    out.push_back(*std::move(proposal));
  }
  return out;
}

std::optional<Proposal> Learner::FirstPoint(std::uint64_t ordinal) {
  Eigen::VectorXd unit = Eigen::VectorXd::Constant(space_.dim(), 0.5);
  if (ordinal > 1) {
    if (!design_) return std::nullopt;
    unit = design_->Point(ordinal - 2);
  }
  MoveToLevels(space_, &unit);
  if (!IsNew(unit)) return std::nullopt;
  return Proposal{std::move(unit), "first points"};
}

}  // namespace qalam
