// SPDX-License-Identifier: Apache-2.0
#include "core/decimal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace qalam {
namespace {

constexpr auto kPowersOfTen = [] {  // those that a double holds exactly
  std::array<double, 23> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

// A number as d.ddd * 10^exponent, the digits without the zeros at their end.
struct Digits {
  bool negative;
  std::string_view digits;
  int exponent;
};

void Set(const Digits& d, std::string* text) {
  const auto count = static_cast<int>(d.digits.size());
  std::array<char, 40> buffer;
  char* out = buffer.data();
  const auto put = [&out](std::string_view piece) { out = std::copy(piece.begin(), piece.end(), out); };
  const auto zeros = [&out](int how_many) { out = std::fill_n(out, how_many, '0'); };
  if (d.negative) *out++ = '-';
  if (d.exponent < -4 || d.exponent >= 16) {
    *out++ = d.digits[0];
    if (count > 1) *out++ = '.', put(d.digits.substr(1));
    const int size = std::abs(d.exponent);
    put(d.exponent < 0 ? "e-" : "e+");
    if (size < 10) *out++ = '0';
    const fmt::format_int exponent(size);
    put({exponent.data(), exponent.size()});
  } else if (d.exponent < 0) {
    put("0."), zeros(-d.exponent - 1), put(d.digits);
  } else if (count <= d.exponent + 1) {
    put(d.digits), zeros(d.exponent + 1 - count);
  } else {
    const auto whole = static_cast<std::size_t>(d.exponent) + 1;
    put(d.digits.substr(0, whole)), *out++ = '.', put(d.digits.substr(whole));
  }
  text->assign(buffer.data(), out);
}

// The shortest digits of a finite number that is not zero.
struct Shortest {
  explicit Shortest(double value) {
    std::array<char, 32> text;
    const char* end =
        std::to_chars(text.data(), text.data() + text.size(), std::abs(value), std::chars_format::scientific).ptr;
    const char* e = std::find(static_cast<const char*>(text.data()), end, 'e');
    for (const char* c = text.data(); c < e; ++c)
      if (*c != '.') digits[count++] = *c;
    std::from_chars(e + (e[1] == '+' ? 2 : 1), end, exponent);
  }
  std::array<char, 32> digits;
  std::size_t count = 0;
  int exponent = 0;
};

}  // namespace

std::optional<double> ParseNumber(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const char* end = text.data() + text.size();
  double value = 0;
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ptr != end || text.empty()) return std::nullopt;
  if (read.ec == std::errc::result_out_of_range) {  // too small is zero, too large is refused
    const std::size_t e = text.find_first_of("eE");
    if (e == std::string_view::npos || text[e + 1] != '-') return std::nullopt;
    return 0.0;
  }
  if (read.ec != std::errc() || !std::isfinite(value) || std::abs(value) > 1e300) return std::nullopt;
  return value;
}

double Decimal(std::int64_t n, int decimals) {
  const auto size = static_cast<std::size_t>(std::abs(decimals));
  const auto whole = static_cast<double>(n);
  // Both are exact, so the one operation gives the nearest double.
  if (size < kPowersOfTen.size()) return decimals < 0 ? whole * kPowersOfTen[size] : whole / kPowersOfTen[size];
  std::array<char, 40> text;
  const char* end = fmt::format_to(text.data(), "{}e{}", n, -decimals);
  double value = 0;
  std::from_chars(text.data(), end, value);
  return value;
}

int DecimalsOf(double value) {
  if (value == 0) return 0;
  const Shortest shortest(value);
  return std::max(0, static_cast<int>(shortest.count) - 1 - shortest.exponent);
}

void SetDouble(double value, std::string* text) {
  if (value == 0) return void(text->assign("0"));
  const Shortest shortest(value);
  Set({value < 0, {shortest.digits.data(), shortest.count}, shortest.exponent}, text);
}

void SetDecimal(std::int64_t n, int decimals, std::string* text) {
  if (n == 0) return void(text->assign("0"));
  const fmt::format_int number(n < 0 ? -n : n);
  std::string_view digits(number.data(), number.size());
  const int exponent = static_cast<int>(digits.size()) - 1 - decimals;
  digits = digits.substr(0, digits.find_last_not_of('0') + 1);
  Set({n < 0, digits, exponent}, text);
}

}  // namespace qalam
