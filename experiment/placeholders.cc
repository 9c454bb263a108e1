// SPDX-License-Identifier: Apache-2.0
// Katib replaces text in the template's JSON, where a quote in a value breaks it and a value may be replaced again.
// Here only parsed strings are touched, each once.
#include "experiment/placeholders.h"

#include <fmt/core.h>

#include <utility>
#include <vector>

#include "experiment/read_tree.h"

namespace qalam {
namespace {

struct Placeholder {
  std::size_t from = 0, to = 0;  // in the text, "${" and "}" included
  std::string_view name;
};

std::optional<Placeholder> Next(std::string_view text, std::size_t from) {
  const std::size_t start = text.find(kPlaceholderStart, from);
  if (start == std::string_view::npos) return std::nullopt;
  const std::size_t name = start + kPlaceholderStart.size();
  const std::size_t close = text.find('}', name);
  if (close == std::string_view::npos) return std::nullopt;
  return Placeholder{start, close + 1, text.substr(name, close - name)};
}

// While YAML is parsed, a placeholder is a word of private-use characters: braces would mean something there.
constexpr std::string_view kTokenStart = "\xEE\x80\x80", kTokenEnd = "\xEE\x80\x81";  // U+E000, U+E001

class TextTemplate {
 public:
  Result<Node> Read(std::string_view text) {
    std::size_t done = 0;
    for (auto found = Next(text, 0); found; found = Next(text, found->to)) {
      text_.append(text.substr(done, found->from - done));
      text_ += fmt::format("{}{}{}", kTokenStart, placeholders_.size(), kTokenEnd);
      placeholders_.emplace_back(text.substr(found->from, found->to - found->from));
      done = found->to;
    }
    text_.append(text.substr(done));
    for (std::size_t start = 0; start != std::string::npos;) {
      lines_.push_back(std::string_view(text_).substr(start));
      const std::size_t end = text_.find('\n', start);
      start = end == std::string::npos ? end : end + 1;
    }
    Diagnostics faults;
    std::vector<Node> documents = ReadDocuments(text_, &faults);
    if (documents.empty()) {
      const Diagnostic& fault = faults.all().front();
      return InvalidArgument("line {}, column {}: {}", fault.position.line, fault.position.column, fault.message);
    }
    if (documents.size() > 1) return InvalidArgument("there are {} documents, one is wanted", documents.size());
    PutBack(&documents.front());
    return std::move(documents.front());
  }

 private:
  void PutBack(Node* node) {
    if (node->kind == Node::Kind::kString && node->text.find(kTokenStart) != std::string::npos) {
      std::string text = WithPlaceholders(node->text);
      const bool alone = node->text.find(kTokenStart, 1) == std::string::npos && text.starts_with("${") &&
                         text.find('}') + 1 == text.size() && StandsPlain(node->position);
      node->kind = alone ? Node::Kind::kNull : Node::Kind::kString;
      node->text = std::move(text);
    }
    for (Node& item : node->items) PutBack(&item);
    for (Node::Entry& entry : node->entries) {
      entry.key = WithPlaceholders(entry.key);
      PutBack(&entry.value);
    }
  }

  std::string WithPlaceholders(std::string text) const {
    for (std::size_t i = 0; i < placeholders_.size() && text.find(kTokenStart) != std::string::npos; ++i) {
      const std::string token = fmt::format("{}{}{}", kTokenStart, i, kTokenEnd);
      for (std::size_t at = text.find(token); at != std::string::npos; at = text.find(token, at)) {
        text.replace(at, token.size(), placeholders_[i]);
        at += placeholders_[i].size();
      }
    }
    return text;
  }

  // Whether the token itself stands at the place of a scalar, and no quote.
  bool StandsPlain(const Position& position) const {
    std::string_view line = lines_[static_cast<std::size_t>(position.line) - 1];
    for (int column = 1; column < position.column && !line.empty(); ++column) {
      line.remove_prefix(1);
      while (!line.empty() && (static_cast<unsigned char>(line[0]) & 0xC0) == 0x80) line.remove_prefix(1);
    }
    return line.starts_with(kTokenStart);
  }

