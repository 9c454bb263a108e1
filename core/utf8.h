// SPDX-License-Identifier: Apache-2.0
// UTF-8 one character at a time, for printing text that came from outside.
#pragma once

#include <string>
#include <string_view>

namespace qalam {

inline constexpr char32_t kReplacement = 0xFFFD;  // stands for bytes that are not UTF-8

// Takes the first character off a text that is not empty. kReplacement for one byte that starts no valid sequence
// (cut short, overlong, a surrogate, above 10FFFF).
char32_t TakeCodePoint(std::string_view& text);
void AppendCodePoint(char32_t c, std::string* out);
// Would not show, or would move the cursor: C0, DEL and C1.
inline bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }
// One line that is safe to show on a terminal: \n, \t, \r, and \x1b for other controls and for bytes that are not
// UTF-8.
std::string EscapeControls(std::string_view text);

}  // namespace qalam
