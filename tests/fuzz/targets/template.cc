// SPDX-License-Identifier: Apache-2.0
// Placeholders in any text, and any text as a template. The first line of the input is the value that is put in: it
// arrives byte for byte, and what it holds is never looked at again.
#include <algorithm>

#include "core/document.h"
#include "experiment/placeholders.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

Status TryTemplate(std::string_view input) {
  const auto [lines, text] = SplitLines(input, 1);
  const std::string value(lines[0]);
  (void)ParseMetaReference(value);
  (void)ParseMetaReference(text);

  std::vector<std::string> asked;
  const auto value_of = [&](std::string_view name) -> Result<std::string> {
    asked.emplace_back(name);
    return value;
  };
  const Result<std::string> replaced = Substitute(text, value_of);
  if (replaced.ok()) {
    const std::vector<std::string_view> names = PlaceholdersIn(text);
    std::size_t expected = text.size();
    for (const std::string& name : asked) expected += value.size() - (kPlaceholderStart.size() + name.size() + 1);
    if (replaced->size() != expected) return Broken("a value did not arrive byte for byte", *replaced, value);
    for (const std::string& name : asked) {
      if (std::ranges::find(names, name) == names.end()) return Broken("a name that was not announced", name, text);
    }
  }
  (void)HasOpenPlaceholder(text);

  Result<Node> tree = ReadTextTemplate(text);
  if (!tree.ok()) return OkStatus();
  VisitTemplateStrings(*tree, "", [](const TemplateString& s) { (void)PlaceholdersIn(s.text); });
  if (SubstituteAll(&*tree, value_of).ok()) (void)ToYaml(*tree);
  return OkStatus();
}

}  // namespace qalam::fuzz
