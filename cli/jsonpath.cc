// SPDX-License-Identifier: Apache-2.0
#include "cli/jsonpath.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <span>
#include <utility>

#include "core/decimal.h"

namespace qalam {

using Nodes = std::vector<const Node*>;
using Pieces = std::vector<std::shared_ptr<const JsonPath::Piece>>;

enum class Comparison { kExists, kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

struct JsonPath::Step {
  enum class Kind { kRoot, kNames, kDescend, kAll, kSlice, kFilter };
  Kind kind = Kind::kRoot;
  std::vector<std::string> names;           // kNames, and kDescend, where none means everything
  std::optional<long long> from, to, step;  // kSlice; a single index is [from, from + 1)
  bool single = false;
  // kFilter: [?(left comparison right)]
  struct Operand {
    bool path = false;
    std::vector<Step> steps;
    Node literal;
  };
  std::shared_ptr<const std::pair<Operand, Operand>> operands;
  Comparison comparison = Comparison::kExists;
};

struct JsonPath::Piece {
  std::string text;  // kept when there are no steps
  bool expression = false;
  std::vector<Step> steps;
  bool range = false;
  Pieces inside;
};

namespace {

using Step = JsonPath::Step;
using Piece = JsonPath::Piece;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '/' || static_cast<unsigned char>(c) >= 0x80;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Pieces> Template() {
    QALAM_TRY(Pieces pieces, Inside(false));
    return pieces;
  }

 private:
  // Up to the end of the template, or to {end} of a range.
  Result<Pieces> Inside(bool range) {
    Pieces pieces;
    while (at_ < text_.size()) {
      if (text_[at_] != '{') {
        auto piece = std::make_shared<Piece>();
        const std::size_t next = std::min(text_.find('{', at_), text_.size());
        piece->text = std::string(text_.substr(at_, next - at_));
        at_ = next;
        pieces.push_back(std::move(piece));
        continue;
      }
      const std::size_t opened = at_++;
      Blanks();
      if (Word("end")) {
        if (!range) return Fault("{end} without its {range}", opened);
        QALAM_RETURN_IF_ERROR(Close(opened));
        return pieces;
      }
      auto piece = std::make_shared<Piece>();
      if (Word("range")) {
        Blanks();
        piece->range = true;
        QALAM_TRY(piece->steps, Path());
        QALAM_RETURN_IF_ERROR(Close(opened));
        QALAM_TRY(piece->inside, Inside(true));
      } else if (Peek() == '"' || Peek() == '\'') {
        QALAM_TRY(piece->text, Quoted());
        QALAM_RETURN_IF_ERROR(Close(opened));
      } else {
        piece->expression = true;
        QALAM_TRY(piece->steps, Path());
        QALAM_RETURN_IF_ERROR(Close(opened));
      }
      pieces.push_back(std::move(piece));
    }
    if (range) return Fault("{range} without its {end}", text_.size());
    return pieces;
  }

  Status Close(std::size_t opened) {
    Blanks();
    if (Peek() == '\0') return Fault("a '{' without its '}'", opened);
    if (Peek() != '}') return Fault("expected '}'", at_);
    ++at_;
    return OkStatus();
  }

  Result<std::vector<Step>> Path() {
    std::vector<Step> steps;
    const std::size_t start = at_;
    if (Peek() == '$') {
      ++at_;
      steps.push_back({});
    } else if (Peek() == '@') {
      ++at_;
    } else if (Peek() != '.' && Peek() != '[') {
      return Fault("expected a path, as in .metadata.name, or a text in quotes", at_);
    }
    while (Peek() == '.' || Peek() == '[') {
      Step step;
      if (Peek() == '[') {
        QALAM_TRY(step, Bracket());
      } else if (text_.substr(at_).starts_with("..")) {
        at_ += 2;
        step.kind = Step::Kind::kDescend;
        if (Peek() == '*') {
          ++at_;
        } else if (Peek() != '[') {
          QALAM_TRY(std::string name, Name());
          step.names.push_back(std::move(name));
        }
      } else {
        ++at_;
        if (Peek() == '*') {
          ++at_;
          step.kind = Step::Kind::kAll;
        } else if (Peek() == '[') {
          continue;
        } else if (!IsNameCharacter(Peek()) && Peek() != '\\') {
          if (at_ == start + 1) break;  // "." alone: the whole document
          return Fault("expected a name after '.'", at_);
        } else {
          step.kind = Step::Kind::kNames;
          QALAM_TRY(std::string name, Name());
          step.names.push_back(std::move(name));
        }
      }
      steps.push_back(std::move(step));
    }
    return steps;
  }

