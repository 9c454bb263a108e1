// SPDX-License-Identifier: Apache-2.0
// Block style as kubectl prints it. A string is written plain only where every reader, of YAML 1.1 or 1.2, takes it
// for that string; text of many lines as a literal block.
#include <algorithm>
#include <array>

#include "core/document.h"
#include "core/utf8.h"

namespace qalam {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// Words that some reader resolves to null, a bool, a merge or a default.
bool IsReservedWord(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kWords = {"null", "~",   "true", "false", "yes", "no",
                                                              "on",   "off", "y",    "n",     "<<",  "="};
  return text.size() <= 5 && std::ranges::find(kWords, LowerCase(text)) != kWords.end();
}

// 12, 0x1F, 0o17, 0b1, 1_000, .5, 1., 1e3, 0x1p3, 1:30:00, .inf, .nan, and a little more than any reader takes.
bool LooksLikeNumber(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  const std::string lower = LowerCase(text);
  if (lower == ".inf" || lower == ".nan" || lower == "inf" || lower == "nan" || lower == "infinity") return true;
  std::string_view rest = lower;
  const auto only = [&](std::string_view allowed) { return rest.find_first_not_of(allowed) == std::string_view::npos; };
  if (rest.size() > 2 && rest[0] == '0' && (rest[1] == 'x' || rest[1] == 'o' || rest[1] == 'b')) {
    rest.remove_prefix(2);
    return only("0123456789abcdef_.p+-");
  }
  const bool starts = !rest.empty() && (IsDigit(rest[0]) || (rest.size() > 1 && rest[0] == '.' && IsDigit(rest[1])));
  if (!starts) return false;
  if (rest.find(':') != std::string_view::npos) return only("0123456789_:.");  // base 60
  rest.remove_prefix(std::min(rest.find_first_not_of("0123456789_"), rest.size()));
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789_"), rest.size()));
  }
  return rest.empty() || (rest[0] == 'e' && only("e0123456789_+-"));
}

// 2026-01-02, and what goes on after it.
bool LooksLikeDate(std::string_view text) {
  if (text.size() < 8) return false;
  for (std::size_t i = 0; i < 4; ++i)
    if (!IsDigit(text[i])) return false;
  return text[4] == '-' && IsDigit(text[5]) && text.find('-', 6) <= 7;
}

bool ReadsAsAnotherKind(std::string_view text) {
  return text.empty() || IsReservedWord(text) || LooksLikeNumber(text) || LooksLikeDate(text);
}

// Characters that may stand in a plain or single-quoted word of one line.
bool IsPrintableLine(std::string_view text) {
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t c = TakeCodePoint(text);
    if (IsControl(c) || c == 0x2028 || c == 0x2029 || c == 0xFEFF || c == 0xFFFE || c == 0xFFFF) return false;
    if (c == kReplacement && before.size() - text.size() == 1) return false;  // bytes that are not UTF-8
  }
  return true;
}

bool MayStandPlain(std::string_view text) {
  if (text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  const bool after_blank_only = text.size() == 1 || text[1] == ' ';  // "- a" is an item, "-a" is a word
  if (std::string_view("-?:").find(text.front()) != std::string_view::npos && after_blank_only) return false;
  if (std::string_view(",[]{}#&*!|>'\"%@`").find(text.front()) != std::string_view::npos) return false;
  if (text.starts_with("---") || text.starts_with("...")) return false;
  return text.find(": ") == std::string_view::npos && text.find(" #") == std::string_view::npos;
}

// Lines of a block keep everything but what its frame needs: no blank or break at the start, no other control.
bool MayStandAsBlock(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n' || text.front() == '\t')
    return false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    while (!line.empty()) {
      const std::size_t tab = std::min(line.find('\t'), line.size());
      if (!IsPrintableLine(line.substr(0, tab))) return false;
      line.remove_prefix(std::min(tab + 1, line.size()));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

std::string Inline(std::string_view text) {
  if (ReadsAsAnotherKind(text) || !IsPrintableLine(text)) return ToJson(Node::String(std::string(text)));
  if (MayStandPlain(text)) return std::string(text);
  std::string out = "'";
  for (char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

void AppendBlock(std::string_view text, std::size_t indent, std::string* out) {
  *out += '|';
  if (!text.ends_with('\n')) {
    *out += '-';
  } else if (text.ends_with("\n\n")) {
    *out += '+';
  }
  *out += '\n';
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) out->append(indent, ' ').append(text.substr(0, end));
    *out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool IsEmptyCollection(const Node& node) { return !node.IsScalar() && node.items.empty() && node.entries.empty(); }

// A scalar or an empty collection, from where the line stands to its end.
void AppendLeaf(const Node& node, std::size_t indent, std::string* out) {
  switch (node.kind) {
    case Node::Kind::kNull: *out += "null"; break;
    case Node::Kind::kSequence: *out += "[]"; break;
    case Node::Kind::kMap: *out += "{}"; break;
    case Node::Kind::kString:
      if (MayStandAsBlock(node.text)) return AppendBlock(node.text, indent + 2, out);
      *out += Inline(node.text);
      break;
    case Node::Kind::kBool:
    case Node::Kind::kInt:
    case Node::Kind::kFloat: *out += node.text; break;
  }
  *out += '\n';
}

// A collection whose first line starts where the output stands, its other lines at `indent`.
void AppendCollection(const Node& node, std::size_t indent, std::string* out) {
  bool first = true;
  const auto begin_line = [&] {
    if (!first) out->append(indent, ' ');
    first = false;
  };
  for (const Node& item : node.items) {
    begin_line();
    *out += "- ";
    if (item.IsScalar() || IsEmptyCollection(item)) {
      AppendLeaf(item, indent, out);
    } else {
      AppendCollection(item, indent + 2, out);
    }
  }
  for (const Node::Entry& entry : node.entries) {
    begin_line();
    const std::string key = Inline(entry.key);
    if (key.size() > 1000) {  // readers look for the colon within 1024 characters
      *out += "? " + key + "\n";
      out->append(indent, ' ');
    } else {
      *out += key;
    }
    *out += ':';
    const Node& value = entry.value;
    if (value.IsScalar() || IsEmptyCollection(value)) {
      *out += ' ';
      AppendLeaf(value, indent, out);
      continue;
    }
    const std::size_t inner = value.kind == Node::Kind::kMap ? indent + 2 : indent;  // items stand below their key
    *out += '\n';
    out->append(inner, ' ');
    AppendCollection(value, inner, out);
  }
}

}  // namespace

std::string ToYaml(const Node& node) {
  std::string out;
  if (node.IsScalar() || IsEmptyCollection(node)) {
    AppendLeaf(node, 0, &out);
  } else {
    AppendCollection(node, 0, &out);
  }
  return out;
}

}  // namespace qalam
