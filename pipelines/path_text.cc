// SPDX-License-Identifier: Apache-2.0
#include "pipelines/path_text.h"

namespace qalam {

bool IsPathCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-./~+%@").find(c) != std::string_view::npos;
}

std::size_t MatchPath(std::string_view text, std::size_t at, std::string_view prefix) {
  if (prefix.empty() || text.substr(at, prefix.size()) != prefix) return std::string_view::npos;
  if (at > 0 && IsPathCharacter(text[at - 1])) return std::string_view::npos;
  std::size_t end = at + prefix.size();
  const bool whole = end == text.size() || prefix.back() == '/' || text[end] == '/' || !IsPathCharacter(text[end]);
  if (!whole) return std::string_view::npos;
  while (end < text.size() && IsPathCharacter(text[end])) ++end;
  return end;
}

void RewritePaths(std::string* text, std::string_view prefix,
                  const std::function<std::string(const std::string& path)>& replace) {
  std::size_t at = 0;
  while ((at = text->find(prefix, at)) != std::string::npos) {
    const std::size_t end = MatchPath(*text, at, prefix);
    if (end == std::string_view::npos) {
      ++at;
      continue;
    }
    const std::string instead = replace(text->substr(at, end - at));
    text->replace(at, end - at, instead);
    at += instead.size();
  }
}

}  // namespace qalam