  Result<std::string> Name() {
    std::string name;
    while (at_ < text_.size()) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        name += text_[at_ + 1];
        at_ += 2;
      } else if (IsNameCharacter(text_[at_])) {
        name += text_[at_++];
      } else {
        break;
      }
    }
    if (name.empty()) return Fault("expected a name", at_);
    return name;
  }

  Result<Step> Bracket() {
    const std::size_t opened = at_++;
    Step step;
    Blanks();
    if (Peek() == '*') {
      ++at_;
      step.kind = Step::Kind::kAll;
    } else if (Peek() == '?') {
      ++at_;
      QALAM_TRY(step, Filter());
    } else if (Peek() == '"' || Peek() == '\'') {
      step.kind = Step::Kind::kNames;
      while (true) {
        QALAM_TRY(std::string name, Quoted());
        step.names.push_back(std::move(name));
        Blanks();
        if (Peek() != ',') break;
        ++at_;
        Blanks();
        if (Peek() != '"' && Peek() != '\'') return Fault("expected a name in quotes after ','", at_);
      }
    } else {
      step.kind = Step::Kind::kSlice;
      step.from = Number();
      Blanks();
      if (Peek() == ':') {
        ++at_;
        step.to = Number();
        if (Peek() == ':') {
          ++at_;
          step.step = Number();
          if (step.step && *step.step <= 0) return Fault("the step of a slice is 1 or more", at_);
        }
      } else if (step.from) {
        step.single = true;
      } else {
        return Fault("expected a number, '*', a name in quotes, or ?(...)", at_);
      }
    }
    Blanks();
    if (Peek() != ']') return Fault("a '[' without its ']'", opened);
    ++at_;
    return step;
  }

