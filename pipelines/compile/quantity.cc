// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace qalam {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 16> kSuffixes = {{
    {"", 1.0},
    {"n", 1e-9},
    {"u", 1e-6},
    {"m", 1e-3},
    {"k", 1e3},
    {"M", 1e6},
    {"G", 1e9},
    {"T", 1e12},
    {"P", 1e15},
    {"E", 1e18},
    {"Ki", 1024.0},
    {"Mi", 1048576.0},
    {"Gi", 1073741824.0},
    {"Ti", 1099511627776.0},
    {"Pi", 1125899906842624.0},
    {"Ei", 1152921504606846976.0},
}};

// "e3", "E-2": a decimal exponent. nullopt: it is not one.
std::optional<double> Exponent(std::string_view suffix) {
  if (suffix.size() < 2 || (suffix.front() != 'e' && suffix.front() != 'E')) return std::nullopt;
  suffix.remove_prefix(suffix[1] == '+' ? 2 : 1);
  int exponent = 0;
  const auto [end, error] = std::from_chars(suffix.data(), suffix.data() + suffix.size(), exponent);
  if (error != std::errc() || end != suffix.data() + suffix.size()) return std::nullopt;
  return std::pow(10.0, exponent);
}

std::optional<double> Scale(std::string_view suffix) {
  for (const auto& [name, scale] : kSuffixes) {
    if (suffix == name) return scale;
  }
  return Exponent(suffix);
}

}  // namespace

Result<double> ParseQuantity(std::string_view text) {
  const auto fault = [text](std::string_view why) {
    return InvalidArgument("'{}' {}: a quantity is a number with or without a suffix, as in 0.5, 500m, 2, 1Gi, 1e3",
                           text, why);
  };
  if (text.starts_with('-')) return fault("is negative");
  const std::string_view digits = text.substr(text.starts_with('+') ? 1 : 0);
  const std::size_t length = std::min(digits.find_first_not_of("0123456789."), digits.size());
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + length, number, std::chars_format::fixed);
  if (length == 0 || error != std::errc() || end != digits.data() + length) return fault("is not a quantity");
  const auto scale = Scale(digits.substr(length));
  if (!scale) return fault("has an unknown suffix");
  if (!std::isfinite(number * *scale)) return fault("is too large");
  return number * *scale;
}

}  // namespace qalam
