// SPDX-License-Identifier: Apache-2.0
// The syntax is github.com/tidwall/gjson's SYNTAX.md.
#include "experiment/gjson.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/decimal.h"

namespace qalam {
namespace {

constexpr int kDeepest = 16;  // queries and lists within each other

enum class Comparison { kExists, kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kLike, kNotLike };

// Longest first.
constexpr std::array<std::pair<std::string_view, Comparison>, 9> kComparisons = {{
    {"==", Comparison::kEqual},
    {"!=", Comparison::kNotEqual},
    {"<=", Comparison::kLessEqual},
    {">=", Comparison::kGreaterEqual},
    {"!%", Comparison::kNotLike},
    {"=", Comparison::kEqual},
    {"<", Comparison::kLess},
    {">", Comparison::kGreater},
    {"%", Comparison::kLike},
}};

// '*' is any text, '?' any character, '\' takes the meaning from the next.
bool Matches(std::string_view text, std::string_view pattern) {
  std::size_t t = 0, p = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    if (p < pattern.size() && !escaped && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() &&
               (escaped ? pattern[p + 1] == text[t] : pattern[p] == '?' || pattern[p] == text[t])) {
      p += escaped ? 2 : 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool IsNumber(const Node& node) { return node.kind == Node::Kind::kInt || node.kind == Node::Kind::kFloat; }

}  // namespace

struct GjsonPath::Part {
  enum class Kind { kKey, kEach, kFirst, kAll, kThis, kList };
  Kind kind = Kind::kKey;
  std::string key;          // kKey: a pattern
  std::vector<Part> query;  // kFirst, kAll: the path whose value is compared
  Comparison comparison = Comparison::kExists;
  Node value;                            // with this
  std::vector<std::vector<Part>> paths;  // kList
  bool piped = false;                    // what follows is asked of the list as a whole, not of each item
};

namespace {

using Part = GjsonPath::Part;

// One pass over the text. `what is wrong` is kept, and everything returns false from there on.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Status Read(std::vector<Part>* parts) {
    if (text_.empty()) return InvalidArgument("is empty");
    if (!Path(parts, "", 0)) return status_;
    return OkStatus();
  }

 private:
  bool Wrong(std::string_view what) {
    status_ = InvalidArgument("GJSON path: {} at character {}", what, at_ + 1);
    return false;
  }
  bool Unknown(std::string_view what) {
    status_ = Error(Code::kUnimplemented, "GJSON path: {} at character {} is not evaluated here", what, at_ + 1);
    return false;
  }
  bool AtEnd(std::string_view ends) const {
    return at_ == text_.size() || ends.find(text_[at_]) != std::string_view::npos;
  }

  // Up to the end of the text, or to one of `ends`.
  bool Path(std::vector<Part>* parts, std::string_view ends, int depth) {
    if (depth > kDeepest) return Wrong("too deep");
    for (;;) {
      Part part;
      if (!One(&part, ends, depth)) return false;
      const bool end = AtEnd(ends);
      part.piped = !end && text_[at_] == '|';
      parts->push_back(std::move(part));
      if (end) return true;
      ++at_;  // '.' or '|'
    }
  }

  bool One(Part* part, std::string_view ends, int depth) {
    if (AtEnd(ends) || text_[at_] == '.' || text_[at_] == '|') return Wrong("a name is missing");
    switch (text_[at_]) {
      case '{': return Unknown("'{', a new object,");
      case '!': return Unknown("'!', a literal,");
      case '[': return List(part, depth);
      case '#': return Each(part, ends, depth);
      case '@': {
        if (!text_.substr(at_).starts_with("@this")) return Unknown("the modifier '@'");
        part->kind = Part::Kind::kThis;
        at_ += 5;
        return AtEnd(ends) || text_[at_] == '.' || text_[at_] == '|' ? true : Unknown("the modifier '@'");
      }
      default: break;
    }
    for (; !AtEnd(ends) && text_[at_] != '.' && text_[at_] != '|'; ++at_) {
      part->key += text_[at_];
      if (text_[at_] != '\\') continue;
      if (++at_ == text_.size()) return Wrong("nothing after '\\'");
      part->key += text_[at_];
    }
    return true;
  }

  bool List(Part* part, int depth) {
    part->kind = Part::Kind::kList;
    do {
      ++at_;  // '[' or ','
      if (!Path(&part->paths.emplace_back(), ",]", depth + 1)) return false;
      if (at_ == text_.size()) return Wrong("']' is missing");
    } while (text_[at_] == ',');
    ++at_;
    return true;
  }

  bool Each(Part* part, std::string_view ends, int depth) {
    ++at_;
    if (at_ == text_.size() || text_[at_] != '(') {
      part->kind = Part::Kind::kEach;
      return AtEnd(ends) || text_[at_] == '.' || text_[at_] == '|' ? true : Wrong("'(', '.' or '|' must follow '#'");
    }
    ++at_;
    part->kind = Part::Kind::kFirst;
    Blanks();
    static constexpr std::string_view kQueryEnds = "=!<>%) ";
    if (!AtEnd(kQueryEnds) && !Path(&part->query, kQueryEnds, depth + 1)) return false;
    Blanks();
    if (!Compare(part)) return false;
    Blanks();
    if (at_ == text_.size() || text_[at_] != ')') return Wrong("')' is missing");
    ++at_;
    if (at_ < text_.size() && text_[at_] == '#') {
      part->kind = Part::Kind::kAll;
      ++at_;
    }
    return AtEnd(ends) || text_[at_] == '.' || text_[at_] == '|' ? true : Wrong("'.' or '|' must follow the query");
  }

  void Blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  bool Compare(Part* part) {
    const std::string_view rest = text_.substr(at_);
    const auto found = std::ranges::find_if(kComparisons, [&](const auto& c) { return rest.starts_with(c.first); });
    if (found == kComparisons.end()) return !part->query.empty() || Wrong("the query is empty");
    part->comparison = found->second;
    at_ += found->first.size();
    Blanks();
    return Value(&part->value);
  }

  bool Value(Node* value) {
    if (at_ == text_.size() || text_[at_] == ')') return Wrong("a value is missing");
    if (text_[at_] == '~') return Unknown("'~'");
    if (text_[at_] != '"') {
      const std::size_t end = std::min(text_.find(')', at_), text_.size());
      std::string word(text_.substr(at_, end - at_));
      while (word.ends_with(' ')) word.pop_back();
      at_ = end;
      Node::Kind kind = Node::Kind::kString;  // GJSON takes a word without quotes as a text
      if (word == "true" || word == "false") kind = Node::Kind::kBool;
      if (word == "null") kind = Node::Kind::kNull;
      if (ParseNumber(word)) kind = Node::Kind::kFloat;
      *value = Node::Scalar(kind, std::move(word));
      return true;
    }
    std::string text;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      text += text_[at_];
    }
    if (at_ == text_.size()) return Wrong("the quote is not closed");
    ++at_;
    *value = Node::String(std::move(text));
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Status status_;
};

using Rest = std::pair<const Part*, const Part*>;
std::optional<Node> Walk(const Node& node, Rest rest);

bool Fulfills(const Node& item, const Part& part) {
  const std::optional<Node> found =
      part.query.empty() ? std::optional(item) : Walk(item, {part.query.data(), part.query.data() + part.query.size()});
  if (part.comparison == Comparison::kExists) return found.has_value();
  if (!found || !found->IsScalar()) return false;
  const Node& value = part.value;
  if (part.comparison == Comparison::kLike || part.comparison == Comparison::kNotLike) {
    return Matches(found->text, value.text) == (part.comparison == Comparison::kLike);
  }
  int order = 0;
  if (IsNumber(*found) && IsNumber(value)) {
    const double a = ParseNumber(found->text).value_or(0), b = ParseNumber(value.text).value_or(0);
    order = a < b ? -1 : a > b ? 1 : 0;
  } else if (IsNumber(*found) != IsNumber(value) || found->kind != value.kind) {
    return part.comparison == Comparison::kNotEqual;
  } else {
    order = found->text.compare(value.text);
  }
  switch (part.comparison) {
    case Comparison::kEqual: return order == 0;
    case Comparison::kNotEqual: return order != 0;
    case Comparison::kLess: return order < 0;
    case Comparison::kLessEqual: return order <= 0;
    case Comparison::kGreater: return order > 0;
    case Comparison::kGreaterEqual: return order >= 0;
    default: return false;
  }
}

// What follows a list: asked of it as a whole after '|', of each item after '.'.
std::optional<Node> Follow(const Part& part, Node list, Rest rest) {
  if (rest.first == rest.second) return list;
  if (part.piped) return Walk(list, rest);
  Node out = Node::Sequence();
  for (const Node& item : list.items) {
    if (std::optional<Node> found = Walk(item, rest)) out.Add(*std::move(found));
  }
  return out;
}

std::optional<Node> Key(const Node& node, const Part& part, Rest rest) {
  if (node.kind == Node::Kind::kMap) {
    for (const Node::Entry& entry : node.entries) {
      if (Matches(entry.key, part.key)) return Walk(entry.value, rest);
    }
  }
  if (node.kind == Node::Kind::kSequence) {
    std::size_t index = 0;
    const char* end = part.key.data() + part.key.size();
    const auto [stop, error] = std::from_chars(part.key.data(), end, index);
    if (stop == end && error == std::errc() && index < node.items.size()) return Walk(node.items[index], rest);
  }
  return std::nullopt;
}

std::optional<Node> Walk(const Node& node, Rest rest) {
  if (rest.first == rest.second) return node;
  const Part& part = *rest.first++;
  Node list = Node::Sequence();
  switch (part.kind) {
    case Part::Kind::kKey: return Key(node, part, rest);
    case Part::Kind::kThis: return Walk(node, rest);
    case Part::Kind::kList:
      for (const std::vector<Part>& path : part.paths) {
        if (std::optional<Node> found = Walk(node, {path.data(), path.data() + path.size()}))
          list.Add(*std::move(found));
      }
      return Walk(list, rest);
    default: break;
  }
  if (node.kind != Node::Kind::kSequence) return std::nullopt;
  if (part.kind == Part::Kind::kEach) {
    if (rest.first == rest.second) return Node::Int(static_cast<long long>(node.items.size()));
    return Follow(part, node, rest);
  }
  for (const Node& item : node.items) {
    if (!Fulfills(item, part)) continue;
    if (part.kind == Part::Kind::kFirst) return Walk(item, rest);
    list.Add(item);
  }
  if (part.kind == Part::Kind::kFirst) return std::nullopt;
  return Follow(part, std::move(list), rest);
}

}  // namespace

GjsonPath::GjsonPath(std::vector<Part> parts) : parts_(std::move(parts)) {}
GjsonPath::~GjsonPath() = default;
GjsonPath::GjsonPath(GjsonPath&&) noexcept = default;
GjsonPath& GjsonPath::operator=(GjsonPath&&) noexcept = default;

Result<GjsonPath> GjsonPath::Parse(std::string_view text) {
  std::vector<Part> parts;
  QALAM_RETURN_IF_ERROR(Parser(text).Read(&parts));
  return GjsonPath(std::move(parts));
}

std::optional<Node> GjsonPath::Get(const Node& document) const {
  return Walk(document, {parts_.data(), parts_.data() + parts_.size()});
}

bool GjsonPath::IsMet(const Node& document) const {
  const std::optional<Node> found = Get(document);
  return found && (found->kind == Node::Kind::kMap || (found->kind == Node::Kind::kSequence && !found->items.empty()));
}

}  // namespace qalam
