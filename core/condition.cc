// SPDX-License-Identifier: Apache-2.0
#include "core/condition.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/words.h"

namespace qalam {
namespace {

constexpr std::array<std::string_view, 6> kRelations = {"in", "not in", ">=", ">", "<=", "<"};
constexpr std::string_view kForm =
    "write  PARENT == VALUE,  PARENT in [A, B]  or  PARENT >= NUMBER,  and then  , else VALUE";

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) { SkipBlanks(); }

  Result<ParameterCondition> Read() {
    ParameterCondition out;
    if (rest_.empty()) return InvalidArgument("there is no condition; {}", kForm);
    QALAM_TRY(out.parent, Word(" \t=!<>,[]"));
    if (out.parent.empty()) return InvalidArgument("the parent's name is missing before '{}'; {}", rest_, kForm);
    SkipBlanks();
    QALAM_RETURN_IF_ERROR(ReadRelation(&out));
    SkipBlanks();
    if (rest_.empty()) return out;
    if (!Take(',')) return InvalidArgument("'{}' is one thing too many; {}", rest_, kForm);
    SkipBlanks();
    if (!TakeWord("else")) return InvalidArgument("'{}' is not expected after the comma; {}", rest_, kForm);
    SkipBlanks();
    if (rest_.empty()) return InvalidArgument("a value is missing after 'else'; write  else ''  for none");
    QALAM_TRY(out.otherwise, Word(""));
    SkipBlanks();
    if (!rest_.empty()) return InvalidArgument("'{}' is one thing too many after the quotes", rest_);
    return out;
  }

 private:
  Status ReadRelation(ParameterCondition* out) {
    if (TakeWord("in")) {
      out->relation = Relation::kIn;
      return ReadList(out);
    }
    if (TakeWord("not")) {
      SkipBlanks();
      if (!TakeWord("in")) return InvalidArgument("'in' is missing after 'not'; write  not in [A, B]");
      out->relation = Relation::kNotIn;
      return ReadList(out);
    }
    constexpr std::array<std::pair<std::string_view, Relation>, 6> kSigns = {{{"==", Relation::kIn},
                                                                              {"!=", Relation::kNotIn},
                                                                              {">=", Relation::kAtLeast},
                                                                              {"<=", Relation::kAtMost},
                                                                              {">", Relation::kAbove},
                                                                              {"<", Relation::kBelow}}};
    for (const auto& [sign, relation] : kSigns) {
      if (!rest_.starts_with(sign)) continue;
      rest_.remove_prefix(sign.size());
      out->relation = relation;
      SkipBlanks();
      QALAM_TRY(const Found value, Value());
      if (!value.there) return InvalidArgument("a value is missing after '{}'", sign);
      out->values.push_back(value.text);
      return OkStatus();
    }
    if (rest_.starts_with('=')) return InvalidArgument("'=' is not a comparison; write  ==");
    if (rest_.empty()) return InvalidArgument("'{}' alone says no values; {}", out->parent, kForm);
    return InvalidArgument("'{}' is not a comparison; {}", rest_, kForm);
  }

  Status ReadList(ParameterCondition* out) {
    SkipBlanks();
    if (!Take('[')) return InvalidArgument("a list in brackets is missing after 'in'; write  in [A, B]");
    do {
      SkipBlanks();
      QALAM_TRY(const Found value, Value());
      if (!value.there) return InvalidArgument("a value is missing in the list");
      out->values.push_back(value.text);
      SkipBlanks();
    } while (Take(','));
    if (!Take(']')) return InvalidArgument("the ']' at the end of the list is missing");
    return OkStatus();
  }

  struct Found {
    bool there;  // '' in quotes is there, though empty
    std::string text;
  };
  Result<Found> Value() {
    const bool quoted = !rest_.empty() && (rest_[0] == '"' || rest_[0] == '\'');
    QALAM_TRY(std::string text, Word(",[]"));
    const bool there = quoted || !text.empty();
    return Found{there, std::move(text)};
  }

  // In quotes, or up to one of `ends`, without blanks at its end. In quotes a backslash keeps the next sign.
  Result<std::string> Word(std::string_view ends) {
    std::string out;
    if (!rest_.empty() && (rest_[0] == '"' || rest_[0] == '\'')) {
      const char quote = rest_[0];
      for (std::size_t i = 1; i < rest_.size(); ++i) {
        if (rest_[i] == quote) {
          rest_.remove_prefix(i + 1);
          return out;
        }
        if (rest_[i] == '\\' && i + 1 < rest_.size()) {
          ++i;
          out += rest_[i] == 'n' ? '\n' : rest_[i];
        } else {
          out += rest_[i];
        }
      }
      return InvalidArgument("a {} without its end", quote);
    }
    const std::size_t end = std::min(rest_.find_first_of(ends), rest_.size());
    out = rest_.substr(0, end);
    rest_.remove_prefix(end);
    while (!out.empty() && IsBlank(out.back())) out.pop_back();
    return out;
  }

  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // A word by itself: not the beginning of a longer one.
  bool TakeWord(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    if (rest_.size() > word.size() && !IsBlank(rest_[word.size()]) && rest_[word.size()] != '[') return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void SkipBlanks() {
    while (!rest_.empty() && IsBlank(rest_[0])) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

}  // namespace

std::string_view ToString(Relation relation) { return WordOf(kRelations, relation); }

Result<ParameterCondition> ParseCondition(std::string_view text) { return Parser(text).Read(); }

std::string ConditionWord(std::string_view word) {
  const bool plain = !word.empty() && word.find_first_of(",[]\"'\\\n\t=!<>#{}") == std::string_view::npos &&
                     !IsBlank(word.front()) && !IsBlank(word.back());
  if (plain) return std::string(word);
  std::string out = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string ConditionText(const ParameterCondition& condition) {
  std::vector<std::string> values;
  for (const std::string& value : condition.values) values.push_back(ConditionWord(value));
  std::string parent = ConditionWord(condition.parent);
  if (parent == condition.parent && parent.find(' ') != std::string::npos) parent = '"' + parent + '"';
  if (IsOrder(condition.relation)) return fmt::format("{} {} {}", parent, ToString(condition.relation), values[0]);
  if (values.size() == 1) {
    return fmt::format("{} {} {}", parent, condition.relation == Relation::kIn ? "==" : "!=", values[0]);
  }
  return fmt::format("{} {} [{}]", parent, ToString(condition.relation), fmt::join(values, ", "));
}

std::string ToString(const ParameterCondition& condition) {
  std::string out = ConditionText(condition);
  if (condition.otherwise) out += ", else " + ConditionWord(*condition.otherwise);
  return out;
}

}  // namespace qalam
