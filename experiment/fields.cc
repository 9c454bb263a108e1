// SPDX-License-Identifier: Apache-2.0
// Faults are words for a person: what was found, what is allowed.
#include "experiment/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "experiment/read_tree.h"

namespace qalam {

void FaultList::Error(const Position& position, std::string field, std::string message) {
  all_.push_back({Diagnostic::Severity::kError, "", position, std::move(field), std::move(message)});
}

void FaultList::Warning(const Position& position, std::string field, std::string message) {
  all_.push_back({Diagnostic::Severity::kWarning, "", position, std::move(field), std::move(message)});
}

void FaultList::UnknownField(const Position& position, std::string field, std::string message) {
  if (strict_) {
    Error(position, std::move(field), std::move(message));
  } else {
    Warning(position, std::move(field), std::move(message));
  }
}

void FaultList::NotHere(const Position& position, std::string field, std::string message) {
  if (to_run_) {
    Error(position, std::move(field), std::move(message));
  } else {
    Warning(position, std::move(field), std::move(message));
  }
}

// NearestWord takes the first of those that are equally near: asked from both ends it tells whether there are two.
void FaultList::CanReplace(const Position& at, std::string_view found, std::vector<std::string> known) {
  std::string nearest = NearestWord(found, known);
  std::ranges::reverse(known);
  if (nearest.empty() || nearest != NearestWord(found, known)) return;
  CanFix({Fix::Kind::kReplace, at, std::string(found), std::move(nearest), {}});
}

bool FaultList::HasErrors() const {
  return std::ranges::any_of(all_, [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::kError; });
}

void FaultList::MoveTo(Diagnostics* faults) {
  std::ranges::stable_sort(all_, {}, [](const Diagnostic& d) { return std::pair(d.position.line, d.position.column); });
  for (const Diagnostic& d : all_) {
    if (d.severity == Diagnostic::Severity::kError) {
      faults->Error(d.position, Shown(d.field), Shown(d.message));
    } else {
      faults->Warning(d.position, Shown(d.field), Shown(d.message));
    }
  }
  all_.clear();
}

std::string DidYouMean(std::string_view found, const std::vector<std::string>& known) {
  const std::string nearest = NearestWord(found, known);
  return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

std::string JoinWords(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

std::string Describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull: return "nothing";
    case Node::Kind::kBool: return fmt::format("the bool {}", node.text);
    case Node::Kind::kInt:
    case Node::Kind::kFloat: return fmt::format("the number {}", node.text);
    case Node::Kind::kString: return node.text.size() > 60 ? "a text" : fmt::format("the text '{}'", node.text);
    case Node::Kind::kSequence: return "a list";
    case Node::Kind::kMap: return "a map";
  }
  return "";
}

std::optional<std::string> TextOf(const Node& node, const std::string& path, FaultList* faults) {
  if (node.IsScalar() && node.kind != Node::Kind::kNull) return node.text;
  faults->Error(node.position, path, fmt::format("must be a text, found {}", Describe(node)));
  return std::nullopt;
}

Fields::Fields(const Node* node, std::string path, const Position& where, FaultList* faults)
    : Fields(node, nullptr, std::move(path), where, faults) {}

Fields::Fields(const Node* node, const FieldGroup* group, std::string path, const Position& where, FaultList* faults)
    : group_(group), path_(std::move(path)), where_(where), faults_(faults) {
  if (node == nullptr || node->kind == Node::Kind::kNull) return;
  if (node->kind == Node::Kind::kMap) {
    map_ = node;
  } else {
    faults_->Error(node->position, path_, fmt::format("must be a map of fields, found {}", Describe(*node)));
  }
}

Fields::Fields(const ListItem& item, FaultList* faults)
    : Fields(item.node, item.group, item.path, item.node->position, faults) {
  if (item.node->kind == Node::Kind::kNull) {
    faults->Error(item.node->position, item.path, "must be a map of fields, found nothing");
  }
}

std::string Fields::Path(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const Node::Entry* Fields::FindEntry(std::string_view key) const {
  if (map_ == nullptr) return nullptr;
  const auto found = std::ranges::find(map_->entries, key, &Node::Entry::key);
  return found == map_->entries.end() ? nullptr : &*found;
}

Position Fields::At(std::string_view key) const {
  const Node::Entry* entry = FindEntry(key);
  if (entry == nullptr) return where_;
  const bool word = entry->value.IsScalar() && entry->value.kind != Node::Kind::kNull;
  return word ? entry->value.position : entry->key_position;
}

void Fields::CheckKnown(std::string_view key) const {
  if (group_ == nullptr) return;
  QALAM_CHECK(group_->Find(key) != nullptr || std::ranges::find(group_->ignored, key) != group_->ignored.end(),
              fmt::format("'{}' is in the table of the fields of '{}'", key, path_));
}

Position Fields::KeyAt(std::string_view key) const {
  const Node::Entry* entry = FindEntry(key);
  return entry == nullptr ? where_ : entry->key_position;
}

const Node* Fields::Take(std::string_view key) {
  CheckKnown(key);
  if (group_ == nullptr) known_.emplace_back(key);
  const Node::Entry* entry = FindEntry(key);
  return entry == nullptr || entry->value.kind == Node::Kind::kNull ? nullptr : &entry->value;
}

Fields Fields::Map(std::string_view key) {
  const Node* node = Take(key);
  const Node::Entry* entry = FindEntry(key);
  const Field* field = group_ == nullptr ? nullptr : group_->Find(key);
  return Fields(node, field == nullptr ? nullptr : field->below, Path(key),
                entry == nullptr ? where_ : entry->key_position, faults_);
}

void Fields::WrongKind(std::string_view key, const Node& found, std::string_view wanted, std::string advice) const {
  faults_->Error(found.position, Path(key), fmt::format("must be {}, found {}{}", wanted, Describe(found), advice));
}

std::vector<ListItem> Fields::List(std::string_view key) {
  const Node* node = Take(key);
  std::vector<ListItem> items;
  if (node == nullptr) return items;
  if (node->kind != Node::Kind::kSequence) {
    WrongKind(key, *node, "a list");
    return items;
  }
  const Field* field = group_ == nullptr ? nullptr : group_->Find(key);
  for (const Node& item : node->items) {
    items.push_back({&item, fmt::format("{}[{}]", Path(key), items.size()), field == nullptr ? nullptr : field->below});
  }
  return items;
}

std::optional<std::string> Fields::Text(std::string_view key) {
  const Node* node = Take(key);
  return node == nullptr ? std::nullopt : TextOf(*node, Path(key), faults_);
}

std::vector<std::string> Fields::Texts(std::string_view key) {
  std::vector<std::string> texts;
  for (const ListItem& item : List(key)) {
    if (auto text = TextOf(*item.node, item.path, faults_)) texts.push_back(*std::move(text));
  }
  return texts;
}

std::map<std::string, std::string> Fields::TextMap(std::string_view key, std::string_view except) {
  std::map<std::string, std::string> texts;
  const Fields map = Map(key);
  if (!map.present()) return texts;
  for (const Node::Entry& entry : map.map_->entries) {
    if (!except.empty() && entry.key == except) continue;
    if (auto text = TextOf(entry.value, map.Path(entry.key), faults_)) texts[entry.key] = *std::move(text);
  }
  return texts;
}

std::optional<int> Fields::Whole(const Node& node, const std::string& path) const {
  if (node.kind != Node::Kind::kInt) {
    const bool quoted = node.kind == Node::Kind::kString && !node.text.empty() &&
                        node.text.find_first_not_of("0123456789") == std::string::npos;
    faults_->Error(
        node.position, path,
        fmt::format("must be a whole number, found {}{}", Describe(node), quoted ? "; take the quotes away" : ""));
    if (quoted) faults_->CanFix({Fix::Kind::kUnquote, node.position, node.text, "", {}});
    return std::nullopt;
  }
  int value = 0;
  const char* end = node.text.data() + node.text.size();
  if (std::from_chars(node.text.data(), end, value).ec != std::errc()) {
    faults_->Error(
        node.position, path,
        fmt::format("{} is too large in size: at most {} is allowed", node.text, std::numeric_limits<int>::max()));
    return std::nullopt;
  }
  return value;
}

std::optional<int> Fields::Count(std::string_view key) {
  const Node* node = Take(key);
  return node == nullptr ? std::nullopt : Whole(*node, Path(key));
}

std::vector<int> Fields::Counts(std::string_view key, int least) {
  std::vector<int> counts;
  for (const ListItem& item : List(key)) {
    const std::optional<int> count = Whole(*item.node, item.path);
    if (!count) continue;
    if (*count < least)
      faults_->Error(item.node->position, item.path, fmt::format("{} must be at least {}", *count, least));
    counts.push_back(*count);
  }
  return counts;
}

std::optional<double> Fields::Number(std::string_view key) {
  const Node* node = Take(key);
  if (node == nullptr) return std::nullopt;
  double value = 0;
  const char* end = node->text.data() + node->text.size();
  const auto [stop, error] = std::from_chars(node->text.data(), end, value);
  const bool number = stop == end && error == std::errc() && std::isfinite(value);
  if (node->kind != Node::Kind::kInt && node->kind != Node::Kind::kFloat) {
    const bool quoted = node->kind == Node::Kind::kString && number;
    WrongKind(key, *node, "a number", quoted ? "; take the quotes away" : "");
    if (quoted) faults_->CanFix({Fix::Kind::kUnquote, node->position, node->text, "", {}});
    return std::nullopt;
  }
  if (!number) {
    faults_->Error(node->position, Path(key), fmt::format("{} is not a number that a double can hold", node->text));
    return std::nullopt;
  }
  return value;
}

// yes, no, on and off are texts here, but bools to Kubernetes' reader: where a bool is wanted, both agree.
std::optional<bool> Fields::Flag(std::string_view key) {
  const Node* node = Take(key);
  if (node == nullptr) return std::nullopt;
  std::string word = node->text;
  std::ranges::transform(word, word.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (node->kind == Node::Kind::kBool) return word == "true";
  if (node->kind == Node::Kind::kString && (word == "yes" || word == "on")) return true;
  if (node->kind == Node::Kind::kString && (word == "no" || word == "off")) return false;
  WrongKind(key, *node, "true or false");
  return std::nullopt;
}

void Fields::Error(std::string_view key, std::string message) const {
  faults_->Error(At(key), Path(key), std::move(message));
}

void Fields::Warning(std::string_view key, std::string message) const {
  faults_->Warning(At(key), Path(key), std::move(message));
}

void Fields::NotHere(std::string_view key, std::string message) const {
  faults_->NotHere(At(key), Path(key), std::move(message));
}

void Fields::NotOneOf(std::string_view key, std::string_view found, const std::vector<std::string>& known) const {
  Error(key, fmt::format("'{}' is not one of: {}{}", found, JoinWords(known), DidYouMean(found, known)));
  faults_->CanReplace(At(key), found, known);
}

void Fields::Finish(std::initializer_list<std::string_view> ignored) {
  if (map_ == nullptr) return;
  const std::vector<std::string> known = group_ == nullptr ? known_ : group_->Names();
  for (const Node::Entry& entry : map_->entries) {
    if (std::ranges::find(known, entry.key) != known.end()) continue;
    if (std::ranges::find(ignored, entry.key) != ignored.end()) continue;
    if (group_ != nullptr && std::ranges::find(group_->ignored, entry.key) != group_->ignored.end()) continue;
    faults_->UnknownField(entry.key_position, Path(entry.key),
                          fmt::format("unknown field, not used{}", DidYouMean(entry.key, known)));
    std::vector<std::string> absent;  // a field that is there already is not meant
    std::ranges::copy_if(known, std::back_inserter(absent),
                         [this](const std::string& name) { return FindEntry(name) == nullptr; });
    if (NearestWord(entry.key, known) == NearestWord(entry.key, absent))
      faults_->CanReplace(entry.key_position, entry.key, absent);
  }
}

}  // namespace qalam
