// SPDX-License-Identifier: Apache-2.0
// YAML by libyaml, the parser that Kubernetes' reader was translated from: strict about quotes, tabs and brackets,
// marks in characters, and it looks ahead one line at most, so a bomb costs nothing before a limit stops it.
// The events of a document are collected, then played into the tree; an alias plays its anchor's events again.
#include <yaml.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <utility>

#include "experiment/read_tree.h"

namespace qalam {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) {
    QALAM_CHECK(yaml_parser_initialize(&parser_) == 1, "there is memory for a YAML parser");
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Parser() { yaml_parser_delete(&parser_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  yaml_parser_t* get() { return &parser_; }

 private:
  yaml_parser_t parser_{};
};

// One event; what it holds is freed before the next.
class Event {
 public:
  ~Event() { yaml_event_delete(&event_); }
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  yaml_event_t* get() { return &event_; }
  const yaml_event_t* operator->() const { return &event_; }

 private:
  yaml_event_t event_{};
};

struct Item {
  enum class Type { kScalar, kSequence, kMap, kEnd, kAlias };
  Type type = Type::kScalar;
  std::string text;    // scalar
  std::string tag;     // as resolved by the parser; empty: none
  bool plain = false;  // scalar without quotes
  Position position;
  std::size_t end = 0;     // where the node's items end; 0 while it is open
  std::size_t target = 0;  // alias: the item it stands for
};

std::string Text(const yaml_char_t* text) { return text == nullptr ? "" : reinterpret_cast<const char*>(text); }

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// What libyaml says, and what a person should read. `at_opening`: the place to show is where the construct began.
struct Wording {
  std::string_view problem, sentence;
  bool at_opening = false;
};
constexpr Wording kWordings[] = {
    {"found unexpected end of stream", "the quote that opens here is never closed", true},
    {"found unexpected document indicator", "the quote that opens here is not closed before the next document", true},
    {"found a tab character that violates indentation", "a tab cannot indent a line: use spaces"},
    {"found a tab character where an indentation space is expected", "a tab cannot indent a line: use spaces"},
    {"mapping values are not allowed in this context",
     "a ':' cannot stand here: check the indentation, or put the value in quotes if the ':' belongs to it"},
    {"block sequence entries are not allowed in this context", "a list item ('- ') must begin on a line of its own"},
    {"did not find expected node content", "a value is missing here"},
    {"did not find expected <document start>", "the document has ended: more text needs a line '---' before it"},
    {"could not find expected ':'", "a ':' is missing after the key of this line", true},
    {"found unknown escape character",
     "not an escape that double quotes know: write \\\\ for a backslash, or use single quotes"},
    {"found invalid Unicode character escape code", "not a Unicode character: write the character itself"},
    {"invalid Unicode character escape code", "not a Unicode character: write the character itself"},
    {"found undefined tag handle", "the tag is not known"},
    {"found unknown directive name", "the line is a directive that is not known ('%' begins one)"},
    {"found incompatible YAML document", "YAML 1.1 and 1.2 are read, not the version that is named here"},
    {"did not find expected comment or line break", "only a comment may follow here"},
    {"did not find expected alphabetic or numeric character", "the name of an anchor or alias is missing"},
};

class YamlReader {
 public:
  YamlReader(std::string_view text, const ReadLimits& limits, Diagnostics* faults)
      : places_(text), text_(text), limits_(limits), builder_(limits, faults), parser_(text) {}

  std::vector<Node> Read() {
    std::vector<Node> documents;
    while (NextDocument()) {
      if (items_.empty()) continue;
      std::size_t at = 0;
      if (!Play(&at)) break;
      std::optional<Node> root = builder_.Take();
      // "---" with nothing below it, as it often ends a file, is no document.
      if (root && root->kind != Node::Kind::kNull) documents.push_back(*std::move(root));
    }
    if (builder_.ok() && documents.empty()) builder_.Fault({}, "there is no document in it");
    if (!builder_.ok()) documents.clear();
    return documents;
  }

 private:
  Position At(const yaml_mark_t& mark) const { return places_.OfCharacter(mark.index); }

  bool Fail(const Position& position, std::string_view message) {
    builder_.Fault(position, message);
    return false;
  }

  // Collects the items of the next document. False: there is none, or a fault was said.
  bool NextDocument() {
    items_.clear();
    anchors_.clear();
    std::vector<std::size_t> open;
    while (builder_.ok()) {
      Event event;
      if (yaml_parser_parse(parser_.get(), event.get()) != 1) return ParserFault();
      const Position position = At(event->start_mark);
      switch (event->type) {
        case YAML_STREAM_END_EVENT: return false;
        case YAML_DOCUMENT_END_EVENT: return true;
        case YAML_SCALAR_EVENT: {
          const auto& scalar = event->data.scalar;
          Item& item = Append(Item::Type::kScalar, position, scalar.anchor, scalar.tag);
          item.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
          item.plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
          item.end = items_.size();
          break;
        }
        case YAML_SEQUENCE_START_EVENT: {
          const auto& start = event->data.sequence_start;
          open.push_back(items_.size());
          Append(Item::Type::kSequence, position, start.anchor, start.tag);
          break;
        }
        case YAML_MAPPING_START_EVENT: {
          const auto& start = event->data.mapping_start;
          open.push_back(items_.size());
          Append(Item::Type::kMap, position, start.anchor, start.tag);
          break;
        }
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
          Append(Item::Type::kEnd, position, nullptr, nullptr);
          items_[open.back()].end = items_.size();
          open.pop_back();
          break;
        case YAML_ALIAS_EVENT: {
          const std::string name = Text(event->data.alias.anchor);
          const auto anchor = anchors_.find(name);
          if (anchor == anchors_.end())
            return Fail(position, fmt::format("no anchor '&{}' stands before this alias", name));
          if (++aliases_ > limits_.aliases) {
            return Fail(position, fmt::format("more than {} aliases: that is the most that is read", limits_.aliases));
          }
          Append(Item::Type::kAlias, position, nullptr, nullptr).target = anchor->second;
          break;
        }
        default: break;  // starts of the stream and of documents
      }
      if (static_cast<int>(open.size()) > limits_.depth) {
        return Fail(position,
                    fmt::format("nested more than {} levels deep: that is the most that is read", limits_.depth));
      }
      // Half of them may be keys. The exact count, with aliases written out, is the builder's.
      if (++events_ / 4 > limits_.nodes) {
        return Fail(position, fmt::format("more than {} values: that is the most that is read", limits_.nodes));
      }
    }
    return false;
  }

  Item& Append(Item::Type type, const Position& position, const yaml_char_t* anchor, const yaml_char_t* tag) {
    if (anchor != nullptr) anchors_[Text(anchor)] = items_.size();
    Item item;
    item.type = type;
    item.position = position;
    item.tag = Text(tag);
    items_.push_back(std::move(item));
    return items_.back();
  }

  // Plays the node at `*at` into the builder, and leaves `*at` behind it.
  bool Play(std::size_t* at) {
    const Item& item = items_[*at];
    switch (item.type) {
      case Item::Type::kScalar: {
        ++*at;
        std::optional<Node> scalar = Resolve(item);
        return scalar && builder_.Add(*std::move(scalar));
      }
      case Item::Type::kAlias: {
        const Item& target = items_[item.target];
        if (target.end == 0 || target.end > *at) return Fail(item.position, "the alias stands inside its own anchor");
        ++*at;
        std::size_t again = item.target;
        return Play(&again);
      }
      case Item::Type::kSequence: {
        if (!Open(item, "seq", Node::Sequence())) return false;
        for (++*at; items_[*at].type != Item::Type::kEnd;) {
          if (!Play(at)) return false;
        }
        break;
      }
      case Item::Type::kMap: {
        if (!Open(item, "map", Node::Map())) return false;
        for (++*at; items_[*at].type != Item::Type::kEnd;) {
          if (!PlayKey(items_[*at])) return false;
          ++*at;
          if (!Play(at)) return false;
        }
        break;
      }
      case Item::Type::kEnd: QALAM_CHECK(false, "every end belongs to a collection");
    }
    ++*at;
    builder_.Close();
    return true;
  }

  bool Open(const Item& item, std::string_view kind, Node collection) {
    if (!item.tag.empty() && item.tag != "!" && item.tag != fmt::format("{}{}", kTagPrefix, kind))
      return UnknownTag(item);
    collection.position = item.position;
    return builder_.Open(std::move(collection));
  }

  bool PlayKey(const Item& item) {
    const Item& key = item.type == Item::Type::kAlias ? items_[item.target] : item;
    if (key.type != Item::Type::kScalar) return Fail(item.position, "a key must be a word, not a list or a map");
    const std::optional<Node> scalar = Resolve(key);
    if (!scalar) return false;
    if (scalar->kind == Node::Kind::kNull) return Fail(item.position, "a key is missing");
    if (key.plain && key.tag.empty() && key.text == "<<") {
      builder_.MergeKey(item.position);
    } else {
      builder_.Key(key.text, item.position);
    }
    return true;
  }

  std::optional<Node> Resolve(const Item& item) {
    Node node = item.plain && item.tag.empty() ? ResolvePlainScalar(item.text) : Node::String(item.text);
    if (!item.tag.empty() && item.tag != "!") {
      const std::string_view tag = item.tag;
      const std::string_view type = tag.starts_with(kTagPrefix) ? tag.substr(kTagPrefix.size()) : std::string_view{};
      Node typed = ResolvePlainScalar(item.text);
      const bool fits = (type == "int" && typed.kind == Node::Kind::kInt) ||
                        (type == "float" && (typed.kind == Node::Kind::kFloat || typed.kind == Node::Kind::kInt)) ||
                        (type == "bool" && typed.kind == Node::Kind::kBool) ||
                        (type == "null" && typed.kind == Node::Kind::kNull);
      if (fits) {
        node = std::move(typed);
      } else if (type == "int" || type == "float" || type == "bool" || type == "null") {
        Fail(item.position, fmt::format("'{}' is not what its tag !!{} says", item.text, type));
        return std::nullopt;
      } else if (type != "str") {
        UnknownTag(item);
        return std::nullopt;
      }
    }
    node.position = item.position;
    return node;
  }

  bool UnknownTag(const Item& item) {
    std::string tag = item.tag;
    if (tag.starts_with(kTagPrefix)) tag = fmt::format("!!{}", tag.substr(kTagPrefix.size()));
    return Fail(item.position,
                fmt::format("the tag '{}' is not known; known are !!str, !!int, !!float, !!bool, !!null, "
                            "!!map and !!seq",
                            tag));
  }

  bool ParserFault() {
    const yaml_parser_t& parser = *parser_.get();
    if (parser.error == YAML_READER_ERROR) {
      return Fail(places_.OfByte(parser.problem_offset),
                  fmt::format("the character U+{:04X} cannot stand in YAML: write it as an escape in double quotes",
                              static_cast<unsigned>(parser.problem_value)));
    }
    const std::string problem = Text(reinterpret_cast<const yaml_char_t*>(parser.problem));
    const Position position = At(parser.problem_mark);
    const Position opening = At(parser.context_mark);
    const bool at_end = parser.problem_mark.index >= places_.characters();
    if (problem == "did not find expected ',' or ']'" || problem == "did not find expected ',' or '}'") {
      const char bracket = problem[problem.size() - 2];
      const char open = bracket == ']' ? '[' : '{';
      if (at_end) return Fail(opening, fmt::format("the '{}' that opens here is never closed", open));
      return Fail(position, fmt::format("a ',' or the '{}' for the '{}' of line {}, column {} is expected here",
                                        bracket, open, opening.line, opening.column));
    }
    if (problem == "did not find expected key" || problem == "did not find expected '-' indicator") {
      return Fail(position, fmt::format("this does not continue the {} that begins at line {}, column {}: check the "
                                        "indentation, and the quotes before it",
                                        problem.ends_with("key") ? "map" : "list", opening.line, opening.column));
    }
    if (problem == "found character that cannot start any token") {
      const char found = ByteAt(parser.problem_mark.index);
      if (found == '\t') return Fail(position, "a tab cannot indent or separate here: use spaces");
      return Fail(position, fmt::format("a value cannot begin with '{}': put it in quotes", found));
    }
    for (const Wording& wording : kWordings) {
      if (problem == wording.problem) {
        return Fail(wording.at_opening ? opening : position, wording.sentence);
      }
    }
    return Fail(position, fmt::format("the YAML is not right here: {}", problem));
  }

  char ByteAt(std::size_t character) const {
    std::size_t at = 0;
    for (std::size_t seen = 0; at < text_.size(); ++at) {
      if ((static_cast<unsigned char>(text_[at]) & 0xC0) != 0x80 && seen++ == character) return text_[at];
    }
    return '\0';
  }

  Places places_;
  std::string_view text_;
  const ReadLimits& limits_;
  TreeBuilder builder_;
  Parser parser_;
  std::vector<Item> items_;
  std::map<std::string, std::size_t> anchors_;
  int aliases_ = 0, events_ = 0;
};

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::string> Decimal(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (digits.empty() || stop != end || error != std::errc()) return std::nullopt;
  return std::to_string(value);
}

// [digits][.digits][(e|E)[sign]digits] with a digit before the exponent, and a point or an exponent.
bool IsFloat(std::string_view text) {
  std::string_view mantissa = text;
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view exponent = text.substr(e + 1);
    if (exponent.starts_with('+') || exponent.starts_with('-')) exponent.remove_prefix(1);
    if (!AllDigits(exponent)) return false;
    mantissa = text.substr(0, e);
  }
  const std::size_t point = mantissa.find('.');
  if (point == std::string_view::npos) return AllDigits(mantissa);
  const std::string_view whole = mantissa.substr(0, point), fraction = mantissa.substr(point + 1);
  return (whole.empty() || AllDigits(whole)) && (fraction.empty() || AllDigits(fraction)) && mantissa.size() > 1;
}

// The same number in JSON's grammar, changed as little as possible: "+.50" is "0.50".
std::string JsonNumber(std::string_view sign, std::string_view digits) {
  while (digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') digits.remove_prefix(1);
  std::string text = sign == "-" ? "-" : "";
  if (digits.starts_with('.')) text += '0';
  text += digits;
  if (const std::size_t point = text.find('.'); point != std::string::npos) {
    if (point + 1 == text.size() || text[point + 1] < '0' || text[point + 1] > '9') text.insert(point + 1, "0");
  }
  return text;
}

}  // namespace

std::vector<Node> ReadYamlText(std::string_view text, const ReadLimits& limits, Diagnostics* faults) {
  return YamlReader(text, limits, faults).Read();
}

Node ResolvePlainScalar(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return {};
  if (text == "true" || text == "True" || text == "TRUE") return Node::Bool(true);
  if (text == "false" || text == "False" || text == "FALSE") return Node::Bool(false);
  std::string_view digits = text;
  std::string_view sign;
  if (digits[0] == '-' || digits[0] == '+') sign = digits.substr(0, 1), digits.remove_prefix(1);
  const auto whole = [&](const std::string& value) {
    return Node::Scalar(Node::Kind::kInt, sign == "-" ? "-" + value : value);
  };
  if (AllDigits(digits)) {
    if (digits.size() == 1 || digits[0] != '0') return whole(std::string(digits));
    if (const auto octal = Decimal(digits.substr(1), 8)) return whole(*octal);  // 0644, as Kubernetes reads it
    return Node::String(std::string(text));                                     // 08: not a number there, text here
  }
  if (digits.starts_with("0x") || digits.starts_with("0o")) {
    if (const auto value = Decimal(digits.substr(2), digits[1] == 'x' ? 16 : 8)) return whole(*value);
    return Node::String(std::string(text));
  }
  if (IsFloat(digits)) return Node::Scalar(Node::Kind::kFloat, JsonNumber(sign, digits));
  return Node::String(std::string(text));
}

}  // namespace qalam
