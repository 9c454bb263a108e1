// SPDX-License-Identifier: Apache-2.0
// The trials of one experiment in memory, with a change log: what changed since revision r costs O(changes).
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "core/experiment.h"
#include "suggest/suggestion_client.h"

namespace qalam {

// Trial i has ordinal i + 1. Loop's thread only; a reference to a trial is valid until the next Add.
class TrialTable final : public TrialSource {
 public:
  Trial& Add(Trial trial);               // QALAM_CHECKs that the ordinal is the next one and the name is new
  Trial* Find(const std::string& name);  // nullptr: unknown
  Trial& At(std::uint64_t ordinal) { return trials_[ordinal - 1]; }
  const std::vector<Trial>& all() const { return trials_; }
  void Touch(const Trial& trial);  // it changed: what the next request must tell

  std::uint64_t revision() const override { return revision_; }
  void Visit(std::uint64_t since, const std::function<void(const Trial&)>& visit) const override;

 private:
  struct Change {
    std::uint64_t revision, ordinal;
  };
  std::vector<Trial> trials_;
  std::vector<std::uint64_t> changed_;  // revision of each trial's last change
  std::vector<Change> log_;             // oldest first; entries overtaken by a later change of their trial are skipped
  std::unordered_map<std::string, std::uint64_t> ordinal_by_name_;
  std::uint64_t revision_ = 0;
};

}  // namespace qalam