  Result<Step> Filter() {
    Step step;
    step.kind = Step::Kind::kFilter;
    const std::size_t opened = at_;
    if (Peek() != '(') return Fault("expected '(' after '?'", at_);
    ++at_;
    std::pair<Step::Operand, Step::Operand> operands;
    QALAM_TRY(operands.first, Operand());
    Blanks();
    static constexpr std::pair<std::string_view, Comparison> kWords[] = {
        {"==", Comparison::kEqual},        {"!=", Comparison::kNotEqual}, {"<=", Comparison::kLessEqual},
        {">=", Comparison::kGreaterEqual}, {"<", Comparison::kLess},      {">", Comparison::kGreater}};
    for (const auto& [word, comparison] : kWords) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      step.comparison = comparison;
      QALAM_TRY(operands.second, Operand());
      break;
    }
    Blanks();
    if (Peek() != ')') {
      return Fault(Peek() == '\0' || Peek() == ']' ? "a '(' without its ')'" : "expected one of: == != < <= > >= )",
                   Peek() == '\0' || Peek() == ']' ? opened : at_);
    }
    ++at_;
    step.operands = std::make_shared<const std::pair<Step::Operand, Step::Operand>>(std::move(operands));
    return step;
  }

  Result<Step::Operand> Operand() {
    Step::Operand operand;
    Blanks();
    if (Peek() == '@' || Peek() == '$' || Peek() == '.') {
      operand.path = true;
      QALAM_TRY(operand.steps, Path());
      return operand;
    }
    if (Peek() == '"' || Peek() == '\'') {
      QALAM_TRY(std::string text, Quoted());
      operand.literal = Node::String(std::move(text));
      return operand;
    }
    const std::size_t start = at_;
    while (at_ < text_.size() && (IsNameCharacter(text_[at_]) || text_[at_] == '.' || text_[at_] == '+')) ++at_;
    const std::string word(text_.substr(start, at_ - start));
    if (word == "true" || word == "false") {
      operand.literal = Node::Bool(word == "true");
    } else if (const auto number = ParseNumber(word)) {
      operand.literal = Node::Scalar(Node::Kind::kFloat, word);
    } else {
      return Fault("expected a path (@.name), a number, true, false, or a text in quotes", start);
    }
    return operand;
  }

  // Where a shell took the quotes' backslashes, "\n" has become a line feed already: taken as it is.
  Result<std::string> Quoted() {
    const std::size_t opened = at_;
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote) {
      char c = text_[at_++];
      if (c == '\\' && at_ < text_.size()) {
        c = text_[at_++];
        c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      }
      out += c;
    }
    if (at_ >= text_.size()) return Fault("a quote without its end", opened);
    ++at_;
    return out;
  }

  std::optional<long long> Number() {
    Blanks();
    long long value = 0;
    const char* end = text_.data() + text_.size();
    const auto [stop, error] = std::from_chars(text_.data() + at_, end, value);
    if (error != std::errc()) return std::nullopt;
    at_ = static_cast<std::size_t>(stop - text_.data());
    return value;
  }

  bool Word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    const char after = at_ + word.size() < text_.size() ? text_[at_ + word.size()] : '\0';
    if (IsNameCharacter(after)) return false;
    at_ += word.size();
    return true;
  }
  void Blanks() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == '\n') ++at_;
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  Status Fault(std::string_view what, std::size_t at) const {
    return InvalidArgument("jsonpath: {}, at character {} of '{}'", what, at + 1, text_);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Nodes Find(std::span<const Step> steps, const Node* here, const Node* root);

std::optional<double> NumberOf(const Node& node) { return node.IsScalar() ? ParseNumber(node.text) : std::nullopt; }

const Node* First(const Step::Operand& operand, const Node* here, const Node* root) {
  if (!operand.path) return &operand.literal;
  const Nodes found = Find(operand.steps, here, root);
  return found.empty() ? nullptr : found.front();
}

bool Holds(const Step& filter, const Node* here, const Node* root) {
  const Node* left = First(filter.operands->first, here, root);
  if (left == nullptr || filter.comparison == Comparison::kExists) return left != nullptr;
  const Node* right = First(filter.operands->second, here, root);
  if (right == nullptr) return false;
  const auto a = NumberOf(*left), b = NumberOf(*right);
  const bool numbers = a && b;
  const bool equal = numbers ? *a == *b : left->IsScalar() && right->IsScalar() && left->text == right->text;
  const bool less = numbers ? *a < *b : left->text < right->text;
  switch (filter.comparison) {
    case Comparison::kEqual: return equal;
    case Comparison::kNotEqual: return !equal;
    case Comparison::kLess: return less;
    case Comparison::kLessEqual: return less || equal;
    case Comparison::kGreater: return !less && !equal;
    case Comparison::kGreaterEqual: return !less;
    case Comparison::kExists: break;
  }
  return true;
}

void Children(const Node& node, Nodes* out) {
  for (const Node& item : node.items) out->push_back(&item);
  for (const Node::Entry& entry : node.entries) out->push_back(&entry.value);
}

void Descend(const Step& step, const Node& node, Nodes* out) {
  if (step.names.empty()) out->push_back(&node);
  for (const std::string& name : step.names) {
    if (const Node* found = node.Find(name)) out->push_back(found);
  }
  Nodes children;
  Children(node, &children);
  for (const Node* child : children) Descend(step, *child, out);
}

void Slice(const Step& step, const Node& node, Nodes* out) {
  const auto size = static_cast<long long>(node.items.size());
  const auto from_end = [size](long long at) { return at < 0 ? at + size : at; };
  if (step.single) {
    const long long at = from_end(*step.from);
    if (at >= 0 && at < size) out->push_back(&node.items[static_cast<std::size_t>(at)]);
    return;
  }
  const long long to = std::min(from_end(step.to.value_or(size)), size);
  for (long long at = std::max(0LL, from_end(step.from.value_or(0))); at < to; at += step.step.value_or(1))
    out->push_back(&node.items[static_cast<std::size_t>(at)]);
}

Nodes Find(std::span<const Step> steps, const Node* here, const Node* root) {
  Nodes found = {here};
  for (const Step& step : steps) {
    Nodes next;
    for (const Node* node : found) {
      switch (step.kind) {
        case Step::Kind::kRoot: next = {root}; break;
        case Step::Kind::kNames:
          for (const std::string& name : step.names) {
            if (const Node* child = node->Find(name)) next.push_back(child);
          }
          break;
        case Step::Kind::kDescend: Descend(step, *node, &next); break;
        case Step::Kind::kAll: Children(*node, &next); break;
        case Step::Kind::kSlice: Slice(step, *node, &next); break;
        case Step::Kind::kFilter: {
          Nodes children;
          Children(*node, &children);
          for (const Node* child : children) {
            if (Holds(step, child, root)) next.push_back(child);
          }
          break;
        }
      }
    }
    found = std::move(next);
  }
  return found;
}

void PrintFound(const Nodes& found, std::string* out) {
  for (std::size_t i = 0; i < found.size(); ++i)
    *out += (i > 0 ? " " : "") + (found[i]->IsScalar() ? found[i]->text : ToJson(*found[i]));
}

// ".items[*]" or ".items[?(@...)]", and what follows it.
bool BeginsWithItems(std::span<const Step> steps) {
  if (!steps.empty() && steps[0].kind == Step::Kind::kRoot) steps = steps.subspan(1);
  return steps.size() >= 2 && steps[0].kind == Step::Kind::kNames &&
         steps[0].names == std::vector<std::string>{"items"} &&
         (steps[1].kind == Step::Kind::kAll || steps[1].kind == Step::Kind::kFilter);
}

// Nothing in it goes back to the whole document: no "$", and no operand of a filter that has one.
bool StaysBelow(std::span<const Step> steps) {
  return std::ranges::none_of(steps, [](const Step& step) {
    return step.kind == Step::Kind::kRoot || (step.operands != nullptr && !(StaysBelow(step.operands->first.steps) &&
                                                                            StaysBelow(step.operands->second.steps)));
  });
}

bool StaysBelow(const Pieces& pieces) {
  return std::ranges::all_of(pieces,
                             [](const auto& piece) { return StaysBelow(piece->steps) && StaysBelow(piece->inside); });
}

// The steps from an item on. `item` is as a list of one.
std::span<const Step> FromItem(std::span<const Step> steps) {
  return steps.subspan(steps[0].kind == Step::Kind::kRoot ? 2 : 1);
}

void PrintPieces(const Pieces& pieces, const Node* here, const Node* root, std::string* out) {
  for (const auto& piece : pieces) {
    if (piece->range) {
      for (const Node* item : Find(piece->steps, here, root)) PrintPieces(piece->inside, item, root, out);
    } else if (piece->expression) {
      PrintFound(Find(piece->steps, here, root), out);
    } else {
      *out += piece->text;
    }
  }
}

}  // namespace

