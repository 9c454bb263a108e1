// SPDX-License-Identifier: Apache-2.0
// From which of some milestones of training on the ranks of trials hold. Looked at where it matters, for the best: of
// the trials that went beyond a milestone, the third that is best by what came later. How many of the others were they
// better than at the milestone already? All of them where learning curves do not cross, half of them where a milestone
// says nothing.
#pragma once

#include <cstddef>
#include <vector>

namespace qalam {

class RankStability {
 public:
  // `prior`: of how many of the best one knows beforehand, and how often those were right, from 0 to 1.
  RankStability(double prior, double prior_right) : prior_(prior), prior_right_(prior_right) {}

  // The next milestone. A row is one trial: what it was worth here, at the milestones above as far as it came, and at
  // its end. Minimised; +inf: nothing finite. Only trials that went far enough: ranks hold in the short run where they
  // do not in the long one. Differences below `noise` say nothing.
  void Add(const std::vector<std::vector<double>>& rows, double noise);

  std::size_t HoldsFrom() const;  // the first milestone from which on ranks hold; as many as there are: from none
  // How many of the best spoke of a milestone.
  double Spoke(std::size_t milestone) const { return milestones_[milestone].best; }

 private:
  struct Milestone {
    double right = 0;  // the share of others that the best were better than, summed over the best
    double best = 0;   // how many those are
  };
  double prior_, prior_right_;
  std::vector<Milestone> milestones_;
};

}  // namespace qalam
