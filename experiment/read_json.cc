// SPDX-License-Identifier: Apache-2.0
// JSON by nlohmann's SAX parser. Its events carry no positions, but they come in the order of the text: a cursor
// walks along and says where each token stands, and what a number looked like.
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "experiment/read_tree.h"

namespace qalam {
namespace {

class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  // Moves over what stands between tokens. The parser has seen that the grammar is right.
  Position Seek() {
    while (at_ < text_.size() && std::string_view(" \t\r\n,:").find(text_[at_]) != std::string_view::npos) Step();
    return {line_, column_};
  }
  void SkipCharacter() { Step(); }
  void SkipString() {
    Step();
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\') Step();
      Step();
    }
    Step();
  }
  std::string SkipWord() {  // a number or a literal
    const std::size_t from = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '+' ||
                                  text_[at_] == '-' || text_[at_] == '.')) {
      Step();
    }
    return std::string(text_.substr(from, at_ - from));
  }

 private:
  void Step() {
    if (at_ >= text_.size()) return;
    if (text_[at_] == '\n') {
      ++line_, column_ = 1, ++at_;
      return;
    }
    for (++at_; at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xC0) == 0x80;) ++at_;
    ++column_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1, column_ = 1;
};

class Handler final : public nlohmann::json::json_sax_t {
 public:
  Handler(std::string_view text, const ReadLimits& limits, Diagnostics* faults)
      : text_(text), cursor_(text), builder_(limits, faults) {}

  bool null() override { return Word(Node::Kind::kNull); }
  bool boolean(bool /*value*/) override { return Word(Node::Kind::kBool); }
  bool number_integer(number_integer_t /*value*/) override { return Word(Node::Kind::kInt); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return Word(Node::Kind::kInt); }
  bool number_float(number_float_t /*value*/, const string_t& text) override {
    // An integer of more than 64 bits comes here too.
    const bool whole = text.find_first_of(".eE") == std::string::npos;
    return Word(whole ? Node::Kind::kInt : Node::Kind::kFloat);
  }
  bool string(string_t& value) override {
    Node node = Node::String(std::move(value));
    node.position = cursor_.Seek();
    cursor_.SkipString();
    return builder_.Add(std::move(node));
  }
  bool binary(binary_t& /*value*/) override { return false; }  // not in JSON text
  bool start_object(std::size_t /*size*/) override { return Open(Node::Map()); }
  bool start_array(std::size_t /*size*/) override { return Open(Node::Sequence()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& value) override {
    const Position position = cursor_.Seek();
    cursor_.SkipString();
    builder_.Key(std::move(value), position);
    return true;
  }
  bool parse_error(std::size_t bytes_read, const std::string& /*last_token*/,
                   const nlohmann::json::exception& error) override {
    std::string_view what = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing value - ..."
    for (const std::string_view head : {"] ", "syntax error while "}) {
      if (const std::size_t at = what.find(head); at != std::string_view::npos) what.remove_prefix(at + head.size());
    }
    builder_.Fault(Places(text_).OfByte(bytes_read == 0 ? 0 : bytes_read - 1),
                   fmt::format("not JSON: {} (a text that begins with '{{' or '[' is read as JSON)", what));
    return false;
  }

  std::optional<Node> Take() { return builder_.ok() ? builder_.Take() : std::nullopt; }

 private:
  bool Word(Node::Kind kind) {
    const Position position = cursor_.Seek();
    Node node = Node::Scalar(kind, cursor_.SkipWord());
    if (kind == Node::Kind::kNull) node.text.clear();
    node.position = position;
    return builder_.Add(std::move(node));
  }
  bool Open(Node collection) {
    collection.position = cursor_.Seek();
    cursor_.SkipCharacter();
    return builder_.Open(std::move(collection));
  }
  bool Close() {
    cursor_.Seek();
    cursor_.SkipCharacter();
    builder_.Close();
    return true;
  }

  std::string_view text_;
  Cursor cursor_;
  TreeBuilder builder_;
};

}  // namespace

std::vector<Node> ReadJsonText(std::string_view text, const ReadLimits& limits, Diagnostics* faults) {
  Handler handler(text, limits, faults);
  nlohmann::json::sax_parse(text.begin(), text.end(), &handler);
  std::vector<Node> documents;
  if (auto root = handler.Take()) documents.push_back(*std::move(root));
  return documents;
}

}  // namespace qalam
