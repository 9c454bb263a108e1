// SPDX-License-Identifier: Apache-2.0
// How much of the training early stopping has saved.
#pragma once

#include <cstdint>
#include <optional>

#include "earlystop/curves.h"

namespace qalam {

struct Savings {
  int stopped = 0;         // trials that were stopped early
  std::int64_t run = 0;    // steps that the trials have run
  std::int64_t whole = 0;  // that they would have run, had none been stopped: at least as many
};

// A trial that was stopped would have gone on for as many steps as the longest of those that ended well. nullopt: none
// did yet, so that nobody knows, or no step was ever reported.
std::optional<Savings> SavingsOf(const Curves& curves);

}  // namespace qalam
