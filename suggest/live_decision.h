// SPDX-License-Identifier: Apache-2.0
// One question of qalam.v1.LiveStopping (proto/live.proto) and its answer, in the project's words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "earlystop/live_stopping.h"

namespace qalam {

// What has happened to a trial beside the report in question.
struct LiveChange {
  enum What { kReported, kEnded, kBeginsAnew, kSpared };
  std::uint64_t trial = 0;
  What what = kReported;
  std::int64_t step = 0;                   // of a report
  double value = 0;                        // the same, as reported; NaN: no finite number
  Standing standing = Standing::kRunning;  // of an end
};

struct LiveQuestion {
  std::uint64_t trial = 0;  // to decide about, after this report
  std::int64_t step = 0;
  double value = 0;
  std::string state;   // of the last answer
  bool whole = false;  // `changes` are all that ever happened
  std::vector<LiveChange> changes;
};

struct LiveAnswer {
  Decision decision;
  std::string state;  // empty: the service keeps none, and wants no changes
  bool history_needed = false;
  std::string note;
};

}  // namespace qalam
