// SPDX-License-Identifier: Apache-2.0
// ${trialParameters.NAME} in the strings of a trial template, and what a reference to the template itself means.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/document.h"
#include "core/status.h"

namespace qalam {

inline constexpr std::string_view kPlaceholderStart = "${trialParameters.";
inline constexpr std::string_view kMetaReferenceStart = "${trialSpec.";

// A scalar of kind null that has a text is a placeholder without quotes in a ConfigMap's YAML: it takes the type that
// its value has as a plain YAML scalar. Such trees come from ReadTextTemplate and end in SubstituteAll.

// The YAML text of a template, placeholders in place. INVALID_ARGUMENT: "line 3, column 5: ...".
Result<Node> ReadTextTemplate(std::string_view text);

// A string of a tree that holds "${", with its path: "spec.template.spec.containers[0].args[2]".
struct TemplateString {
  std::string_view text;
  std::string path;
  Position position;
};
// All of them, keys too.
void VisitTemplateStrings(const Node& node, const std::string& path,
                          const std::function<void(const TemplateString&)>& visit);
std::vector<std::string_view> PlaceholdersIn(std::string_view text);  // the names
bool HasOpenPlaceholder(std::string_view text);                       // one without its '}'

// The text with every placeholder replaced in one pass: what a value holds is never looked at again.
Result<std::string> Substitute(std::string_view text,
                               const std::function<Result<std::string>(std::string_view name)>& value_of);
// The same in every string and key of the tree.
Status SubstituteAll(Node* node, const std::function<Result<std::string>(std::string_view name)>& value_of);

// "${trialSpec.Labels[team]}" as the reference of a trial parameter: kind kLabels, key "team".
struct MetaReference {
  enum class Kind { kName, kNamespace, kKind, kApiVersion, kAnnotations, kLabels };
  Kind kind = Kind::kName;
  std::string key;
};
std::optional<MetaReference> ParseMetaReference(std::string_view reference);

}  // namespace qalam
