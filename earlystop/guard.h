// SPDX-License-Identifier: Apache-2.0
// Where learning curves cross, those that are worse at first are better at last, and stopping early destroys the
// search. The guard lets a rule stop trials only from the step on at which ranks have been seen to hold, and has a
// small share of the trials that would be stopped run on to their end, to see what is lost. Where ranks do not hold
// from the first step on, a trial's own curve has a say as well.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "earlystop/curves.h"
#include "earlystop/stopping_rule.h"

namespace qalam {

// A function of the curves: what it keeps is what it worked out last.
class Guard {
 public:
  void Reported(const Curves& curves, std::uint64_t trial);
  void Changed() { known_ = false; }  // a trial has ended, or begins anew

  // Whether a trial is stopped after its newest report, of which the rule says this. A reason without a stop: the rule
  // would have stopped it.
  Verdict Weigh(const Curves& curves, std::uint64_t trial, Verdict of_rule);
  // Whether a trial that would be stopped goes on to its end. What such trials cost is kept to a share of all.
  bool Spares(const Curves& curves) const;
  // What it has seen, when curves cross; empty as long as little is known, or nothing is in the way.
  std::string Note(const Curves& curves);

 private:
  void WorkOut(const Curves& curves);

  bool known_ = false;
  std::int64_t from_ = 0;  // the first step at which ranks hold
  std::string note_;
};

}  // namespace qalam
