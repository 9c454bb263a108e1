// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "core/utf8.h"

namespace qalam {
namespace {

// Columns that a character takes.
int Columns(char32_t c) {
  static constexpr std::array<std::pair<char32_t, char32_t>, 3> kNone = {
      {{0x300, 0x36f}, {0x200b, 0x200f}, {0xfe00, 0xfe0f}}};
  static constexpr std::array<std::pair<char32_t, char32_t>, 8> kTwo = {{{0x1100, 0x115f},
                                                                         {0x2e80, 0xa4cf},
                                                                         {0xac00, 0xd7a3},
                                                                         {0xf900, 0xfaff},
                                                                         {0xfe30, 0xfe6f},
                                                                         {0xff00, 0xff60},
                                                                         {0x1f300, 0x1faff},
                                                                         {0x20000, 0x3fffd}}};
  const auto within = [c](const auto& range) { return c >= range.first && c <= range.second; };
  if (std::ranges::any_of(kNone, within)) return 0;
  return std::ranges::any_of(kTwo, within) ? 2 : 1;
}

std::string CsvCell(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char32_t c = TakeCodePoint(text);
    AppendCodePoint(IsControl(c) ? U' ' : c, &out);
  }
  return out;
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  while (!text.empty()) width += Columns(TakeCodePoint(text));
  return width;
}

std::string Pad(std::string_view text, int width) {
  return std::string(text) + std::string(static_cast<std::size_t>(std::max(0, width - DisplayWidth(text))), ' ');
}

std::string Fit(std::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width <= 0) return "";
  std::string out;
  int used = 0;
  while (!text.empty()) {
    const char32_t c = TakeCodePoint(text);
    if ((used += Columns(c)) > width - 1) break;
    AppendCodePoint(c, &out);
  }
  return out + "…";
}

std::string FirstLine(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

std::string ShortNumber(double value) {
  if (value == 0) return "0";
  if (std::abs(value) >= 1e6 && std::abs(value) < 1e15 && std::floor(value) == value)
    return fmt::format("{:.0f}", value);
  return fmt::format("{:.4g}", value);
}

std::string ShortValue(const std::string& text) {
  const bool number = text.find_first_not_of("+-0123456789.eE") == std::string::npos;
  char* end = nullptr;
  const double value = number ? std::strtod(text.c_str(), &end) : 0;
  const bool whole = text.find_first_of(".eE") == std::string::npos;
  if (!number || text.empty() || *end != '\0' || whole || text.size() <= 6) return Fit(Printable(text), 24);
  if (value == 0) return "0";
  return std::abs(value) < 0.01 || std::abs(value) >= 1e5 ? fmt::format("{:.1e}", value) : fmt::format("{:.3g}", value);
}

std::string ShortDuration(Duration duration) {
  const auto s = std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(duration).count());
  if (s < 10) return fmt::format("{:.1f}s", std::max(0.0, std::chrono::duration<double>(duration).count()));
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86'400) return fmt::format("{}h{:02}m", s / 3600, s % 3600 / 60);
  return fmt::format("{}d{:02}h", s / 86'400, s % 86'400 / 3600);
}

std::string Age(Duration duration) {
  const auto s = std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(duration).count());
  if (s < 60) return fmt::format("{}s", s);
  if (s < 7200) return fmt::format("{}m", s / 60);
  if (s < 172'800) return fmt::format("{}h", s / 3600);
  return fmt::format("{}d", s / 86'400);
}

std::string ShellWord(std::string_view word) {
  static constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string ShellCommand(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + ShellWord(word);
  return line;
}

std::string Table::Text(std::vector<int>* before) const {
  std::vector<int> widths(header_.size(), 0);
  const bool goes_on = before != nullptr && before->size() == widths.size();
  if (goes_on) widths = *before;
  const auto measure = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(cells[i]));
  };
  measure(header_);
  for (const auto& row : rows_) measure(row);
  std::string out;
  const auto print = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) line += Pad(cells[i], widths[i] + 2);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  if (!goes_on) print(header_);
  for (const auto& row : rows_) print(row);
  if (before != nullptr) *before = widths;
  return out;
}

std::string Table::Csv() const {
  std::string out;
  const auto print = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) out += (i == 0 ? "" : ",") + CsvCell(cells[i]);
    out += "\n";
  };
  print(header_);
  for (const auto& row : rows_) print(row);
  return out;
}

}  // namespace qalam
