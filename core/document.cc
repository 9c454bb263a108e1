// SPDX-License-Identifier: Apache-2.0
#include "core/document.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "core/utf8.h"

namespace qalam {
namespace {

// The digits at the front of `text`, taken off; whether there were any.
bool TakeDigits(std::string_view& text) {
  const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(count);
  return count > 0;
}

bool TakeOneOf(std::string_view& text, std::string_view allowed) {
  if (text.empty() || allowed.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool IsJsonNumber(std::string_view text) {
  TakeOneOf(text, "-");
  const std::string_view whole = text;
  if (!TakeDigits(text)) return false;
  if (whole.front() == '0' && whole.size() - text.size() > 1) return false;
  if (TakeOneOf(text, ".") && !TakeDigits(text)) return false;
  if (TakeOneOf(text, "eE")) {
    TakeOneOf(text, "+-");
    if (!TakeDigits(text)) return false;
  }
  return text.empty();
}

// A number as YAML may write it (0x1F, 0o17, +1, .5, 1.) as JSON writes it; empty when JSON cannot (.inf), or no reader
// of JSON takes it (1e999).
std::string JsonNumber(std::string_view text) {
  if (IsJsonNumber(text)) {
    std::string number(text);
    return std::isfinite(std::strtod(number.c_str(), nullptr)) ? number : "";
  }
  const bool negative = text.starts_with('-');
  TakeOneOf(text, "+-");
  const int base = text.starts_with("0x") ? 16 : text.starts_with("0o") ? 8 : 10;
  std::string_view digits = base == 10 ? text : text.substr(2);
  const char* end = digits.data() + digits.size();
  unsigned long long whole = 0;
  if (const auto read = std::from_chars(digits.data(), end, whole, base); read.ec == std::errc() && read.ptr == end)
    return fmt::format("{}{}", negative ? "-" : "", whole);
  double real = 0;
  if (const auto read = std::from_chars(text.data(), text.data() + text.size(), real);
      read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(real))
    return "";
  return fmt::format("{}", negative ? -real : real);
}

// Mostly nothing of a text has to be escaped.
std::size_t PlainLength(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && text[n] >= ' ' && text[n] < '\x7f' && text[n] != '"' && text[n] != '\\') ++n;
  return n;
}

void AppendQuoted(std::string_view text, std::string* out) {
  *out += '"';
  while (true) {
    const std::size_t plain = PlainLength(text);
    out->append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const char32_t c = TakeCodePoint(text);
    switch (c) {
      case '"': *out += "\\\""; break;
      case '\\': *out += "\\\\"; break;
      case '\n': *out += "\\n"; break;
      case '\r': *out += "\\r"; break;
      case '\t': *out += "\\t"; break;
      default:
        // Also what a YAML reader takes for a line break or for the mark at the start of a file, or refuses.
        if (IsControl(c) || c == 0x2028 || c == 0x2029 || c == 0xFEFF || c == 0xFFFE || c == 0xFFFF) {
          fmt::format_to(std::back_inserter(*out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
          AppendCodePoint(c, out);
        }
    }
  }
  *out += '"';
}

bool IsTrue(std::string_view text) { return text == "true" || text == "True" || text == "TRUE"; }

class JsonPrinter {
 public:
  explicit JsonPrinter(int indent) : indent_(indent) {}

  void Print(const Node& node, int depth, std::string* out) const {
    switch (node.kind) {
      case Node::Kind::kNull: *out += "null"; return;
      case Node::Kind::kBool: *out += IsTrue(node.text) ? "true" : "false"; return;
      case Node::Kind::kInt:
      case Node::Kind::kFloat:
        if (const std::string number = JsonNumber(node.text); !number.empty()) {
          *out += number;
        } else {
          AppendQuoted(node.text, out);
        }
        return;
      case Node::Kind::kString: AppendQuoted(node.text, out); return;
      case Node::Kind::kSequence:
        *out += '[';
        for (std::size_t i = 0; i < node.items.size(); ++i) {
          NewItem(i, depth + 1, out);
          Print(node.items[i], depth + 1, out);
        }
        Close(node.items.empty(), depth, out);
        *out += ']';
        return;
      case Node::Kind::kMap:
        *out += '{';
        for (std::size_t i = 0; i < node.entries.size(); ++i) {
          NewItem(i, depth + 1, out);
          AppendQuoted(node.entries[i].key, out);
          *out += indent_ < 0 ? ":" : ": ";
          Print(node.entries[i].value, depth + 1, out);
        }
        Close(node.entries.empty(), depth, out);
        *out += '}';
        return;
    }
  }

 private:
  void NewItem(std::size_t index, int depth, std::string* out) const {
    if (index > 0) *out += ',';
    NewLine(depth, out);
  }
  void Close(bool empty, int depth, std::string* out) const {
    if (!empty) NewLine(depth, out);
  }
  void NewLine(int depth, std::string* out) const {
    if (indent_ < 0) return;
    *out += '\n';
    out->append(static_cast<std::size_t>(indent_) * static_cast<std::size_t>(depth), ' ');
  }

  int indent_;
};

}  // namespace

Node Node::Float(double value) {
  if (std::isnan(value)) return String("NaN");
  if (std::isinf(value)) return String(value > 0 ? "Infinity" : "-Infinity");
  std::string text = fmt::format("{}", value);
  // "1" would read back as an integer, "1e+20" in YAML 1.1 as a string.
  if (text.find('.') == std::string::npos) text.insert(std::min(text.find('e'), text.size()), ".0");
  return Scalar(Kind::kFloat, std::move(text));
}

const Node* Node::Find(std::string_view key) const {
  const auto it = std::ranges::find(entries, key, &Entry::key);
  return it == entries.end() ? nullptr : &it->value;
}

const Node* Node::FindPath(std::initializer_list<std::string_view> path) const {
  const Node* node = this;
  for (std::string_view key : path) {
    node = node->Find(key);
    if (node == nullptr) return nullptr;
  }
  return node;
}

Node& Node::Set(std::string key, Node value) {
  QALAM_CHECK(kind == Kind::kMap, "only a map has keys");
  const auto it = std::ranges::find(entries, key, &Entry::key);
  if (it != entries.end()) return it->value = std::move(value);
  entries.push_back({std::move(key), {}, std::move(value)});
  return entries.back().value;
}

Node& Node::Add(Node item) {
  QALAM_CHECK(kind == Kind::kSequence, "only a sequence has items");
  items.push_back(std::move(item));
  return items.back();
}

std::string ToJson(const Node& node, int indent) {
  std::string out;
  JsonPrinter(indent).Print(node, 0, &out);
  return out;
}

bool SameValue(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.text != b.text || a.items.size() != b.items.size() || a.entries.size() != b.entries.size())
    return false;
  for (std::size_t i = 0; i < a.items.size(); ++i)
    if (!SameValue(a.items[i], b.items[i])) return false;
  for (std::size_t i = 0; i < a.entries.size(); ++i) {
    const Node::Entry& entry = a.entries[i];
    // Mostly the order is the same too.
    const Node* other = b.entries[i].key == entry.key ? &b.entries[i].value : b.Find(entry.key);
    if (other == nullptr || !SameValue(entry.value, *other)) return false;
  }
  return true;
}

}  // namespace qalam
