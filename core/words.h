// SPDX-License-Identifier: Apache-2.0
// An enumeration and its words, from one table in the order of the enumerators.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "core/status.h"

namespace qalam {

template <class Enum, std::size_t N>
std::string_view WordOf(const std::array<std::string_view, N>& words, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  QALAM_CHECK(index < N, "an enumerator has a word");
  return words[index];
}

template <class Enum, std::size_t N>
std::optional<Enum> FindWord(const std::array<std::string_view, N>& words, std::string_view text) {
  const auto it = std::ranges::find(words, text);
  if (it == words.end()) return std::nullopt;
  return static_cast<Enum>(it - words.begin());
}

}  // namespace qalam
