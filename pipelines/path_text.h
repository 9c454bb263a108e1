// SPDX-License-Identifier: Apache-2.0
// Paths inside other text: "--log=/katib/mnist.log", "cp /a/b /c". Nothing here looks at the file system.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace qalam {

bool IsPathCharacter(char c);

// The end of the path that begins at `at` in `text` if it is `prefix` or lies below it, component by component:
// "/katib" is a prefix of "/katib/x", not of "/katib2" or of "/opt/katib". npos: it is not.
std::size_t MatchPath(std::string_view text, std::size_t at, std::string_view prefix);

// Replaces each path in `text` that is `prefix` or lies below it by what `replace` makes of the whole path.
void RewritePaths(std::string* text, std::string_view prefix,
                  const std::function<std::string(const std::string& path)>& replace);

}  // namespace qalam
