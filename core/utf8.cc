// SPDX-License-Identifier: Apache-2.0
#include "core/utf8.h"

#include <fmt/core.h>

#include <iterator>

namespace qalam {

char32_t TakeCodePoint(std::string_view& text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  std::size_t length = 1;
  char32_t c = first, least = 0;
  if (first >= 0xF0 && first < 0xF8) {
    length = 4, c = first & 0x07u, least = 0x10000;
  } else if (first >= 0xE0 && first < 0xF0) {
    length = 3, c = first & 0x0Fu, least = 0x800;
  } else if (first >= 0xC0 && first < 0xE0) {
    length = 2, c = first & 0x1Fu, least = 0x80;
  } else if (first >= 0x80) {
    length = 0;
  }
  bool valid = length > 0 && length <= text.size();
  for (std::size_t i = 1; valid && i < length; ++i) {
    valid = (byte(i) & 0xC0) == 0x80;
    c = c << 6 | (byte(i) & 0x3Fu);
  }
  valid = valid && c >= least && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
  text.remove_prefix(valid ? length : 1);
  return valid ? c : kReplacement;
}

void AppendCodePoint(char32_t c, std::string* out) {
  const auto tail = [&](int shift) { *out += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    *out += static_cast<char>(c);
  } else if (c < 0x800) {
    *out += static_cast<char>(0xC0 | c >> 6), tail(0);
  } else if (c < 0x10000) {
    *out += static_cast<char>(0xE0 | c >> 12), tail(6), tail(0);
  } else {
    *out += static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0);
  }
}

std::string EscapeControls(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 8);
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t c = TakeCodePoint(text);
    const std::string_view taken = before.substr(0, before.size() - text.size());
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (IsControl(c) || (c == kReplacement && taken.size() == 1)) {
      for (char byte : taken) fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(byte));
    } else {
      out += taken;
    }
  }
  return out;
}

}  // namespace qalam
