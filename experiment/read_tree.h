// SPDX-License-Identifier: Apache-2.0
// What the YAML and the JSON reader share: places in a text, and the building of trees under limits.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.h"
#include "core/document.h"
#include "experiment/read.h"

namespace qalam {

// Lines and columns (in characters) of places in a UTF-8 text. A line ends at '\n'.
class Places {
 public:
  explicit Places(std::string_view text);
  Position OfCharacter(std::size_t index) const;  // from 0
  Position OfByte(std::size_t offset) const;
  std::size_t characters() const { return characters_; }

 private:
  std::string_view text_;
  std::vector<std::size_t> line_starts_;  // in characters
  std::size_t characters_ = 0;
};

// Builds trees from the events of a parser. Counts nodes over all trees of one text. Add and Open return false when a
// limit is passed: the fault has been said and reading is to end.
class TreeBuilder {
 public:
  TreeBuilder(const ReadLimits& limits, Diagnostics* faults) : limits_(limits), faults_(faults) {}

  bool Add(Node scalar);
  bool Open(Node collection);  // an empty sequence or map
  void Close();
  void Key(std::string key, Position position);  // of the value that comes next
  void MergeKey(Position position);              // "<<": the value that comes next gives its keys to the open map
  // The tree, when its root is complete.
  std::optional<Node> Take();
  bool ok() const { return ok_; }
  void Fault(const Position& position, std::string_view message);

 private:
  struct Frame {
    Node node;
    std::string key;
    Position key_position;
    bool merging = false;
    std::vector<Node> merged;
  };
  bool Count(const Position& position);
  void Place(Node node);
  void CheckKeys(const Node& map);
  void Merge(Frame* frame);

  const ReadLimits& limits_;
  Diagnostics* faults_;
  std::vector<Frame> open_;
  std::optional<Node> root_;
  int nodes_ = 0;
  bool ok_ = true;
};

// Text of a file as it may stand in a message: control characters would move a terminal's cursor.
std::string Shown(std::string_view text);

// The two languages. UTF-8 has been checked. On a fault the list is empty.
std::vector<Node> ReadYamlText(std::string_view text, const ReadLimits& limits, Diagnostics* faults);
std::vector<Node> ReadJsonText(std::string_view text, const ReadLimits& limits, Diagnostics* faults);

// A plain (unquoted) YAML scalar, typed: YAML 1.2's core schema, and octal as Kubernetes' reader has it.
Node ResolvePlainScalar(std::string_view text);

}  // namespace qalam
