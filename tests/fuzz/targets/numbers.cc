// SPDX-License-Identifier: Apache-2.0
// Any text as a number, a quantity, a time: what is one is printed, and read back as the same.
#include <cmath>

#include "core/clock.h"
#include "core/decimal.h"
#include "core/objective.h"
#include "pipelines/compile/quantity.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

Status TryNumbers(std::string_view input) {
  if (const Result<double> quantity = ParseQuantity(input); quantity.ok()) {
    if (!std::isfinite(*quantity) || *quantity < 0)
      return Broken("a quantity that is none", fmt::format("{}", *quantity), "a finite number, not negative");
  }
  if (const std::optional<double> number = ParseNumber(input)) {
    std::string text;
    SetDouble(*number, &text);
    const std::optional<double> again = ParseNumber(text);
    if (!again || *again != *number) return Broken("a number reads back as another", text, fmt::format("{}", *number));
    (void)DecimalsOf(*number);
  }
  if (const std::optional<double> value = ParseMetricValue(std::string(input)); value && !std::isfinite(*value))
    return Broken("a metric's value that is no number", fmt::format("{}", *value), "a finite number");
  if (const Result<WallTime> time = ParseTime(input); time.ok() && *time != WallTime{}) {
    const std::string text = FormatTimePrecise(*time);
    const Result<WallTime> again = ParseTime(text);
    if (!again.ok() || *again != *time) return Broken("a time reads back as another", text, input);
    (void)FormatTime(*time);
  }
  return OkStatus();
}

}  // namespace qalam::fuzz
