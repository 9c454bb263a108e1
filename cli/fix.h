// SPDX-License-Identifier: Apache-2.0
// qalam lint --fix: what a reader would change, put into the text. Comments and layout stay as they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "experiment/fields.h"

namespace qalam {

struct FixedText {
  std::string text;
  std::vector<std::string> changes;  // "12:5: 'gaol' is now 'goal'", by place
};

// Each fix that still fits the text and leaves it readable.
FixedText ApplyFixes(std::string text, std::vector<Fix> fixes);

// The lines in which two texts differ, as a diff shows them: "-old", "+new". They differ by few lines, in order.
std::string LineDiff(std::string_view before, std::string_view after);

}  // namespace qalam
