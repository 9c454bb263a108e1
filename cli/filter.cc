// SPDX-License-Identifier: Apache-2.0
#include "cli/filter.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/decimal.h"

namespace qalam {

struct Filter::Node {
  enum class Kind { kAnd, kOr, kNot, kComparison };
  Kind kind = Kind::kComparison;
  std::shared_ptr<const Node> left, right;
  std::string name, comparison, value;
};

namespace {

using NodePtr = std::shared_ptr<const Filter::Node>;

constexpr std::array<std::string_view, 7> kComparisons = {"==", "!=", "<=", ">=", "=", "<", ">"};  // the longer first

std::string Lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

class Parser {
 public:
  Parser(std::string_view text, std::vector<std::string>* names) : text_(text), names_(*names) {}

  Result<NodePtr> Whole() {
    QALAM_TRY(NodePtr node, Either());
    Blanks();
    if (at_ < text_.size()) return Fault("expected 'and' or 'or'");
    return node;
  }

 private:
  Result<NodePtr> Either() { return Joined("or", Filter::Node::Kind::kOr, &Parser::Both); }
  Result<NodePtr> Both() { return Joined("and", Filter::Node::Kind::kAnd, &Parser::One); }

  Result<NodePtr> Joined(std::string_view word, Filter::Node::Kind kind, Result<NodePtr> (Parser::*part)()) {
    QALAM_TRY(NodePtr left, (this->*part)());
    while (Word(word)) {
      QALAM_TRY(NodePtr right, (this->*part)());
      auto node = std::make_shared<Filter::Node>();
      node->kind = kind;
      node->left = std::move(left);
      node->right = std::move(right);
      left = std::move(node);
    }
    return left;
  }

  Result<NodePtr> One() {
    if (++depth_ > 100) return Fault("too many parentheses");
    auto node = std::make_shared<Filter::Node>();
    if (Word("not")) {
      node->kind = Filter::Node::Kind::kNot;
      QALAM_TRY(node->left, One());
    } else if (Blanks(); Peek() == '(') {
      ++at_;
      QALAM_TRY(NodePtr inside, Either());
      Blanks();
      if (Peek() != ')') return Fault("expected ')'");
      ++at_;
      --depth_;
      return inside;
    } else {
      QALAM_TRY(node->name, Text("a column, as in lr<1e-3"));
      Blanks();
      const auto comparison = std::ranges::find_if(
          kComparisons, [this](std::string_view word) { return text_.substr(at_).starts_with(word); });
      if (comparison == kComparisons.end()) return Fault("expected one of: = != < <= > >=");
      node->comparison = *comparison == "==" ? "=" : *comparison;
      at_ += comparison->size();
      QALAM_TRY(node->value, Text("a value"));
      names_.push_back(node->name);
    }
    --depth_;
    return NodePtr(node);
  }

  Result<std::string> Text(std::string_view wanted) {
    Blanks();
    if (Peek() == '\'' || Peek() == '"') {
      const std::size_t end = text_.find(Peek(), at_ + 1);
      if (end == std::string_view::npos) return Fault("a quote without its end");
      const std::string text(text_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
      return text;
    }
    const std::size_t end = std::min(text_.find_first_of(" \t()=!<>'\"", at_), text_.size());
    if (end == at_) return Fault(fmt::format("expected {}", wanted));
    const std::string text(text_.substr(at_, end - at_));
    at_ = end;
    return text;
  }

  bool Word(std::string_view word) {
    Blanks();
    if (Lower(text_.substr(at_, word.size())) != word) return false;
    const std::size_t after = at_ + word.size();
    if (after < text_.size() && text_[after] != ' ' && text_[after] != '\t' && text_[after] != '(') return false;
    at_ = after;
    return true;
  }
  void Blanks() { at_ = std::min(text_.find_first_not_of(" \t", at_), text_.size()); }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  Status Fault(std::string_view what) const {
    return InvalidArgument("--filter: {}, at character {} of '{}'", what, at_ + 1, text_);
  }

  std::string_view text_;
  std::vector<std::string>& names_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

bool Compare(const Filter::Node& node, const std::optional<std::string>& found) {
  if (!found) return node.comparison == "!=";
  const auto a = ParseNumber(*found), b = ParseNumber(node.value);
  const bool equal = a && b ? *a == *b : Lower(*found) == Lower(node.value);
  if (node.comparison == "=") return equal;
  if (node.comparison == "!=") return !equal;
  if (!a || !b) return false;
  if (node.comparison == "<") return *a < *b;
  if (node.comparison == "<=") return *a <= *b;
  return node.comparison == ">" ? *a > *b : *a >= *b;
}

bool Evaluate(const Filter::Node& node, const Filter::Lookup& value_of) {
  switch (node.kind) {
    case Filter::Node::Kind::kAnd: return Evaluate(*node.left, value_of) && Evaluate(*node.right, value_of);
    case Filter::Node::Kind::kOr: return Evaluate(*node.left, value_of) || Evaluate(*node.right, value_of);
    case Filter::Node::Kind::kNot: return !Evaluate(*node.left, value_of);
    case Filter::Node::Kind::kComparison: break;
  }
  return Compare(node, value_of(node.name));
}

}  // namespace

Result<Filter> Filter::Parse(std::string_view text) {
  Filter filter;
  QALAM_TRY(filter.root_, Parser(text, &filter.names_).Whole());
  return filter;
}

bool Filter::Holds(const Lookup& value_of) const { return Evaluate(*root_, value_of); }

}  // namespace qalam
