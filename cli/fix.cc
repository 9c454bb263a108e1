// SPDX-License-Identifier: Apache-2.0
#include "cli/fix.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "experiment/read.h"

namespace qalam {
namespace {

std::optional<std::size_t> OffsetOf(std::string_view text, const Position& place) {
  if (place.line < 1 || place.column < 1) return std::nullopt;
  std::size_t at = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  for (int line = 1; line < place.line; ++line) {
    at = text.find('\n', at);
    if (at == std::string_view::npos) return std::nullopt;
    ++at;
  }
  for (int column = 1; column < place.column; ++column) {
    if (at >= text.size() || text[at] == '\n') return std::nullopt;
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return at;
}

bool IsQuote(char c) { return c == '"' || c == '\''; }

// nullopt: the text is not as the fix expects it.
std::optional<std::string> Replace(std::string text, std::size_t at, const Fix& fix) {
  const bool quoted = at < text.size() && IsQuote(text[at]);
  const std::size_t word = at + (quoted ? 1 : 0);
  if (text.compare(word, fix.from.size(), fix.from) != 0) return std::nullopt;
  if (fix.kind == Fix::Kind::kReplace) return text.replace(word, fix.from.size(), fix.to);
  const std::size_t close = word + fix.from.size();
  if (!quoted || close >= text.size() || text[close] != text[at]) return std::nullopt;
  return text.replace(at, fix.from.size() + 2, fix.from);
}

// `at` is the value beside which the field `to` is to stand: in a flow map behind it, else on the line below.
std::optional<std::string> AddField(std::string text, std::size_t at, const Fix& fix) {
  std::size_t end = at;
  if (end < text.size() && IsQuote(text[end])) {
    end = text.find(text[at], at + 1);
    if (end == std::string::npos) return std::nullopt;
    ++end;
  } else {
    end = std::min(text.find_first_of(" \t\r\n,}#", at), text.size());
  }
  const std::size_t next = std::min(text.find_first_not_of(" \t", end), text.size());
  const std::optional<std::size_t> key = OffsetOf(text, fix.key);
  if (!key) return std::nullopt;
  if (next < text.size() && (text[next] == ',' || text[next] == '}')) {
    const std::string quote = text[*key] == '"' ? "\"" : "";
    return text.insert(end, fmt::format(", {0}{1}{0}: {0}{2}{0}", quote, fix.from, fix.to));
  }
  std::size_t line = std::min(text.find('\n', end), text.size());
  const bool returns = line > 0 && text[line - 1] == '\r';
  const std::string added =
      fmt::format("{}\n{}{}: {}", returns ? "\r" : "", std::string(static_cast<std::size_t>(fix.key.column - 1), ' '),
                  fix.from, fix.to);
  return text.insert(returns ? line - 1 : line, added);
}

bool IsReadable(std::string_view text) {
  Diagnostics faults;
  return !ReadDocuments(text, &faults).empty() && !faults.HasErrors();
}

std::string Told(const Fix& fix) {
  switch (fix.kind) {
    case Fix::Kind::kReplace: return fmt::format("'{}' is now '{}'", fix.from, fix.to);
    case Fix::Kind::kUnquote: return fmt::format("'{}' has no quotes now: it is a number", fix.from);
    case Fix::Kind::kAdd: return fmt::format("'{}: {}' is added", fix.from, fix.to);
  }
  return "";
}

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

FixedText ApplyFixes(std::string text, std::vector<Fix> fixes) {
  const auto place = [](const Fix& fix) { return std::tuple(fix.at.line, fix.at.column); };
  std::ranges::sort(fixes, {}, place);
  const auto twice = std::ranges::unique(fixes, {}, place);  // where an alias brought a node to two places
  fixes.erase(twice.begin(), twice.end());
  FixedText out{std::move(text), {}};
  for (auto fix = fixes.rbegin(); fix != fixes.rend(); ++fix) {  // from the end, so that places stay
    const std::optional<std::size_t> at = OffsetOf(out.text, fix->at);
    if (!at) continue;
    std::optional<std::string> fixed =
        fix->kind == Fix::Kind::kAdd ? AddField(out.text, *at, *fix) : Replace(out.text, *at, *fix);
    if (!fixed || !IsReadable(*fixed)) continue;
    out.text = *std::move(fixed);
    out.changes.push_back(fmt::format("{}:{}: {}", fix->at.line, fix->at.column, Told(*fix)));
  }
  std::ranges::reverse(out.changes);
  return out;
}

std::string LineDiff(std::string_view before, std::string_view after) {
  const std::vector<std::string_view> a = LinesOf(before), b = LinesOf(after);
  std::string out;
  std::size_t i = 0;
  for (std::size_t j = 0; j < b.size(); ++j) {
    if (i < a.size() && a[i] == b[j]) {
      ++i;
      continue;
    }
    // A line that was changed, or one that was added before the next old one.
    const bool added = i == a.size() || (j + 1 < b.size() && a[i] == b[j + 1]);
    if (!added) out += fmt::format("-{}\n", a[i++]);
    out += fmt::format("+{}\n", b[j]);
  }
  return out;
}

}  // namespace qalam
