// SPDX-License-Identifier: Apache-2.0
// Text for people: widths, columns, numbers and ages, and words that a shell reads back as they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"

namespace qalam {

// One line that is safe to show: control characters (a trial's message may hold an escape sequence) become spaces.
std::string Printable(std::string_view text);
// Columns that `text` takes on a terminal.
int DisplayWidth(std::string_view text);
std::string Pad(std::string_view text, int width);
// At most `width` columns, the last one "…" when something was cut.
std::string Fit(std::string_view text, int width);
std::string FirstLine(std::string_view text);

std::string ShortNumber(double value);            // "0.0312", "1.234e-05": four significant digits
std::string ShortValue(const std::string& text);  // of a parameter: "3.1e-03", "4", "adam"; at most 24 columns
std::string ShortDuration(Duration duration);     // "2.4s", "41s", "6m02s", "3h05m", "2d04h"
std::string Age(Duration duration);               // "41s", "6m", "3h", "2d"

std::string ShellWord(std::string_view word);
std::string ShellCommand(const std::vector<std::string>& words);

// Left-aligned columns as wide as their longest entry, two spaces between; or the same as CSV.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  // `widths`: of the columns printed before, at least as wide as which these are, and then without the head.
  std::string Text(std::vector<int>* widths = nullptr) const;
  std::string Csv() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace qalam
