// SPDX-License-Identifier: Apache-2.0
#include "experiment/trial_table.h"

#include <algorithm>
#include <utility>

namespace qalam {

Trial& TrialTable::Add(Trial trial) {
  QALAM_CHECK(trial.ordinal == trials_.size() + 1, "trials are numbered without gaps");
  QALAM_CHECK(ordinal_by_name_.emplace(trial.name, trial.ordinal).second, "trial names are unique");
  trials_.push_back(std::move(trial));
  changed_.push_back(0);
  Touch(trials_.back());
  return trials_.back();
}

Trial* TrialTable::Find(const std::string& name) {
  const auto found = ordinal_by_name_.find(name);
  return found == ordinal_by_name_.end() ? nullptr : &trials_[found->second - 1];
}

void TrialTable::Touch(const Trial& trial) {
  ++revision_;
  changed_[trial.ordinal - 1] = revision_;
  log_.push_back({revision_, trial.ordinal});
  if (log_.size() > 1024 && log_.size() > 4 * trials_.size())
    std::erase_if(log_, [&](const Change& change) { return changed_[change.ordinal - 1] != change.revision; });
}

void TrialTable::Visit(std::uint64_t since, const std::function<void(const Trial&)>& visit) const {
  if (since == 0) {
    for (const Trial& trial : trials_) visit(trial);
    return;
  }
  const auto first = std::upper_bound(log_.begin(), log_.end(), since,
                                      [](std::uint64_t r, const Change& change) { return r < change.revision; });
  std::vector<std::uint64_t> ordinals;
  for (auto change = first; change != log_.end(); ++change)
    if (changed_[change->ordinal - 1] == change->revision) ordinals.push_back(change->ordinal);
  std::sort(ordinals.begin(), ordinals.end());
  for (const std::uint64_t ordinal : ordinals) visit(trials_[ordinal - 1]);
}

}  // namespace qalam
