// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/objects.h"

#include <fmt/core.h>

#include <cstdint>
#include <optional>

#include "pipelines/compile/reader.h"

namespace qalam {
namespace {

std::string TextOf(const Node& document, std::initializer_list<std::string_view> path) {
  const Node* node = document.FindPath(path);
  return node != nullptr && node->IsScalar() ? node->text : "";
}

std::optional<std::uint32_t> Digit(char c) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t at = kDigits.find(c);
  return at == std::string_view::npos ? std::nullopt : std::optional(static_cast<std::uint32_t>(at));
}

// RFC 4648, with the line breaks that tools put in. nullopt: it is something else.
std::optional<std::string> DecodeBase64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0, padding = 0, digits = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const auto digit = Digit(c);
    if (!digit || padding > 0) return std::nullopt;
    ++digits;
    bits = bits << 6 | *digit;
    if ((count += 6) < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  if (padding > 2 || (digits + padding) % 4 != 0) return std::nullopt;
  return out;
}

// data, stringData, binaryData: a map of scalars. A value's place is not told: its line would be shown.
void ReadData(const Reader& document, const char* field, bool base64, const std::string& what, ObjectData* data) {
  const auto map = document.Find(field);
  if (!map) return;
  if (map->node().kind != Node::Kind::kMap) return document.Error(fmt::format("{} of {} is to be a map", field, what));
  for (const Node::Entry& entry : map->entries()) {
    const Reader key(document.node(), fmt::format("{}.{}", field, entry.key), document.faults());
    if (!entry.value.IsScalar()) {
      key.Error(fmt::format("a value of {} is to be text", what));
      continue;
    }
    const auto value = base64 ? DecodeBase64(entry.value.text) : std::optional(entry.value.text);
    if (!value) {
      key.Error(fmt::format("a value in {} of {} is to be base64{}", field, what,
                            document.Text("kind") == "Secret" ? "; plain text belongs in stringData" : ""));
      continue;
    }
    (*data)[entry.key] = *value;
  }
}

}  // namespace

std::string_view KindName(Objects::Kind kind) { return kind == Objects::Kind::kSecret ? "Secret" : "ConfigMap"; }

bool Objects::IsSecret(const Node& document) { return TextOf(document, {"kind"}) == "Secret"; }

bool Objects::IsOne(const Node& document) {
  const std::string kind = TextOf(document, {"kind"});
  return kind == "ConfigMap" || kind == "Secret" || kind == "PersistentVolumeClaim";
}

void Objects::Add(const Node& document, Diagnostics* faults) {
  const std::string kind_name = TextOf(document, {"kind"}), name = TextOf(document, {"metadata", "name"});
  const Reader reader(document, "", faults);
  if (name.empty()) return reader.Error(fmt::format("a {} needs metadata.name", kind_name));
  if (kind_name == "PersistentVolumeClaim") return;  // its folder is made when a trial names it
  const Kind kind = IsSecret(document) ? Kind::kSecret : Kind::kConfigMap;
  const std::string what = fmt::format("{} {}", kind_name, name);
  Object object;
  ReadData(reader, "data", kind == Kind::kSecret, what, &object.data);
  ReadData(reader, kind == Kind::kSecret ? "stringData" : "binaryData", kind == Kind::kConfigMap, what, &object.data);
  object.document = document;
  objects_[{kind, TextOf(document, {"metadata", "namespace"}), name}] = std::move(object);
}

const ObjectData* Objects::Find(Kind kind, const std::string& namespace_name, const std::string& name) const {
  auto found = objects_.find({kind, namespace_name, name});
  if (found == objects_.end()) found = objects_.find({kind, "", name});
  return found == objects_.end() ? nullptr : &found->second.data;
}

std::vector<Node> Objects::Documents(const std::string& namespace_name) const {
  std::vector<Node> documents;
  for (const auto& [key, object] : objects_) {
    const std::string& of = std::get<1>(key);
    if (of.empty() || of == namespace_name) documents.push_back(object.document);
  }
  return documents;
}

}  // namespace qalam
