// SPDX-License-Identifier: Apache-2.0
// A YAML or JSON document as a tree that remembers where each piece stood, so that a fault can be shown in place.
// Reading is experiment/read.h; this is only the tree and how it is printed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"

namespace qalam {

struct Position {
  int line = 0;    // from 1; 0: made by us, not read
  int column = 0;  // from 1, in characters
};

// A value type: copying copies the tree.
class Node {
 public:
  enum class Kind { kNull, kBool, kInt, kFloat, kString, kSequence, kMap };
  struct Entry;

  Node() = default;  // null
  static Node Scalar(Kind kind, std::string text);
  static Node String(std::string text);
  static Node Int(long long value);
  static Node Bool(bool value);
  static Node Float(double value);  // a NaN or infinity becomes a string: JSON has none
  static Node Sequence();
  static Node Map();

  bool IsScalar() const { return kind != Kind::kSequence && kind != Kind::kMap; }
  const Node* Find(std::string_view key) const;  // in a map; nullptr if absent
  const Node* FindPath(std::initializer_list<std::string_view> path) const;
  Node& Set(std::string key, Node value);  // append or replace; returns the value kept
  Node& Add(Node item);                    // to a sequence

  Kind kind = Kind::kNull;
  std::string text;            // scalar as written ("0.10", "true"); JSON/YAML escapes already undone
  std::vector<Node> items;     // sequence
  std::vector<Entry> entries;  // map, in the order written
  Position position;
};
struct Node::Entry {
  std::string key;
  Position key_position;
  Node value;
};

// Below Entry, because a Node can be destroyed only where its entries are known.
inline Node Node::Scalar(Kind kind, std::string text) {
  Node n;
  n.kind = kind, n.text = std::move(text);
  return n;
}
inline Node Node::String(std::string text) { return Scalar(Kind::kString, std::move(text)); }
inline Node Node::Int(long long value) { return Scalar(Kind::kInt, std::to_string(value)); }
inline Node Node::Bool(bool value) { return Scalar(Kind::kBool, value ? "true" : "false"); }
inline Node Node::Sequence() { return Scalar(Kind::kSequence, ""); }
inline Node Node::Map() { return Scalar(Kind::kMap, ""); }

std::string ToJson(const Node& node, int indent = -1);  // one line, or indented by `indent`
std::string ToYaml(const Node& node);                   // block style, ends with a newline; reads back as equal
bool SameValue(const Node& a, const Node& b);           // same kinds, texts and keys; positions and key order ignored

}  // namespace qalam