  std::string text_;
  std::vector<std::string_view> lines_;
  std::vector<std::string> placeholders_;
};

}  // namespace

Result<Node> ReadTextTemplate(std::string_view text) { return TextTemplate().Read(text); }

void VisitTemplateStrings(const Node& node, const std::string& path,
                          const std::function<void(const TemplateString&)>& visit) {
  if (node.IsScalar() && node.text.find("${") != std::string::npos) visit({node.text, path, node.position});
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    VisitTemplateStrings(node.items[i], fmt::format("{}[{}]", path, i), visit);
  }
  for (const Node::Entry& entry : node.entries) {
    const std::string below = fmt::format("{}.{}", path, entry.key);
    if (entry.key.find("${") != std::string::npos) visit({entry.key, below, entry.key_position});
    VisitTemplateStrings(entry.value, below, visit);
  }
}

std::vector<std::string_view> PlaceholdersIn(std::string_view text) {
  std::vector<std::string_view> names;
  for (auto found = Next(text, 0); found; found = Next(text, found->to)) names.push_back(found->name);
  return names;
}

bool HasOpenPlaceholder(std::string_view text) {
  const std::size_t last = text.rfind(kPlaceholderStart);
  return last != std::string_view::npos && text.find('}', last) == std::string_view::npos;
}

Result<std::string> Substitute(std::string_view text,
                               const std::function<Result<std::string>(std::string_view)>& value_of) {
  std::string out;
  std::size_t done = 0;
  for (auto found = Next(text, 0); found; found = Next(text, found->to)) {
    QALAM_TRY(const std::string value, value_of(found->name));
    out.append(text.substr(done, found->from - done)).append(value);
    done = found->to;
  }
  return out.append(text.substr(done));
}

Status SubstituteAll(Node* node, const std::function<Result<std::string>(std::string_view)>& value_of) {
  if (node->IsScalar() && node->text.find(kPlaceholderStart) != std::string::npos) {
    QALAM_TRY(std::string text, Substitute(node->text, value_of));
    *node = node->kind == Node::Kind::kNull ? ResolvePlainScalar(text) : Node::String(std::move(text));
  }
  for (Node& item : node->items) QALAM_RETURN_IF_ERROR(SubstituteAll(&item, value_of));
  for (std::size_t i = 0; i < node->entries.size(); ++i) {
    Node::Entry& entry = node->entries[i];
    if (entry.key.find(kPlaceholderStart) != std::string::npos) {
      QALAM_TRY(std::string key, Substitute(entry.key, value_of));
      if (node->Find(key) != nullptr) return InvalidArgument("the key '{}' is there twice after substitution", key);
      entry.key = std::move(key);
    }
    QALAM_RETURN_IF_ERROR(SubstituteAll(&entry.value, value_of));
  }
  return OkStatus();
}

std::optional<MetaReference> ParseMetaReference(std::string_view reference) {
  if (!reference.starts_with(kMetaReferenceStart) || !reference.ends_with('}')) return std::nullopt;
  std::string_view field = reference.substr(kMetaReferenceStart.size());
  field.remove_suffix(1);
  using Kind = MetaReference::Kind;
  if (field == "Name") return MetaReference{Kind::kName, ""};
  if (field == "Namespace") return MetaReference{Kind::kNamespace, ""};
  if (field == "Kind") return MetaReference{Kind::kKind, ""};
  if (field == "APIVersion") return MetaReference{Kind::kApiVersion, ""};
  for (const auto& [word, kind] : {std::pair{std::string_view("Annotations["), Kind::kAnnotations},
                                   std::pair{std::string_view("Labels["), Kind::kLabels}}) {
    if (!field.starts_with(word) || !field.ends_with(']') || field.size() == word.size() + 1) continue;
    return MetaReference{kind, std::string(field.substr(word.size(), field.size() - word.size() - 1))};
  }
  return std::nullopt;
}

}  // namespace qalam
