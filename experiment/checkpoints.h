// SPDX-License-Identifier: Apache-2.0
// Which trials' checkpoints are still of use. A trial that goes on from another one names it in a label; one that takes
// another one's place names that too, and once it has succeeded nobody will ask for the other one again.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/experiment.h"

namespace qalam {

// Of one experiment. Read off its trials, in any order.
class Checkpoints {
 public:
  // A trial that was added, or whose state has changed.
  void Note(const Trial& trial);
  // Names of trials that nobody will go on from, and nobody is going on from now. Each is told once, or again after it
  // was noted again; `kept` waits until it is another one.
  std::vector<std::string> TakeUnneeded(const std::string& kept);
  // Whether it was told as unneeded before: nobody can go on from it any more.
  bool IsGone(const std::string& name) const { return gone_.contains(name); }

 private:
  void Consider(const std::string& name);

  std::unordered_map<std::string, std::unordered_set<std::string>> readers_;  // unfinished trials, by what they read
  std::unordered_set<std::string> replaced_;                                  // by a trial that has succeeded
  std::unordered_set<std::string> gone_;
  std::vector<std::string> unneeded_;
};

}  // namespace qalam