Result<JsonPath> JsonPath::Parse(std::string_view text) {
  const bool bare = text.find('{') == std::string_view::npos;
  const std::string whole = bare ? "{" + std::string(text) + "}" : std::string(text);
  QALAM_TRY(Pieces pieces, Parser(whole).Template());
  JsonPath path;
  path.pieces_ = std::move(pieces);
  return path;
}

bool JsonPath::ReadsItemByItem() const {
  return std::ranges::all_of(pieces_, [](const auto& piece) {
    if (!piece->range && !piece->expression) return true;
    return BeginsWithItems(piece->steps) && StaysBelow(FromItem(piece->steps)) && StaysBelow(piece->inside);
  });
}

void JsonPath::Items::Add(const Node& item) {
  Node list = Node::Sequence();
  list.items.push_back(item);
  for (std::size_t i = 0; i < printed_.size(); ++i) {
    const Piece& piece = *path_.pieces_[i];
    if (!piece.range && !piece.expression) continue;
    const Nodes found = Find(FromItem(piece.steps), &list, &list);
    if (piece.range) {
      for (const Node* each : found) PrintPieces(piece.inside, each, &list, &printed_[i].text);
    } else if (!found.empty()) {
      if (std::exchange(printed_[i].any, true)) printed_[i].text += ' ';
      PrintFound(found, &printed_[i].text);
    }
  }
}

std::string JsonPath::Items::Text() const {
  std::string out;
  for (std::size_t i = 0; i < printed_.size(); ++i) {
    const Piece& piece = *path_.pieces_[i];
    out += piece.range || piece.expression ? printed_[i].text : piece.text;
  }
  return out;
}

std::string JsonPath::Print(const Node& document) const {
  std::string out;
  PrintPieces(pieces_, &document, &document, &out);
  return out;
}

}  // namespace qalam
