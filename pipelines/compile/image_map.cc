// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/image_map.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "pipelines/compile/reader.h"
#include "pipelines/path_text.h"

namespace qalam {
namespace {

// '*' is any text, '?' any character. Linear but for the last star, as both run forward only.
bool MatchesGlob(std::string_view glob, std::string_view text) {
  std::size_t g = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++, resume = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g, ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1, t = ++resume;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', g) == std::string_view::npos;
}

// Without ":tag" and "@digest"; a colon before the last slash is a registry's port.
std::string_view Untagged(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const std::size_t slash = image.rfind('/'), colon = image.rfind(':');
  const bool tagged = colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  return tagged ? image.substr(0, colon) : image;
}

std::string Absolute(const std::string& folder, const std::string& path) {
  if (folder.empty() || path.starts_with('/')) return path;
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

void KnowOnly(const Reader& map, const std::vector<std::string>& known) {
  for (const Node::Entry& entry : map.entries()) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const std::string near = NearestWord(entry.key, known);
    map.Below(entry).Error("is not a field of an image map" +
                           (near.empty() ? std::string() : fmt::format("; did you mean '{}'?", near)));
  }
}

std::vector<std::pair<std::string, std::string>> ReadPairs(const Reader& map) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (!map.IsMap()) return pairs;
  for (const Node::Entry& entry : map.entries()) pairs.emplace_back(entry.key, map.Text(entry.key));
  return pairs;
}

ImageMapEntry ReadEntry(const Reader& reader, const std::string& folder) {
  ImageMapEntry entry;
  if (!reader.IsMap()) return entry;
  KnowOnly(reader, {"image", "command", "env", "paths"});
  entry.image = reader.Text("image");
  if (entry.image.empty()) reader.Error("needs the field image: the image's name, where * stands for any text");
  if (const auto command = reader.Find("command"); command && command->IsMap()) {
    KnowOnly(*command, {"from", "to"});
    entry.command_from = command->Texts("from");
    entry.command_to = command->Texts("to");
    if (entry.command_to.empty()) command->Error("needs the field to: the command that is run here, as a list");
    for (std::string& word : entry.command_to) {
      if (word.starts_with("./") || word.starts_with("../")) word = Absolute(folder, word);
    }
  }
  if (const auto env = reader.Find("env")) entry.env = ReadPairs(*env);
  if (const auto paths = reader.Find("paths")) {
    entry.paths = ReadPairs(*paths);
    for (auto& [from, to] : entry.paths) {
      if (!from.starts_with('/')) paths->Error(fmt::format("'{}' is not absolute: it is a path in the image", from));
      if (to.empty()) paths->Error(fmt::format("'{}' has no path to stand for it", from));
      while (from.size() > 1 && from.ends_with('/')) from.pop_back();
      to = Absolute(folder, to);
      while (to.size() > 1 && to.ends_with('/')) to.pop_back();
    }
  }
  return entry;
}

Node TextsNode(const std::vector<std::string>& texts) {
  Node list = Node::Sequence();
  for (const std::string& text : texts) list.Add(Node::String(text));
  return list;
}

Node PairsNode(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Node map = Node::Map();
  for (const auto& [key, value] : pairs) map.Set(key, Node::String(value));
  return map;
}

}  // namespace

std::optional<ImageMap> ReadImageMap(const Node& document, Diagnostics* faults, const std::string& folder) {
  Diagnostics own;
  const Reader reader(document, "", &own);
  ImageMap images;
  if (reader.IsMap()) {
    KnowOnly(reader, {"images"});
    if (!reader.Find("images")) reader.Error("an image map has the field images: a list of entries");
    for (const Reader& item : reader.Items("images")) images.push_back(ReadEntry(item, folder));
  }
  AddAll(own, faults);
  if (own.HasErrors()) return std::nullopt;
  return images;
}

Node ToDocument(const ImageMap& images) {
  Node document = Node::Map();
  Node& list = document.Set("images", Node::Sequence());
  for (const ImageMapEntry& entry : images) {
    Node& item = list.Add(Node::Map());
    item.Set("image", Node::String(entry.image));
    if (!entry.command_to.empty()) {
      Node& command = item.Set("command", Node::Map());
      if (!entry.command_from.empty()) command.Set("from", TextsNode(entry.command_from));
      command.Set("to", TextsNode(entry.command_to));
    }
    if (!entry.env.empty()) item.Set("env", PairsNode(entry.env));
    if (!entry.paths.empty()) item.Set("paths", PairsNode(entry.paths));
  }
  return document;
}

const ImageMapEntry* FindImage(const ImageMap* images, const std::string& image) {
  if (images == nullptr || image.empty()) return nullptr;
  for (const ImageMapEntry& entry : *images) {
    if (MatchesGlob(entry.image, image) || MatchesGlob(entry.image, Untagged(image))) return &entry;
  }
  return nullptr;
}

bool MapCommand(const ImageMapEntry& entry, std::vector<std::string>* argv) {
  if (entry.command_to.empty()) return true;
  const auto& from = entry.command_from;
  if (from.size() > argv->size() || !std::equal(from.begin(), from.end(), argv->begin())) return false;
  argv->erase(argv->begin(), argv->begin() + std::ssize(from));
  argv->insert(argv->begin(), entry.command_to.begin(), entry.command_to.end());
  return true;
}

// From left to right, at each place the first entry of the list that fits: what has been replaced is not looked at
// again.
void MapPaths(const ImageMapEntry& entry, std::string* text) {
  std::string out;
  for (std::size_t at = 0; at < text->size();) {
    bool replaced = false;
    for (const auto& [from, to] : entry.paths) {
      if (MatchPath(*text, at, from) == std::string_view::npos) continue;
      out += to;
      at += from.size();
      replaced = true;
      break;
    }
    if (!replaced) out += (*text)[at++];
  }
  *text = std::move(out);
}

}  // namespace qalam
