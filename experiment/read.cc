// SPDX-License-Identifier: Apache-2.0
// The door for every text that a person hands in: size and UTF-8 first, then YAML or JSON.
#include "experiment/read.h"

#include <fmt/core.h>

#include <optional>

#include "experiment/read_tree.h"

namespace qalam {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// What ReadJson takes is what this program wrote: an effective Experiment is larger than the text it was made from.
constexpr ReadLimits kStoredLimits{.bytes = 64u << 20, .depth = 128, .nodes = 1'000'000, .aliases = 0};

// Length of the UTF-8 character at the start of `text`; 0 if there is none: RFC 3629, so no overlong form, no
// surrogate.
std::size_t CharacterLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned lead = byte(0);
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

std::optional<std::size_t> FirstBadByte(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = CharacterLength(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

void ForgetPlaces(Node* node) {
  node->position = {};
  for (Node& item : node->items) ForgetPlaces(&item);
  for (Node::Entry& entry : node->entries) {
    entry.key_position = {};
    ForgetPlaces(&entry.value);
  }
}

}  // namespace

std::vector<Node> ReadDocuments(std::string_view text, Diagnostics* faults, const ReadLimits& limits) {
  if (text.size() > limits.bytes) {
    faults->Error({}, "", fmt::format("{} bytes are too many: at most {} are read", text.size(), limits.bytes));
    return {};
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (const auto bad = FirstBadByte(text)) {
    faults->Error(Places(text).OfByte(*bad), "",
                  fmt::format("the byte 0x{:02x} is not UTF-8 here: save the file as UTF-8",
                              static_cast<unsigned char>(text[*bad])));
    return {};
  }
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (text[first] == '{' || text[first] == '[')) {
    return ReadJsonText(text, limits, faults);
  }
  return ReadYamlText(text, limits, faults);
}

Result<Node> ReadJson(std::string_view text) {
  Diagnostics faults;
  if (text.size() > kStoredLimits.bytes || FirstBadByte(text)) return InvalidArgument("not JSON, or too much of it");
  std::vector<Node> documents = ReadJsonText(text, kStoredLimits, &faults);
  if (documents.empty()) {
    const Diagnostic& fault = faults.all().front();
    return InvalidArgument("line {}, column {}: {}", fault.position.line, fault.position.column, fault.message);
  }
  if (documents.front().kind != Node::Kind::kMap) return InvalidArgument("a JSON object is wanted");
  ForgetPlaces(&documents.front());
  return std::move(documents.front());
}

}  // namespace qalam
