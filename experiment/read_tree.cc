// SPDX-License-Identifier: Apache-2.0
// Trees from parser events: limits, duplicate keys, merge keys.
#include "experiment/read_tree.h"

#include <algorithm>
#include <set>

#include "core/utf8.h"

namespace qalam {
namespace {

bool StartsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

}  // namespace

std::string Shown(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char32_t c = TakeCodePoint(text);
    if (IsControl(c)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      AppendCodePoint(c, &out);
    }
  }
  return out;
}

Places::Places(std::string_view text) : text_(text), line_starts_{0} {
  for (const char byte : text) {
    if (StartsCharacter(byte)) ++characters_;
    if (byte == '\n') line_starts_.push_back(characters_);
  }
}

Position Places::OfCharacter(std::size_t index) const {
  index = std::min(index, characters_);
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), index);
  return {static_cast<int>(next - line_starts_.begin()), static_cast<int>(index - *std::prev(next)) + 1};
}

Position Places::OfByte(std::size_t offset) const {
  const std::string_view before = text_.substr(0, offset);
  return OfCharacter(static_cast<std::size_t>(std::count_if(before.begin(), before.end(), StartsCharacter)));
}

void TreeBuilder::Fault(const Position& position, std::string_view message) {
  ok_ = false;
  faults_->Error(position, "", Shown(message));
}

bool TreeBuilder::Count(const Position& position) {
  if (++nodes_ <= limits_.nodes) return true;
  Fault(position,
        fmt::format("more than {} values (aliases written out): that is the most that is read", limits_.nodes));
  return false;
}

bool TreeBuilder::Add(Node scalar) {
  if (!Count(scalar.position)) return false;
  Place(std::move(scalar));
  return true;
}

bool TreeBuilder::Open(Node collection) {
  if (!Count(collection.position)) return false;
  if (static_cast<int>(open_.size()) >= limits_.depth) {
    Fault(collection.position,
          fmt::format("nested more than {} levels deep: that is the most that is read", limits_.depth));
    return false;
  }
  open_.push_back({std::move(collection), {}, {}, false, {}});
  return true;
}

void TreeBuilder::Close() {
  Frame frame = std::move(open_.back());
  open_.pop_back();
  if (frame.node.kind == Node::Kind::kMap) {
    CheckKeys(frame.node);
    Merge(&frame);
  }
  Place(std::move(frame.node));
}

void TreeBuilder::Key(std::string key, Position position) {
  Frame& frame = open_.back();
  frame.key = std::move(key);
  frame.key_position = position;
  frame.merging = false;
}

void TreeBuilder::MergeKey(Position position) {
  Key("<<", position);
  open_.back().merging = true;
}

void TreeBuilder::Place(Node node) {
  if (open_.empty()) {
    root_ = std::move(node);
    return;
  }
  Frame& frame = open_.back();
  if (frame.node.kind == Node::Kind::kSequence) {
    frame.node.items.push_back(std::move(node));
  } else if (frame.merging) {
    frame.merged.push_back(std::move(node));
  } else {
    frame.node.entries.push_back({std::move(frame.key), frame.key_position, std::move(node)});
  }
}

std::optional<Node> TreeBuilder::Take() { return std::exchange(root_, std::nullopt); }

void TreeBuilder::CheckKeys(const Node& map) {
  std::vector<const Node::Entry*> sorted;
  sorted.reserve(map.entries.size());
  for (const Node::Entry& entry : map.entries) sorted.push_back(&entry);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i]->key != sorted[i - 1]->key) continue;
    const Position& first = sorted[i - 1]->key_position;
    Fault(sorted[i]->key_position, fmt::format("the key '{}' stands here a second time (first: line {}, column {})",
                                               sorted[i]->key, first.line, first.column));
  }
}

// YAML 1.1's merge: keys of the map itself win, then those of earlier merged maps.
void TreeBuilder::Merge(Frame* frame) {
  if (frame->merged.empty()) return;
  std::set<std::string> present;
  for (const Node::Entry& entry : frame->node.entries) present.insert(entry.key);
  const auto take = [&](Node& source) {
    if (source.kind != Node::Kind::kMap) {
      Fault(source.position, "'<<' takes a map or a list of maps");
      return;
    }
    for (Node::Entry& entry : source.entries) {
      if (present.insert(entry.key).second) frame->node.entries.push_back(std::move(entry));
    }
  };
  for (Node& source : frame->merged) {
    if (source.kind == Node::Kind::kSequence) {
      for (Node& item : source.items) take(item);
    } else {
      take(source);
    }
  }
}

}  // namespace qalam
