// SPDX-License-Identifier: Apache-2.0
// Problems by name, and the lists of them that benchmarks are made of.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/problem.h"

namespace qalam::bench {

// "bbob/f08/d10/i3", "mixint/f01/d5/i2", "classic/hartmann6/s3", a table ("gpu/convolution_milo_A100"), "cash/digits",
// "yahpo/lcbench/168868", somebody's own ("FILE.json", problems/own.h), or "noisy/NAME" or "exact/NAME" with any of
// them. `data`: the folder of the tables. NOT_FOUND says what there is.
Result<std::unique_ptr<Problem>> MakeProblem(const std::string& name, const std::string& data);

struct Suite {
  std::string_view name, summary;
};
std::span<const Suite> Suites();
// A suite's problems; a name that is none stands for itself. `tuning`: those that constants may be tuned on; the others
// prove (they differ in instances, moved boxes, or tables).
std::vector<std::string> ProblemsOf(std::string_view suite, bool tuning = false);

}  // namespace qalam::bench
