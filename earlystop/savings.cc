// SPDX-License-Identifier: Apache-2.0
#include "earlystop/savings.h"

#include <algorithm>

namespace qalam {

std::optional<Savings> SavingsOf(const Curves& curves) {
  std::int64_t longest = 0;
  curves.VisitAll([&](std::uint64_t, const Curve& curve) {
    if (curve.standing == Standing::kSucceeded) longest = std::max(longest, curve.last_step());
  });
  if (longest == 0) return std::nullopt;
  Savings out;
  curves.VisitAll([&](std::uint64_t, const Curve& curve) {
    const std::int64_t steps = std::max<std::int64_t>(0, curve.last_step());
    const bool stopped = curve.standing == Standing::kStopped;
    out.stopped += stopped ? 1 : 0;
    out.run += steps;
    out.whole += stopped ? std::max(steps, longest) : steps;
  });
  return out;
}

}  // namespace qalam
