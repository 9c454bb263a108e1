// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace qalam {

Reader Reader::Below(const Node::Entry& entry) const {
  return Reader(entry.value, path_.empty() ? entry.key : path_ + '.' + entry.key, faults_);
}

std::optional<Reader> Reader::Find(std::string_view key) const {
  for (const Node::Entry& entry : node_->entries) {
    if (entry.key == key && entry.value.kind != Node::Kind::kNull) return Below(entry);
  }
  return std::nullopt;
}

std::vector<Reader> Reader::Items(std::string_view key) const {
  std::vector<Reader> items;
  const auto list = Find(key);
  if (!list) return items;
  if (list->node().kind != Node::Kind::kSequence) {
    list->Error("is to be a list");
    return items;
  }
  for (std::size_t i = 0; i < list->node().items.size(); ++i) {
    items.emplace_back(list->node().items[i], fmt::format("{}[{}]", list->path_, i), faults_);
  }
  return items;
}

std::optional<std::string> Reader::Scalar() const {
  if (node_->IsScalar() && node_->kind != Node::Kind::kNull) return node_->text;
  Error("is to be text");
  return std::nullopt;
}

std::string Reader::Text(std::string_view key) const {
  const auto found = Find(key);
  return found ? found->Scalar().value_or("") : "";
}

std::vector<std::string> Reader::Texts(std::string_view key) const {
  std::vector<std::string> texts;
  for (const Reader& item : Items(key)) {
    if (auto text = item.Scalar()) texts.push_back(*std::move(text));
  }
  return texts;
}

std::optional<long long> Reader::Whole(std::string_view key, long long min, long long most) const {
  const auto found = Find(key);
  if (!found) return std::nullopt;
  const std::string& text = found->node().text;
  long long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!found->node().IsScalar() || error != std::errc() || end != text.data() + text.size() || number < min) {
    found->Error(fmt::format("'{}' is to be a whole number, at least {}", text, min));
    return std::nullopt;
  }
  return std::min(number, most);
}

bool Reader::IsMap() const {
  if (node_->kind == Node::Kind::kMap) return true;
  Error("is to be a map of fields");
  return false;
}

void AddAll(const Diagnostics& from, Diagnostics* to) {
  for (const Diagnostic& one : from.all()) {
    if (one.severity == Diagnostic::Severity::kError) {
      to->Error(one.position, one.field, one.message);
    } else {
      to->Warning(one.position, one.field, one.message);
    }
  }
}

}  // namespace qalam
